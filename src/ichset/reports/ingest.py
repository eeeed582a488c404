"""Read report exports (CSV, XLSX, JSONL, Parquet; a file or a folder) into the `reports` table, batch by batch.

A row that cannot be read is excluded with its file, line and reason; a file that cannot be read at
all stops the run before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

from ichset.config import IngestConfig
from ichset.contracts import REPORTS, Reason, StageOutput
from ichset.errors import ConfigError
from ichset.reports import values
from ichset.reports.exports import Chunk, find_exports, open_export

ROW_DIGITS = 9
_EXCLUDED = REPORTS.excluded_schema
_IDS = ("study_uid", "accession", "patient_id", "patient_name", "modality", "body_part", "title", "masks")


def ingest_reports(config: IngestConfig) -> Iterator[StageOutput]:
    """Kept: REPORTS rows, at most `batch_rows` a batch, in the order of sorted file names and rows.

    Raises SourceUnreachable (no such file or folder), ConfigError (a missing column, an export
    without rows) and CurationError (a damaged file), each before the first batch where it can be known.
    """
    opened = [open_export(name, path, config) for name, path in find_exports(config.path)]
    empty = True
    for export in opened:
        if export is None:
            continue
        for chunk in export.chunks():
            empty = empty and not len(chunk.rows) and not chunk.faults
            yield _output(export.name, chunk, config)
    if empty:
        raise ConfigError(f"{config.path}: the export holds no reports; check ingest.path and the export's filter")


def report_keys(file: str, rows: pa.Array) -> pa.Array:
    """`<8 hex of the file's relative name>-<row, zero-padded>`: stable, and sorted as the export is."""
    prefix = blake2b(file.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest() + "-"
    padded = pc.utf8_lpad(pc.cast(rows, pa.string()), ROW_DIGITS, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), padded, "")


def _output(file: str, chunk: Chunk, config: IngestConfig) -> StageOutput:
    shown = file.encode("utf-8", "replace").decode("utf-8")
    table = _reports(file, shown, chunk, config)
    named = _is_identified(table)
    excluded = _excluded(
        [*report_keys(file, pa.array([fault.row for fault in chunk.faults], pa.int64())).to_pylist(), *_keys(table, pc.invert(named))],
        [*(fault.reason for fault in chunk.faults), *[Reason.NO_IDENTIFIER] * (table.num_rows - (named.true_count or 0))],
        [
            *(f"{shown} line {fault.row}: {fault.why}" for fault in chunk.faults),
            *(f"{shown} line {row}: no study number, and not both patient and date" for row in _rows(table, pc.invert(named))),
        ],
    )
    return StageOutput(kept=table if named.true_count == table.num_rows else table.filter(named), excluded=excluded)


def _is_identified(table: pa.Table) -> pa.Array:
    patient = pc.and_(pc.is_valid(table["patient_id"]), pc.is_valid(table["study_date"]))
    return pc.or_(pc.or_(pc.is_valid(table["study_uid"]), pc.is_valid(table["accession"])), patient).combine_chunks()


def _keys(table: pa.Table, chosen: pa.Array) -> list[str]:
    return table["report"].filter(chosen).to_pylist()


def _rows(table: pa.Table, chosen: pa.Array) -> list[int]:
    return table["source_row"].filter(chosen).to_pylist()


def _excluded(keys: list[str], reasons: list[Reason], details: list[str]) -> pa.Table:
    return pa.table({"report": keys, "reason": [str(reason) for reason in reasons], "detail": details}, _EXCLUDED)


def _reports(file: str, shown: str, chunk: Chunk, config: IngestConfig) -> pa.Table:
    count = len(chunk.rows)
    source = chunk.columns
    columns: dict[str, pa.Array] = {
        "report": report_keys(file, chunk.rows),
        "source_file": pa.repeat(pa.scalar(shown), count),
        "source_row": chunk.rows,
    }
    for name in _IDS:
        if name in source:
            columns[name] = values.cleaned(_as_strings(source[name]))
    for name in ("study_date", "birth_date"):
        if name in source:
            columns[name] = values.to_dates(source[name], config.date_format)
    if "sex" in source:
        columns["sex"] = values.to_sexes(_as_strings(source["sex"]))
    columns |= _ages(columns, source) | _texts(source)
    nothing = {field.name: pa.nulls(count, field.type) for field in REPORTS.schema if field.name not in columns}
    return pa.table({name: (columns | nothing)[name] for name in REPORTS.schema.names}, REPORTS.schema)


def _ages(columns: dict[str, pa.Array], source: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The stated age; where none is stated, the completed years at the study's date."""
    stated = values.to_ages(_as_strings(source["age"])) if "age" in source else None
    if "birth_date" not in columns or "study_date" not in columns:
        return {} if stated is None else {"age": stated}
    computed = values.ages_at(columns["birth_date"], columns["study_date"])
    return {"age": computed if stated is None else pc.coalesce(stated, computed)}


def _texts(source: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Sections as exported. A whole report in one column arrives as the description; screening cuts it."""
    found = {name: _as_strings(source[name]) for name in ("indication", "description", "conclusion") if name in source}
    if "text" in source:
        whole = _as_strings(source["text"])
        found["description"] = pc.coalesce(found["description"], whole) if "description" in found else whole
    return found


def _as_strings(array: pa.Array) -> pa.Array:
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
