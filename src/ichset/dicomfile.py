"""Read and write one DICOM file at the level of elements: bounded, without decoding values or touching pixels.

A file is one read; its data set becomes a list of `Element` positions into that buffer, so that what is kept
can be written as the bytes it came in. Every length is checked before it is believed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import stat
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAX_DEPTH = 24  # nesting of sequences; real objects stay below 10
MAX_INFLATED = 256 << 20  # bytes that a deflated data set may grow to
MAX_READ = 64 << 20  # larger files are mapped instead of read
UNDEFINED = 0xFFFFFFFF
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

# PS3.5 section 7.1.2: value representations with a 4-byte length, and the others
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI",
     b"UL", b"US"}
)  # fmt: skip

IMPLICIT_LE, EXPLICIT_LE, DEFLATED_LE, EXPLICIT_BE = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
)  # fmt: skip
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
_ENCAPSULATED = frozenset({RLE_LOSSLESS, *(f"1.2.840.10008.1.2.4.{n}" for n in (*range(50, 67), 70, 80, 81, 90, 91, 92, 93, 201, 202, 203))})


class NotReadable(Exception):
    """The bytes are not one whole DICOM object. The message names no value of the file."""


@dataclass(frozen=True)
class Syntax:
    """How a data set is encoded (PS3.5 section 10)."""

    uid: str
    explicit: bool = True
    little: bool = True
    encapsulated: bool = False

    @property
    def order(self) -> str:
        return "<" if self.little else ">"


class Element(NamedTuple):
    """Where one element lies in its buffer; `vr` is empty under implicit VR. `stop` is past its delimiter."""

    tag: int
    vr: bytes
    value: int
    end: int
    stop: int
    undefined: bool


@dataclass(frozen=True)
class DicomFile:
    """One parsed file: `data[element.value:element.end]` is a raw value; `trailing` bytes follow the last element."""

    data: bytes | mmap.mmap
    syntax: Syntax
    media: dict[int, bytes]  # file meta information: tag -> raw value
    elements: list[Element]
    trailing: int
    places: dict[int, tuple[int, int]]  # tag -> where its value starts and ends

    def raw(self, tag: int) -> bytes | None:
        """The raw value of a top-level element, or None."""
        place = self.places.get(tag)
        return self.data[place[0] : place[1]] if place else None

    def text(self, tag: int) -> str:
        """A top-level value as ASCII text without padding; bytes beyond ASCII are replaced."""
        return (self.raw(tag) or b"").decode("ascii", "replace").strip(" \0")


def syntax_of(uid: str) -> Syntax:
    """The encoding behind a transfer syntax UID; one that is not supported is refused."""
    if uid in (EXPLICIT_LE, DEFLATED_LE):
        return Syntax(EXPLICIT_LE)  # a deflated data set is written plain
    if uid == IMPLICIT_LE:
        return Syntax(uid, explicit=False)
    if uid == EXPLICIT_BE:
        return Syntax(uid, little=False)
    if uid in _ENCAPSULATED:
        return Syntax(uid, encapsulated=True)
    raise NotReadable("transfer syntax not supported")


def load(path: Path, mapped: bool = False) -> bytes | mmap.mmap:
    """The bytes of a file; only a regular file, and a large one is mapped, so that memory stays bounded."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable("not a regular file")
        if status.st_size > MAX_READ or (mapped and status.st_size):
            return mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
        parts = []
        while part := os.read(handle, status.st_size + 1):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(handle)


class Outline(NamedTuple):
    """Where the elements of a head lie, and the bytes that say so: a head with the same ones has the same elements."""

    head: int  # bytes of the head
    last: bytes  # its last 4 bytes, compared first
    mask: int  # all bits of the bytes that are no value
    fixed: int  # those bits
    meta: list[Element]
    syntax: Syntax
    elements: list[Element]
    stop: int
    places: dict[int, tuple[int, int]]


