"""Compressed pixels to stored values: one decoder a transfer syntax, its damage named, its death survived."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

# never a chain of fallbacks: what the first refuses is damaged, and GDCM's JPEG-LS aborts the process on it
DECODERS = {
    "1.2.840.10008.1.2.5": "pydicom", "1.2.840.10008.1.2.4.50": "pillow", "1.2.840.10008.1.2.4.51": "gdcm", "1.2.840.10008.1.2.4.57": "gdcm",
    "1.2.840.10008.1.2.4.70": "gdcm", "1.2.840.10008.1.2.4.80": "pyjpegls", "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg", "1.2.840.10008.1.2.4.91": "pylibjpeg", "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg", "1.2.840.10008.1.2.4.203": "pylibjpeg",
}  # fmt: skip
FRAGILE = frozenset(uid for uid, plugin in DECODERS.items() if plugin == "gdcm")  # it ends the process on some damaged frames
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
SECONDS_A_FRAME = 5.0  # a frame takes 0.01 s; beyond this the decoder hangs
HEAD = 65536  # bytes of a frame in which its own header lies


class NotDecodable(Exception):
    """These pixels cannot be had; the words name no value of the file."""


def stored_pixels(dataset: Dataset) -> NDArray[Any]:
    """(rows, columns) stored values of a single-frame grey slice; kept by the data set once decoded. Raises NotDecodable."""
    try:
        uid = str(dataset.file_meta.TransferSyntaxUID)
        if uid not in NATIVE:
            plugin = DECODERS.get(uid)
            if plugin is None:
                raise NotDecodable("no decoder for this transfer syntax")
            _check_size(dataset)
            dataset.pixel_array_options(decoding_plugin=plugin)
        stored = dataset.pixel_array
        shape = (int(dataset.Rows), int(dataset.Columns))
    except NotDecodable:
        raise
    except Exception as error:  # decoders raise many kinds on damaged pixels and values
        raise NotDecodable(type(error).__name__) from None
    if stored.shape != shape:
        raise NotDecodable("another size than the header says")
    return stored


def _check_size(dataset: Dataset) -> None:
    """A frame that says of itself to be larger would be given memory before anybody looks."""
    from pydicom.encaps import get_frame

    size = size_of(get_frame(dataset.PixelData, 0, number_of_frames=1)[:HEAD])
    if size is not None and size != (dataset.Rows, dataset.Columns):
        raise NotDecodable("another size than the header says")


def survive(datasets: Sequence[Dataset]) -> None:
    """Decode what a decoder may die of in a forked process first. Raises NotDecodable when that dies or hangs.

    What only raises there raises in the caller's own process as well, and is named there.
    """
    fragile = [dataset for dataset in datasets if str(dataset.file_meta.get("TransferSyntaxUID", "")) in FRAGILE]
    if not fragile:
        return
    stored_pixels(fragile[0].__class__()) if False else None
    child = os.fork()
    if child == 0:
        _decode_and_exit(fragile)
    if not _ended_by_itself(child, time.monotonic() + 10 + SECONDS_A_FRAME * len(fragile)):
        raise NotDecodable("the decoder gave up")


def _decode_and_exit(datasets: Sequence[Dataset]) -> None:
    try:
        for dataset in datasets:
            stored_pixels(dataset)
    except BaseException:  # the parent meets it again
        os._exit(1)
    os._exit(0)


def _ended_by_itself(child: int, deadline: float) -> bool:
    pause = 0.001
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.WIFEXITED(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def size_of(head: bytes | mmap.mmap) -> tuple[int, int] | None:
    """(rows, columns) in the frame header of a JPEG, JPEG-LS or JPEG 2000 codestream; None when it starts otherwise."""
    if head[:4] == b"\xff\x4f\xff\x51" and len(head) >= 24:  # JPEG 2000: SOC, SIZ (ISO 15444-1 A.5.1)
        right, bottom, left, top = struct.unpack_from(">4I", head, 8)
        return bottom - top, right - left
    if head[:2] != b"\xff\xd8":
        return None
    pos = 2
    while pos + 9 <= len(head) and head[pos] == 0xFF:
        marker, length = head[pos + 1], struct.unpack_from(">H", head, pos + 2)[0]
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):  # SOF (ISO 10918-1 B.2.2)
            if not 2 <= head[pos + 4] <= 16 or head[pos + 9 : pos + 10] != b"\1":
                return 0, 0  # a precision or a number of components that no CT frame has; decoders trip over them
            return struct.unpack_from(">HH", head, pos + 5)  # type: ignore[return-value]
        pos += 2 + length
    return None
