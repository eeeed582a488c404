"""How far the arms differ in what is not the finding: standardised mean differences, and a model that sees only the tags."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ichset.release.records import Records, age_years
from ichset.release.tablefiles import cell

NUMERIC = ("age", "slice_thickness", "slice_spacing", "pixel_spacing", "kvp", "tube_current", "tilt", "instances", "series")
CATEGORIES = ("sex", "manufacturer", "model", "kernel")
FOLDS = 5


def _per_study(records: Records) -> list[dict[str, Any]]:
    """One row a study: arm, and the value of each parameter (numbers: mean over its series; classes: those of its first series)."""
    first: dict[str, dict[str, Any]] = {}
    numbers: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in records.series.to_pylist():
        first.setdefault(row["study"], row)
        for name in NUMERIC:
            if name not in ("age", "series", "instances") and row[name] is not None:
                numbers[row["study"]][name].append(row[name])
    rows = []
    for study in records.studies.to_pylist():
        series = first.get(study["study"], {})
        means: dict[str, Any] = {name: float(np.mean(values)) for name, values in numbers[study["study"]].items()}
        means.update(age=age_years(study["age"]), instances=study["instances"], series=study["series"])
        classes = {name: series.get(name) for name in CATEGORIES if name != "sex"}
        rows.append({"study": study["study"], "subject": study["subject"], "arm": study["arm"], "sex": study["sex"], **means, **classes})
    return rows


def shift_table(records: Records) -> pa.Table:
    """Standardised mean difference (Austin 2009) of each number and each class between the arms; null where undefined."""
    rows = _per_study(records)
    ich, normal = ([row for row in rows if row["arm"] == arm] for arm in ("ich", "normal"))
    found = [_row(name, "", *(_numbers(group, name) for group in (ich, normal))) for name in NUMERIC]
    for name in CATEGORIES:
        for value in sorted({row[name] for row in rows if row[name] is not None}):
            marks = [[float(row[name] == value) for row in group if row[name] is not None] for group in (ich, normal)]
            found.append(_row(name, cell(value), *marks))
    schema = [("parameter", pa.string()), ("class", pa.string()), ("ich", pa.float64()), ("normal", pa.float64()), ("smd", pa.float64())]
    return pa.Table.from_pylist(found, pa.schema(schema))


def _numbers(group: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [float(row[name]) for row in group if row.get(name) is not None]


def _row(name: str, value: str, ich: Sequence[float], normal: Sequence[float]) -> dict[str, Any]:
    means = [math.fsum(group) / len(group) if group else None for group in (ich, normal)]
    return {"parameter": name, "class": value, "ich": means[0], "normal": means[1], "smd": smd(ich, normal)}


def smd(one: Sequence[float], two: Sequence[float]) -> float | None:
    """(mean1 - mean2) / sqrt((var1 + var2) / 2), variances with n - 1; 0 for equal constants, None where undefined."""
    if len(one) < 2 or len(two) < 2:
        return None
    if min(one) == max(one) and min(two) == max(two):  # rounding must not make a spread of equal values
        return 0.0 if one[0] == two[0] else None
    difference = math.fsum(one) / len(one) - math.fsum(two) / len(two)
    pooled = math.sqrt((float(np.var(one, ddof=1)) + float(np.var(two, ddof=1))) / 2)
    return difference / pooled


def tag_probe(records: Records, seed: int) -> pa.Table:
    """How well a logistic model tells the arm from age, sex and technical tags alone: AUC out of fold, with its 95 % interval.

    An AUC near 0.5 is what one wants; the interval is that of Hanley and McNeil (1982). Folds keep a patient together.
    """
    rows = _per_study(records)
    marks = np.array([int(row["arm"] == "ich") for row in rows])
    schema = pa.schema([("studies", pa.int64()), ("folds", pa.int64()), ("auc", pa.float64()), ("low", pa.float64()), ("high", pa.float64())])
    subjects = {row["subject"] for row in rows if row["arm"] == "ich"}, {row["subject"] for row in rows if row["arm"] == "normal"}
    if min(len(group) for group in subjects) < 2 * FOLDS:
        return pa.Table.from_pylist([{"studies": len(rows), "folds": 0, "auc": None, "low": None, "high": None}], schema)
    auc, low, high = _interval(_scores(rows, marks, seed), marks)
    return pa.Table.from_pylist([{"studies": len(rows), "folds": FOLDS, "auc": auc, "low": low, "high": high}], schema)


def _scores(rows: Sequence[dict[str, Any]], marks: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    features = _features(rows)
    folds = np.array([_fold(seed, row["subject"]) for row in rows])
    scores = np.full(len(rows), 0.5)
    for fold in range(FOLDS):
        held = folds == fold
        if held.any() and len(set(marks[~held])) == 2:
            model = LogisticRegression(C=1.0, max_iter=200).fit(features[~held], marks[~held])
            scores[held] = model.predict_proba(features[held])[:, 1]
    return scores.round(6)  # ties stay ties on every machine


def _fold(seed: int, subject: str) -> int:
    return int.from_bytes(hashlib.sha256(f"probe {seed} {subject}".encode()).digest()[:4], "big") % FOLDS


def _features(rows: Sequence[dict[str, Any]]) -> np.ndarray:
    columns = []
    for name in NUMERIC:
        values = np.array([np.nan if row.get(name) is None else float(row[name]) for row in rows])
        known = ~np.isnan(values)
        centre, width = (values[known].mean(), values[known].std() or 1.0) if known.any() else (0.0, 1.0)
        columns += [np.where(known, (values - centre) / width, 0.0), (~known).astype(float)]
    for name in CATEGORIES:
        for value in sorted({row[name] for row in rows if row[name] is not None}):
            columns.append(np.array([float(row[name] == value) for row in rows]))
    return np.column_stack(columns)


def _interval(scores: np.ndarray, marks: np.ndarray) -> tuple[float, float, float]:
    from sklearn.metrics import roc_auc_score

    auc = float(roc_auc_score(marks, scores))
    ones, zeros = int(marks.sum()), int((1 - marks).sum())
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    error = math.sqrt(max(auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2), 0) / (ones * zeros))
    return tuple(round(value, 4) for value in (auc, max(auc - 1.959964 * error, 0.0), min(auc + 1.959964 * error, 1.0)))  # type: ignore[return-value]
