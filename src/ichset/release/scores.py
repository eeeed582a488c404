"""Scores of one label: counts, threshold measures, AUC, log-loss, and their bootstrap intervals; all from the definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# RSNA 2019 challenge: `any` counts twice, each subtype once
RSNA_WEIGHTS = {"ich": 2.0, "epidural": 1.0, "intracerebral": 1.0, "intraventricular": 1.0, "subarachnoid": 1.0, "subdural": 1.0}
CLIP = 1e-15  # probabilities are kept this far from 0 and 1 before a logarithm is taken
MEASURES = ("accuracy", "precision", "recall", "specificity", "f1", "auc", "log_loss")


@dataclass(frozen=True)
class Scores:
    """Counts and measures of one label; a measure is None where its denominator is zero."""

    positives: int
    negatives: int
    true_positives: int
    false_positives: int
    accuracy: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    f1: float | None
    auc: float | None
    log_loss: float | None


def score(truth: NDArray[np.int_], predicted: NDArray[np.float64], threshold: float = 0.5) -> Scores:
    """`truth` 0/1 and `predicted` probabilities of the same cases; a case is called positive at or above the threshold."""
    positive = truth == 1
    called = predicted >= threshold
    tp, fp = int((called & positive).sum()), int((called & ~positive).sum())
    fn, tn = int((~called & positive).sum()), int((~called & ~positive).sum())
    return Scores(
        tp + fn, fp + tn, tp, fp, _ratio(tp + tn, len(truth)), _ratio(tp, tp + fp), _ratio(tp, tp + fn), _ratio(tn, tn + fp),
        _ratio(2 * tp, 2 * tp + fp + fn), auc(truth, predicted), log_loss(truth, predicted),
    )  # fmt: skip


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def auc(truth: NDArray[np.int_], predicted: NDArray[np.float64]) -> float | None:
    """Area under the ROC curve as the Mann-Whitney statistic, ties counted half; None with one class only."""
    ones, zeros = predicted[truth == 1], np.sort(predicted[truth == 0])
    if not len(ones) or not len(zeros):
        return None
    below, upto = np.searchsorted(zeros, ones, "left"), np.searchsorted(zeros, ones, "right")
    return float((below.sum() + upto.sum()) / (2 * len(ones) * len(zeros)))


def log_loss(truth: NDArray[np.int_], predicted: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> float | None:
    """Mean negative log-likelihood, natural logarithm."""
    if not len(truth):
        return None
    clipped = np.clip(predicted, CLIP, 1 - CLIP)
    losses = -np.where(truth == 1, np.log(clipped), np.log1p(-clipped))
    return float(np.average(losses, weights=weights))


def rsna_log_loss(truth: dict[str, NDArray[np.int_]], predicted: dict[str, NDArray[np.float64]]) -> float | None:
    """The challenge's weighted multi-label log-loss: losses of all labels together, `any` with weight 2, the subtypes with 1.

    None unless every one of the six labels was predicted.
    """
    if any(label not in predicted or not len(predicted[label]) for label in RSNA_WEIGHTS):
        return None
    y = np.concatenate([truth[label] for label in RSNA_WEIGHTS])
    p = np.concatenate([predicted[label] for label in RSNA_WEIGHTS])
    weights = np.concatenate([np.full(len(truth[label]), weight) for label, weight in RSNA_WEIGHTS.items()])
    return log_loss(y, p, weights)


def roc(truth: NDArray[np.int_], predicted: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates from the strictest threshold to the loosest, one point a distinct value."""
    order = np.argsort(-predicted, kind="stable")
    marks, values = truth[order], predicted[order]
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    tp, fp = np.cumsum(marks == 1)[last], np.cumsum(marks == 0)[last]
    return np.append(0, fp / max((truth == 0).sum(), 1)), np.append(0, tp / max((truth == 1).sum(), 1))


def bootstrap(
    truth: NDArray[np.int_], predicted: NDArray[np.float64], groups: Sequence[str], threshold: float, rounds: int, seed: int
) -> dict[str, tuple[float, float] | None]:
    """95 % percentile intervals of every measure, drawing patients with replacement (their cases stay together).

    A measure that a draw leaves undefined does not count; None when fewer than half of the draws define it.
    """
    names = sorted(set(groups))
    members = {name: [] for name in names}  # type: dict[str, list[int]]
    for place, name in enumerate(groups):
        members[name].append(place)
    arrays = [np.array(members[name]) for name in names]
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(rounds):
        chosen = np.concatenate([arrays[place] for place in rng.integers(0, len(arrays), len(arrays))])
        found = score(truth[chosen], predicted[chosen], threshold)
        for name in MEASURES:
            if (value := getattr(found, name)) is not None and math.isfinite(value):
                draws[name].append(value)
    return {name: _percentiles(values) if 2 * len(values) >= rounds else None for name, values in draws.items()}


def _percentiles(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
