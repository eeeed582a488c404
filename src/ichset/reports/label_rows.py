"""The rows of anyone's file of reports, one after another. What would cost a row or a word of it is refused with its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from ichset.errors import ConfigError
from ichset.reports.rows import guess_encoding

BATCH = 2000
_DELIMITERS = ",;\t|"
_MAX_CELL = 1 << 30  # characters
Row = Mapping[str, Any]


def read_rows(source: Path) -> Iterator[Row]:
    """Rows of a CSV, JSONL or Parquet file, by its ending. Raises ConfigError naming the file, the line and what is wrong."""
    readers = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    if source.suffix.lower() not in readers:
        raise ConfigError(f"{source}: the name must end in .csv, .jsonl or .parquet")
    try:
        yield from readers[source.suffix.lower()](source)
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise ConfigError(f"{source}: damaged, or not of the kind its ending says ({type(error).__name__}); export it again") from None


def _parquet(source: Path) -> Iterator[Row]:
    with pq.ParquetFile(source) as file:
        _require(str(source), file.schema_arrow.names)
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


def _open(source: Path, newline: str | None) -> TextIO:
    """UTF-8, UTF-16 or cp1251, as the bytes show; a byte that is of none becomes the replacement sign."""
    return source.open(encoding=guess_encoding(source), errors="replace", newline=newline)


def _csv(source: Path) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL)
    with _open(source, "") as lines:
        head = lines.readline()
        lines.seek(0)
        reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=max(_DELIMITERS, key=head.count), strict=True)
        names = [name.strip() for name in _cells(source, reader, 1) or []]
        _require(str(source), names)
        line = reader.line_num + 1
        while (cells := _cells(source, reader, line)) is not None:
            if cells and len(cells) != len(names):
                raise ConfigError(f"{source}, line {line}: {len(cells)} cells where the heading has {len(names)}; quote texts that hold commas")
            if cells:
                yield dict(zip(names, cells, strict=True))
            line = reader.line_num + 1


def _cells(source: Path, reader: Iterator[list[str]], line: int) -> list[str] | None:
    """The next record; strictly, for a quote that is not closed would swallow the records behind it."""
    try:
        return next(reader, None)
    except csv.Error:
        raise ConfigError(f"{source}, line {line}: a quote is not closed, or stands inside a quoted text undoubled") from None


def _jsonl(source: Path) -> Iterator[Row]:
    with _open(source, None) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = _object(f"{source}, line {number}", line)
                _require(f"{source}, line {number}", list(row))
                yield row


def _object(place: str, line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise ConfigError(f"{place}: not a JSON object")
    return row


def _require(place: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1 and name in ("id", "text", "description", "conclusion", "lang", "title")})
    if twice:
        raise ConfigError(f"{place}: column {twice[0]!r} stands there twice")
    if "id" not in names:
        raise ConfigError(f"{place}: no column 'id'")
    if "text" not in names and not {"description", "conclusion"} & set(names):
        raise ConfigError(f"{place}: no column 'text', nor 'description' and 'conclusion'")
