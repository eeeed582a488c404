"""Report exports as chunks of columns under our names, whatever their format. Every chunk is bounded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichset.config import IngestConfig
from ichset.errors import ConfigError, CurationError, SourceUnreachable
from ichset.reports.columns import match_columns
from ichset.reports.rows import CsvRows, Fault, JsonRows, Row, SheetRows, is_undecodable

log = logging.getLogger(__name__)

_TEXT_ENDINGS = (".csv", ".tsv", ".txt")
_JSON_ENDINGS = (".jsonl", ".ndjson")
_PARQUET_ENDINGS = (".parquet", ".pq")
_SHEET_ENDINGS = (".xlsx", ".xlsm")
ENDINGS = (*_TEXT_ENDINGS, *_JSON_ENDINGS, *_PARQUET_ENDINGS, *_SHEET_ENDINGS)
_READ_BUFFER = 1 << 16  # bytes: a row group of a gigabyte is read through this window


@dataclass(frozen=True)
class Chunk:
    """Some rows of one export: source row numbers and arrays under our column names, and the rows that cannot be read."""

    rows: pa.Array
    columns: Mapping[str, pa.Array]
    faults: Sequence[Fault] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.rows) + len(self.faults)

    def first(self, count: int) -> Chunk:
        """The first `count` rows by their place in the file, those that cannot be read included."""
        if count >= len(self):
            return self
        last = sorted([*self.rows.to_pylist(), *(fault.row for fault in self.faults)])[count - 1]
        keep = pc.less_equal(self.rows, last)
        columns = {name: column.filter(keep) for name, column in self.columns.items()}
        return Chunk(self.rows.filter(keep), columns, [fault for fault in self.faults if fault.row <= last])


class Export(Protocol):
    """One file of an export, opened as far as its headings."""

    name: str
    columns: frozenset[str]  # ours that it has

    def chunks(self) -> Iterator[Chunk]: ...


def find_exports(path: Path) -> list[tuple[str, Path]]:
    """(relative name, path) of every export file, sorted by name. Raises SourceUnreachable or ConfigError."""
    try:
        if path.is_dir():
            found = sorted((str(each.relative_to(path)), each) for each in path.rglob("*") if each.is_file() and each.name[0] not in ".~")
        elif path.exists():
            found = [(path.name, path)]
        else:
            raise SourceUnreachable(f"{path}: no report export here; check ingest.path")
    except OSError as error:
        raise SourceUnreachable(f"{path}: cannot be read ({type(error).__name__}); check its permissions and ingest.path") from None
    exports = [(name, file) for name, file in found if file.suffix.lower() in ENDINGS]
    if len(exports) < len(found):
        log.warning("files that are no report exports were passed over: %d", len(found) - len(exports))
    if not exports:
        raise ConfigError(f"{path}: no report export in it (wanted: {', '.join(ENDINGS)}); check ingest.path")
    return exports


def open_export(name: str, path: Path, config: IngestConfig) -> Export | None:
    """The export with its columns matched; None for a file without a single heading."""
    try:
        if path.suffix.lower() in _PARQUET_ENDINGS:
            return _ParquetExport(name, path, config)
        rows = _rows(path, config)
    except PermissionError:
        raise SourceUnreachable(f"{name}: cannot be read; check its permissions") from None
    except LookupError:
        raise ConfigError(f"ingest.encoding: no encoding {config.encoding!r}; try utf-8 or cp1251") from None
    except (OSError, pa.ArrowInvalid, BadZipFile, KeyError, ValueError, EOFError) as error:
        raise CurationError(f"{name}: damaged or not of the kind its ending says ({type(error).__name__}); export it again") from None
    if not rows.headings:
        log.warning("an export without any heading was passed over")
        return None
    return _RowExport(name, rows, config)


def _rows(path: Path, config: IngestConfig) -> CsvRows | JsonRows | SheetRows:
    ending = path.suffix.lower()
    if ending in _JSON_ENDINGS:
        return JsonRows(path, config.encoding)
    if ending in _SHEET_ENDINGS:
        return SheetRows(path)
    return CsvRows(path, config.encoding, {"tab": "\t", "\\t": "\t"}.get(config.delimiter, config.delimiter))


class _RowExport:
    """CSV, JSONL or a worksheet: rows gathered into chunks of `batch_rows`."""

    def __init__(self, name: str, rows: CsvRows | JsonRows | SheetRows, config: IngestConfig) -> None:
        self.name = name
        self._rows, self._size = rows, config.batch_rows
        self._positions = match_columns(name, rows.headings, config.columns)
        self.columns = frozenset(self._positions)

    def chunks(self) -> Iterator[Chunk]:
        source = iter(self._rows)
        while taken := self._take(source):
            good = [each for each in taken if not isinstance(each, Fault)]
            columns = {
                ours: pa.array([_as_text(cells[position]) for _, cells in good], pa.string()) for ours, position in self._positions.items()
            }
            yield Chunk(pa.array([number for number, _ in good], pa.int64()), columns, [each for each in taken if isinstance(each, Fault)])

    def _take(self, source: Iterator[Row | Fault]) -> list[Row | Fault]:
        try:
            return list(islice(source, self._size))
        except (BadZipFile, EOFError, OSError, SyntaxError, ValueError) as error:  # SyntaxError: broken XML inside a workbook
            raise CurationError(f"{self.name}: damaged in the middle ({type(error).__name__}); export it again") from None


def _as_text(value: Any) -> str | None:
    """A cell as text. Lone surrogates (JSON may hold them) become the replacement sign."""
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, (datetime, date)):
        text = value.isoformat()
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    else:
        text = str(value)
    if text is not None and is_undecodable(text):
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


class _ParquetExport:
    """Parquet: only the columns that are ours are read, batch by batch, and text is handed on as it lies."""

    def __init__(self, name: str, path: Path, config: IngestConfig) -> None:
        self.name = name
        self._path, self._config = path, config
        schema = pq.read_schema(path)
        self._names = {ours: schema.names[at] for ours, at in match_columns(name, schema.names, config.columns).items()}
        self.columns = frozenset(self._names)
        for ours, theirs in self._names.items():
            if pa.types.is_nested(schema.field(theirs).type):
                raise ConfigError(f"{name}: column {theirs!r} holds lists or records, not text (ingest.columns.{ours})")

    def chunks(self) -> Iterator[Chunk]:
        first = 1
        wanted = sorted(set(self._names.values()))
        with pq.ParquetFile(self._path, buffer_size=_READ_BUFFER, pre_buffer=False) as file:
            for batch in file.iter_batches(self._config.batch_rows, columns=wanted):
                rows = pa.array(np.arange(first, first + batch.num_rows))
                first += batch.num_rows
                yield Chunk(rows, {ours: _plain(batch.column(theirs)) for ours, theirs in self._names.items()})


def _plain(values: pa.Array) -> pa.Array:
    """Dates stay dates; everything else as strings."""
    if pa.types.is_temporal(values.type) or pa.types.is_string(values.type):
        return values
    if pa.types.is_floating(values.type):
        return pa.array([_as_text(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return pa.Array.from_buffers(pa.string(), len(values), values.cast(pa.binary()).buffers(), offset=values.offset)
    return values.cast(pa.string())


def undecodable_rows(values: pa.Array) -> set[int]:
    """Positions whose bytes are not UTF-8 (Parquet promises nothing); the usual case costs one look at the buffer."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        raw = pa.Array.from_buffers(pa.binary(), len(values), values.buffers(), offset=values.offset)
        return {at for at, each in enumerate(raw.to_pylist()) if is_undecodable((each or b"").decode("utf-8", "surrogateescape"))}
    return set()
