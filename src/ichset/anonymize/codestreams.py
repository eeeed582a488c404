"""Compressed frames: their own size before a decoder sees it, and the places in them where text can hide.

Nothing is decoded here. Comments, application segments and bytes behind a frame's end are blanked in place, so that
every other byte, and so every pixel, stays what it was.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import pairwise

from ichset.anonymize.pixels import Shape
from ichset.anonymize.tags import Doubt
from ichset.decoding import size_of
from ichset.dicomfile import RLE_LOSSLESS, DicomFile, fragments

_SOC, _SOI = b"\xff\x4f", b"\xff\xd8"
_END = b"\xff\xd9"
# what encoders write about themselves; anything else in a comment goes
_ENCODER = re.compile(
    rb"(\x00\x01)?(Created by (GDCM/)?OpenJPEG version [0-9.]{1,12}|Kakadu-v?[0-9.]{1,12}|LEAD Technologies Inc\. V[0-9.]{1,8}|"
    rb"CREATOR: gd-jpeg v[0-9.]{1,6}|Accusoft[A-Za-z0-9 ,.]{0,40})\x00*"
)
_JFIF = re.compile(rb"JFIF\x00[\x00-\x01][\x00-\x02][\x00-\x02].{4}\x00\x00", re.DOTALL)
_ADOBE = re.compile(rb"Adobe.{7}", re.DOTALL)


def check(file: DicomFile, shape: Shape) -> None:
    """Doubt when frames are missing or damaged in structure, or a frame's own header names another size than the data set."""
    for frame in frames_of(file, shape):
        start, end = frame[0]
        size = size_of(file.data[start : min(end, start + 65536)])
        if size is not None and size != (shape.rows, shape.columns):
            raise Doubt("a compressed frame has another size than the header says", "NOT_A_SLICE")
        _rest(file, shape, frame)


def frames_of(file: DicomFile, shape: Shape) -> list[list[tuple[int, int]]]:
    """The fragments (start, end) of each frame; Doubt when they cannot be told."""
    last = file.elements[-1]
    found = fragments(file.data, last.value, len(file.data))[0][1:]
    if len(found) == shape.frames:
        return [[part] for part in found]
    if shape.frames == 1 and found and file.syntax.uid != RLE_LOSSLESS:
        return [found]
    grouped: list[list[tuple[int, int]]] = []
    for start, end in found:
        if file.data[start : start + 2] in (_SOC, _SOI) or not grouped:
            grouped.append([])
        grouped[-1].append((start, end))
    if len(grouped) != shape.frames or file.syntax.uid == RLE_LOSSLESS:
        raise Doubt("compressed frames do not fit the number that the header says", "NOT_A_SLICE")
    return grouped


def blanked(file: DicomFile, shape: Shape) -> bytes | None:
    """The encapsulated pixel data with hidden text blanked; None when there is none, and the bytes stay as they are.

    Raises Doubt for a frame whose structure does not tell where its pixels end.
    """
    last = file.elements[-1]
    edits: list[tuple[int, int]] = []
    for frame in frames_of(file, shape):
        edits += [place for span in _rest(file, shape, frame) for place in _absolute(span, frame)]
    edits += _table_rest(file)
    if not edits:
        return None
    data = bytearray(file.data[last.value : last.end + 8])
    for start, end in edits:
        data[start - last.value : end - last.value] = bytes(end - start)
    return bytes(data)


def _rest(file: DicomFile, shape: Shape, frame: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined = b"".join(file.data[start:end] for start, end in frame)
    return _rle_rest(joined, shape) if file.syntax.uid == RLE_LOSSLESS else _jpeg_rest(joined)


def _absolute(span: tuple[int, int], frame: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in frame:
        low, high = max(span[0] - at, 0), min(span[1] - at, end - start)
        if low < high:
            yield start + low, start + high
        at += end - start


def _table_rest(file: DicomFile) -> list[tuple[int, int]]:
    """The offset table, when it is not a table of ascending offsets into this pixel data; an empty one is allowed (PS3.5 A.4)."""
    last = file.elements[-1]
    found = fragments(file.data, last.value, len(file.data))[0]
    start, end = found[0]
    if start == end:
        return []
    count, rest = divmod(end - start, 4)
    offsets = struct.unpack_from(f"<{count}I", file.data, start)
    heads = {part[0] - 8 - end for part in found[1:]}
    if rest or offsets[0] != 0 or not set(offsets) <= heads:
        raise Doubt("the offset table of compressed pixel data is damaged", "NOT_A_SLICE")
    return []


def _jpeg_rest(stream: bytes) -> list[tuple[int, int]]:
    """(start, end) of comments, application data and what follows the end of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    if stream[:2] not in (_SOI, _SOC):
        raise Doubt("a compressed frame does not start as its transfer syntax says", "NOT_A_SLICE")
    j2k = stream[:2] == _SOC
    found, pos = [], 2
    while pos + 4 <= len(stream):
        if stream[pos] != 0xFF:
            raise Doubt("a compressed frame's header is damaged", "NOT_A_SLICE")
        marker, length = stream[pos + 1], struct.unpack_from(">H", stream, pos + 2)[0]
        if marker == (0x90 if j2k else 0xDA):  # the first tile part, the first scan
            break
        body = stream[pos + 4 : pos + 2 + length]
        if marker in ((0x64,) if j2k else (0xFE, *range(0xE0, 0xF0))) and not _harmless(body):
            found.append((pos + 4 + 2 * j2k, pos + 2 + length))
        pos += 2 + length
    end = stream.find(_END, pos + 10)
    if end < 0:
        raise Doubt("a compressed frame has no end", "NOT_A_SLICE")
    if len(stream) - end > 3:  # one byte is padding, whatever its value
        found.append((end + 2, len(stream)))
    return [(start, stop) for start, stop in found if start < stop and any(stream[start:stop])]


def _harmless(body: bytes) -> bool:
    return bool(_ENCODER.fullmatch(body) or _JFIF.fullmatch(body) or _ADOBE.fullmatch(body)) or (body[:4] == b"mrfx" and len(body) <= 9)


def _rle_rest(stream: bytes, shape: Shape) -> list[tuple[int, int]]:
    """What an RLE frame holds beside its segments (PS3.5 G.4): unused header fields, gaps, bytes behind a segment's last run."""
    if len(stream) < 64:
        raise Doubt("an RLE frame is cut off", "NOT_A_SLICE")
    header = struct.unpack_from("<16I", stream)
    count = header[0]
    if count != shape.allocated // 8 or header[1] != 64 or any(header[count + 1 :]):
        raise Doubt("an RLE frame's header does not fit the image", "NOT_A_SLICE")
    found = []
    starts = [*header[1 : count + 1], len(stream)]
    for start, stop in pairwise(starts):
        if not start < stop <= len(stream):
            raise Doubt("an RLE frame's segments overlap", "NOT_A_SLICE")
        end = _segment_end(stream, start, stop, shape.rows * shape.columns)
        if any(stream[end:stop]):
            found.append((end, stop))
    return found


def _segment_end(stream: bytes, pos: int, stop: int, wanted: int) -> int:
    """Where the runs of one RLE segment have produced its bytes."""
    while wanted > 0 and pos < stop:
        run = stream[pos]
        if run < 128:
            pos += run + 2
            wanted -= run + 1
        elif run > 128:
            pos += 2
            wanted -= 257 - run
        else:
            pos += 1
    if wanted or pos > stop:
        raise Doubt("an RLE segment does not hold one byte a pixel", "NOT_A_SLICE")
    return pos
