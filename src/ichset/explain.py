"""One study's whole way through the tables, for people on the private side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ichset import contracts as c
from ichset.contracts import LABELS, REPORT_LABELS, Contract
from ichset.errors import CurationError
from ichset.readings import open_round
from ichset.run import Run


def explain_study(run: Run, name: str) -> list[str]:
    """Lines of text. Raises CurationError when no screened report has this study."""
    screened = find_report(run, name)
    if screened is None and (turned_away := _turned_away(run, name)):
        return turned_away
    if screened is None:
        raise CurationError("no screened report belongs to that study; ichset status --config FILE shows why reports left")
    study, report = screened["study"], screened["report"]
    lines = [f"study {study}, subject {screened['subject']}, report {report}"]
    for section in ("indication", "description", "conclusion"):
        lines += [f"  {section}: {screened[section]}"] if screened[section] else []
    lines += _rules(run, report)
    for row in _rows(run, c.CLASSIFIED, "report", report):
        said = "no model" if row["p_ich"] is None else f"p(ich) = {row['p_ich']:.3f}"
        lines.append(f"classify: {said}{', disagrees with the rules' if row['disagree'] else ''}")
    for row in _rows(run, c.CANDIDATES, "study", study):
        lines.append(f"sample: arm {row['arm']}, stratum {row['stratum']}, position {row['position']}, weight {row['weight']:.3g}")
    lines += _reads(run, "text", study)
    for row in _rows(run, c.COHORT, "study", study):
        lines.append(f"cohort: arm {row['arm']}, rank {row['rank']}")
    for row in _rows(run, c.SERIES, "study", study):
        lines.append(f"retrieve: series {row['series']} ({row['instances']} slices): {'taken' if row['taken'] else row['reason']}")
    lines += _reads(run, "image", study)
    for row in _rows(run, c.ANONYMIZED_SERIES, "study", study):
        lines.append(f"anonymize: series {row['series']}: {row['deface_method']}, face exposed {_share(row['exposed'])}")
    for row in _rows(run, c.SELECTED, "study", study):
        lines.append(f"release: selected, judged by the {row['judged_by']}: {_said(row, LABELS)}")
    return lines + list(_left(run, study, report))


def _turned_away(run: Run, name: str) -> list[str]:
    """Why reports of this study were not kept by screening; of what is no brain CT no number was stored."""
    left = {row["report"]: row for row in run.store.excluded(c.SCREENED).to_pylist()}
    batches = run.store.batches(c.REPORTS) if run.store.has(c.REPORTS) else ()
    found = [key for batch in batches for key in _named(pa.Table.from_batches([batch]), name) if key in left]
    return [f"report {key}: screen: turned away: {left[key]['reason']} {left[key]['detail'] or ''}".rstrip() for key in found]


def _named(table: pa.Table, name: str) -> list[str]:
    columns = [pc.fill_null(pc.equal(table[column], name), False) for column in ("accession", "study_uid", "report")]
    return list(table.filter(pc.or_(pc.or_(*columns[:2]), columns[2]))["report"].to_pylist())


def find_report(run: Run, name: str) -> dict[str, Any] | None:
    """The screened report of a study: by its pseudonym, accession number, Study Instance UID or report key."""
    if not run.store.has(c.SCREENED):
        return None
    for batch in run.store.batches(c.SCREENED):
        table = pa.Table.from_batches([batch])
        for column in ("study", "accession", "study_uid", "report"):
            rows = table.filter(pc.equal(table[column], name)).to_pylist()
            if rows:
                return dict(rows[0])
    return None


def _rules(run: Run, report: object) -> list[str]:
    lines = []
    for row in _rows(run, c.RULED, "report", report):
        lines.append(f"rules: {_said(row, REPORT_LABELS)}{' (doubtful: read first)' if row['doubt'] else ''}")
    for row in _rows(run, c.MENTIONS, "report", report):
        place = " ".join(str(word) for word in (row["laterality"], row["location"]) if word)
        cue = f" by {row['cue']!r}" if row["cue"] else ""
        said = f"{row['finding']} {row['assertion']}{cue} {place}".rstrip()
        lines.append(f"  {row['section']} {row['start']}-{row['end']}: {row['quote']!r} -> {said}")
    return lines


def _reads(run: Run, name: str, study: object) -> list[str]:
    config = run.config.read_text if name == "text" else run.config.read_image
    round_ = open_round(run.work / "readings", name, config, run.config.project.seed)
    if round_ is None:
        return []
    lines = []
    for (one, reader), entry in sorted(round_.reads().items()):
        if one == study:
            lines.append(f"read-{name}: {reader}: {entry.decision.exclude or _said(entry.decision.answers, LABELS)}")
    return lines


def _left(run: Run, study: object, report: object) -> Iterator[str]:
    for contract in c.ALL:
        if not run.store.has(contract):
            continue
        excluded = run.store.excluded(contract)
        key = excluded.column_names[0]
        for row in excluded.filter(pc.equal(excluded[key], report if key == "report" else study)).to_pylist():
            yield f"left at {contract.name}: {row['reason']}{': ' + row['detail'] if row['detail'] else ''}"


def _rows(run: Run, contract: Contract, key: str, value: object) -> list[dict[str, object]]:
    if not run.store.has(contract):
        return []
    table = run.store.read(contract)
    return list(table.filter(pc.equal(table[key], value)).to_pylist())


def _said(row: object, labels: tuple[str, ...]) -> str:
    answers = {label: row[label] for label in labels}  # type: ignore[index]
    present = [label for label, value in answers.items() if value == 1]
    unsure = [label for label, value in answers.items() if value is None]
    return f"present: {', '.join(present) or 'none'}" + (f"; cannot tell: {', '.join(unsure)}" if unsure else "")


def _share(value: object) -> str:
    return "not measured" if value is None else f"{float(value):.1%}"  # type: ignore[arg-type]
