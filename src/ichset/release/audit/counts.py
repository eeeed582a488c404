"""Sums of every table: each count is taken again from labels.csv, studies.csv and series.csv."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check
from ichset.release.audit.tables import LABELS

PARAMETERS = ("manufacturer", "kernel", "slice_thickness", "kvp", "tube_current")
TOLERANCE = 1e-9


def check_counts(evidence: Evidence) -> Check:
    """Table 1, Table 2, Table S1, population and class balance against the rows they count."""
    check = Check("counts", "Tables 1, 2, S1, population and class balance equal the rows they count")
    for name, recount in (
        ("table1", _table1),
        ("table2", _table2),
        ("tableS1", _table_s1),
        ("population", _population),
        ("balance", _balance),
    ):
        _compare(check, evidence, name, recount)
    return check


def _compare(check: Check, evidence: Evidence, name: str, recount: Callable[[Evidence], dict[tuple[str, ...], Row]]) -> None:
    wanted = recount(evidence)
    key = {"tableS1": ("parameter", "class"), "table2": ("parameter",), "population": ("group",)}.get(name, ("label",))
    found = {tuple(row.get(part, "") for part in key): row for row in evidence.rows(name)}
    check.expect(sorted(found), sorted(wanted), f"{name}: rows")
    for where, cells in wanted.items():
        for column, value in cells.items():
            check.looked_at += 1
            if not _close(found.get(where, {}).get(column, "(none)"), value):
                check.fault(f"{name}, {' '.join(where)}, {column}: the table says {found.get(where, {}).get(column)!r}, the rows give {value!r}")


def _close(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    try:
        return abs(float(found) - float(wanted)) <= TOLERANCE * max(1.0, abs(float(wanted)))
    except ValueError:
        return False


def _table1(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    counts = {label: Counter(row[label] for row in evidence.rows("labels")) for label in LABELS}
    return {
        (label,): {"present": str(c["1"]), "absent": str(c["0"]), "unknown": str(c[""]), "studies": str(c.total())} for label, c in counts.items()
    }


def _table2(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    rows: dict[tuple[str, ...], Row] = {}
    for parameter in PARAMETERS:
        values = [row[parameter] for row in evidence.rows("series")]
        known = {value for value in values if value != ""}
        numbers = [float(value) for value in known] if parameter in ("slice_thickness", "kvp", "tube_current") else []
        names = ", ".join(sorted(known, key=float)) if numbers else ", ".join(sorted(known))
        rows[(parameter,)] = {
            "classes": str(len(known)), "class_names": names, "series": str(len(values) - values.count("")),
            "missing": str(values.count("")),
            "lowest": str(min(numbers)) if numbers else "", "highest": str(max(numbers)) if numbers else "",
        }  # fmt: skip
    return rows


def _table_s1(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    labels = {row["study"]: row for row in evidence.rows("labels")}
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for series in evidence.rows("series"):
        own = labels.get(series["study"], {})
        marks = ["series", f"arm_{own.get('arm')}", *(label for label in LABELS if own.get(label) == "1")]
        for parameter in PARAMETERS:
            counts[parameter, series[parameter] or "(missing)"].update(marks)
    columns = ("series", "arm_ich", "arm_normal", *LABELS)
    return {key: {column: str(count[column]) for column in columns} for key, count in counts.items()}


def _population(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    rows: dict[tuple[str, ...], Row] = {}
    for group in ("all", "ich", "normal"):
        members = [row for row in evidence.rows("studies") if group in ("all", row["arm"])]
        ages = [int(row["age"].rstrip("+")) for row in members if row["age"]]
        sexes = Counter(row["sex"] for row in members)
        rows[(group,)] = {
            "studies": str(len(members)), "patients": str(len({row["subject"] for row in members})), "women": str(sexes["F"]),
            "men": str(sexes["M"]), "sex_unknown": str(sexes[""]), "age_lowest": str(min(ages, default="")),
            "age_highest": str(max(ages, default="")), "age_median": str(statistics.median(ages)) if ages else "",
            "age_unknown": str(len(members) - len(ages)), "age_capped": str(sum(row["age"].endswith("+") for row in members)),
        }  # fmt: skip
    return rows


def _balance(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    rows: dict[tuple[str, ...], Row] = {}
    labels = evidence.rows("labels")
    for label in LABELS:
        one, zero = (sum(row[label] == value for row in labels) for value in ("1", "0"))
        among = [row[label] for row in labels if row["ich"] == "1" and row[label] != ""]
        shares = {
            "p": (one, one + zero), "p_given_any": (among.count("1"), len(among)),
            "weight_present": (one + zero, 2 * one), "weight_absent": (one + zero, 2 * zero),
        }  # fmt: skip
        rows[(label,)] = {name: str(part / whole) if whole else "" for name, (part, whole) in shares.items()}
    return rows


def check_flow(evidence: Evidence) -> Check:
    """The funnel closes at every stage and ends at what is released."""
    check = Check("flow", "the funnel closes at every stage and ends at the released studies")
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in evidence.rows("flow"):
        sums[row["stage"], row["arm"]][row["event"]] += int(row["count"])
    for (stage, arm), counts in sums.items():
        left = counts["kept"] + counts["excluded"] + counts["quarantined"]
        check.expect(left, counts["in"], f"{stage} {arm}: kept, excluded and quarantined against those that came in")
    if not sums:
        check.skipped = "flow.csv has no rows"
        return check
    last = list(sums)[-1][0]
    final = {arm: counts["kept"] for (stage, arm), counts in sums.items() if stage == last}
    arms = Counter(row["arm"] for row in evidence.rows("studies"))
    if set(final) == {""}:
        check.expect(final[""], arms.total(), f"{last}: kept against released studies")
    for arm in set(final) - {""}:
        check.expect(final[arm], arms[arm], f"{last}: kept in the arm {arm} against released studies")
    return check
