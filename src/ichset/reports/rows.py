"""CSV and JSONL line by line: a record that cannot be read is a fault with its line, and reading goes on with the next."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ichset.contracts import Reason
from ichset.reports.columns import known_headings

MAX_SPAN_LINES = 2_000  # a quoted field may run over this many lines; more is a stray quote
MAX_FIELD = 1 << 24  # characters
_SAMPLE = 1 << 18
_ENOUGH = 400  # lines with letters beyond ASCII that settle the encoding
_DELIMITERS = ";,\t|"


@dataclass(frozen=True)
class Fault:
    """A record that cannot be read: its line (or row) and why, without a word of its content."""

    row: int
    reason: Reason
    why: str


Row = tuple[int, Sequence[Any]]


def guess_encoding(path: Path) -> str:
    """UTF-8 (or UTF-16 by its mark), else cp1251: whichever most of the first lines beyond ASCII are written in."""
    good = bad = 0
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        while good + bad < _ENOUGH and (lines := file.readlines(_SAMPLE)):
            for line in lines:
                if not line.isascii():
                    valid = _is_utf8(line)
                    good, bad = good + valid, bad + (not valid)
    return "utf-8" if good >= bad else "cp1251"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def open_lines(path: Path, encoding: str) -> io.TextIOWrapper:
    """Bytes that do not decode become lone surrogates: they mark their own record, not the file."""
    found = guess_encoding(path) if encoding == "auto" else encoding
    return path.open(encoding=found, errors="surrogateescape", newline="\n")


def is_undecodable(text: str) -> bool:
    """Whether bytes were left over when this text was decoded."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


class CsvRows:
    """One CSV export: its headings, then rows as wide as they are."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self._path, self._encoding = path, encoding
        with open_lines(path, encoding) as lines:
            self._skip, header = self._header(lines)
        self._delimiter = self._named or (_guess_delimiter(header) if delimiter == "auto" else delimiter)
        self.headings = [name.strip() for name in _parse(header, self._delimiter) or []] if header.strip() else []
        self._opens = re.compile(rf'(?:^|{re.escape(self._delimiter)})"')

    def _header(self, lines: io.TextIOWrapper) -> tuple[int, str]:
        """Lines to skip and the heading record. A first line `sep=;`, as Excel writes it, names the delimiter."""
        self._named = ""
        skip, header = 0, ""
        for line in islice(lines, 100):
            skip += 1
            header += line
            if skip == 1 and line.strip().lower().startswith("sep=") and len(line.strip()) == 5:
                self._named, header = line.strip()[4], ""
            elif header.strip() and header.count('"') % 2 == 0:
                break
        return skip, header

    def __iter__(self) -> Iterator[Row | Fault]:
        width = len(self.headings)
        with open_lines(self._path, self._encoding) as lines:
            pending: list[str] = []
            number = self._skip + 1
            source = islice(lines, self._skip, None)
            while first := (pending.pop() if pending else next(source, "")):
                if not first.strip():
                    number += 1
                    continue
                record, spare = self._gather(first, pending, source)
                answer = _row(number, record, self._delimiter, width)
                if spare and isinstance(answer, Fault):  # a stray quote: its own line alone is lost
                    pending.extend(reversed(spare))
                    answer = Fault(number, answer.reason, "a quote is opened and not closed")
                    number += 1
                else:
                    number += 1 + len(spare)
                yield answer

    def _gather(self, first: str, pending: list[str], source: Iterator[str]) -> tuple[str | None, list[str]]:
        """A record (None: its quote is never closed) and the lines it took beyond its first: it goes on while a quote is open."""
        if first.count('"') % 2 == 0 or not self._opens.search(first):  # a quote amid an unquoted cell is a letter like any other
            return first, []
        spare: list[str] = []
        while len(spare) < MAX_SPAN_LINES:
            line = pending.pop() if pending else next(source, "")
            if not line:
                break
            spare.append(line)
            if line.count('"') % 2:
                return first + "".join(spare), spare
        return None, spare


def _row(number: int, record: str | None, delimiter: str, width: int) -> Row | Fault:
    if record is None:
        return Fault(number, Reason.UNREADABLE_ROW, "a quote is opened and not closed")
    if is_undecodable(record):
        return Fault(number, Reason.WRONG_ENCODING, "bytes that are not of the file's encoding")
    cells = _parse(record, delimiter)
    if cells is None:
        return Fault(number, Reason.UNREADABLE_ROW, "not readable as delimited text")
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        return Fault(number, Reason.UNREADABLE_ROW, f"{len(cells)} cells where the heading has {width}")
    return number, cells


def _parse(record: str, delimiter: str) -> list[str] | None:
    record = record.rstrip("\r\n")
    if "\r" in record:
        record = record.replace("\r\n", "\n").replace("\r", "\n" if '"' in record else " ")
    if '"' not in record:
        return record.split(delimiter)
    csv.field_size_limit(MAX_FIELD)
    try:
        return next(csv.reader([record], delimiter=delimiter, strict=False), None)
    except csv.Error:
        return None


def _guess_delimiter(header: str) -> str:
    def merit(delimiter: str) -> tuple[int, int]:
        names = _parse(header, delimiter) or []
        return known_headings(names), len(names)

    return max(_DELIMITERS, key=merit)


class JsonRows:
    """One JSON object a line; headings are the keys of the first objects."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding
        seen: dict[str, None] = {}
        with open_lines(path, encoding) as lines:
            for line in islice(lines, 200):
                seen |= dict.fromkeys(_object(line) or {})
        self.headings = list(seen)

    def __iter__(self) -> Iterator[Row | Fault]:
        with open_lines(self._path, self._encoding) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if is_undecodable(line):
                    yield Fault(number, Reason.WRONG_ENCODING, "bytes that are not of the file's encoding")
                elif (found := _object(line)) is None:
                    yield Fault(number, Reason.UNREADABLE_ROW, "not a JSON object")
                else:
                    yield number, [found.get(name) for name in self.headings]


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class SheetRows:
    """The first sheet of a workbook; row numbers as the spreadsheet shows them."""

    def __init__(self, path: Path, encoding: str = "auto") -> None:
        self._path = path
        self._heading_row = 0
        self.headings: list[str] = []
        for number, cells in self._cells():
            if any(cell is not None for cell in cells):
                self._heading_row = number
                self.headings = ["" if cell is None else str(cell).strip() for cell in cells]
                break

    def _cells(self) -> Iterator[Row]:
        from openpyxl import load_workbook

        book = load_workbook(self._path, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # type: ignore[union-attr]  # some writers state a wrong size
            yield from enumerate(sheet.iter_rows(values_only=True), 1)
        finally:
            book.close()

    def __iter__(self) -> Iterator[Row | Fault]:
        width = len(self.headings)
        for number, cells in self._cells():
            if number > self._heading_row and any(cell not in (None, "") for cell in cells):
                yield number, (list(cells) + [None] * width)[:width]
