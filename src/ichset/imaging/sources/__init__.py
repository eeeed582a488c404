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


Header = Mapping[str, Any]  # one instance: the columns of imaging.header.SCHEMA


class Source(Protocol):
    """Where studies come from."""

    def find(self, request: Request) -> list[Header]:
        """Every instance of the study, headers only, in a stable order; none when the source does not have it."""
        ...

    def fetch(self, headers: Sequence[Header]) -> Iterator[tuple[Header, bytes | Path]]:
        """The instances' files in the order asked, as bytes or a readable path."""
        ...