class Outlines:
    """Outlines of the heads read before. Slices of a series differ in values of equal length mostly, so few are needed."""

    MOST = 6

    def __init__(self) -> None:
        self._known: list[Outline] = []

    def parse(self, data: bytes | mmap.mmap, until: int = UNDEFINED) -> DicomFile:
        """What `parse` answers, without walking over a head that is known."""
        for rank, known in enumerate(self._known):
            if data[known.head - 4 : known.head] != known.last or known.stop > len(data):
                continue
            if int.from_bytes(data[: known.head], "little") & known.mask == known.fixed:
                if rank:
                    self._known.insert(0, self._known.pop(rank))
                media = {element[0]: data[element[2] : element[3]] for element in known.meta}
                return DicomFile(data, known.syntax, media, known.elements, len(data) - known.stop, known.places)
        file = parse(data, until)
        if file.data is data and (outline := _outline(file, until)):
            self._known.insert(0, outline)
            del self._known[self.MOST :]
        return file


def _outline(file: DicomFile, until: int) -> Outline | None:
    data, last = file.data, file.elements[-1] if file.elements else None
    if last is None or last.undefined or (last.tag not in PIXELS and until == UNDEFINED):
        return None
    stop = len(data) - file.trailing
    head = last.value if last.tag in PIXELS else stop + 4  # the next element's tag says that the wanted ones end here
    if head > len(data):
        return None
    meta = _meta_elements(data, 132 if data[128:132] == b"DICM" else 0)
    free = [element for element in meta if element.tag != 0x00020010] + [e for e in file.elements if e.tag not in PIXELS and not e.undefined]
    mask = bytearray(b"\xff" * head)
    for element in free:
        mask[element.value : element.end] = bytes(element.end - element.value)
    bits = int.from_bytes(mask, "little")
    fixed = int.from_bytes(data[:head], "little") & bits
    return Outline(head, data[head - 4 : head], bits, fixed, meta, file.syntax, file.elements, stop, file.places)


def parse(data: bytes | mmap.mmap, until: int = UNDEFINED) -> DicomFile:
    """Parse a whole file; elements after the pixel data, or above the tag `until`, are not looked at."""
    media, start = _file_meta(data, 132 if data[128:132] == b"DICM" else 0)
    uid = media.get(0x00020010, b"").decode("ascii", "replace").strip(" \0")
    if len(data) - start < 8:
        raise NotReadable("no data set")
    syntax = syntax_of(uid) if uid else _sniff(data, start)
    if uid == DEFLATED_LE:
        data, start = _inflate(data, start), 0
    elements, stop = scan(data, start, len(data), syntax, until=until)
    places = {element[0]: (element[2], element[3]) for element in elements}
    if len(places) != len(elements):
        raise NotReadable("an element occurs twice")
    elements.sort()
    return DicomFile(data, syntax, media, elements, len(data) - stop, places)


def _file_meta(data: bytes | mmap.mmap, pos: int) -> tuple[dict[int, bytes], int]:
    elements = _meta_elements(data, pos)
    return {element.tag: data[element.value : element.end] for element in elements}, elements[-1].stop if elements else pos


def _meta_elements(data: bytes | mmap.mmap, pos: int) -> list[Element]:
    found: list[Element] = []
    while data[pos : pos + 2] == b"\2\0":
        elements, pos = scan(data, pos, len(data), Syntax(EXPLICIT_LE), single=True)
        found += elements
    return found


def _sniff(data: bytes | mmap.mmap, pos: int) -> Syntax:
    if data[pos + 4 : pos + 6] in LONG_VRS | SHORT_VRS:
        little = data[pos] != 0 or data[pos + 1] == 0
        return Syntax(EXPLICIT_LE) if little else Syntax(EXPLICIT_BE, little=False)
    return Syntax(IMPLICIT_LE, explicit=False)


def _inflate(data: bytes | mmap.mmap, pos: int) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = stream.decompress(data[pos:], MAX_INFLATED)
    except zlib.error:
        raise NotReadable("deflated data set is damaged") from None
    if stream.unconsumed_tail:
        raise NotReadable("deflated data set grows beyond the bound")
    if not stream.eof:
        raise NotReadable("deflated data set is cut off")
    return plain


