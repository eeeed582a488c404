"""multipart/related as WADO-RS sends it (RFC 2387, PS3.18 8.7.3): parts one by one, memory holds one part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from ichset.imaging.sources import TransferFault

LARGEST = 1 << 29  # bytes of one instance
HEADER = 1 << 16  # bytes of one part's header
BLOCK = 1 << 18


class Stream(Protocol):
    def read(self, amount: int) -> bytes:
        """Up to `amount` bytes as they come; empty at the end."""
        ...


def boundary_of(content_type: str) -> bytes | None:
    """The boundary a Content-Type names; None when the answer is no multipart."""
    if not content_type.lower().startswith("multipart/"):
        return None
    found = re.search(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;,]{1,200}))', content_type, re.I)
    if found is None:
        raise TransferFault("the answer is multipart without a boundary")
    return (found[1] or found[2]).encode("latin-1", "replace")


def parts(stream: Stream, boundary: bytes) -> Iterator[bytes]:
    """Every part's body. Raises TransferFault when the stream ends before its closing delimiter."""
    reader = _Reader(stream)
    delimiter = b"--" + boundary
    reader.until(delimiter, HEADER)
    while True:
        if (tail := reader.take(2)) == b"--":
            return
        if tail != b"\r\n":
            raise TransferFault("the answer's parts are not delimited as multipart demands")
        reader.push(tail)  # a part without header lines begins with an empty line
        header = reader.until(b"\r\n\r\n", HEADER)
        length = re.search(rb"\r\ncontent-length:\s*(\d{1,12})", header, re.I)
        if length is None:
            yield reader.until(b"\r\n" + delimiter, LARGEST)
            continue
        if int(length[1]) > LARGEST:
            raise TransferFault("the answer has a part larger than any instance")
        body = reader.take(int(length[1]))
        if reader.until(delimiter, HEADER).strip():
            raise TransferFault("a part is longer than its own header says")
        yield body


class _Reader:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def _fill(self) -> None:
        block = self._stream.read(BLOCK)
        if not block:
            raise TransferFault("the answer broke off")
        self._buffer += block

    def push(self, data: bytes) -> None:
        self._buffer[:0] = data

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    def until(self, mark: bytes, most: int) -> bytes:
        """Everything before `mark`, which is consumed too."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            if len(self._buffer) > most:
                raise TransferFault("the answer has a part larger than any instance")
            start = max(len(self._buffer) - len(mark) + 1, 0)
            self._fill()
        taken = bytes(memoryview(self._buffer)[:at])
        del self._buffer[: at + len(mark)]
        return taken
