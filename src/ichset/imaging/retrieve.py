"""Retrieve: find each study of the wave, take its right series, and prove that nothing is missing."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ichset.config import EngineConfig, RetrieveConfig
from ichset.contracts import RETRIEVED, SERIES, WAVE, Reason, StageOutput
from ichset.engine import WorkerDied, run_each
from ichset.errors import ConfigError
from ichset.imaging.sources import Request, Source
from ichset.imaging.sources.answers import askable
from ichset.imaging.sources.courtesy import Courtesy
from ichset.imaging.staging import same_person
from ichset.imaging.study import Outcome, Task, recorded, retrieve_study
from ichset.manifest import digest_of

REPORT = ("study", "asked", "found", "pulled", "missing", "faulty", "foreign", "masks", "masks_missing", "reason", "detail")
DECIDING = {
    "source", "path", "dicomweb", "dimse", "lookup", "masks", "policy", "min_slices", "min_coverage_mm",
    "max_motion", "max_metal", "max_detector", "max_truncated",
}  # fmt: skip
VERSION = 4  # of what a finished study's folder holds: raised when the same settings would give another result


def retrieve_wave(wave: pa.Table, screened: pa.Table, config: RetrieveConfig, engine: EngineConfig, work: Path) -> StageOutput:
    """Copy the right series of every study in play to `work/retrieved/<study>/<series>/<instance>.dcm`.

    Kept: RETRIEVED; excluded: (study, reason, detail); tables: SERIES, every series found with why it was left. A study
    that was retrieved under the same settings from the same files is not pulled again, and one that two reports ask for
    is pulled once. `work/retrieved/completeness.csv` says of each study what was asked, found, pulled and missing.
    Raises SourceUnreachable when the source as a whole does not answer; what is finished stays finished.
    """
    requests = _requests(wave, screened)
    (work / "retrieved").mkdir(mode=0o700, parents=True, exist_ok=True)
    courtesy = Courtesy(config.courtesy, work)
    source = open_source(config, engine, work, requests, courtesy)
    outcomes: dict[str, Outcome] = {}
    tasks = _tasks(requests, source, config, work, outcomes)
    run = partial(retrieve_study, source=source, config=config, courtesy=courtesy, work=work)
    jobs = config.courtesy.connections if source.remote else None
    for task, outcome in run_each(run, tasks, engine, jobs, title="retrieve"):
        if isinstance(outcome, WorkerDied):
            outcome = Outcome(task.study_uid, reason=str(Reason.UNREADABLE_FILE), detail=outcome.detail)
        outcomes[task.request.study] = outcome
    ordered = [(study, outcomes[study]) for study in wave["study"].to_pylist()]
    _write_report(ordered, work / "retrieved" / "completeness.csv")
    lost = [{"study": study, "reason": one.reason, "detail": one.detail} for study, one in ordered if one.reason]
    return StageOutput(
        pa.Table.from_pylist([one.retrieved for _, one in ordered if one.retrieved], RETRIEVED.schema),
        pa.Table.from_pylist(lost, WAVE.excluded_schema),
        {SERIES.name: pa.Table.from_pylist([row for _, one in ordered for row in one.series], SERIES.schema)},
    )


def _requests(wave: pa.Table, screened: pa.Table) -> list[Request]:
    """In the order of ranks: of two reports of one study the one drawn first has it."""
    known = {row["study"]: row for row in screened.drop_columns(["indication", "description", "conclusion"]).to_pylist()}
    requests = []
    for wanted in sorted(wave.select(["rank", "study"]).to_pylist(), key=lambda row: (row["rank"], row["study"])):
        requests.append(request_of(known[wanted["study"]]))
    return requests


def request_of(row: Mapping[str, Any]) -> Request:
    """What a screened report says of its study."""
    date = row["study_date"].strftime("%Y%m%d") if row["study_date"] else ""
    fields = (row["study_uid"] or "", row["accession"] or "", row["patient_id"] or "", date, row["masks"] or "")
    return Request(row["study"], row["subject"], *fields)


def open_source(config: RetrieveConfig, engine: EngineConfig, work: Path, requests: Sequence[Request], courtesy: Courtesy) -> Source:
    """The configured source, its settings checked. Raises ConfigError, or SourceUnreachable for a folder that is not there."""
    if config.source == "dicomweb" and config.dicomweb is not None:
        try:
            from ichset.imaging.sources.dicomweb import DicomwebSource
        except ImportError:
            raise ConfigError('retrieve.source: "dicomweb" needs the extra: pip install "ichset[pacs]"') from None
        return DicomwebSource(config.dicomweb, config.lookup, courtesy)
    if config.source == "dimse" and config.dimse is not None:
        from ichset.imaging.sources.dimse import DimseSource, require_pynetdicom

        require_pynetdicom()
        return DimseSource(config.dimse, config.lookup, courtesy)
    from ichset.imaging.index import update_index
    from ichset.imaging.sources.folder import FolderSource

    if config.path is None:
        raise ConfigError('retrieve.path: missing; source "folder" needs the archive\'s folder')
    index = update_index(config.path, work / "tables" / "folder_index.parquet", engine)
    return FolderSource(config.path, index, config.lookup, requests)


def _tasks(requests: Sequence[Request], source: Source, config: RetrieveConfig, work: Path, outcomes: dict[str, Outcome]) -> Iterator[Task]:
    """Studies to pull, one by one as workers come free; what needs no pull goes to `outcomes` at once."""
    settings = {"version": VERSION, **config.model_dump(mode="json", include=DECIDING)}
    taken: set[str] = set()
    for request in requests:
        question = digest_of([settings, request.__dict__])
        before = recorded(work / "retrieved" / request.study, question) if source.remote else None
        uid, lost = (before.study_uid, None) if before else _locate(request, source, config)
        if lost is None and uid in taken:
            lost = Outcome(uid, reason=str(Reason.DUPLICATE_STUDY), detail="the archive has one study under both numbers")
        if lost is None and uid:
            taken.add(uid)
        if lost is not None or before is not None:
            outcomes[request.study] = lost or before or Outcome()
        if request.study not in outcomes:
            headers = None if source.remote else source.headers(uid)
            masks = tuple(source.masks(uid))
            letter = question if source.remote else digest_of([question, headers, [(str(path), path.stat().st_size) for path in masks]])
            yield Task(request, uid, headers, masks, letter)


def _locate(request: Request, source: Source, config: RetrieveConfig) -> tuple[str, Outcome | None]:
    """The study's UID, or why there is none to pull."""
    found = source.locate(request)
    uids = sorted({one.study_uid for one in found})
    if not found:
        why = "" if askable(request, config.lookup) else f"the report's {config.lookup} is missing or no single number"
        return "", Outcome(reason=str(Reason.STUDY_NOT_FOUND), detail=why)
    if len(uids) > 1:
        return "", Outcome(reason=str(Reason.AMBIGUOUS_STUDY), detail=f"{len(uids)} studies answer to the same number")
    people = {one.patient_id.strip() for one in found} - {""}
    if len(people) > 1 or not all(same_person(person, request.patient_id) for person in people):
        return "", Outcome(uids[0], reason=str(Reason.WRONG_PATIENT), detail="the archive's patient is not the report's")
    return uids[0], None


def _write_report(outcomes: Sequence[tuple[str, Outcome]], path: Path) -> None:
    """Pseudonyms and counts only; missing = asked - pulled, and nothing kept has any missing."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, REPORT, lineterminator="\n", restval=0)
        writer.writeheader()
        for study, one in sorted(outcomes, key=lambda pair: pair[0]):
            counts: dict[str, Any] = dict(one.counts)
            counts["missing"] = counts.get("asked", 0) - counts.get("pulled", 0)
            writer.writerow({"study": study, **counts, "reason": one.reason or "", "detail": one.detail or ""})
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