def scan(
    data: bytes | mmap.mmap, pos: int, stop: int, syntax: Syntax, depth: int = 0, until: int = UNDEFINED, open_item: bool = False,
    single: bool = False,
) -> tuple[list[Element], int]:
    """Elements from `pos` up to `stop`, and where they end.

    `open_item`: they belong to an item of undefined length and end at its delimiter.
    `single`: only the first one.
    At depth 0 the scan ends after the pixel data: what follows (padding, signatures, anything) is never kept.
    """
    if depth > MAX_DEPTH:
        raise NotReadable("sequences are nested too deeply")
    elements: list[Element] = []
    order, explicit = syntax.order, syntax.explicit
    head, long = (_HEADS if explicit else _PLAIN)[order].unpack_from, _LONGS[order].unpack_from
    append, new, vr = elements.append, tuple.__new__, b""
    try:
        while pos < stop:
            if explicit:  # written out, not called: this loop is most of what a header costs
                group, number, vr, length = head(data, pos)
                value = pos + 8
                if vr in LONG_VRS:
                    length, value = long(data, pos + 8)[0], pos + 12
                elif vr not in SHORT_VRS and group != 0xFFFE:
                    raise NotReadable("unknown value representation")
            else:
                group, number, length = head(data, pos)
                value = pos + 8
            if group == 0xFFFE:
                if open_item and number == _ITEM_END & 0xFFFF:
                    return elements, pos + 8
                raise NotReadable("a delimiter stands where an element must")
            tag = group << 16 | number
            if tag > until:
                break
            pos = end = value + length
            if length == UNDEFINED:
                inner = Syntax("", explicit and vr != b"UN", order == "<" or vr == b"UN")
                end, pos = _undefined(data, tag, vr, value, stop, inner, depth)
            elif end > stop:
                raise NotReadable("an element is longer than the file")
            append(new(Element, (tag, vr, value, end, pos, length == UNDEFINED)))
            if single or (depth == 0 and tag in PIXELS):
                break
    except struct.error:
        raise NotReadable("the data set is cut off") from None
    if open_item:
        raise NotReadable("an item has no end")
    return elements, pos


_HEADS = {order: struct.Struct(order + "HH2sH") for order in "<>"}
_LONGS = {order: struct.Struct(order + "I") for order in "<>"}
_PLAIN = {order: struct.Struct(order + "HHI") for order in "<>"}


def _undefined(data: bytes | mmap.mmap, tag: int, vr: bytes, value: int, stop: int, inner: Syntax, depth: int) -> tuple[int, int]:
    """Where a value of undefined length ends, and where its delimiter does."""
    if tag in PIXELS:
        if vr == b"" or depth:
            raise NotReadable("encapsulated pixel data where none may be")
        _, end = fragments(data, value, stop)
    elif vr not in (b"SQ", b"UN", b""):
        raise NotReadable("a value that is no sequence has no length")
    else:
        _, end = items(data, value, stop, inner, depth + 1, closed=False)
    return end - 8, end


def items(
    data: bytes | mmap.mmap, pos: int, stop: int, syntax: Syntax, depth: int, closed: bool
) -> tuple[list[list[Element]], int]:
    """The items of a sequence's value, each a list of elements. `closed`: the sequence has a defined length."""
    if depth > MAX_DEPTH:
        raise NotReadable("sequences are nested too deeply")
    order = syntax.order
    found: list[list[Element]] = []
    try:
        while not closed or pos < stop:
            group, number, length = _PLAIN[order].unpack_from(data, pos)
            tag, pos = group << 16 | number, pos + 8
            if tag == _SEQUENCE_END and not closed:
                return found, pos
            if tag != _ITEM:
                raise NotReadable("a sequence holds something that is no item")
            if length == UNDEFINED:
                elements, pos = scan(data, pos, stop, syntax, depth, open_item=True)
            elif pos + length > stop:
                raise NotReadable("an item is longer than its sequence")
            else:
                elements, pos = scan(data, pos, pos + length, syntax, depth)
            found.append(elements)
    except struct.error:
        raise NotReadable("a sequence is cut off") from None
    return found, pos


