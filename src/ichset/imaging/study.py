"""One study, from the source's listing to its folder: pulled, looked at, chosen; whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ichset.config import RetrieveConfig
from ichset.contracts import SERIES, Reason
from ichset.dicomfile import sync_filesystem
from ichset.imaging.header import CUT
from ichset.imaging.masks import named, take
from ichset.imaging.quality import Quality, quality_of
from ichset.imaging.repair import repair
from ichset.imaging.series import Choice, Key, Knowledge, Seen, choose
from ichset.imaging.sources import Header, Request, Source, TransferFault
from ichset.imaging.sources.answers import fits
from ichset.imaging.sources.courtesy import Courtesy
from ichset.imaging.staging import Incomplete, Staging, WrongPatient, same_person
from ichset.imaging.technical import technical_parameters

RECORD = "record.json"
FLEETING = frozenset({Reason.STUDY_NOT_FOUND, Reason.STUDY_INCOMPLETE})  # of a PACS: asked again by the next run


@dataclass(frozen=True)
class Task:
    """A study to retrieve; `headers` None: the worker asks the source. `letter` is a hash of question and settings."""

    request: Request
    study_uid: str
    headers: Sequence[Header] | None
    masks: tuple[Path, ...]
    letter: str


@dataclass(frozen=True)
class Outcome:
    """`retrieved` is a row of RETRIEVED or None with a reason; `counts` are the study's line of the completeness report."""

    study_uid: str = ""
    retrieved: dict[str, Any] | None = None
    series: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None
    detail: str = ""
    counts: dict[str, int] = field(default_factory=dict)


class _Lost(Exception):
    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def retrieve_study(task: Task, source: Source, config: RetrieveConfig, courtesy: Courtesy, work: Path) -> Outcome:
    """Bring one study to `work/retrieved/<study>`; a loss is an Outcome too. Raises SourceUnreachable."""
    folder = work / "retrieved" / task.request.study
    if (before := recorded(folder, task.letter)) is not None:
        return before
    shutil.rmtree(folder, ignore_errors=True)
    staging = Staging(folder.with_name(folder.name + ".part"), task.letter)
    study = _Study(task, source, config, courtesy, staging)
    try:
        outcome = study.bring()
    except (_Lost, WrongPatient, Incomplete, TransferFault) as lost:
        counts = {"asked": len(staging.asked), "found": study.found, "pulled": staging.pulled, "foreign": staging.foreign}
        outcome = replace(_loss(task.study_uid, lost), counts=counts)
    if outcome.reason:
        if source.remote and Reason(outcome.reason) in FLEETING:
            return outcome  # what has come stays in the .part folder for the next attempt
        staging.clear(all_of_it=True)
    (staging.part / RECORD).write_text(
        json.dumps({"asked": task.letter, "outcome": asdict(outcome)}, ensure_ascii=False, sort_keys=True), "utf-8"
    )
    sync_filesystem(staging.part)
    staging.part.rename(folder)
    if source.remote:
        courtesy.pause()
    return outcome


def recorded(folder: Path, letter: str | None) -> Outcome | None:
    """The outcome of an earlier run for the same question under the same settings."""
    try:
        before = json.loads((folder / RECORD).read_text("utf-8"))
        return Outcome(**before["outcome"]) if before["asked"] == letter else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _loss(study_uid: str, lost: Exception) -> Outcome:
    if isinstance(lost, _Lost):
        return Outcome(study_uid, reason=str(lost.reason), detail=lost.detail)
    if isinstance(lost, WrongPatient):
        return Outcome(study_uid, reason=str(Reason.WRONG_PATIENT), detail=str(lost))
    words = lost.words if isinstance(lost, TransferFault) else str(lost)
    return Outcome(study_uid, reason=str(Reason.STUDY_INCOMPLETE), detail=words)


