"""One study's instances on their way in: each checked against what was asked, kept across a crash, asked for again when missing.

Files lie under names made from a hash of their SOP Instance UID until the study is whole, so that a resumed pull knows
what it has, whatever order the archive lists.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ichset.imaging.header import read_header
from ichset.imaging.sources import Header, Request, Source, TransferFault
from ichset.imaging.sources.answers import fits
from ichset.imaging.sources.courtesy import Courtesy

LETTER = "asked"


class Incomplete(Exception):
    """The source did not deliver what it lists, however often it was asked; words name no person."""


class WrongPatient(Exception):
    """What came belongs to another patient than the report."""


class Staging:
    """`<study>.part/`: begun anew unless it was begun for the same question."""

    def __init__(self, part: Path, letter: str) -> None:
        self.part, self._pulled, self._spool = part, part / "pulled", part / "spool"
        if not (part / LETTER).exists() or (part / LETTER).read_text("ascii") != letter:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            (part / LETTER).write_text(letter, "ascii")
        self._pulled.mkdir(mode=0o700, exist_ok=True)
        self.foreign = 0  # instances that came unasked
        self.resumed = 0  # instances that an earlier run had brought
        self.asked: set[str] = set()  # SOP Instance UIDs
        self._got: dict[str, Header] = {}

    def file(self, header: Header) -> Path:
        return self._pulled / hashlib.sha256(str(header["sop_uid"]).encode()).hexdigest()[:32]

    def pull(self, headers: Sequence[Header], siblings: int, source: Source, request: Request, lookup: str, courtesy: Courtesy) -> list[Header]:
        """All of one stack's instances, as their own headers tell; `siblings`: how many instances the whole series lists.

        Raises Incomplete when attempts bring nothing more, WrongPatient, or SourceUnreachable when the source is gone.
        """
        wanted = {header["sop_uid"]: header for header in headers}
        self.asked |= wanted.keys()
        got = {uid: self._got[uid] for uid in wanted if uid in self._got}
        for uid in wanted.keys() - got.keys():
            if (row := self._kept(wanted[uid], request, lookup)) is not None:
                got[uid] = row
                self.resumed += 1
        attempt, fault = 0, TransferFault("instances that the source lists do not come")
        while len(got) < len(wanted):
            missing = [header for uid, header in wanted.items() if uid not in got]
            before = len(got)
            try:
                self._receive(source, missing, len(missing) == siblings, wanted, got, request, lookup)
            except TransferFault as error:
                fault = error
            attempt = 0 if len(got) > before else attempt + 1
            if len(got) < len(wanted) and (attempt > courtesy.config.retries or fault.permanent or not source.remote):
                source.check()
                self._got |= got
                raise Incomplete(f"{len(wanted) - len(got)} of {len(wanted)} instances did not come: {fault.words}")
            if len(got) < len(wanted) and attempt:
                courtesy.backoff(attempt - 1, fault)
        self._got |= got
        return [got[header["sop_uid"]] for header in headers]

    @property
    def pulled(self) -> int:
        """How many of the instances asked for have come."""
        return len(self._got)

    def _receive(
        self, source: Source, missing: list[Header], whole: bool, wanted: dict[str, Header], got: dict[str, Header], request: Request, lookup: str
    ) -> None:
        shutil.rmtree(self._spool, ignore_errors=True)
        self._spool.mkdir(mode=0o700)
        for arrived in source.fetch(missing, self._spool, whole):
            row = read_header(arrived)
            header = wanted.get(row.get("sop_uid") or "")
            if row["fault"] or header is None or not _same_place(row, header):
                self.foreign += 1
                continue
            if header["sop_uid"] not in got:
                _check_person(row, request, lookup)
                self._store(arrived, self.file(header))
                got[header["sop_uid"]] = row

    def _store(self, arrived: bytes | Path, target: Path) -> None:
        whole = target.with_suffix(".whole")
        if isinstance(arrived, bytes):
            with whole.open("wb") as file:
                file.write(arrived)
                file.flush()
                os.fsync(file.fileno())
        elif arrived.is_relative_to(self._spool):
            arrived.replace(whole)
        else:
            shutil.copyfile(arrived, whole)
        whole.replace(target)

    def _kept(self, header: Header, request: Request, lookup: str) -> Header | None:
        path = self.file(header)
        if not path.exists():
            return None
        row = read_header(path)
        if row["fault"] or row["sop_uid"] != header["sop_uid"] or not _same_place(row, header) or not _decodes(path):
            path.unlink()
            return None
        _check_person(row, request, lookup)
        return row

    def publish(self, series: Iterable[tuple[int, Sequence[Header]]]) -> None:
        """Move the taken stacks to <series>/<instance>.dcm; what was pulled and not taken goes."""
        for number, headers in series:
            folder = self.part / f"{number:02}"
            folder.mkdir(mode=0o700)
            for instance, header in enumerate(headers, 1):
                self.file(header).replace(folder / f"{instance:04}.dcm")
        self.clear(all_of_it=False)

    def clear(self, all_of_it: bool) -> None:
        """Leave nothing but what was published; with `all_of_it` not even that."""
        for path in [*self.part.iterdir()] if all_of_it else [self._pulled, self._spool, self.part / LETTER]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _same_place(row: Header, header: Header) -> bool:
    return row["series_uid"] == header["series_uid"] and row["study_uid"] == header["study_uid"]


def _check_person(row: Header, request: Request, lookup: str) -> None:
    if not fits(row, request, lookup) or not same_person(row["patient_id"], request.patient_id):
        raise WrongPatient("the archive's patient is not the report's")


def same_person(said: Any, asked: str) -> bool:
    """Patient IDs as far as both sides tell one."""
    return not asked.strip() or (said or "").strip() in ("", asked.strip())


def _decodes(path: Path) -> bool:
    """Whether a file that an interrupted run left is whole."""
    from pydicom import dcmread

    from ichset.decoding import survive

    try:
        dataset = dcmread(path)
        survive([dataset])
        dataset.pixel_array  # noqa: B018 - decoding is the test
    except Exception:  # decoders raise many kinds on damaged pixels
        return False
    return True
