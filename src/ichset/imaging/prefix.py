"""The index's quick way into a file: its first kilobytes, and plain values only.

Whatever is not plain (another encoding, an unusual value representation or character set, damage) is answered with
None, and pydicom reads the file; a test holds both ways to the same answers.
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ichset.dicomfile import DEFLATED_LE, DicomFile, NotReadable, Outlines
from ichset.imaging.attributes import NUMBER, NUMBERS, TEXT

PREFIXES = (8 << 10, 256 << 10)  # bytes: most headers, and those with long private elements before the image's
PAPERS = frozenset({"SR", "KO", "PR"})  # modalities of objects without pixels
CODECS = {"": "latin-1", "ISO_IR 6": "latin-1", "ISO_IR 100": "latin-1", "ISO_IR 144": "iso8859-5", "ISO_IR 192": "utf-8"}  # pydicom's


def _wanted(columns: dict[str, str]) -> list[tuple[str, int, bytes]]:
    found = []
    for column, keyword in columns.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        found.append((column, int(tag), dictionary_VR(tag).encode()))
    return found


_TEXT, _NUMBER, _NUMBERS = _wanted(TEXT), _wanted(NUMBER), _wanted(NUMBERS)
_CHARSET = 0x00080005
_VRS = {_CHARSET: b"CS"} | {tag: vr for _, tag, vr in (*_TEXT, *_NUMBER, *_NUMBERS)}
_LAST = max(_VRS)


class _NotPlain(Exception):
    """This value is for pydicom."""


def quick_row(path: Path, outlines: Outlines) -> dict[str, Any] | None:
    """The columns of one file, or None where only pydicom can tell. `outlines`: heads read before, of any files."""
    try:
        with path.open("rb", buffering=0) as file:
            data = b""
            for size in PREFIXES:
                data += file.read(size - len(data))
                if (row := row_of_bytes(data, outlines)) is not None or len(data) < size:
                    return row
    except OSError:  # pydicom names it
        pass
    return None


def row_of_bytes(data: bytes, outlines: Outlines) -> dict[str, Any] | None:
    """The columns of the file that begins with `data`, or None."""
    if data[128:132] != b"DICM" or DEFLATED_LE.encode() in data[:1024]:
        return None
    try:
        file = outlines.parse(data, _LAST)
        return _row(_values(file)) if file.syntax.little and 0x00020010 in file.media else None
    except (NotReadable, _NotPlain, ValueError):
        return None


def _values(file: DicomFile) -> dict[int, bytes]:
    """The wanted raw values, each of the representation that the dictionary gives its element."""
    found = {}
    for tag, vr, start, end, _, _ in file.elements:
        if (usual := _VRS.get(tag)) is not None:
            if vr not in (usual, b""):
                raise _NotPlain
            found[tag] = file.data[start:end]
    return found


def _row(values: dict[int, bytes]) -> dict[str, Any]:
    charset = values.get(_CHARSET, b"").decode("ascii").strip(" \0")
    if charset not in CODECS:
        raise _NotPlain
    row: dict[str, Any] = {column: _text(values.get(tag), vr, CODECS[charset]) for column, tag, vr in _TEXT}
    row |= {column: _number(values.get(tag), vr) for column, tag, vr in _NUMBER}
    row |= {column: _numbers(values.get(tag)) for column, tag, _ in _NUMBERS}
    if (row["rows"] is None and row["modality"] not in PAPERS) or not (row["sop_uid"] and row["study_uid"] and row["series_uid"]):
        raise _NotPlain  # elements out of order, or cut off
    return row


def _text(raw: bytes | None, vr: bytes, codec: str) -> str | None:
    if raw is None:
        return None
    if not raw.isascii():
        if vr not in (b"LO", b"SH"):
            raise _NotPlain
        text = raw.decode(codec)
    else:
        text = raw.decode("ascii")
    if "\x1b" in text:
        raise _NotPlain
    return "\\".join(part.strip(" \0") for part in text.split("\\")) or None


def _number(raw: bytes | None, vr: bytes) -> float | None:
    if vr == b"US":
        if raw and len(raw) != 2:
            raise _NotPlain
        return float(raw[0] | raw[1] << 8) if raw else None
    text = (raw or b"").decode("ascii").strip(" \0")
    return _plain(text) if text and "\\" not in text else None


def _numbers(raw: bytes | None) -> list[float] | None:
    parts = [part.strip(" \0") for part in (raw or b"").decode("ascii").split("\\")]
    return [_plain(part) for part in parts] if len(parts) > 1 and all(parts) else None


def _plain(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _NotPlain
    return number
