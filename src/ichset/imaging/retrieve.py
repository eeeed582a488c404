"""Retrieve: find each study of the wave, take its right series, and prove that nothing is missing."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ichset.config import EngineConfig, RetrieveConfig
from ichset.contracts import RETRIEVED, SERIES, WAVE, Reason, StageOutput
from ichset.engine import WorkerDied, run_each
from ichset.errors import ConfigError
from ichset.imaging.index import update_index
from ichset.imaging.quality import quality_of
from ichset.imaging.series import Choice, choose
from ichset.imaging.sources import Header, Request, Source
from ichset.imaging.sources.folder import FolderSource
from ichset.imaging.technical import technical_parameters
from ichset.manifest import digest_of

RECORD = "record.json"
Outcome = dict[str, Any]  # {"retrieved": row or None, "series": rows, "reason": text or None, "detail": text}


def retrieve_wave(wave: pa.Table, screened: pa.Table, config: RetrieveConfig, engine: EngineConfig, work: Path) -> StageOutput:
    """Copy the right series of every study in play to `work/retrieved/<study>/<series>/<instance>.dcm`.

    Kept: RETRIEVED; excluded: (study, reason, detail); tables: SERIES, every series found with why it was left. A study
    that was retrieved under the same settings from the same files is not pulled again.
    """
    requests = _requests(wave, screened)
    source = _source(config, engine, work, requests)
    (work / "retrieved").mkdir(mode=0o700, parents=True, exist_ok=True)
    tasks = [(request, source.find(request)) for request in requests]
    run = partial(_retrieve, source=source, config=config, work=work)
    kept, series, excluded = [], [], []
    for (request, _), outcome in run_each(run, tasks, engine, title="retrieve"):
        if isinstance(outcome, WorkerDied):
            outcome = _lost(Reason.UNREADABLE_FILE, outcome.detail)
        series += outcome["series"]
        if outcome["reason"]:
            excluded.append({"study": request.study, "reason": outcome["reason"], "detail": outcome["detail"]})
        else:
            kept.append(outcome["retrieved"])
    return StageOutput(
        pa.Table.from_pylist(kept, RETRIEVED.schema),
        pa.Table.from_pylist(excluded, WAVE.excluded_schema),
        {SERIES.name: pa.Table.from_pylist(series, SERIES.schema)},
    )


def _requests(wave: pa.Table, screened: pa.Table) -> list[Request]:
    known = {row["study"]: row for row in screened.drop_columns(["indication", "description", "conclusion"]).to_pylist()}
    requests = []
    for study in wave["study"].to_pylist():
        row = known[study]
        date = row["study_date"].strftime("%Y%m%d") if row["study_date"] else ""
        fields = (row["study_uid"] or "", row["accession"] or "", row["patient_id"] or "", date)
        requests.append(Request(study, row["subject"], *fields))
    return requests


def _source(config: RetrieveConfig, engine: EngineConfig, work: Path, requests: Sequence[Request]) -> Source:
    if config.source != "folder":
        raise ConfigError(f'retrieve.source: "{config.source}" is not available in this version; use "folder"')
    if config.path is None:
        raise ConfigError('retrieve.path: missing; source "folder" needs the archive\'s folder')
    index = update_index(config.path, work / "tables" / "folder_index.parquet", engine)
    return FolderSource(config.path, index, config.lookup, requests)


def _retrieve(task: tuple[Request, list[Header]], source: Source, config: RetrieveConfig, work: Path) -> Outcome:
    """One study: from its headers to its folder, whole or not at all."""
    request, headers = task
    folder = work / "retrieved" / request.study
    asked = digest_of([config.model_dump(mode="json"), request.__dict__, headers])
    record = folder / RECORD
    if record.exists():
        before = json.loads(record.read_text("utf-8"))
        if before["asked"] == asked:
            return dict(before["outcome"])
    shutil.rmtree(folder, ignore_errors=True)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    outcome = _pull(request, headers, source, config, part)
    if outcome["reason"]:
        shutil.rmtree(part)
        part.mkdir(mode=0o700)
    (part / RECORD).write_text(json.dumps({"asked": asked, "outcome": outcome}, ensure_ascii=False, sort_keys=True), "utf-8")
    _sync(part)
    part.rename(folder)
    return outcome


def _pull(request: Request, headers: Sequence[Header], source: Source, config: RetrieveConfig, part: Path) -> Outcome:
    if not headers:
        return _lost(Reason.STUDY_NOT_FOUND)
    studies = {header["study_uid"] for header in headers}
    if len(studies) > 1:
        return _lost(Reason.AMBIGUOUS_STUDY, f"{len(studies)} studies answer to the same number")
    patients = {header["patient_id"] for header in headers if header["patient_id"]}
    if (patients - {request.patient_id} and request.patient_id) or len(patients) > 1:
        return _lost(Reason.WRONG_PATIENT, "the archive's patient is not the report's")
    good = [header for header in headers if not header["fault"]]
    series: dict[str, list[Header]] = defaultdict(list)
    for header in _distinct(good):
        series[header["series_uid"]].append(header)
    choices = choose(series, config)
    rows, pulled = [], 0
    for number, choice in enumerate(choices, 1):
        row, reason = _series_row(request.study, number, choice), choice.reason
        if reason is None:
            reason, measured = _copy(choice, source, part / f"{number:02}", config)
            row |= measured
            pulled += 0 if reason else len(choice.headers)
        rows.append(row | {"taken": reason is None, "reason": reason})
    if not pulled:
        return _lost(_why_none([row["reason"] for row in rows])) | {"series": rows}
    counts = {"asked": len(headers), "found": len(good), "pulled": pulled}
    uid = next(iter(studies))
    retrieved = {"study": request.study, "subject": request.subject, "study_uid": uid, "folder": f"retrieved/{request.study}", **counts}
    return {"retrieved": retrieved, "series": rows, "reason": None, "detail": ""}


def _distinct(headers: Sequence[Header]) -> list[Header]:
    """One file an instance: the same object stored twice is taken once, the first by path."""
    found: dict[str, Header] = {}
    for header in sorted(headers, key=lambda header: header["path"]):
        found.setdefault(header["sop_uid"], header)
    return list(found.values())


def _series_row(study: str, number: int, choice: Choice) -> dict[str, Any]:
    row = dict.fromkeys(SERIES.schema.names) | technical_parameters(choice.headers)
    first = choice.headers[0]
    return row | {
        "study": study, "series": number, "series_uid": first["series_uid"], "instances": len(choice.headers),
        "description": first["description"], "phase": choice.phase, "slice_spacing": choice.stack.spacing,
    }  # fmt: skip


def _copy(choice: Choice, source: Source, folder: Path, config: RetrieveConfig) -> tuple[str | None, dict[str, Any]]:
    """Copy one series and read it back as a volume; (reason to leave it or None, measured columns)."""
    from pydicom import dcmread

    from ichset.volume import GeometryError, from_datasets

    folder.mkdir(mode=0o700)
    for number, (_, data) in enumerate(source.fetch(choice.headers), 1):
        target = folder / f"{number:04}.dcm"
        target.write_bytes(data if isinstance(data, bytes) else data.read_bytes())
    try:
        quality = quality_of(from_datasets([dcmread(path) for path in sorted(folder.iterdir())]))
        reason = None
    except GeometryError as error:
        reason, quality = error.reason, None
    except Exception as error:  # a damaged file: the parser raises many kinds
        reason, quality = f"files cannot be read ({type(error).__name__})", None
    measured = {"motion": quality.motion, "metal": quality.metal} if quality else {}
    if quality and (quality.motion > config.max_motion or quality.metal > config.max_metal):
        reason = str(Reason.BAD_QUALITY)
    if reason:
        shutil.rmtree(folder)
    return reason, measured


def _why_none(reasons: Sequence[str | None]) -> Reason:
    if str(Reason.BAD_QUALITY) in reasons:
        return Reason.BAD_QUALITY
    if any(reason and reason.startswith(("missing slices", "files cannot", "pixels cannot")) for reason in reasons):
        return Reason.STUDY_INCOMPLETE
    return Reason.NO_NATIVE_PHASE if "contrast phase" in reasons else Reason.NO_USABLE_SERIES


def _lost(reason: Reason, detail: str = "") -> Outcome:
    return {"retrieved": None, "series": [], "reason": str(reason), "detail": detail}


def _sync(folder: Path) -> None:
    """Push a finished folder to the disk before it gets its final name."""
    for path in [*sorted(folder.rglob("*")), folder]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
