"""One study of a folder: file by file, so that one bad file never stops the rest; published together, after the search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ichset import dicomfile
from ichset.anonymize import census, instance, trial
from ichset.anonymize.faults import explain
from ichset.anonymize.instance import Written
from ichset.anonymize.selfcheck import SelfCheck, Watchlist
from ichset.anonymize.settings import FolderSettings
from ichset.anonymize.subjects import Subjects
from ichset.anonymize.survey import Found
from ichset.anonymize.tags import VERSION, Deidentifier, Doubt, Identity, Policy
from ichset.pseudonyms import Pseudonyms

Aside = list[tuple[str, str, str]]  # source path, reason, detail


@dataclass(frozen=True)
class FolderTask:
    """One study's files, and where its output and its record go."""

    study: str
    patient_id: str
    study_uid: str
    members: tuple[Found, ...]
    dst: Path
    record: Path


def deidentify_study(task: FolderTask, config: FolderSettings, key: bytes, deface: bool) -> Mapping[str, Any]:
    """The record of one study: counts, files set aside, census. Its output folder is whole or not there."""
    pseudonyms = Pseudonyms(key)
    signature = _signature(task, config, pseudonyms, deface)
    try:
        subject = Subjects.load(config.subjects).subject(task.patient_id) if config.subjects else pseudonyms.subject(task.patient_id)
    except Doubt as error:
        return _record(task, signature, "", Deidentifier(Policy(), Identity("", 0), pseudonyms), 0, _all_aside(task, error))
    target = task.dst / subject / task.study
    if (done := _finished(task, target, signature)) is not None:
        return done
    part = target.with_name(target.name + ".part")
    for stale in (target, part):
        shutil.rmtree(stale, ignore_errors=True)
    deidentifier = Deidentifier(
        Policy(frozenset(config.options), config.age_cap), Identity(subject, pseudonyms.date_shift(task.patient_id)), pseudonyms
    )
    part.mkdir(parents=True)
    watchlist = Watchlist()
    aside: Aside = []
    try:
        written = (_write_hidden if deface else _write_plain)(task, part, deidentifier, watchlist, config, aside)
        _search(written, SelfCheck(watchlist))
    except Doubt as error:  # found by the search: nothing of this study is published
        written, aside = [], _all_aside(task, error)
    _publish(part, target, bool(written))
    record = _record(task, signature, subject, deidentifier, len(written), aside)
    _keep_record(task.record, record)
    return record


def _places(task: FolderTask) -> list[tuple[Found, int, int]]:
    """(file, series ordinal, instance ordinal): by the numbers in the headers, whatever the source's file names."""
    series: dict[str, list[Found]] = {}
    for member in task.members:
        series.setdefault(member.series_uid, []).append(member)
    ordered = sorted(series.values(), key=lambda group: (min(member.series_number for member in group), group[0].series_uid))
    return [
        (member, ordinal, place)
        for ordinal, group in enumerate(ordered, start=1)
        for place, member in enumerate(sorted(group, key=lambda member: (member.instance_number, member.sop_uid, str(member.path))), start=1)
    ]


def _write_plain(
    task: FolderTask, part: Path, deidentifier: Deidentifier, watchlist: Watchlist, config: FolderSettings, aside: Aside
) -> list[tuple[Path, Written]]:
    """Every file without defacing: one in memory at a time."""
    written: list[tuple[Path, Written]] = []
    seen: set[str] = set()
    tried, outlines = _tried(task), dicomfile.Outlines()
    for member, ordinal, place in _places(task):
        target = part / f"{ordinal:02d}" / f"{place:05d}.dcm"
        try:
            source = instance.read(member.path, outlines)
            watchlist.add_file(source.file)
            _check_pixels(member, source, tried)
            if source.sop_uid in seen:
                raise dicomfile.NotReadable("the same instance UID occurs twice in the study")
            target.parent.mkdir(exist_ok=True)
            written.append((target, instance.write(target, source, deidentifier, hash_pixels=False)))
            seen.add(source.sop_uid)
        except Exception as error:  # one bad file, whatever is wrong with it, never stops the rest
            target.unlink(missing_ok=True)
            reason, detail = explain(error)
            aside.append((str(member.path), str(reason), detail))
    return written


