"""De-identify one study in one pass: read, tags and pseudonyms, deface, write once, re-read and check, then its final name.

A study is published whole or not at all; what is in doubt goes to the quarantine folder for a person.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ichset import dicomfile
from ichset.anonymize import hiding, instance, quarantine, subjects, technical, trial
from ichset.anonymize.faults import explain
from ichset.anonymize.instance import Source, Written
from ichset.anonymize.selfcheck import SelfCheck, Watchlist
from ichset.anonymize.tags import VERSION, Deidentifier, Identity, Policy
from ichset.config import AnonymizeConfig, EngineConfig
from ichset.contracts import ANONYMIZED, ANONYMIZED_SERIES, INSTANCES, Reason, StageOutput
from ichset.decoding import FRAGILE
from ichset.dicomfile import NotReadable
from ichset.engine import WorkerDied, run_each
from ichset.pseudonyms import Pseudonyms
from ichset.volume import Volume


@dataclass(frozen=True)
class StudyTask:
    """One study of the wave. `known` are the patient's values of the report system, for the search of what was written."""

    study: str
    subject: str
    folder: Path
    series: tuple[int, ...]  # ordinals to release, each a folder
    target: Path  # the study's final folder
    patient_id: str
    known: tuple[tuple[str, str], ...]  # (kind, value) for Watchlist.add
    age: int | None


@dataclass(frozen=True)
class StudyResult:
    """Rows of the three tables, or the reason why there are none."""

    study: Mapping[str, Any] | None = None
    series: Sequence[Mapping[str, Any]] = ()
    instances: Sequence[Mapping[str, Any]] = ()
    reason: Reason | None = None
    detail: str = ""


def anonymize_wave(
    retrieved: pa.Table, series: pa.Table, screened: pa.Table, config: AnonymizeConfig, key: bytes, engine: EngineConfig, work: Path
) -> StageOutput:
    """De-identify and deface every study of the wave into `work/anonymized`.

    `retrieved`, `series`, `screened`: tables of those contracts. Excluded studies carry a reason; those in doubt are set
    aside under `work/quarantine`. A study that is already there, made from the same files under the same settings, stays.
    """
    work.joinpath("anonymized").mkdir(mode=0o700, parents=True, exist_ok=True)
    tasks = _tasks(retrieved, series, screened, config, Pseudonyms(key), work)
    run = partial(anonymize_study, config=config, key=key, work=work)
    studies: list[Mapping[str, Any]] = []
    rows: list[Mapping[str, Any]] = []
    instances: list[Mapping[str, Any]] = []
    excluded: list[Mapping[str, Any]] = []
    for task, result in run_each(run, tasks, engine, title="anonymize"):
        if isinstance(result, WorkerDied):
            result = StudyResult(reason=Reason.UNREADABLE_FILE, detail=result.detail)
        if result.study is None:
            excluded.append({"study": task.study, "reason": str(result.reason), "detail": result.detail})
            continue
        studies.append(result.study)
        rows.extend(result.series)
        instances.extend(result.instances)
    return StageOutput(
        pa.Table.from_pylist(studies, ANONYMIZED.schema),
        pa.Table.from_pylist(excluded, ANONYMIZED.excluded_schema),
        {
            "anonymized_series": pa.Table.from_pylist(rows, ANONYMIZED_SERIES.schema),
            "instances": pa.Table.from_pylist(instances, INSTANCES.schema),
        },
    )


def _tasks(retrieved: pa.Table, series: pa.Table, screened: pa.Table, config: AnonymizeConfig, pseudonyms: Pseudonyms, work: Path) -> list[StudyTask]:
    taken: dict[str, list[int]] = {}
    for row in series.to_pylist():
        if row["taken"]:
            taken.setdefault(row["study"], []).append(row["series"])
    reports = {row["study"]: row for row in screened.to_pylist()}
    tasks = []
    for row in sorted(retrieved.to_pylist(), key=lambda row: row["study"]):
        report = reports.get(row["study"], {})
        known = [
            ("name", report.get("patient_name")),
            ("text", report.get("patient_id")),
            ("text", report.get("accession")),
            ("uid", row["study_uid"]),
            ("uid", report.get("study_uid")),
        ]
        known += [("day", day.strftime("%Y%m%d")) for day in (report.get("birth_date"), report.get("study_date")) if day]
        tasks.append(
            StudyTask(
                row["study"],
                row["subject"],
                work / row["folder"],
                tuple(sorted(taken.get(row["study"], ()))),
                work / "anonymized" / row["study"],
                report.get("patient_id") or "",
                tuple((kind, value) for kind, value in known if value),
                report.get("age"),
            )
        )
    return tasks


def anonymize_study(task: StudyTask, config: AnonymizeConfig, key: bytes, work: Path) -> StudyResult:
    """One study, from source files to its final folder. Whatever goes wrong, nothing is left under the final name."""
    record, signature = task.target.with_suffix(".json"), _signature(task, config, key)
    if (done := _finished(task, record, signature, work)) is not None:
        return done
    shutil.rmtree(task.target, ignore_errors=True)
    part = task.target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        result = _into(part, task, config, key)
    except Exception as error:  # any fault of a decoder or a library is a fault of this study alone
        shutil.rmtree(part, ignore_errors=True)
        reason, detail = explain(error)
        if reason.quarantined:
            quarantine.set_aside_study(task.folder, _aside(task, work), reason, detail)
        if not isinstance(error, OSError | MemoryError):  # the machine's fault may be gone at the next run
            _keep(record, {"signature": signature, "reason": str(reason), "detail": detail})
        return StudyResult(reason=reason, detail=detail)
    dicomfile.sync_filesystem(part)
    part.rename(task.target)
    _keep(record, {"signature": signature, "study": result.study, "series": result.series, "instances": result.instances})
    return result


