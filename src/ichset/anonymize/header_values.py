"""What the headers of a study's source files say of people and places, for the de-identification of its report's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ichset import dicomfile
from ichset.anonymize import charsets, dates, vocabulary

_PATIENT = (0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00102297)
_STAFF = (0x00080090, 0x0008009C, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00321032, 0x00400006)
_NUMBERS = (0x00080050, 0x00100020, 0x00101000, 0x00102154, 0x00200010, 0x00380010, 0x00402016, 0x00402017)
_PLACES = (0x00080080, 0x00080081, 0x00080092, 0x00080094, 0x00101040)
_BIRTH = 0x00100030
_LAST = 0x0040FFFF  # no tag of ours lies beyond


@dataclass(frozen=True)
class HeaderValues:
    """Values as written, every reading of the bytes where the declared character set may be wrong; sorted, each once."""

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    birth_dates: tuple[date, ...] = ()


def header_values(folder: Path) -> HeaderValues:
    """The values of every file below a retrieved study's folder. Raises NotReadable for a folder without files, or a bad file."""
    found: dict[str, set[str]] = {"names": set(), "numbers": set(), "places": set()}
    born: set[date] = set()
    outlines = dicomfile.Outlines()
    paths = sorted(folder.rglob("*.dcm"))
    if not paths:
        raise dicomfile.NotReadable("a retrieved study has no files")
    for path in paths:
        file = outlines.parse(dicomfile.load(path, mapped=True), _LAST)
        for kind, tags in (("names", _PATIENT + _STAFF), ("numbers", _NUMBERS), ("places", _PLACES)):
            found[kind].update(text for tag in tags for text in _texts(file, tag) if tag in _PATIENT or not vocabulary.is_known(text.lower()))
        born.update(day for text in _texts(file, _BIRTH) if (day := dates.read_date(text[:8])))
    names, numbers, places = (tuple(sorted(found[kind])) for kind in ("names", "numbers", "places"))
    return HeaderValues(names, numbers, places, tuple(sorted(born)))


def _texts(file: dicomfile.DicomFile, tag: int) -> Iterator[str]:
    raw = file.raw(tag)
    if raw:
        for reading in charsets.readings(bytes(raw), charsets.codecs_of(file.raw(0x00080005) or b"")):
            yield from (part for each in reading.strip(" \0").split("\\") if (part := each.strip(" \0")))