class _Study:
    """Pull what the headers recommend, look into the files, choose again until every taken stack was looked into."""

    def __init__(self, task: Task, source: Source, config: RetrieveConfig, courtesy: Courtesy, staging: Staging) -> None:
        self._task, self._source, self._config, self._courtesy, self._staging = task, source, config, courtesy, staging
        self.found = 0  # instances that the source lists
        self._seen: dict[Key, Seen] = {}
        self._measured: dict[Key, dict[str, Any]] = {}
        self._cut: set[str] = set()  # series with a file that holds no pixels: a slice too few, wherever it lay

    def bring(self) -> Outcome:
        listed = self._source.headers(self._task.study_uid) if self._task.headers is None else self._task.headers
        self.found = sum(not header["fault"] for header in listed)
        series = self._checked(listed)
        told = set() if self._source.remote else set(series)  # series known from files: only their parts are final
        while True:
            choices = choose(series, self._config, Knowledge(self._seen, frozenset(series) - told))
            waiting = [choice for choice in choices if choice.reason is None and choice.key not in self._seen]
            if not waiting:
                return self._outcome(listed, choices)
            for choice in waiting:
                uid = choice.key[0]
                rows = {row["sop_uid"]: row for row in self._pull(choice, len(series[uid]))}
                if uid in told:
                    self._seen[choice.key] = self._look(choice)
                else:
                    series[uid] = [rows.get(header["sop_uid"], header) for header in series[uid]]
                    told.add(uid)

    def _checked(self, listed: Sequence[Header]) -> dict[str, list[Header]]:
        """The study's good instances by series, one file each. Raises _Lost when they are not the report's study."""
        good = [header for header in listed if not header["fault"] and header["study_uid"] == self._task.study_uid]
        if not good:
            raise _Lost(Reason.STUDY_NOT_FOUND)
        request, lookup = self._task.request, self._config.lookup
        people = {(header["patient_id"] or "").strip() for header in good} - {""}
        if len(people) > 1 or not all(same_person(person, request.patient_id) for person in people):
            raise _Lost(Reason.WRONG_PATIENT, "the archive's patient is not the report's")
        if not any(fits(header, request, lookup) for header in good):
            raise _Lost(Reason.STUDY_NOT_FOUND, "the archive answers with another study")
        whole = {header["sop_uid"] for header in good}
        self._cut = {one["series_uid"] for one in listed if one["fault"] == CUT and one["sop_uid"] not in whole}
        series: dict[str, list[Header]] = defaultdict(list)
        for header in distinct(good):
            series[header["series_uid"]].append(header)
        return series

    def _pull(self, choice: Choice, siblings: int) -> list[Header]:
        return self._staging.pull(choice.headers, siblings, self._source, self._task.request, self._config.lookup, self._courtesy)

    def _look(self, choice: Choice) -> Seen:
        """Read the stack as a volume: mend rescale values, score artefacts, tell the phase. Damage is a reason, no failure."""
        from pydicom import dcmread

        from ichset.decoding import NotDecodable, survive
        from ichset.volume import GeometryError, from_datasets

        if choice.key[0] in self._cut:
            return Seen(reason=f"files cannot be read ({CUT})")
        paths = [self._staging.file(row) for row in choice.headers]
        try:
            datasets = [dcmread(path) for path in paths]
            survive(datasets)
            mended = repair(datasets)
            quality = quality_of(from_datasets(datasets))
        except GeometryError as error:
            return Seen(reason=error.reason)
        except NotDecodable as error:
            return Seen(reason=f"pixels cannot be decoded ({error})")
        except Exception as error:  # a damaged file: parser and decoders raise many kinds
            return Seen(reason=f"files cannot be read ({type(error).__name__})")
        if mended:
            for dataset, path in zip(datasets, paths, strict=True):
                dataset.save_as(path)
        scores = {name: round(getattr(quality, name), 4) for name in ("motion", "metal", "detector", "truncated")}
        self._measured[choice.key] = scores | {"repaired": mended}
        return Seen(quality.phase, self._beyond(quality, choice))

    def _beyond(self, quality: Quality, choice: Choice) -> str | None:
        limits = ((name, getattr(quality, name), getattr(self._config, f"max_{name}")) for name in ("motion", "metal", "detector", "truncated"))
        if any(score > limit for _, score, limit in limits):
            return str(Reason.BAD_QUALITY)
        return "not the head" if choice.region is None and quality.head is False else None

    def _outcome(self, listed: Sequence[Header], choices: Sequence[Choice]) -> Outcome:
        rows = [self._row(number, choice) for number, choice in enumerate(choices, 1)]
        taken = [(number, choice.headers) for number, choice in enumerate(choices, 1) if choice.reason is None]
        asked = sum(len(headers) for _, headers in taken)
        counts = {
            "asked": asked, "found": self.found, "pulled": 0, "faulty": sum(bool(h["fault"]) for h in listed),
            "foreign": self._staging.foreign, "masks": 0, "masks_missing": 0,
        }  # fmt: skip
        uid = self._task.study_uid
        if not taken:
            return Outcome(uid, None, rows, str(_why_none([choice.reason for choice in choices])), "", counts)
        self._staging.publish(taken)
        counts["pulled"] = sum(len(list((self._staging.part / f"{number:02}").iterdir())) for number, _ in taken)
        if counts["pulled"] != asked:
            raise Incomplete(f"{asked - counts['pulled']} of {asked} instances are gone")
        told, counts["masks_missing"] = named(self._task.request.masks, self._config.masks or self._config.path)
        masks = take([*self._task.masks, *told], self._staging.part / "masks")
        counts["masks"] = len(masks)
        if masks:
            (self._staging.part / "masks.json").write_text(json.dumps(masks, sort_keys=True), "utf-8")
        request = self._task.request
        place = {"study": request.study, "subject": request.subject, "study_uid": uid, "folder": f"retrieved/{request.study}"}
        return Outcome(uid, place | {name: counts[name] for name in ("asked", "found", "pulled")}, rows, None, "", counts)

    def _row(self, number: int, choice: Choice) -> dict[str, Any]:
        first, stack = choice.headers[0], choice.stack
        row = dict.fromkeys(SERIES.schema.names) | technical_parameters(choice.headers, stack)
        return row | self._measured.get(choice.key, {}) | {
            "study": self._task.request.study, "series": number, "series_uid": first["series_uid"], "instances": len(choice.headers),
            "description": first["description"], "phase": choice.phase, "slice_spacing": stack.spacing, "geometry": stack.name,
            "taken": choice.reason is None, "reason": choice.reason,
        }  # fmt: skip


def distinct(headers: Sequence[Header]) -> list[Header]:
    """One file an instance: of the same object stored twice the longer file (a copy may be cut off), then the first by path."""
    found: dict[str, Header] = {}
    for header in sorted(headers, key=lambda header: (-(header.get("size") or 0), header.get("path") or b"")):
        found.setdefault(header["sop_uid"], header)
    return sorted(found.values(), key=lambda header: header["sop_uid"])


def _why_none(reasons: Sequence[str | None]) -> Reason:
    if str(Reason.BAD_QUALITY) in reasons:
        return Reason.BAD_QUALITY
    if any(reason and reason.startswith(("missing slices", "files cannot", "pixels cannot")) for reason in reasons):
        return Reason.STUDY_INCOMPLETE
    return Reason.NO_NATIVE_PHASE if "contrast phase" in reasons else Reason.NO_USABLE_SERIES
