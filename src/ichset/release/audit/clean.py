"""Files hold what their kind holds and nothing beside it: no comments, text chunks, file metadata, or words in a header.

Whatever a reader of the content never sees is where names are left behind; so it must be empty, whatever it says.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator

from ichset.release.audit.report import Check

PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"pHYs", b"IEND"}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
NIFTI_HEADER = 352  # bytes: 348 of header, 4 that say whether extensions follow
# NIfTI-1 fields for free text: data_type, db_name, descrip, aux_file, intent_name
NIFTI_WORDS = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))


# what a page runs or fetches when it is opened; links that a person follows are none of it
_LOADED = re.compile(
    r"<(script|iframe|object|embed|form|base|link|meta\s+http-equiv)\b|\son\w+\s*=\s*[\"']|\b(src|poster|data|srcset)\s*=\s*[\"']?(?!data:image/)\w+:"
    r"|<(image|use|feImage)\b[^>]*href\s*=\s*[\"'](?!#|data:image/)|@import|url\(\s*[\"']?(?!#|data:image/)\w|!\[[^\]]*\]\(",
    re.IGNORECASE,
)


class CleanAudit:
    """Fed every file once."""

    def __init__(self) -> None:
        self.check = Check("clean", "no comment, text chunk, file metadata or header field holds words that are no content")

    def see(self, name: str, data: bytes) -> None:
        for suffix, look in _KINDS:
            if name.endswith(suffix):
                self.check.looked_at += 1
                try:
                    for fault in look(data):
                        self.check.fault(f"{name}: {fault}")
                except (OSError, ValueError, struct.error, zlib.error) as error:
                    self.check.fault(f"{name}: cannot be read ({type(error).__name__})")
                return


def _png(data: bytes) -> Iterator[str]:
    if not data.startswith(PNG_SIGNATURE):
        yield "no PNG file"
        return
    at, kind = len(PNG_SIGNATURE), b""
    while at < len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind not in PNG_CHUNKS:
            yield "a PNG chunk that is neither picture nor scale"
        at += 12 + length
    if at != len(data) or kind != b"IEND":
        yield "bytes beyond the end of the picture, or no end"


def _markup(data: bytes) -> Iterator[str]:
    text = data.decode("utf-8", "replace")
    if "<!--" in text:
        yield "a comment"
    if _LOADED.search(text):
        yield "a script, a form or something loaded from elsewhere"
    for _, inside in re.findall(r"<(metadata|desc)\b[^>]*>(.*?)</\1>", text, re.DOTALL):
        if re.sub(r"<[^>]*>|image/svg\+xml", "", inside).strip():
            yield "metadata with words in a figure"


def _parquet(data: bytes) -> Iterator[str]:
    import pyarrow.parquet as pq

    if pq.ParquetFile(io.BytesIO(data)).metadata.metadata:
        yield "key-value metadata in a Parquet file"


def _gzip(data: bytes) -> Iterator[str]:
    if data[:3] != b"\x1f\x8b\x08" or data[3] or any(data[4:8]):
        yield "a gzip header with a name, a comment or a time"
    head = zlib.decompressobj(31).decompress(data, NIFTI_HEADER)
    for start, length in NIFTI_WORDS:
        if head[start : start + length].strip(b"\0 "):
            yield f"words in the NIfTI header at byte {start}"
    if head[348:349] not in (b"\0", b""):
        yield "a NIfTI extension"


def _dicom(data: bytes) -> Iterator[str]:
    if any(data[:128]):
        yield "a preamble that is not empty (PS3.10 section 7.1)"


_KINDS: tuple[tuple[str, Callable[[bytes], Iterator[str]]], ...] = (
    (".png", _png), (".svg", _markup), (".html", _markup), (".md", _markup), (".parquet", _parquet), (".gz", _gzip), (".dcm", _dicom),
)  # fmt: skip