def _write_hidden(
    task: FolderTask, part: Path, deidentifier: Deidentifier, watchlist: Watchlist, config: FolderSettings, aside: Aside
) -> list[tuple[Path, Written]]:
    """Every series with its face hidden; a series that cannot be is set aside whole."""
    from ichset.anonymize import hiding

    series: dict[int, list[Found]] = {}
    for member, ordinal, _ in _places(task):
        series.setdefault(ordinal, []).append(member)
    written: list[tuple[Path, Written]] = []
    tried, outlines, section = _tried(task), dicomfile.Outlines(), config.config()
    for ordinal, members in series.items():
        readable = []
        for member in members:
            try:
                if member.path in tried:
                    raise tried[member.path]
                readable.append((member, instance.read(member.path, outlines)))
                watchlist.add_file(readable[-1][1].file)
            except Exception as error:  # as above
                reason, detail = explain(error)
                aside.append((str(member.path), str(reason), detail))
        try:
            if readable:
                face = hiding.hide([[source for _, source in readable]], section, deidentifier.pseudonyms.seed("deface", task.study, str(ordinal)))[0]
                files = hiding.write_series(part, ordinal, [source for _, source in readable], face, deidentifier, section)
                hiding.measure_written(files, face, section)
                written += files
        except Exception as error:  # as above, for one series
            shutil.rmtree(part / f"{ordinal:02d}", ignore_errors=True)
            reason, detail = explain(error)
            aside += [(str(member.path), str(reason), detail) for member, _ in readable]
    return written


def _tried(task: FolderTask) -> Mapping[Path, Doubt]:
    fragile = [member.path for member in task.members if member.fragile]
    return trial.pixel_faults(fragile) if fragile else {}


def _check_pixels(member: Found, source: instance.Source, tried: Mapping[Path, Doubt]) -> None:
    if member.path in tried:
        raise tried[member.path]
    if not member.fragile:
        instance.check_pixels(source)


def _search(written: list[tuple[Path, Written]], check: SelfCheck) -> None:
    for path, file in written:
        check.require(path, file)


def _publish(part: Path, target: Path, any_file: bool) -> None:
    if not any_file:
        shutil.rmtree(part)
        if not any(target.parent.iterdir()):
            target.parent.rmdir()
        return
    dicomfile.sync_filesystem(part)
    part.rename(target)


def _all_aside(task: FolderTask, error: Doubt) -> Aside:
    reason, detail = explain(error)
    return [(str(member.path), str(reason), detail) for member in task.members]


def _record(task: FolderTask, signature: str, subject: str, deidentifier: Deidentifier, written: int, aside: Aside) -> dict[str, Any]:
    return {
        "signature": signature, "study": task.study, "subject": subject, "patient_id": task.patient_id, "study_uid": task.study_uid,
        "written": written, "aside": aside, "census": census.to_json(deidentifier.ledger),
    }  # fmt: skip


def _keep_record(path: Path, record: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".json.part")
    temporary.write_text(json.dumps(record, sort_keys=True), "utf-8")
    temporary.rename(path)


def _finished(task: FolderTask, target: Path, signature: str) -> Mapping[str, Any] | None:
    """The record of an earlier run, when nothing it depends on has changed."""
    if not task.record.is_file():
        return None
    found = json.loads(task.record.read_text("utf-8"))
    return found if found["signature"] == signature and target.is_dir() == bool(found["written"]) else None


def _signature(task: FolderTask, config: FolderSettings, pseudonyms: Pseudonyms, deface: bool) -> str:
    stats = [(str(member.path), (status := member.path.stat()).st_size, status.st_mtime_ns) for member in task.members]
    return pseudonyms.digest("folder record", repr(stats), *config.signature(deface), str(deface), VERSION).hex()
