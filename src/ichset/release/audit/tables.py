"""The released tables: CSV and Parquet agree, keys are unique, references resolve, labels and splits hold together."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from ichset.release.audit.declared import COLUMNS, KEYS, LABELS, TEXTS
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check

NEED_ICH = ("epidural", "subarachnoid", "subdural", "intracerebral", "intraventricular", "multiple", "combined")


def check_tables(evidence: Evidence) -> Check:
    """Each table is there twice with the same cells, and its key is unique."""
    import pyarrow.parquet as pq

    check = Check("tables", "CSV and Parquet hold the same cells; keys are unique")
    changes = {"changes": ("study", "change")} if evidence.rows("changes").names else {}
    for name, key in {**KEYS, **changes}.items():
        rows = evidence.rows(name)
        known = COLUMNS[name].split()
        columns = rows.names[: -len(TEXTS)] if name == "studies" and rows.names[-len(TEXTS) :] == list(TEXTS) else rows.names
        check.expect(columns, known, f"{name}.csv: columns")
        for values, count in Counter(zip(*map(rows.column, key), strict=True)).items():
            check.expect(count, 1, f"{name}: rows with the key {'/'.join(values)}")
        for number in rows.uneven:
            check.fault(f"{name}.csv, row {number}: more or fewer cells than the header")
        for number, column in rows.formulas:
            check.fault(f"{name}.csv, row {number}, {column}: a text that a spreadsheet runs as a formula")
        try:
            table = pq.read_table(evidence.release / "data/tables" / f"{name}.parquet")
        except (OSError, ValueError) as error:
            check.fault(f"{name}.parquet cannot be read ({type(error).__name__})")
            continue
        check.expect(table.num_rows, len(rows), f"{name}: rows in CSV against Parquet")
        check.expect(rows.names, table.column_names, f"{name}: columns in CSV against Parquet")
        for column in table.column_names:
            check.looked_at += len(rows)
            values_of = table[column].to_pylist()
            for number, (text, value) in enumerate(zip(rows.column(column), values_of, strict=False), 1):
                if not same(text, value):
                    check.fault(f"{name}, row {number}, {column}: CSV and Parquet differ")
    return check


def same(text: str, value: Any) -> bool:
    if value is None:
        return text == ""
    if isinstance(value, int | float):
        return text != "" and float(text) == float(value)
    return text == (value.isoformat() if isinstance(value, date) else value)


def check_references(evidence: Evidence) -> Check:
    """Studies, series, files and reads point at each other, and their counts are true."""
    check = Check("references", "studies, series, files and reads point at each other; counts are true")
    studies = {row["study"]: row for row in evidence.rows("studies")}
    series, instances = evidence.rows("series"), evidence.rows("instances")
    check.expect(sorted(row["study"] for row in evidence.rows("labels")), sorted(studies), "labels.csv against studies.csv")
    per_study, per_series = Counter(row["study"] for row in series), Counter((row["study"], row["series"]) for row in instances)
    files = Counter(row["study"] for row in instances)
    for study, row in studies.items():
        check.expect(per_study[study], int(row["series"] or -1), f"{study}: series")
        check.expect(files[study], int(row["instances"] or -1), f"{study}: files")
    for row in series:
        where = f"{row['study']}/{row['series']}"
        check.expect(row["study"] in studies, True, f"{where}: study known")
        check.expect(row.get("subject"), studies.get(row["study"], {}).get("subject"), f"{where}: subject")
        check.expect(per_series[row["study"], row["series"]], int(row["instances"] or -1), f"{where}: files")
    known = {(row["study"], row["series"]) for row in series}
    for study, number in per_series:
        check.expect((study, number) in known, True, f"{study}/{number}: series known")
    for row in evidence.rows("reads"):
        check.expect(row["study"] in studies, True, f"reads: study {row['study']} known")
    _unique(check, "study_uid", studies.values())
    _unique(check, "accession", studies.values())
    _unique(check, "series_uid", series)
    _unique(check, "sop_uid", instances)
    _unique(check, "file", instances)
    return check


def _unique(check: Check, column: str, rows: Any) -> None:
    check.looked_at += 1
    for value, count in Counter(row.get(column, "") for row in rows).items():
        if value and count > 1:
            check.fault(f"{column} {value} occurs {count} times")


def check_labels(evidence: Evidence) -> Check:
    """Labels are 1, 0 or empty, agree with the arm and among themselves, and with the readers whose consensus they are."""
    check = Check("labels", "labels agree with arm, with each other, and with the readers' consensus")
    arms = {row["study"]: row["arm"] for row in evidence.rows("studies")}
    judged = _consensus(evidence.rows("reads"))
    for row in evidence.rows("labels"):
        study = row["study"]
        check.expect(row["arm"], arms.get(study), f"{study}: arm in labels.csv")
        check.expect(row["ich"], {"ich": "1", "normal": "0"}.get(row["arm"]), f"{study}: ich against the arm {row['arm']}")
        for label in LABELS:
            if row.get(label) not in ("0", "1", ""):
                check.fault(f"{study}: {label} is {row.get(label)!r}")
            if label in NEED_ICH and row.get(label) == "1":
                check.expect(row["ich"], "1", f"{study}: ich of a study with {label}")
            if (wanted := judged.get(study, {}).get(label, "")) != "" and "image" in row["judged_by"]:
                check.expect(row[label], wanted, f"{study}: {label} against the readers")
    for row in evidence.rows("reads"):
        where = f"reads, {row['round']} {row['study']} {row['reader']}"
        check.expect({row[label] for label in LABELS} <= {"0", "1", ""}, True, f"{where}: answers are 1, 0 or empty")
        check.expect(row["role"] in ("reader", "expert") and row["confidence"] in ("", *"12345"), True, f"{where}: role and confidence")
        check.expect(set(key_slices(row)) <= set(LABELS), True, f"{where}: labels of key slices")
    return check


def _consensus(reads: Iterable[Row]) -> dict[str, dict[str, str]]:
    """What the image readers settled: the expert's answer, else the readers' common one."""
    by_study: dict[str, list[Row]] = defaultdict(list)
    for row in reads:
        if row["round"] == "image":
            by_study[row["study"]].append(row)
    settled = {}
    for study, rows in by_study.items():
        rows = [row for row in rows if row["role"] == "expert"] or rows
        settled[study] = {label: answers.pop() for label in LABELS if len(answers := {row[label] for row in rows}) == 1}
    return settled


def check_splits(evidence: Evidence) -> Check:
    """No person and no picture lies in two splits; the balanced subset is balanced."""
    check = Check("splits", "no person, study or picture lies in two splits")
    split = {row["study"]: row["split"] for row in evidence.rows("studies")}
    for column in ("subject", "study_uid", "accession"):
        where: dict[str, set[str]] = defaultdict(set)
        for row in evidence.rows("studies"):
            where[row[column]].add(row["split"])
        for value, found in where.items():
            check.looked_at += 1
            if value and len(found) > 1:
                check.fault(f"{column} {value} lies in {' and '.join(sorted(found))}")
    for study, name in split.items():
        if name not in ("train", "test"):
            check.fault(f"{study}: split is {name!r}")
    ich = {row["study"]: row["ich"] for row in evidence.rows("labels")}
    chosen = Counter(ich.get(row["study"], "") for row in evidence.rows("studies") if row["balanced"] == "1")
    both = Counter(ich.values())
    for value in ("0", "1"):
        check.expect(chosen[value], min(both["0"], both["1"]), f"balanced subset: studies with ich {value}")
    return check


def check_deface(evidence: Evidence, max_exposed: float, max_brain: float) -> Check:
    """Every series says how its face was hidden, and its figures are within the limits."""
    check = Check("defacing", "every series was defaced within the limits")
    for row in evidence.rows("series"):
        where = f"{row['study']}/{row['series']}"
        check.expect(bool(row["deface_method"]), True, f"{where}: defacing method given")
        for column, limit in (("exposed", max_exposed), ("brain_changed", max_brain), ("voxels_changed", 1.0)):
            check.looked_at += 1
            if row[column] == "" or not 0 <= float(row[column]) <= limit:
                check.fault(f"{where}: {column} is {row[column] or 'missing'}, the limit is {limit:g}")
    return check


def key_slices(row: Row) -> dict[str, list[str]]:
    """The key slices of a read; nothing when the cell is not JSON."""
    try:
        return dict(json.loads(row.get("key_slices") or "{}"))
    except (json.JSONDecodeError, ValueError):
        return {}
