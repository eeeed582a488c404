"""Search every byte of a release for what only the hospital knows, in every encoding it may have slipped through in.

Strong identifiers (UIDs, accession and patient numbers, whole names) of every screened patient are searched everywhere.
Weak ones (dates, birth dates, parts of a name) may be another patient's innocent value, so they are searched in the files
and table rows of their own study. Parquet and gzip are opened first: compressed bytes hide what they hold.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

ENCODINGS = ("utf-8", "cp1251", "iso8859-5", "koi8-r", "utf-16-le", "utf-16-be")
SHORTEST = 6  # a strong identifier shorter than this meets innocent text by chance; it is treated as a weak one
SHORTEST_WEAK = 4
PREFIX = 4
BY_CHANCE = 8  # bytes: shorter patterns occur by chance in the pixels and packed bytes of a release, so there they tell nothing
PACKED = (".gz", ".parquet", ".png", ".jpg", ".npz", ".zip")
_MIX = np.uint32(2654435761)  # Knuth's multiplicative hash
STRONG_BITS, WEAK_BITS = 24, 16  # size of the first table: many patterns for all files, few for each study's own
COLUMNS = ("study", "study_uid", "accession", "patient_id", "patient_name", "birth_date", "study_date")


class PatternIndex:
    """Many byte strings searched at once: a table over their first four bytes, then an exact look."""

    def __init__(self, patterns: Iterable[tuple[bytes, str]], bits: int = WEAK_BITS) -> None:
        self._shift = np.uint32(32 - bits)
        self._table = np.zeros(1 << bits, bool)
        self._by_prefix: dict[bytes, list[tuple[bytes, str]]] = defaultdict(list)
        for pattern, kind in sorted(set(patterns)):
            self._by_prefix[pattern[:PREFIX]].append((pattern, kind))
        if self._by_prefix:
            firsts = np.frombuffer(b"".join(self._by_prefix), "<u4")
            self._table[(firsts * _MIX) >> self._shift] = True

    def __bool__(self) -> bool:
        return bool(self._by_prefix)

    def find(self, data: bytes) -> Iterator[tuple[str, int, bytes]]:
        """Yield (kind, offset, pattern) of every true hit."""
        if not self._by_prefix or len(data) < PREFIX:
            return
        raw = np.frombuffer(data, np.uint8)
        for start in range(PREFIX):  # four interleaved views instead of one unaligned one
            words = raw[start : start + (raw.size - start) // PREFIX * PREFIX].view("<u4")
            for hit in np.flatnonzero(self._table[(words * _MIX) >> self._shift]):
                offset = start + PREFIX * int(hit)
                for pattern, kind in self._by_prefix.get(data[offset : offset + PREFIX], ()):
                    if data.startswith(pattern, offset) and not _inside_a_word(data, offset, pattern):
                        yield kind, offset, pattern


def _inside_a_word(data: bytes, offset: int, pattern: bytes) -> bool:
    """Whether the hit is a piece of a longer number (a UID, a count) or of a longer Latin word."""
    before, after = data[offset - 1 : offset], data[offset + len(pattern) : offset + len(pattern) + 2]
    if pattern[:1].isdigit() and before.isdigit():
        return True
    # `2\0` after a number is the next DICOM tag (group 0032), not a digit of text
    if pattern[-1:].isdigit() and after[:1].isdigit() and after[1:] != b"\0":
        return True
    return pattern.isalpha() and (before.isalpha() or after[:1].isalpha())


class IdentifierSearch:
    """Fed every file of the release once."""

    def __init__(self, evidence: Evidence, private: Path | None) -> None:
        self.check = Check("identifiers", "no source identifier occurs in any byte, in six encodings")
        self._strong = PatternIndex(())
        self._weak: dict[str, PatternIndex] = {}
        if private is None:
            self.check.skipped = "no private side given: ichset audit RELEASE --private WORK"
            return
        released = {row["study"] for row in evidence.rows("studies")}
        strong, weak = _collect(private, released)
        if not strong:
            self.check.fault("the private side holds no table screened or retrieved with identifiers: nothing could be searched for")
        self._strong = PatternIndex(strong, STRONG_BITS)
        self._weak = {study: PatternIndex(patterns) for study, patterns in weak.items()}

    def look(self, name: str, data: bytes) -> None:
        """One file: its path and its content, opened where it is packed; what cannot be opened is a fault."""
        if self.check.skipped:
            return
        try:
            self._see(name, data)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            self.check.fault(f"{name}: cannot be opened to be searched ({type(error).__name__})")

    def _see(self, name: str, data: bytes) -> None:
        self._look(name, name.encode())
        noise = _noise_from(name, data)
        for content in _opened(name, data):
            self._look(name, content, noise if content is data else len(content))
        parts = name.split("/")
        if name.startswith("data/") and len(parts) > 3:
            for study in {part.split(".")[0].split("_")[0] for part in parts[1:]} & self._weak.keys():
                self._look_weak(study, name, data, noise)
        elif name.startswith("data/tables/") and name.endswith(".csv"):
            for line in data.split(b"\n"):
                if (study := line.split(b",", 1)[0].decode("utf-8", "replace")) in self._weak:
                    self._look_weak(study, name, line, len(line))

    def _look(self, name: str, data: bytes, noise: int | None = None) -> None:
        """`noise`: from this byte on, only patterns that are too long to be there by chance count."""
        self.check.looked_at += len(data)
        for kind, offset, pattern in self._strong.find(data):
            if noise is None or offset < noise or len(pattern) >= BY_CHANCE:
                self.check.fault(f"{name}: {kind} at byte {offset}")  # the kind and the place, never the value

    def _look_weak(self, study: str, name: str, data: bytes, noise: int) -> None:
        for kind, offset, pattern in self._weak[study].find(data):
            if offset < noise or len(pattern) >= BY_CHANCE:
                self.check.fault(f"{name}: {kind} of study {study} at byte {offset}")


def _noise_from(name: str, data: bytes) -> int:
    """Where bytes begin that are no text: the pixel data of a DICOM file, all of a packed one."""
    if name.endswith(PACKED):
        return 0
    if not name.endswith(".dcm"):
        return len(data)
    found = [at for vr in (b"OB", b"OW", b"") if (at := data.find(b"\xe0\x7f\x10\x00" + vr)) >= 0]
    return found[0] if found else len(data)


def _opened(name: str, data: bytes) -> Iterator[bytes]:
    yield data
    if name.endswith(".gz"):
        yield gzip.decompress(data)
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(data))
        yield "\n".join("\t".join(map(str, row.values())) for batch in table.to_batches(8192) for row in batch.to_pylist()).encode("utf-8", "replace")


def _collect(private: Path, released: set[str]) -> tuple[set[tuple[bytes, str]], dict[str, set[tuple[bytes, str]]]]:
    """(pattern, kind) that may occur nowhere, and those that may not occur with their own study."""
    strong: set[tuple[bytes, str]] = set()
    weak: dict[str, set[tuple[bytes, str]]] = defaultdict(set)
    for row in _rows(private / "tables"):
        own = weak[row["study"]] if row.get("study") in released else set()
        for kind in ("study_uid", "series_uid", "accession", "patient_id"):
            if value := str(row.get(kind) or "").strip():
                _add(strong if len(value) >= SHORTEST else own, value, f"source {kind}")
        for value in _names(str(row.get("patient_name") or "")):
            _add(strong if re.search(r"\W", value) else own, value, "patient name" if re.search(r"\W", value) else "part of the patient name")
        for kind in ("birth_date", "study_date"):
            if isinstance(day := row.get(kind), date):
                for shown in (f"{day:%Y%m%d}", f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}"):
                    _add(own, shown, f"source {kind}")
    return strong, {study: patterns for study, patterns in weak.items() if patterns}


def _rows(tables: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for name in ("screened", "retrieved", "series"):
        path = tables / f"{name}.parquet"
        if path.is_file():
            with pq.ParquetFile(path) as file:
                columns = [column for column in (*COLUMNS, "series_uid") if column in file.schema_arrow.names]
                for batch in file.iter_batches(16_384, columns=columns):
                    yield from batch.to_pylist()


def _names(name: str) -> Iterator[str]:
    """The whole name as written, with spaces, and upper case; each part of it."""
    parts = [part for part in re.split(r"[\^\s,=.]+", name) if part]
    wholes = {name.strip(), " ".join(parts), "^".join(parts)} if len(parts) > 1 else set()
    for value in sorted({*wholes, *(whole.upper() for whole in wholes), *parts, *(part.upper() for part in parts)}):
        if len(value) >= SHORTEST_WEAK:
            yield value


def _add(where: set[tuple[bytes, str]], value: str, kind: str) -> None:
    for encoding in ENCODINGS:
        try:
            pattern = value.encode(encoding)
        except UnicodeEncodeError:
            continue
        if len(pattern) >= PREFIX:
            where.add((pattern, kind))
