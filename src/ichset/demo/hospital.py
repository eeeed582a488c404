"""Make the synthetic hospital: exports, archive, training table, readers' decisions, hidden truth, key and config."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ichset.config import EngineConfig
from ichset.contracts import LABELS
from ichset.demo.archive import SCANS, Task, stranger_of, write_case
from ichset.demo.cases import Case, plan_cases
from ichset.demo.exports import ParquetWriter, write_exports
from ichset.demo.identifiers import Identifiers
from ichset.demo.readers import image_rows, text_rows, write_rows
from ichset.demo.reports import Report, Reports, brain_report
from ichset.demo.settings import SIZES, config_text
from ichset.engine import WorkerDied, run_each
from ichset.errors import ConfigError, CurationError
from ichset.pseudonyms import Pseudonyms, load_key, new_key

KEY, CONFIG = "ichset.key", "demo.toml"
_LABELS = [(label, pa.int8()) for label in LABELS]
TRUTH = pa.schema([
    ("number", pa.int64()), ("kind", pa.string()), ("lang", pa.string()), ("accession", pa.string()), ("brain_ct", pa.bool_()), *_LABELS,
])  # fmt: skip
TRAINING = pa.schema([("description", pa.string()), ("conclusion", pa.string()), ("lang", pa.string()), *_LABELS])


def is_complete(directory: Path) -> bool:
    """Whether a hospital is there: its folder appears under its name only when whole."""
    return (directory / CONFIG).is_file()


def init_demo(directory: Path, reports: int, studies: int, seed: int, size: str = "default", jobs: int | None = None) -> None:
    """Make a hospital of `reports` reports and `studies` studies in `directory`.

    The same seed and key give the same bytes, whatever the number of workers. A key that lies in `directory` already is
    kept; anything else there is refused. Raises ConfigError.
    """
    if studies < 0 or reports < 0:
        raise ConfigError("--reports and --studies: a number from 0 on")
    strangers = sorted(found.name for found in directory.iterdir() if found.name != KEY) if directory.is_dir() else []
    if strangers:
        raise ConfigError(f"{directory}: not empty; give a new folder, or remove this one (--if-absent leaves a finished hospital alone)")
    part = directory.with_name(f".{directory.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _take_key(directory, part)
    _fill(part, reports, studies, seed, size, jobs)
    _sync(part)
    if directory.is_dir():
        shutil.rmtree(directory)
    part.rename(directory)


def _take_key(directory: Path, part: Path) -> None:
    if (directory / KEY).exists():
        load_key(directory / KEY)
        shutil.copy2(directory / KEY, part / KEY)
    else:
        new_key(part / KEY)


def _fill(part: Path, reports: int, studies: int, seed: int, size: str, jobs: int | None) -> None:
    cases = plan_cases(seed, studies)
    truth = part / "truth"
    truth.mkdir()
    identifiers = Identifiers()
    for case in cases:
        identifiers.add_case(case)
    pseudonyms = Pseudonyms(load_key(part / KEY))
    text = list(_written_reports(part, Reports(seed, reports, cases), identifiers, pseudonyms, seed))
    _write_training(part / "training.parquet", SIZES[size].training, seed)
    found = list(_written_studies(part / "archive", cases, seed, size, jobs))
    (truth / "studies.json").write_text(
        json.dumps([_plain(case, one) for case, one in found], ensure_ascii=False, indent=1) + "\n", "utf-8"
    )
    identifiers.write(truth / "identifiers.json")
    rows = sorted(text, key=lambda row: (str(row["study"]), str(row["reader"])))
    write_rows(part / "decisions" / "text.csv", rows)
    studies_read = [row for case, one in found for row in image_rows(pseudonyms.study(case.accession), case, seed, _key_slices(case, one))]
    write_rows(part / "decisions" / "image.csv", sorted(studies_read, key=lambda row: (str(row["study"]), str(row["reader"]))))
    (part / CONFIG).write_text(config_text(studies, "The demo hospital of this folder."), "utf-8")


def _written_reports(
    part: Path, reports: Reports, identifiers: Identifiers, pseudonyms: Pseudonyms, seed: int
) -> Iterator[dict[str, object]]:
    """Write exports and their truth; yields the text readers' rows of every report that may come to them."""
    writer = ParquetWriter(part / "truth" / "reports.parquet", TRUTH)
    for report in write_exports(reports, part / "reports", seed, reports.count):
        writer.row(_truth_row(report))
        identifiers.add_report(report)
        # one row a reader and study; reports out of the run's dates are without number in a large export
        if report.brain_ct and report.accession and report.kind not in ("duplicate", "second report", "out of dates"):
            yield from text_rows(pseudonyms.study(report.accession), report.accession, report.labels, seed)
    writer.close()


def _truth_row(report: Report) -> dict[str, Any]:
    row = {"number": report.number, "kind": report.kind, "lang": report.lang, "accession": report.accession, "brain_ct": report.brain_ct}
    return row | {label: report.labels.get(label) for label in LABELS}


def _write_training(path: Path, count: int, seed: int) -> None:
    """Reports of earlier years that readers have verified; every tenth with doubt."""
    writer = ParquetWriter(path, TRAINING)
    for number in range(count):
        rng = Random(f"{seed}/training/{number}")
        report = brain_report(rng, number, "doubt" if number % 10 == 9 else "out of dates")
        labels = {label: report.labels.get(label) for label in LABELS}
        writer.row({"description": report.text.description, "conclusion": report.text.conclusion, "lang": report.lang} | labels)
    writer.close()


def _written_studies(
    archive: Path, cases: tuple[Case, ...], seed: int, size: str, jobs: int | None
) -> Iterator[tuple[Case, dict[str, Any]]]:
    archive.mkdir()
    (archive / "README.txt").write_text("Archive of the demo hospital. Not every file here is DICOM.\n", "utf-8")
    (archive / ".index").write_bytes(b"\0" * 64)
    tasks = [Task(case, stranger_of(case, cases, seed), SCANS[size], archive, seed) for case in cases]
    for task, result in run_each(write_case, tasks, EngineConfig(), jobs):
        if isinstance(result, WorkerDied):
            raise CurationError(f"study {task.case.number} of the demo could not be drawn: {result.detail}; try --jobs 1")
        yield task.case, result


def _plain(case: Case, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": case.number, "accession": case.accession, "patient_id": case.person.patient_id, "uid": case.uid, "age": case.age,
        "sex": case.person.sex, "manufacturer": case.scanner.manufacturer, "lost": case.lost, "labels": case.labels,
        "reported": case.reported, **found,
    }  # fmt: skip


def _key_slices(case: Case, found: dict[str, Any]) -> str:
    """Where a study's first series is the native one, the slices that a reader marks: `subdural=1:12 1:13`."""
    if case.kind in ("localizer", "reversed order", "missing slices") or case.number % 3 == 0 or not found["series"]:
        return ""
    kinds = {label: found["series"][0][label]["slices"] for label in LABELS if label in found["series"][0] and case.labels[label]}
    return "; ".join(f"{label}={' '.join(f'1:{index + 1}' for index in slices)}" for label, slices in kinds.items() if slices)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.sync()
        os.fsync(handle)
    finally:
        os.close(handle)
