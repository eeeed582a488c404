"""What one person may see of one case, as JSON."""

from __future__ import annotations

from typing import Any

from ichset.readings import Round
from ichset.readings.decision import Decision
from ichset.readings.log import Entry
from ichset.readings.rounds import Reads
from ichset.review.desk import Desk, Refused
from ichset.review.pictures import instance_files, series_folders
from ichset.review.worktables import SECTIONS, Report


def case(desk: Desk, name: str, user: str, token: str) -> dict[str, Any]:
    """The case behind `token`: own read, pictures or text; for the expert also both reads and the patient's other studies."""
    study = desk.study(name, user, token)
    found = desk.open_round(name, user)
    reads = found.reads()
    mine = reads.get((study, user))
    answer: dict[str, Any] = {
        "round": name, "token": token, "role": desk.role(name, user), "progress": desk.progress(name, user),
        "last": desk.last(name, user), "mine": _own(desk, name, mine), "closed": desk.closed(name, user, study, reads) if mine else None,
        **_report(desk, name, user, study, mine),
    }  # fmt: skip
    if name == "image":
        answer["series"], answer["pictures"] = series_list(desk, study), found.pictures.get(study, {})
    if desk.role(name, user) == "expert":
        answer["reads"] = blind_reads(found, study, reads)
        answer["others"] = others(desk, name, user, study)
    waiting = [one for one in desk.queue(name, user) if one != token]
    answer["next"] = {"token": waiting[0], "series": _series_of(desk, name, user, waiting[0])} if waiting else None
    return answer


def _series_of(desk: Desk, name: str, user: str, token: str) -> list[int]:
    return [one["series"] for one in series_list(desk, desk.study(name, user, token))] if name == "image" else []


def _own(desk: Desk, name: str, entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    read = entry.decision.as_json()
    return {"version": desk.version(name, entry), **{key: read[key] for key in ("answers", "exclude", "confidence", "comment", "key_slices")}}


def blind_reads(found: Round, study: str, reads: Reads) -> list[dict[str, Any]]:
    """The first reads without names or times, in an order that tells nothing of who is who."""
    shuffled = [reads[study, reader] for reader in found.shown_order(study) if (study, reader) in reads]
    keys = ("answers", "exclude", "confidence", "comment", "key_slices")
    return [{key: entry.decision.as_json()[key] for key in keys} for entry in shuffled]


# --- reports ---
def _report(desk: Desk, name: str, user: str, study: str, mine: Entry | None) -> dict[str, Any]:
    """The text round always shows the report; the image round as configured: not before it was opened after the read."""
    hidden = name == "image" and desk.config.read_image.hide_report and (mine is None or (name, user, study) not in desk.opened)
    report = desk.tables.reports().by_study.get(study)
    if hidden or report is None:
        return {"report": None, "report_hidden": hidden and report is not None}
    return {"report": report_json(report, desk.config.review.highlight and name == "text"), "report_hidden": False}


def open_report(desk: Desk, name: str, user: str, token: str) -> dict[str, Any]:
    """Show a hidden report: only after the own read is saved, and that read is closed from now on."""
    study = desk.study(name, user, token)
    if (study, user) not in desk.open_round(name, user).reads():
        raise Refused("report_hidden", 403)
    desk.opened.add((name, user, study))
    return case(desk, name, user, token)


def report_json(report: Report, highlight: bool) -> dict[str, Any]:
    sections = [
        {"name": section, "pieces": pieces(report.texts[section], report.spans.get(section, []) if highlight else [])}
        for section in SECTIONS
        if section in report.texts
    ]
    return {"title": report.title, "age": report.age, "sex": report.sex, "sections": sections}


def pieces(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[str, str | None]]:
    """The text cut at its mentions: (piece, finding or None), joined again the text itself. Of overlaps the first counts."""
    cut: list[tuple[str, str | None]] = []
    end = 0
    for start, stop, finding in sorted(spans):
        if end <= start < stop <= len(text):
            if start > end:
                cut.append((text[end:start], None))
            cut.append((text[start:stop], finding))
            end = stop
    return [*cut, (text[end:], None)] if end < len(text) else cut


# --- pictures ---
def series_list(desk: Desk, study: str) -> list[dict[str, Any]]:
    """The taken series that are on the disk, with what a reader chooses by."""
    folder = desk.tables.retrieved().get(study)
    there = series_folders(desk.work, folder) if folder else {}
    keys = ("series", "instances", "kernel", "slice_thickness", "phase")
    listed = [{key: row[key] for key in keys} for row in desk.tables.series().get(study, []) if row["series"] in there]
    return listed or [{"series": ordinal, "instances": len(instance_files(path))} for ordinal, path in there.items()]


def check_key_slices(desk: Desk, study: str, decision: Decision) -> None:
    """Each key slice `series:slice` must be one of this study, under a label that is not answered absent.

    Slices are counted along the normal, as the page shows them and as anonymization numbers the files it writes:
    whatever order the archive's files have, the label lands on the very slice that was on screen.
    """
    if not decision.key_slices:
        return
    folder = desk.tables.retrieved().get(study)
    there = series_folders(desk.work, folder) if folder else {}
    known = {f"{series}:{slice_}" for series, path in there.items() for slice_ in range(1, len(instance_files(path)) + 1)}
    for label, slices in decision.key_slices.items():
        if decision.answers[label] == 0 or not known.issuperset(slices):
            raise Refused("bad_slices", 422)


# --- the same patient's other studies, for the expert ---
def others(desk: Desk, name: str, user: str, study: str) -> list[dict[str, Any]]:
    """Earlier (negative days) and later studies: report, and pictures where they are at hand."""
    reports = desk.tables.reports()
    own = reports.by_study.get(study)
    listed = []
    for report in reports.earlier_and_later(study):
        days = (report.when - own.when).days if own and own.when and report.when else None
        pictures = series_list(desk, report.study) if name == "image" else []
        token = desk.token(name, user, study, report.study)
        listed.append({"days": days, "token": token, "series": pictures, "report": report_json(report, False)})
    return listed


def pictured_study(desk: Desk, user: str, token: str, related: str) -> str:
    """The study whose pictures are asked for: the case's own, or another one of the same patient for the expert."""
    study = desk.study("image", user, token)
    if related == token:
        return study
    if desk.role("image", user) == "expert":
        for report in desk.tables.reports().earlier_and_later(study):
            if desk.token("image", user, study, report.study) == related:
                return report.study
    raise Refused("not_yours", 404)
