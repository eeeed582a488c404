"""De-identify any folder of DICOM files: folder in, folder out, the doubtful ones set aside with a reason each.

Output: `DST/<subject>/<study>/<series>/<instance>.dcm`, named by pseudonyms and ordinals. Beside it, private (0700):
`DST.private/` with the quarantined files, their reasons, the crosswalk and a record of every finished study.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ichset import dicomfile
from ichset.anonymize import census, folder_study
from ichset.anonymize.folder_study import FolderTask
from ichset.anonymize.profile import EDITION, method_codes
from ichset.anonymize.settings import FolderSettings
from ichset.anonymize.survey import Found, Lost, survey
from ichset.errors import ConfigError
from ichset.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from ichset.config import EngineConfig


@dataclass(frozen=True)
class Summary:
    """What became of the files: `files` = `written` + `quarantined`."""

    files: int
    written: int
    studies: int
    reasons: Mapping[str, int]
    census: Sequence[Mapping[str, Any]]
    notes: Mapping[str, int]

    @property
    def quarantined(self) -> int:
        return sum(self.reasons.values())


def deidentify_folder(
    src: Path, dst: Path, key: bytes, config: FolderSettings, engine: EngineConfig | None = None, deface: bool = True, jobs: int | None = None
) -> Summary:
    """De-identify everything below `src` into `dst`. Studies finished by an earlier run from the same files are left as they are.

    Raises ConfigError when the folders lie in each other, SourceUnreachable when `src` cannot be listed.
    """
    if dst.resolve().is_relative_to(src.resolve()) or src.resolve().is_relative_to(dst.resolve()):
        raise ConfigError("SRC and DST lie in each other; choose a DST outside of SRC")
    private = private_folder(dst)
    for folder in (private, private / "records"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    dst.mkdir(parents=True, exist_ok=True)
    tasks, lost = _tasks(src, dst, private, Pseudonyms(key))
    if not tasks and not lost:
        raise ConfigError("SRC holds no files")
    shutil.rmtree(private / "quarantine", ignore_errors=True)
    run = partial(folder_study.deidentify_study, config=config, key=key, deface=deface)
    aside: list[tuple[Path, str, str]] = [(found.path, "file cannot be read", found.detail) for found in lost]
    records, written, studies = [], 0, 0
    for task, result in _results(run, tasks, engine, jobs):
        if isinstance(result, str):
            aside += [(member.path, "file cannot be read", result) for member in task.members]
            continue
        written += result["written"]
        studies += bool(result["written"])
        aside += [(Path(path), reason, detail) for path, reason, detail in result["aside"]]
        records.append(result)
    _set_aside(private, aside)
    _crosswalk(private, records)
    total = census.merge(record["census"] for record in records)
    reasons = Counter(f"{reason}: {detail}" if detail else reason for _, reason, detail in aside)
    notes = Counter(what for what, _ in total.notes)
    return Summary(
        written + len(aside),
        written,
        studies,
        dict(sorted(reasons.items())),
        census.rows(total, frozenset(config.options)),
        dict(sorted(notes.items())),
    )


def _results(
    run: Callable[[FolderTask], Mapping[str, Any]], tasks: Iterable[FolderTask], engine: EngineConfig | None, jobs: int | None
) -> Iterator[tuple[FolderTask, Mapping[str, Any] | str]]:
    """Each study's record, or why its worker died; one job without an engine's settings needs no engine."""
    if engine is None and jobs == 1:
        yield from ((task, run(task)) for task in tasks)
        return
    from ichset.config import EngineConfig
    from ichset.engine import WorkerDied, run_each

    for task, result in run_each(run, tasks, engine or EngineConfig(), jobs):
        yield task, result.detail if isinstance(result, WorkerDied) else result


def private_folder(dst: Path) -> Path:
    """Where quarantine, crosswalk and records of an output folder live: beside it, never in it."""
    return dst.with_name(dst.name + ".private")


def _tasks(src: Path, dst: Path, private: Path, pseudonyms: Pseudonyms) -> tuple[list[FolderTask], list[Lost]]:
    studies: dict[tuple[str, str], list[Found]] = {}
    lost: list[Lost] = []
    for found in survey(src):
        if isinstance(found, Lost):
            lost.append(found)
        else:
            studies.setdefault((found.patient_id, found.study_uid), []).append(found)
    tasks = []
    for (patient_id, study_uid), members in studies.items():
        # a study under two patient IDs is two studies, each with its own subject
        study = pseudonyms.study("/".join((patient_id, study_uid)))
        tasks.append(FolderTask(study, patient_id, study_uid, tuple(members), dst, private / "records" / f"{study}.json"))
    return sorted(tasks, key=lambda task: task.study), lost


def _set_aside(private: Path, aside: Sequence[tuple[Path, str, str]]) -> None:
    """Files in doubt under ordinal names; reasons.csv says which source file each is. A person opens it: formulas are defused."""
    folder = private / "quarantine"
    folder.mkdir(mode=0o700)
    if aside:
        from ichset.anonymize import quarantine
    with (folder / "reasons.csv").open("w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "reason", "detail", "source"))
        for number, (path, reason, detail) in enumerate(sorted(aside), start=1):
            name = f"{number:06d}.dcm"
            quarantine.set_aside_file(path, folder / name)
            if "drawn" in detail:
                quarantine.preview(path, folder / f"{number:06d}.png")
            source = str(path)
            writer.writerow((name, reason, detail, "'" + source if source[:1] in "=+-@" else source))


def _crosswalk(private: Path, records: Iterable[Mapping[str, Any]]) -> None:
    rows = sorted((record["patient_id"], record["subject"], record["study_uid"], record["study"]) for record in records if record["written"])
    temporary = private / "crosswalk.csv.part"
    with temporary.open("w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("patient_id", "subject", "study_uid", "study"))
        writer.writerows(rows)
    dicomfile.sync(temporary)
    temporary.rename(private / "crosswalk.csv")


def write_report(path: Path, summary: Summary, config: FolderSettings, deface: bool) -> None:
    """The run as JSON for the privacy officer: counts, reasons, options, the tag census. No identifier, no path, no value."""
    text = json.dumps(
        {
            "files": summary.files,
            "written": summary.written,
            "quarantined": summary.quarantined,
            "studies": summary.studies,
            "reasons": summary.reasons,
            "table": f"PS3.15 Table E.1-1, {EDITION}",
            "methods": [f"{code} {meaning}" for code, meaning in method_codes(frozenset(config.options), deface)],
            "notes": summary.notes,
            "census": summary.census,
        },
        indent=1,
        ensure_ascii=False,
    )
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text + "\n", "utf-8")
    dicomfile.sync(temporary)
    temporary.rename(path)
