"""Sensitivity, specificity and their kin with 95 % intervals."""

from __future__ import annotations

from math import sqrt
from typing import TypedDict

import numpy as np

Z95 = 1.959963984540054  # two-sided 95 % point of the normal distribution
RESAMPLES = 1000


class Estimate(TypedDict):
    """A share with its 95 % interval; all None where nothing was counted."""

    value: float | None
    low: float | None
    high: float | None


def wilson(hits: int, total: int) -> Estimate:
    """Wilson's score interval for a share (E. B. Wilson, J Am Stat Assoc 1927;22:209-212)."""
    if total == 0:
        return {"value": None, "low": None, "high": None}
    share, spread = hits / total, Z95 * Z95 / total
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return _estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def _estimate(value: float, low: float, high: float) -> Estimate:
    return {"value": round(value, 6), "low": round(low, 6), "high": round(high, 6)}


def confusion(truth: np.ndarray, said: np.ndarray) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives of two boolean arrays."""
    return int((truth & said).sum()), int((~truth & said).sum()), int((truth & ~said).sum()), int((~truth & ~said).sum())


def f1_interval(counts: tuple[int, int, int, int], seed: int) -> Estimate:
    """F1 with a percentile bootstrap over the reports (multinomial draws of the four counts)."""
    total = sum(counts)
    tp, fp, fn, _ = counts
    if 2 * tp + fp + fn == 0:
        return {"value": None, "low": None, "high": None}
    draws = np.random.default_rng(seed).multinomial(total, np.array(counts) / total, RESAMPLES)
    f1 = 2 * draws[:, 0] / np.maximum(2 * draws[:, 0] + draws[:, 1] + draws[:, 2], 1)
    low, high = np.quantile(f1, [0.025, 0.975])
    return _estimate(2 * tp / (2 * tp + fp + fn), float(low), float(high))


def auc_interval(truth: np.ndarray, scores: np.ndarray, seed: int) -> Estimate:
    """Area under the ROC curve with a bootstrap stratified by class."""
    positive, negative = np.sort(scores[truth]), np.sort(scores[~truth])
    if not len(positive) or not len(negative):
        return {"value": None, "low": None, "high": None}
    rng = np.random.default_rng(seed)
    draws = [_auc(rng.choice(positive, len(positive)), np.sort(rng.choice(negative, len(negative)))) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return _estimate(_auc(positive, negative), float(low), float(high))


def _auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Mann-Whitney: how often a positive scores above a negative, ties counting half. `negative` ascends."""
    below = np.searchsorted(negative, positive, "left")
    equal = np.searchsorted(negative, positive, "right") - below
    return float((below + equal / 2).sum() / (len(positive) * len(negative)))


def judged(truth: np.ndarray, said: np.ndarray, seed: int, scores: np.ndarray | None = None) -> dict[str, object]:
    """All measures of one classifier on one label. `truth` and `said` are boolean, `scores` probabilities."""
    counts = confusion(truth, said)
    tp, fp, fn, tn = counts
    found: dict[str, object] = {
        "tp": tp, "fp": fp, "fn": fn, "tn": tn,
        "sensitivity": wilson(tp, tp + fn), "specificity": wilson(tn, tn + fp),
        "precision": wilson(tp, tp + fp), "f1": f1_interval(counts, seed),
    }  # fmt: skip
    if scores is not None:
        found |= {"auc": auc_interval(truth, scores, seed), "brier": round(float(np.mean((scores - truth) ** 2)), 6)}
        found["calibration"] = calibration(truth, scores)
    return found


def calibration(truth: np.ndarray, scores: np.ndarray) -> list[dict[str, float | int]]:
    """Ten bins of equal width: how many reports, the mean probability said, the share that was present."""
    bins = np.minimum((scores * 10).astype(int), 9)
    return [
        {
            "reports": int((bins == at).sum()),
            "said": round(float(scores[bins == at].mean()), 6),
            "present": round(float(truth[bins == at].mean()), 6),
        }
        for at in range(10)
        if (bins == at).any()
    ]
