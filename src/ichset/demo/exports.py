"""Report exports as hospitals hand them over: several formats, each written row by row, each with its faults."""

from __future__ import annotations

import csv
import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ichset.demo.columns import EN, RU, cells
from ichset.demo.reports import Report
from ichset.demo.spreadsheet import SheetWriter

SHARES = (("utf8", 0.40), ("cp1251", 0.20), ("xlsx", 0.04), ("jsonl", 0.12), ("parquet", 0.20), ("tab", 0.04))
SHEET_ROWS = 20_000  # the most that the spreadsheet takes: larger exports are never handed over as one
BATCH = 4096


class Writer(Protocol):
    def write(self, report: Report) -> None: ...
    def close(self) -> None: ...


class CsvWriter:
    """A delimited file. Every `broken`th row is followed by one that nobody can read."""

    def __init__(self, path: Path, encoding: str, delimiter: str, broken: int, heading: tuple[str, ...] = RU) -> None:
        self._file = path.open("wb")
        self._encoding, self._delimiter, self._broken = encoding.removesuffix("-sig"), delimiter, broken
        self._rows = 0
        if encoding.endswith("-sig"):
            self._file.write(BOM_UTF8)
        self._line(heading)

    def write(self, report: Report) -> None:
        self._line(cells(report, dots=True))
        self._rows += 1
        if self._rows % self._broken == 0:
            self._file.write(self._fault(self._rows // self._broken))

    def _line(self, row: Iterable[str]) -> None:
        line = StringIO()
        csv.writer(line, delimiter=self._delimiter, lineterminator="\r\n").writerow(row)
        self._file.write(line.getvalue().encode(self._encoding, "replace"))

    def _fault(self, turn: int) -> bytes:
        d = self._delimiter
        wrong = "cp1251" if self._encoding.startswith("utf") else "utf-8"
        return (
            f"RG{turn:09d}{d}обрыв строки\r\n".encode(self._encoding),
            b"\r\n",
            (d.join([f"RG{turn:09d}", *["Кодировка другой системы: ИЖШЮ"] * (len(RU) - 1)]) + "\r\n").encode(wrong),
            (d * (len(RU) - 1) + "\r\n").encode(),
            (d.join([f"RG{turn:09d}", *["лишняя ячейка"] * (len(RU) + 3)]) + "\r\n").encode(self._encoding),
        )[turn % 5]

    def close(self) -> None:
        self._file.close()


class JsonWriter:
    """One JSON object a line; now and then half of one."""

    def __init__(self, path: Path, broken: int) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._broken, self._rows = broken, 0

    def write(self, report: Report) -> None:
        line = json.dumps(dict(zip(EN, cells(report, dots=False), strict=True)), ensure_ascii=False)
        self._file.write(line + "\n")
        self._rows += 1
        if self._rows % self._broken == 0:
            self._file.write(line[: len(line) // 2] + "\n")

    def close(self) -> None:
        self._file.close()


class ParquetWriter:
    """Row groups of `BATCH` rows; dates as strings."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._rows: list[dict[str, Any]] = []

    def row(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= BATCH:
            self._flush()

    def write(self, report: Report) -> None:
        self.row(dict(zip(EN, cells(report, dots=False), strict=True)))

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


@dataclass
class _Shuffler:
    """Which export gets which report: by chance within the shares, the same for every run."""

    seed: int
    sheet_rows: int = 0

    def __call__(self, number: int) -> str:
        names, shares = zip(*SHARES, strict=True)
        name: str = Random(f"{self.seed}/export/{number}").choices(names, shares)[0]
        if name == "xlsx":
            self.sheet_rows += 1
            return "xlsx" if self.sheet_rows <= SHEET_ROWS else "utf8"
        return name


def write_exports(reports: Iterable[Report], folder: Path, seed: int, count: int) -> Iterator[Report]:
    """Write every report into its export, and hand it on. Memory is bounded by one batch."""
    folder.mkdir(parents=True, exist_ok=True)
    broken = max(count // 60, 7)
    choose = _Shuffler(seed)
    with ExitStack() as stack:
        writers: dict[str, Writer] = {
            "utf8": CsvWriter(folder / "01_emias.csv", "utf-8", ";", broken),
            "cp1251": CsvWriter(folder / "02_poliklinika.csv", "cp1251", ";", broken),
            "xlsx": SheetWriter(folder / "03_otdelenie.xlsx", RU),
            "jsonl": JsonWriter(folder / "04_ris.jsonl", broken),
            "parquet": ParquetWriter(folder / "05_warehouse.parquet", pa.schema([(name, pa.string()) for name in EN])),
            "tab": CsvWriter(folder / "06_northgate.tsv", "utf-8-sig", "\t", broken, EN),
        }
        for writer in writers.values():
            stack.callback(writer.close)
        for report in reports:
            writers[choose(report.number)].write(report)
            yield report