def fragments(data: bytes | mmap.mmap, pos: int, stop: int) -> tuple[list[tuple[int, int]], int]:
    """(start, end) of each fragment of encapsulated pixel data, the offset table first, and where the delimiter ends."""
    found: list[tuple[int, int]] = []
    try:
        while True:
            group, number, length = _PLAIN["<"].unpack_from(data, pos)
            tag, pos = group << 16 | number, pos + 8
            if tag == _SEQUENCE_END:
                if not found:
                    raise NotReadable("encapsulated pixel data without an offset table")
                return found, pos
            if tag != _ITEM or pos + length > stop:
                raise NotReadable("encapsulated pixel data is damaged")
            found.append((pos, pos + length))
            pos += length
    except struct.error:
        raise NotReadable("encapsulated pixel data is cut off") from None


def encode(tag: int, vr: bytes, value: bytes, syntax: Syntax) -> bytes:
    """One element with a defined length; `value` is padded to an even length (NUL for UI and bytes, else a space)."""
    if len(value) & 1:
        value += b"\0" if vr in _NUL_PADDED else b" "
    order = syntax.order
    if not syntax.explicit:
        return _PLAIN[order].pack(tag >> 16, tag & 0xFFFF, len(value)) + value
    if vr in LONG_VRS:
        return _HEADS[order].pack(tag >> 16, tag & 0xFFFF, vr, 0) + _LONGS[order].pack(len(value)) + value
    if len(value) > 0xFFFF:
        raise NotReadable("a value is too long for its VR")
    return _HEADS[order].pack(tag >> 16, tag & 0xFFFF, vr, len(value)) + value


_NUL_PADDED = frozenset({b"UI", b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"})


def encode_items(datasets: Sequence[bytes], syntax: Syntax) -> bytes:
    """The value of a sequence whose items hold these encoded data sets."""
    return b"".join(_PLAIN[syntax.order].pack(0xFFFE, 0xE000, len(item)) + item for item in datasets)


def encode_fragments(frames: Sequence[bytes]) -> bytes:
    """The value of encapsulated pixel data, one fragment a frame, with its basic offset table and delimiter (PS3.5 A.4)."""
    padded = [frame + b"\0" * (len(frame) & 1) for frame in frames]
    offsets, at = [], 0
    for frame in padded:
        offsets.append(at)
        at += 8 + len(frame)
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    parts = [struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part for part in (table, *padded)]
    return b"".join(parts) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def file_meta(sop_class: str, sop_instance: str, syntax_uid: str) -> bytes:
    """Zeroed preamble, `DICM` and a fresh file meta group: nothing of the source's own is carried over (PS3.10 7.1)."""
    explicit = Syntax(EXPLICIT_LE)
    group = b"".join(
        encode(tag, vr, value, explicit)
        for tag, vr, value in (
            (0x00020001, b"OB", b"\0\1"),
            (0x00020002, b"UI", sop_class.encode()),
            (0x00020003, b"UI", sop_instance.encode()),
            (0x00020010, b"UI", syntax_uid.encode()),
            (0x00020012, b"UI", IMPLEMENTATION_UID.encode()),
            (0x00020013, b"SH", b"ICHSET"),
        )
    )
    return b"\0" * 128 + b"DICM" + encode(0x00020000, b"UL", struct.pack("<I", len(group)), explicit) + group


IMPLEMENTATION_UID = "2.25.218105537412716412325312106338176245351"  # a random UUID of this package


def write(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Write a new file from its parts in one call. Callers write into a `.part` folder, sync and rename it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        pending = [memoryview(part) for part in parts if len(part)]
        while pending:
            done = os.writev(handle, pending)
            while pending and done >= len(pending[0]):
                done -= len(pending.pop(0))
            if done:
                pending[0] = pending[0][done:]
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Flush one file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(folder: Path) -> None:
    """Flush everything written below `folder` in one call, so that a rename afterwards publishes whole files only."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None), "syncfs", None)  # Linux; one call a study is 2-4 times cheaper than one a file
        if syncfs is None or syncfs(handle):
            os.sync()
    finally:
        os.close(handle)
