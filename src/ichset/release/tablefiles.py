"""Released tables as Parquet and as CSV that is safe to open in a spreadsheet; the same rows give the same bytes."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# A cell that begins so is run as a formula by spreadsheets (OWASP, CSV injection), full-width signs included.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def safe_cell(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe goes before a formula's first sign."""
    return "'" + text if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_table(table: pa.Table, folder: Path, name: str) -> None:
    """`<name>.parquet` with raw values and `<name>.csv` with safe ones."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata(None), folder / f"{name}.parquet",
        compression="zstd", compression_level=3, version="2.6", write_statistics=True, store_schema=False, row_group_size=65_536,
    )  # fmt: skip
    write_csv(table, folder / f"{name}.csv")


def write_csv(table: pa.Table, path: Path) -> None:
    """UTF-8, comma, LF; null is empty, true and false are 1 and 0, dates are ISO."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        for batch in table.to_batches(65_536):
            columns = [_cells(column) for column in batch.columns]
            writer.writerows(zip(*columns, strict=True))


def _cells(column: pa.Array) -> list[str]:
    return [cell(value) for value in column.to_pylist()]


def cell(value: Any) -> str:
    """One value as the CSV shows it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return value.isoformat() if isinstance(value, date) else str(value)
