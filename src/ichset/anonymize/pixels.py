"""Pixel data of one file: is it a CT image at all, is its size what it says, is text drawn in it, and how is it written."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ichset.anonymize.lettering import drawn_text
from ichset.anonymize.tags import Doubt
from ichset.decoding import DECODERS
from ichset.dicomfile import PIXEL_DATA, PIXELS, DicomFile

if TYPE_CHECKING:
    from pydicom import Dataset

CT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image",
}
MAX_SIDE = 4096  # rows or columns of a CT frame
MAX_FRAMES = 10_000
MAX_DECODED = 512 << 20  # bytes that one file's frames may decode to
_NOT_SLICES = frozenset(
    {"LOCALIZER", "SCOUT", "TOPOGRAM", "TOP", "SURVIEW", "SCREEN", "SCREENSHOT", "SAVE", "DOSE", "SUMMARY", "PROTOCOL", "REPORT", "VRT",
     "SSD", "3D", "RENDERED", "VOLREN", "RENDER", "SURFACE"}
)  # fmt: skip
_PIXEL_MODULE = (0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103)  # US, all of type 1 (PS3.3 C.7.6.3)
_UIDS = (0x00080018, 0x0020000D, 0x0020000E)
_SCREEN = re.compile(
    r"dose.?(report|info|record)|patient.?protocol|exam.?summary|screen.?(save|shot|capture)|(страница|отч[её]т).{0,9}доз|протокол.{0,9}доз", re.I
)


@dataclass(frozen=True)
class Shape:
    """What the header says of the pixels."""

    rows: int
    columns: int
    frames: int
    allocated: int  # bits
    stored: int
    signed: bool

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.allocated // 8


def admit(file: DicomFile) -> Shape:
    """The shape of a CT slice that may go on; Doubt for any other object, and for sizes that do not hold."""
    if file.text(0x00080016) not in CT_CLASSES or file.text(0x00080060) != "CT":
        raise Doubt("not a CT image: secondary capture, report or another object", "NOT_A_SLICE")
    words = set(re.split(r"[\\\s_]+", file.text(0x00080008).upper()))
    if words & _NOT_SLICES:
        raise Doubt("a scout, a screen or a rendering by its image type", "NOT_A_SLICE")
    if file.text(0x00280301).upper() == "YES":
        raise Doubt("marked as having burned-in text", "BURNED_IN_TEXT")
    if (file.raw(0x00080064) and file.text(0x00080064) != "DF") or _SCREEN.search((file.raw(0x0008103E) or b"").decode("utf-8", "replace")):
        raise Doubt("a capture of a screen by its conversion type or description", "NOT_A_SLICE")
    if any(len(file.raw(tag) or b"") != 2 for tag in _PIXEL_MODULE) or not all(file.raw(tag) for tag in _UIDS):
        raise Doubt("a required attribute of an image is missing", "NOT_A_SLICE")
    shape = _shape(file)
    if not (0 < shape.rows <= MAX_SIDE and 0 < shape.columns <= MAX_SIDE and 0 < shape.frames <= MAX_FRAMES):
        raise Doubt("rows, columns or frames missing or out of bounds", "NOT_A_SLICE")
    if shape.allocated not in (8, 16) or not 0 < shape.stored <= shape.allocated or _number(file, 0x00280103) > 1:
        raise Doubt("bits allocated or stored are not those of a CT image", "NOT_A_SLICE")
    if _number(file, 0x00280002) != 1 or file.text(0x00280004) not in ("MONOCHROME1", "MONOCHROME2"):
        raise Doubt("not a greyscale image", "NOT_A_SLICE")
    _check_size(file, shape)
    return shape


def _number(file: DicomFile, tag: int) -> int:
    raw = file.raw(tag) or b""
    return struct.unpack(file.syntax.order + "H", raw)[0] if len(raw) == 2 else 0


def _shape(file: DicomFile) -> Shape:
    frames = file.text(0x00280008) or "1"
    return Shape(
        _number(file, 0x00280010), _number(file, 0x00280011), int(frames) if re.fullmatch(r"\d{1,6}", frames) else 0,
        _number(file, 0x00280100), _number(file, 0x00280101), _number(file, 0x00280103) == 1,
    )  # fmt: skip


def _check_size(file: DicomFile, shape: Shape) -> None:
    last = file.elements[-1]
    if last.tag != PIXEL_DATA:
        raise Doubt("no pixel data" if last.tag not in PIXELS else "pixel data that is no CT image's", "NOT_A_SLICE")
    if file.syntax.encapsulated != last.undefined:
        raise Doubt("pixel data does not fit the transfer syntax", "NOT_A_SLICE")
    if not file.syntax.encapsulated and last.end - last.value < shape.frame_bytes * shape.frames:
        raise Doubt("pixel data is shorter than rows x columns", "NOT_A_SLICE")


def stored_bytes(file: DicomFile, shape: Shape) -> memoryview:
    """The pixel data as it is written on: native without what exceeds rows x columns, encapsulated as it stands."""
    last = file.elements[-1]
    end = last.end + 8 if last.undefined else last.value + shape.frame_bytes * shape.frames
    return memoryview(file.data)[last.value : end]


def native_frames(file: DicomFile, shape: Shape) -> NDArray[np.int32 | np.uint16 | np.int16]:
    """(frames, rows, columns) stored values of native pixel data, without a copy, in the file's byte order."""
    kind = {(8, False): "u1", (8, True): "i1", (16, False): "u2", (16, True): "i2"}[shape.allocated, shape.signed]
    last = file.elements[-1]
    count = shape.rows * shape.columns * shape.frames
    values = np.frombuffer(file.data, dtype=np.dtype(file.syntax.order + kind), count=count, offset=last.value)
    return values.reshape(shape.frames, shape.rows, shape.columns)


def check_drawn(frames: Iterable[NDArray], shape: Shape, slope: float) -> None:
    """Doubt when text seems drawn in a frame, or bits above those stored hold something (an embedded overlay)."""
    for frame in frames:
        if frame.shape != (shape.rows, shape.columns):
            raise Doubt("a decoded frame has another size than the header says", "NOT_A_SLICE")
        if drawn_text(frame, slope):
            raise Doubt("text may be drawn in the pixels", "BURNED_IN_TEXT")
        if shape.stored < shape.allocated and _spare_bits(frame, shape):
            raise Doubt("bits above those stored hold an overlay", "BURNED_IN_TEXT")


def _spare_bits(frame: NDArray, shape: Shape) -> bool:
    top, low = int(frame.max()), int(frame.min())
    limit = 1 << (shape.stored - shape.signed)
    if top < limit and low >= (-limit if shape.signed else 0):
        return False
    outside = frame[(frame >= limit) | (frame < (-limit if shape.signed else 0))]
    return len(np.unique(outside)) > 1  # one value is padding written without regard to BitsStored


def decoded_frames(dataset: Dataset) -> Iterator[NDArray]:
    """Each frame (rows, columns) of compressed pixel data, one in memory at a time."""
    from pydicom.pixels.utils import iter_pixels

    plugin = DECODERS.get(dataset.file_meta.TransferSyntaxUID)
    if plugin is None:
        raise Doubt("no decoder for this transfer syntax", "NOT_A_SLICE")
    yield from iter_pixels(dataset, raw=True, decoding_plugin=plugin)
