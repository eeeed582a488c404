"""Counts that the words and figures speak of: facts, splits, agreement of the readers, defacing."""

from __future__ import annotations

import statistics
from collections import defaultdict
from itertools import combinations
from typing import Any

import pyarrow as pa

from ichset.contracts import ARMS, LABELS
from ichset.readings import cohen_kappa
from ichset.release.records import Records, age_years
from ichset.release.splits import SPLITS

FACTS = (
    "studies", "patients", "arm_ich", "arm_normal", "series", "instances", "reads", "readers", "train", "test",
    "age_lowest", "age_median", "age_highest", "women", "men", "sex_unknown",
)  # fmt: skip


def facts(records: Records) -> pa.Table:
    """The release in numbers, one row each; a value that does not exist is null."""
    studies = records.studies.select(["subject", "arm", "split", "age", "sex"]).to_pylist()
    ages = [age for age in (age_years(row["age"]) for row in studies) if age is not None]
    values: dict[str, float | None] = {
        "studies": len(studies), "patients": len({row["subject"] for row in studies}),
        **{f"arm_{arm}": sum(row["arm"] == arm for row in studies) for arm in ARMS},
        "series": records.series.num_rows, "instances": records.files.num_rows, "reads": records.reads.num_rows,
        "readers": len(set(records.reads["reader"].to_pylist())),
        **{split: sum(row["split"] == split for row in studies) for split in SPLITS},
        "age_lowest": min(ages, default=None), "age_median": statistics.median(ages) if ages else None,
        "age_highest": max(ages, default=None),
        "women": sum(row["sex"] == "F" for row in studies), "men": sum(row["sex"] == "M" for row in studies),
        "sex_unknown": sum(row["sex"] is None for row in studies),
    }  # fmt: skip
    numbers = [None if values[name] is None else float(values[name] or 0) for name in FACTS]
    return pa.table({"fact": pa.array(FACTS), "value": pa.array(numbers, pa.float64())})


def split_table(records: Records) -> pa.Table:
    """Studies, patients, and studies with each arm and label, by split."""
    pairs = list(zip(records.studies.to_pylist(), records.labels.to_pylist(), strict=True))
    columns: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        own = [(study, label) for study, label in pairs if study["split"] == split]
        columns[split] = {
            "studies": len(own), "patients": len({study["subject"] for study, _ in own}),
            **{f"arm_{arm}": sum(study["arm"] == arm for study, _ in own) for arm in ARMS},
            **{label: sum(row[label] == 1 for _, row in own) for label in LABELS},
        }  # fmt: skip
    names = list(columns[SPLITS[0]])
    return pa.table({"count": pa.array(names), **{split: pa.array([own[name] for name in names], pa.int64()) for split, own in columns.items()}})


def agreement_table(reads: pa.Table) -> pa.Table:
    """Cohen's kappa of every pair of readers on their independent reads, per round and label."""
    answers: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in reads.to_pylist():
        if row["role"] == "reader":
            answers[row["round"], row["reader"]][row["study"]] = row
    rows = []
    for (name, one), (other, two) in combinations(sorted(answers), 2):
        if name != other:
            continue
        first, second = answers[name, one], answers[other, two]
        shared = sorted(first.keys() & second.keys())
        for label in LABELS:
            pairs = [(first[study][label], second[study][label]) for study in shared]
            found = cohen_kappa([(a, b) for a, b in pairs if a is not None and b is not None])
            if found.pairs:
                rows.append({
                    "round": name, "first": one, "second": two, "label": label, "studies": found.pairs, "both": found.both,
                    "first_only": found.first_only, "second_only": found.second_only, "neither": found.neither, "observed": found.observed,
                    "kappa": found.kappa, "low": found.low, "high": found.high, "adjusted": found.adjusted,
                })  # fmt: skip
    texts, floats = ("round", "first", "second", "label"), ("observed", "kappa", "low", "high", "adjusted")
    names = (*texts, "studies", "both", "first_only", "second_only", "neither", *floats)
    kinds = {**dict.fromkeys(texts, pa.string()), **dict.fromkeys(floats, pa.float64())}
    return pa.Table.from_pylist(rows, pa.schema([(column, kinds.get(column, pa.int64())) for column in names]))


def defacing_table(series: pa.Table) -> pa.Table:
    """Per method: series, and the middle and the worst of each of the defacing's own measures."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in series.to_pylist():
        groups[row["deface_method"] or "(none)"].append(row)
    rows = [{"method": method, "series": len(own), **_spread(own)} for method, own in sorted(groups.items())]
    measures = [f"{name}_{what}" for name in _MEASURES for what in ("median", "highest")]
    schema = [("method", pa.string()), ("series", pa.int64()), *((name, pa.float64()) for name in measures)]
    return pa.Table.from_pylist(rows, pa.schema(schema))


_MEASURES = ("exposed", "relief", "brain_changed", "voxels_changed")


def _spread(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in _MEASURES:
        values = [row[name] for row in rows if row[name] is not None]
        found[f"{name}_median"] = statistics.median(values) if values else None
        found[f"{name}_highest"] = max(values, default=None)
    return found
