"""Sums of every table: each count is taken again from labels.csv, studies.csv and series.csv."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable

from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check

PARAMETERS = {"manufacturer": "", "kernel": "", "slice_thickness": "mm", "kvp": "kV", "tube_current": "mA"}
TOLERANCE = 1e-8


def check_counts(evidence: Evidence) -> Check:
    """Every table that counts or averages against the rows it counts."""
    check = Check("counts", "Tables 1, 2, S1, population, class balance, defacing and shift equal the rows they count")
    for name, recount in (
        ("table1", _table1),
        ("table2", _table2),
        ("tableS1", _table_s1),
        ("population", _population),
        ("balance", _balance),
        ("defacing", _defacing),
        ("shift", _shift),
    ):
        _compare(check, evidence, name, recount)
    return check


def _compare(check: Check, evidence: Evidence, name: str, recount: Callable[[Evidence], dict[tuple[str, ...], Row]]) -> None:
    wanted = recount(evidence)
    key = {
        "tableS1": ("parameter", "class"),
        "table2": ("parameter",),
        "population": ("group",),
        "defacing": ("method",),
        "shift": ("parameter", "class"),
    }.get(name, ("label",))
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
    counts = {label: Counter(evidence.rows("labels").column(label)) for label in LABELS}
    return {
        (label,): {"present": str(c["1"]), "absent": str(c["0"]), "unknown": str(c[""]), "studies": str(c.total())} for label, c in counts.items()
    }


def _table2(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    rows: dict[tuple[str, ...], Row] = {}
    for parameter in PARAMETERS:
        values = evidence.rows("series").column(parameter)
        known = {value for value in values if value != ""}
        numbers = [float(value) for value in known] if parameter in ("slice_thickness", "kvp", "tube_current") else []
        names = ", ".join(sorted(known, key=float)) if numbers else ", ".join(sorted(known))
        rows[(parameter,)] = {
            "unit": PARAMETERS[parameter], "classes": str(len(known)), "class_names": names, "series": str(len(values) - values.count("")),
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
        values = labels.column(label)
        one, zero = values.count("1"), values.count("0")
        among = [value for value, ich in zip(values, labels.column("ich"), strict=True) if ich == "1" and value != ""]
        shares = {
            "p": (one, one + zero), "p_given_any": (among.count("1"), len(among)),
            "weight_present": (one + zero, 2 * one), "weight_absent": (one + zero, 2 * zero),
        }  # fmt: skip
        rows[(label,)] = {"present": str(one), "absent": str(zero)} | {
            name: str(part / whole) if whole else "" for name, (part, whole) in shares.items()
        }
    return rows


def _defacing(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.rows("series"):
        groups[row["deface_method"] or "(none)"].append(row)
    rows: dict[tuple[str, ...], Row] = {}
    for method, own in groups.items():
        cells = {"series": str(len(own))}
        for name in ("exposed", "relief", "brain_changed", "voxels_changed"):
            values = [float(row[name]) for row in own if row[name] != ""]
            cells[f"{name}_median"] = str(statistics.median(values)) if values else ""
            cells[f"{name}_highest"] = str(max(values)) if values else ""
        rows[(method,)] = cells
    return rows


def _shift(evidence: Evidence) -> dict[tuple[str, ...], Row]:
    """Means and standardised mean difference of the arms (Austin 2009); a study's number is the mean of its series, its class that of the first."""
    own: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.rows("series"):
        own[row["study"]].append(row)
    values: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: {"ich": [], "normal": []})
    classes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for study in evidence.rows("studies"):
        arm, series = study["arm"], own[study["study"]]
        for name in ("slice_thickness", "slice_spacing", "pixel_spacing", "kvp", "tube_current", "tilt"):
            if known := [float(row[name]) for row in series if row[name] != ""]:
                values[name, ""][arm].append(statistics.fmean(known))
        for name, text in (("age", study["age"].rstrip("+")), ("instances", study["instances"]), ("series", study["series"])):
            if text:
                values[name, ""][arm].append(float(text))
        for name in ("manufacturer", "model", "kernel"):
            classes[name].append((arm, series[0][name] if series else ""))
        classes["sex"].append((arm, study["sex"]))
    for name, pairs in classes.items():
        for value in {value for _, value in pairs if value}:
            for arm, found in pairs:
                if found:
                    values[name, value][arm].append(float(found == value))
    numbers = ("age", "slice_thickness", "slice_spacing", "pixel_spacing", "kvp", "tube_current", "tilt", "instances", "series")
    keys = [*((name, "") for name in numbers), *(key for key in values if key[1])]
    return {key: _difference(values[key]["ich"], values[key]["normal"]) for key in keys}


def _difference(ich: list[float], normal: list[float]) -> Row:
    means = [str(statistics.fmean(group)) if group else "" for group in (ich, normal)]
    smd = ""
    if min(len(ich), len(normal)) >= 2 and len({*ich}) == len({*normal}) == 1:
        smd = "0" if ich[0] == normal[0] else ""
    elif min(len(ich), len(normal)) >= 2:
        apart = statistics.fmean(ich) - statistics.fmean(normal)
        spread = ((statistics.variance(ich) + statistics.variance(normal)) / 2) ** 0.5
        smd = str(apart / spread)
    return {"ich": means[0], "normal": means[1], "smd": smd}


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