def _aside(task: StudyTask, work: Path) -> Path:
    return work / "quarantine" / task.study


def _keep(record: Path, rows: Mapping[str, Any]) -> None:
    """Write the study's record, whole or not at all."""
    temporary = record.with_suffix(".json.part")
    temporary.write_text(json.dumps(rows, sort_keys=True, default=str), "utf-8")
    dicomfile.sync(temporary)
    temporary.rename(record)
    dicomfile.sync(record.parent)


def _into(part: Path, task: StudyTask, config: AnonymizeConfig, key: bytes) -> StudyResult:
    pseudonyms = Pseudonyms(key)
    sources = [_read_series(task.folder, ordinal) for ordinal in task.series]
    if not sources:
        raise NotReadable("no series was taken of this study")
    first = sources[0][0].file
    patient_id = task.patient_id or subjects.patient_id_of(first)
    subject = subjects.Subjects.load(config.subjects).subject(patient_id) if config.subjects else task.subject
    identity = Identity(subject, pseudonyms.date_shift(patient_id))
    deidentifier = Deidentifier(Policy(frozenset(config.options), config.age_cap), identity, pseudonyms)
    check = SelfCheck(_watchlist(task, sources))
    part.mkdir(mode=0o755)
    faces = hiding.hide(sources, config, pseudonyms.seed("deface", task.study))
    rows: list[Mapping[str, Any]] = []
    instances: list[Mapping[str, Any]] = []
    for ordinal, members, face in zip(task.series, sources, faces, strict=True):
        written = hiding.write_series(part, ordinal, members, face, deidentifier, config)
        for path, file in written:
            check.require(path, file)
        picture = task.target.parent.with_name("previews") / f"{task.study}-{ordinal:02d}.png"
        dataset, row = hiding.measure_written(written, face, config, picture)
        rows.append({"study": task.study, "series": ordinal, "instances": len(written), **row})
        instances += _instance_rows(task.study, ordinal, written, face.original)
    age, sex = technical.age_and_sex(dataset, first, config.age_cap, task.age)
    study = {
        "study": task.study,
        "subject": subject,
        "study_uid": dataset.StudyInstanceUID,
        "accession": technical.text(dataset, "AccessionNumber"),
        "age": age,
        "sex": sex,
        "shifted_date": technical.day(dataset, "StudyDate"),
        "series": len(rows),
        "instances": len(instances),
    }
    return StudyResult(study, rows, instances)


def _read_series(folder: Path, ordinal: int) -> list[Source]:
    found = next((path for path in (folder / f"{ordinal:02d}", folder / str(ordinal)) if path.is_dir()), None)
    paths = sorted(found.glob("*.dcm")) if found else []
    outlines = dicomfile.Outlines()
    members = [instance.read(path, outlines) for path in paths]
    fragile = [path for path, source in zip(paths, members, strict=True) if source.file.syntax.uid in FRAGILE]
    for fault in trial.pixel_faults(fragile).values():
        raise fault
    if not members:
        raise NotReadable("a series that was taken has no files")
    return members


def _watchlist(task: StudyTask, sources: Sequence[Sequence[Source]]) -> Watchlist:
    watchlist = Watchlist()
    for kind, value in task.known:
        watchlist.add(kind, value)
    for source in (source for members in sources for source in members):
        watchlist.add_file(source.file)
    return watchlist


def _instance_rows(study: str, ordinal: int, written: Sequence[tuple[Path, Written]], original: Volume) -> list[Mapping[str, Any]]:
    along = original.positions @ original.normal
    return [
        {
            "study": study,
            "series": ordinal,
            "instance": place + 1,
            "sop_uid": file.sop_uid,
            "file": f"{path.parent.name}/{path.name}",
            "position": round(float(along[place]), 4),
            "bytes": file.size,
            "sha256": file.sha256,
            "pixels": file.pixels,
        }
        for place, (path, file) in enumerate(written)
    ]


def _signature(task: StudyTask, config: AnonymizeConfig, key: bytes) -> str:
    """What the published study depends on: its files, the settings, the key's namespace and this package."""
    files = [(str(path.relative_to(task.folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(task.folder.rglob("*.dcm"))]
    subject_ids = config.subjects.read_text("utf-8") if config.subjects else ""
    parts = [repr(files), repr(task.series), task.subject, task.patient_id, config.model_dump_json(), subject_ids, VERSION]
    return Pseudonyms(key).digest("study record", *parts).hex()


def _finished(task: StudyTask, record: Path, signature: str, work: Path) -> StudyResult | None:
    """The result of an earlier run, a refusal too, when nothing it depends on has changed and its folder is still there."""
    if not record.is_file():
        return None
    found = json.loads(record.read_text("utf-8"))
    if found.pop("signature") != signature:
        return None
    if "reason" in found:
        reason = Reason(found["reason"])
        return None if reason.quarantined and not _aside(task, work).is_dir() else StudyResult(reason=reason, detail=found["detail"])
    if not task.target.is_dir():
        return None
    day = found["study"]["shifted_date"]
    found["study"]["shifted_date"] = date.fromisoformat(day) if day else None
    return StudyResult(found["study"], found["series"], found["instances"])
