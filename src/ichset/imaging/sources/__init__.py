"""Sources of studies behind one Protocol: a folder archive, DICOMweb, DIMSE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Request:
    """A study to find: its pseudonym, and what the reports say of it."""

    study: str
    subject: str
    study_uid: str
    accession: str
    patient_id: str
    study_date: str  # YYYYMMDD
    masks: str = ""  # files named in the report export, as they stand there


@dataclass(frozen=True, order=True)
class Located:
    """A study that a source answers with; empty where the source does not say."""

    study_uid: str
    patient_id: str = ""
    accession: str = ""
    study_date: str = ""


Header = Mapping[str, Any]  # one instance: the columns of imaging.header.SCHEMA


class TransferFault(Exception):
    """An exchange with an archive failed; the words name no person. `permanent`: asking again cannot help."""

    def __init__(self, words: str, permanent: bool = False, wait: float | None = None) -> None:
        super().__init__(words)
        self.words, self.permanent, self.wait = words, permanent, wait


class Source(Protocol):
    """Where studies come from. Every method may raise SourceUnreachable, those of remote sources TransferFault too."""

    remote: bool  # listings cost an exchange and may be sparse; False: everything is at hand

    def locate(self, request: Request) -> list[Located]:
        """The studies that the source holds for this question, each checked against it."""
        ...

    def headers(self, study_uid: str) -> list[Header]:
        """Every instance of the study, headers only, in a stable order."""
        ...

    def fetch(self, headers: Sequence[Header], spool: Path, whole: bool) -> Iterator[bytes | Path]:
        """Instances of one series in any order, as bytes or a path (a path below `spool` may be moved away).

        `whole`: the series has no other instances, so that it may be asked for in one question.

        What comes may be less, more or other than what was asked: the caller looks into every file.
        """
        ...

    def masks(self, study_uid: str) -> list[Path]:
        """NIfTI files that lie beside the study's series."""
        ...

    def check(self) -> None:
        """Raise SourceUnreachable when the source as a whole does not answer."""
        ...
