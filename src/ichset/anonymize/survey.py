"""Find the DICOM files below a folder and group them by study, reading no further than the identifiers in each head."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ichset import dicomfile
from ichset.anonymize.subjects import patient_id_of
from ichset.decoding import FRAGILE
from ichset.dicomfile import NotReadable, Outlines
from ichset.errors import SourceUnreachable

_LAST = 0x00200013  # instance number: the last element that the survey needs


@dataclass(frozen=True)
class Found:
    """One file that can be placed: whose it is and where it stands in its study."""

    path: Path
    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    series_number: int
    instance_number: int
    fragile: bool  # its transfer syntax has a decoder that may die of a damaged frame


@dataclass(frozen=True)
class Lost:
    """One file that cannot be placed, and why."""

    path: Path
    detail: str


def survey(folder: Path) -> Iterator[Found | Lost]:
    """Every file below `folder`, in the order of their paths; links are not followed."""
    outlines = Outlines()
    for path in _files(folder):
        try:
            yield _look(path, outlines)
        except NotReadable as error:
            yield Lost(path, str(error))
        except (OSError, ValueError) as error:
            yield Lost(path, f"{type(error).__name__} while reading")


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SourceUnreachable(f"a source folder cannot be listed ({type(error).__name__}); check that it exists and may be read") from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif not entry.is_symlink() or entry.is_file():
            yield Path(entry.path)


def _look(path: Path, outlines: Outlines) -> Found:
    data = dicomfile.load(path, mapped=True)
    if data[128:132] != b"DICM" and data[:1] not in (b"\2", b"\10", b"\0"):
        raise NotReadable("not a DICOM file")
    file = outlines.parse(data, until=_LAST)
    study, series, sop = file.text(0x0020000D), file.text(0x0020000E), file.text(0x00080018)
    if not (study and series and sop):
        raise NotReadable("no study, series or instance UID: not an image object")
    return Found(path, patient_id_of(file), study, series, sop, _integer(file.text(0x00200011)), _integer(file.text(0x00200013)),
                 file.syntax.uid in FRAGILE)  # fmt: skip


def _integer(text: str) -> int:
    try:
        return int(text[:12])
    except ValueError:
        return 0
