"""The tables of the paper: label distribution (Table 1), technical parameters (Table 2), their classes (Table S1), population."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from ichset.contracts import ARMS, LABELS
from ichset.release.records import age_years
from ichset.release.tablefiles import cell

PARAMETERS = {
    "manufacturer": "", "kernel": "", "slice_thickness": "mm", "kvp": "kV", "tube_current": "mA",
}  # fmt: skip


def table1(labels: pa.Table) -> pa.Table:
    """Studies with each label present, absent, and not told."""
    rows = []
    for label in LABELS:
        values = labels[label].to_pylist()
        present, absent = values.count(1), values.count(0)
        rows.append({"label": label, "present": present, "absent": absent, "unknown": len(values) - present - absent, "studies": len(values)})
    return _table(rows, ("label",))


def table2(series: pa.Table) -> pa.Table:
    """Each technical parameter: its classes by name, how many, and its range where it is a number; per series."""
    rows = []
    for parameter, unit in PARAMETERS.items():
        values = series[parameter].to_pylist()
        known = sorted({value for value in values if value is not None})
        numbers = [value for value in known if isinstance(value, int | float)]
        rows.append({
            "parameter": parameter, "unit": unit, "classes": len(known), "class_names": ", ".join(cell(value) for value in known),
            "lowest": float(min(numbers)) if numbers else None, "highest": float(max(numbers)) if numbers else None,
            "series": sum(value is not None for value in values), "missing": sum(value is None for value in values),
        })  # fmt: skip
    return _table(rows, ("parameter", "unit", "class_names"), ("lowest", "highest"))


def table_s1(series: pa.Table, labels: pa.Table) -> pa.Table:
    """Series in each class of each technical parameter, in all, by arm, and with each label present."""
    marks = {row["study"]: _marks(row) for row in labels.to_pylist()}
    studies = series["study"].to_pylist()
    rows = []
    for parameter in PARAMETERS:
        counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for study, value in zip(studies, series[parameter].to_pylist(), strict=True):
            for mark in marks[study]:
                counts[value][mark] += 1
        for value in sorted(counts, key=lambda item: (item is None, item)):
            name = "(missing)" if value is None else cell(value)
            columns = {column: counts[value][column] for column in ("series", *(f"arm_{arm}" for arm in ARMS), *LABELS)}
            rows.append({"parameter": parameter, "class": name, **columns})
    return _table(rows, ("parameter", "class"), columns=("parameter", "class", "series", *(f"arm_{arm}" for arm in ARMS), *LABELS))


def _marks(row: dict[str, Any]) -> tuple[str, ...]:
    return ("series", f"arm_{row['arm']}", *(label for label in LABELS if row[label] == 1))


def population(studies: pa.Table) -> pa.Table:
    """Sex and age of the whole release and of each arm. Patients are subjects; age and sex are counted per study, as the paper does."""
    rows = studies.select(["subject", "arm", "age", "sex"]).to_pylist()
    groups = [("all", rows), *((arm, [row for row in rows if row["arm"] == arm]) for arm in ARMS)]
    return _table([_people(name, group) for name, group in groups], ("group",), ("age_median",))


def _people(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ages = [age for age in (age_years(row["age"]) for row in rows) if age is not None]
    sexes = [row["sex"] for row in rows]
    return {
        "group": name, "studies": len(rows), "patients": len({row["subject"] for row in rows}),
        "women": sexes.count("F"), "men": sexes.count("M"), "sex_unknown": sexes.count(None),
        "age_lowest": min(ages, default=None), "age_median": float(statistics.median(ages)) if ages else None,
        "age_highest": max(ages, default=None), "age_unknown": len(rows) - len(ages),
        "age_capped": sum(str(row["age"] or "").endswith("+") for row in rows),
    }  # fmt: skip


def _table(rows: Sequence[dict[str, Any]], texts: Iterable[str], floats: Iterable[str] = (), columns: Sequence[str] | None = None) -> pa.Table:
    kinds = {**dict.fromkeys(texts, pa.string()), **dict.fromkeys(floats, pa.float64())}
    names = columns or list(rows[0])
    return pa.Table.from_pylist(list(rows), pa.schema([(name, kinds.get(name, pa.int64())) for name in names]))
