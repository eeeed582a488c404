"""What in a DICOM header may tell a person or a day, at any depth of nesting, read without converting the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# patient ID, accession number, other patient IDs and names, address, telephone
IDENTITY = {0x00100020, 0x00080050, 0x00101000, 0x00101001, 0x00101040, 0x00102154}
# classes and coding schemes name kinds of things, not things
OF_KINDS = {0x00080016, 0x00081150, 0x0008010C, 0x00080117, 0x00080118, 0x0008001B, 0x00081190}
STANDARD = "1.2.840.10008."
Path = tuple[int, ...]  # tags and item numbers


def telling(dataset: Any, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """(path, VR, value) of dates, UIDs of things, names of persons, and identifiers that are not empty."""
    for tag, raw in list(dataset.items()):
        kind = raw.VR
        if kind is None or kind in ("SQ", "UN"):
            element = dataset[tag]
            kind = element.VR
            if kind == "SQ":
                for number, item in enumerate(element.value):
                    yield from telling(item, (*path, int(tag), number))
                continue
        if kind in ("DA", "DT", "PN") or (kind == "UI" and tag not in OF_KINDS) or tag in IDENTITY:
            value = _text(raw.value).strip(" \0^")
            if value and not value.startswith(STANDARD):
                yield (*path, int(tag)), str(kind), value


def _text(value: Any) -> str:
    # latin-1 keeps every byte: two values are the same when their bytes are
    return "" if value is None else value.decode("latin-1") if isinstance(value, bytes) else str(value)


def words(dataset: Any, kinds: tuple[str, ...], without: int) -> Iterator[str]:
    """The text of every element of these value representations, at every depth, but of the tag `without`."""
    for tag, raw in list(dataset.items()):
        if raw.VR in kinds and tag != without:
            yield _text(raw.value)
        elif raw.VR is None or raw.VR == "SQ":
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    yield from words(item, kinds, without)
            elif element.VR in kinds and tag != without:
                yield str(element.value or "")


def keyword(tag: int) -> str:
    """The element's name in the standard, or its number."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
