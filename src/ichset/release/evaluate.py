"""Score a service's predictions on a release: per label, by technical class, with bootstrap intervals and ROC curves."""

from __future__ import annotations

import csv
import hashlib
import statistics
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ichset.contracts import LABELS
from ichset.errors import ConfigError
from ichset.release.predictions import Predictions, read_predictions, told
from ichset.release.scores import bootstrap, roc, rsna_log_loss, score

STRATA = ("manufacturer", "kernel", "slice_thickness")
MIN_STRATUM = 5


def evaluate(release: Path, path: Path, split: str = "all", threshold: float = 0.5, rounds: int = 1000, seed: int = 1) -> dict[str, Any]:
    """The whole result as plain values: what was tested on what, faults, scores, intervals, strata, times.

    A label that the release cannot tell for a study is left out for that study. Raises ConfigError for a folder that is
    no release or a file that holds no predictions of this release.
    """
    release = release.resolve()
    rows = _rows(release, "studies")
    everyone = [row["study"] for row in rows]
    studies = {row["study"]: row for row in rows if split in ("all", row["split"])}
    if not studies:
        raise ConfigError(f"{release}: no studies in the split {split!r}; splits are train, test, all")
    labels = {row["study"]: row for row in _rows(release, "labels") if row["study"] in studies}
    images = {row["sop_uid"]: row["study"] for row in _rows(release, "instances")}
    found = read_predictions(path, everyone, images, studies)
    if not any(found.values.values()):
        raise ConfigError(f"{path}: not one row predicts a study of {release.name} ({'; '.join(told(found.faults)) or 'the file is empty'})")
    pairs = {label: _pairs(label, found, labels) for label in found.values}
    scored = {label: _scored(*pair, studies, threshold, rounds, seed) for label, pair in pairs.items() if len(pair[0])}
    complete = _complete(pairs)
    return {
        "log": _log(release, path, split, threshold, rounds, seed, found), "faults": found.faults, "labels": scored,
        "rsna_weighted_log_loss": rsna_log_loss(*complete) if complete else None,
        "strata": _strata(release, pairs, studies, threshold), "seconds": _seconds(found), "roc": {
            label: [axis.tolist() for axis in roc(truth, p)] for label, (_, truth, p) in pairs.items() if len(set(truth.tolist())) == 2
        },
    }  # fmt: skip


def _rows(release: Path, table: str) -> list[dict[str, str]]:
    path = release / "data" / "tables" / f"{table}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        raise ConfigError(f"{path}: cannot be read; give the folder of a whole release") from None


Pair = tuple[list[str], Any, Any]  # studies, truth (0/1), probabilities


def _pairs(label: str, found: Predictions, labels: dict[str, dict[str, str]]) -> Pair:
    own = sorted(study for study in found.values[label] if labels[study][label] in ("0", "1"))
    truth = np.array([int(labels[study][label]) for study in own], int)
    return own, truth, np.array([found.values[label][study] for study in own], float)


def _scored(
    own: list[str], truth: Any, predicted: Any, studies: dict[str, dict[str, str]], threshold: float, rounds: int, seed: int
) -> dict[str, Any]:
    intervals = bootstrap(truth, predicted, [studies[study]["subject"] for study in own], threshold, rounds, seed) if rounds else {}
    return {**asdict(score(truth, predicted, threshold)), "intervals": intervals}


def _complete(pairs: dict[str, Pair]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    return ({label: pair[1] for label, pair in pairs.items()}, {label: pair[2] for label, pair in pairs.items()}) if pairs else None


def _strata(release: Path, pairs: dict[str, Pair], studies: dict[str, dict[str, str]], threshold: float) -> list[dict[str, Any]]:
    """The same measures by class; a study counts in every class that one of its series has."""
    classes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in _rows(release, "series"):
        if row["study"] in studies:
            for name in STRATA:
                classes[name, row[name] or "(missing)"].add(row["study"])
    found = []
    for (name, value), members in sorted(classes.items()):
        for label, (own, truth, predicted) in pairs.items():
            inside = np.array([study in members for study in own], bool)
            if inside.sum() >= MIN_STRATUM:
                found.append({"parameter": name, "class": value, "label": label, **asdict(score(truth[inside], predicted[inside], threshold))})
    return found


def _seconds(found: Predictions) -> dict[str, float] | None:
    values = sorted(found.seconds.values())
    if not values:
        return None
    return {
        "cases": len(values), "mean": statistics.fmean(values), "median": statistics.median(values),
        "p95": float(np.percentile(values, 95)), "slowest": values[-1],
    }  # fmt: skip


def _log(release: Path, path: Path, split: str, threshold: float, rounds: int, seed: int, found: Predictions) -> dict[str, Any]:
    """What was tested, on what, how: enough to repeat the test."""
    manifest = release / "tagmanifest-sha256.txt"
    return {
        "release": release.name, "release_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        "predictions": path.name, "predictions_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "level": found.level, "split": split,
        "threshold": threshold, "bootstrap": rounds, "seed": seed, "labels": [label for label in LABELS if found.values.get(label)],
    }  # fmt: skip
