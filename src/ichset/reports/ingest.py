"""Read report exports (CSV, XLSX, JSONL, Parquet; a file or a folder) into the `reports` table, batch by batch.

A row that cannot be read is excluded with its file, line and reason; a file that cannot be read at
all stops the run before anything is written.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.ahead import one_ahead
from ichset.config import IngestConfig
from ichset.contracts import REPORTS, Reason, StageOutput
from ichset.errors import ConfigError
from ichset.reports import values
from ichset.reports.exports import Chunk, find_exports, open_export, undecodable_rows
from ichset.reports.region import is_brain_ct
from ichset.reports.rows import Fault

log = logging.getLogger(__name__)

ROW_DIGITS = 9
_EXCLUDED = REPORTS.excluded_schema
_PLAIN = ("modality", "body_part", "title")  # of no person, and few in number
_IDS = ("study_uid", "accession", "patient_id", "patient_name", "masks")
_ASKED = (("patient_id",), ("study_date",), ("age", "birth_date"), ("modality", "body_part", "title"))


def ingest_reports(config: IngestConfig) -> Iterator[StageOutput]:
    """Kept: REPORTS rows, at most `batch_rows` a batch, in the order of sorted file names and rows.

    Raises SourceUnreachable (no such file or folder), ConfigError (a missing column, an export
    without rows) and CurationError (a damaged file), each before the first batch where it can be known.
    """
    opened = [open_export(name, path, config) for name, path in find_exports(config.path)]
    _say_missing([export.columns for export in opened if export is not None])
    taken, most = 0, math.inf if config.limit is None else config.limit
    for export in opened:
        if export is None or taken >= most:
            continue
        for chunk in one_ahead(export.chunks()):
            chunk = chunk if config.limit is None else chunk.first(config.limit - taken)
            taken += len(chunk)
            yield _output(export.name, chunk, config)
            if taken >= most:
                break
    if not taken:
        raise ConfigError(f"{config.path}: the export holds no reports; check ingest.path and the export's filter")


def _say_missing(found: Sequence[frozenset[str]]) -> None:
    """Columns that no export has and later stages ask for: a heading of the hospital's own is easily overlooked."""
    there = frozenset().union(*found)
    for wanted in _ASKED if there else ():
        if not there & set(wanted):
            log.warning("no export has a column for %s; if one does under another heading, name it in [ingest.columns]", " or ".join(wanted))


def report_keys(file: str, rows: pa.Array) -> pa.Array:
    """`<8 hex of the file's relative name>-<row, zero-padded>`: stable, and sorted as the export is."""
    prefix = blake2b(file.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest() + "-"
    padded = pc.utf8_lpad(pc.cast(rows, pa.string()), ROW_DIGITS, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), padded, "")


def _output(file: str, chunk: Chunk, config: IngestConfig) -> StageOutput:
    shown = file.encode("utf-8", "replace").decode("utf-8")
    chunk, brain, own = _decided(chunk)
    table = _reports(file, shown, chunk, brain, own, config)
    named = _is_identified(table)
    unnamed = table.filter(pc.invert(named)).select(["report", "source_row"]).to_pylist() if named.true_count < len(named) else []
    faults = report_keys(file, pa.array([fault.row for fault in chunk.faults], pa.int64())).to_pylist()
    nobody = "no study number, and not both patient and date"
    rows = [
        *((key, str(fault.reason), f"{shown} line {fault.row}: {fault.why}") for key, fault in zip(faults, chunk.faults, strict=True)),
        *((row["report"], str(Reason.NO_IDENTIFIER), f"{shown} line {row['source_row']}: {nobody}") for row in unnamed),
    ]
    excluded = pa.table(list(map(list, zip(*rows, strict=True))) or [[], [], []], schema=_EXCLUDED)
    return StageOutput(kept=table.filter(named) if unnamed else table, excluded=excluded)


def _decided(chunk: Chunk) -> tuple[Chunk, pa.Array, dict[str, pa.Array]]:
    """The chunk, which of its rows are brain CTs, and of these alone person and text; rows with bad bytes leave as faults.

    The region is decided here, while the text is at hand: copying the text of every other report
    (94 of 100) would cost more than all the rest of the text path.
    """
    columns = chunk.columns
    absent = pa.nulls(len(chunk.rows), pa.string())
    asked = {name: _as_strings(columns.get(name, absent)) for name in (*_PLAIN, "conclusion")}
    texts = [_as_strings(columns[name]) for name in ("description", "text") if name in columns]
    asked["description"] = pc.coalesce(*texts) if len(texts) > 1 else texts[0] if texts else absent  # to copy them takes a while
    brain = is_brain_ct(asked)
    places = np.flatnonzero(brain.to_numpy(zero_copy_only=False))
    bad = set().union(*(undecodable_rows(columns[name]) for name in _PLAIN if name in columns))
    own = {name: column.filter(brain) for name, column in columns.items() if name not in _PLAIN}
    for column in own.values():
        bad |= {int(places[at]) for at in undecodable_rows(column)}
    if not bad:
        return chunk, brain, own
    keep = pa.array([at for at in range(len(chunk.rows)) if at not in bad], pa.int64())
    faults = [Fault(chunk.rows[at].as_py(), Reason.WRONG_ENCODING, "bytes that are not UTF-8") for at in sorted(bad)]
    kept = {name: column.take(keep) for name, column in columns.items()}
    brain = brain.take(keep)
    own = {name: kept[name].filter(brain) for name in own}
    return Chunk(chunk.rows.take(keep), kept, [*chunk.faults, *faults]), brain, own


def _is_identified(table: pa.Table) -> pa.Array:
    """Of reports that are no brain CT no number is kept or asked for."""
    patient = pc.and_(pc.is_valid(table["patient_id"]), pc.is_valid(table["study_date"]))
    numbered = pc.or_(pc.is_valid(table["study_uid"]), pc.is_valid(table["accession"]))
    return pc.or_(pc.or_(numbered, patient), pc.invert(table["brain_ct"])).combine_chunks()


def _reports(file: str, shown: str, chunk: Chunk, brain: pa.Array, source: Mapping[str, pa.Array], config: IngestConfig) -> pa.Table:
    """Person and text (`source`) of brain CTs alone: these columns are read for their rows only, and null for all others."""
    count = len(chunk.rows)
    own = _persons(source, config)
    place = np.cumsum(mask := brain.to_numpy(zero_copy_only=False)) - 1
    spread = pa.array(place, pa.int64(), mask=~mask)
    columns: dict[str, pa.Array] = {
        "report": report_keys(file, chunk.rows),
        "source_file": pa.repeat(pa.scalar(shown), count),
        "source_row": chunk.rows,
        "brain_ct": brain,
        **{name: column.take(spread) for name, column in own.items()},
    }
    for name in _PLAIN:
        if name in chunk.columns:
            names = _as_strings(chunk.columns[name]).dictionary_encode()
            columns[name] = values.cleaned(names.dictionary).take(names.indices)
    missing = {field.name: pa.nulls(count, field.type) for field in REPORTS.schema if field.name not in columns}
    return pa.table({name: (columns | missing)[name] for name in REPORTS.schema.names}, REPORTS.schema)


def _persons(source: Mapping[str, pa.Array], config: IngestConfig) -> dict[str, pa.Array]:
    columns = {name: values.cleaned(_as_strings(source[name])) for name in _IDS if name in source}
    for name in ("study_date", "birth_date"):
        if name in source:
            columns[name] = values.to_dates(source[name], config.date_format)
    if "sex" in source:
        columns["sex"] = values.to_sexes(_as_strings(source["sex"]))
    return columns | _ages(columns, source) | _texts(source)


def _ages(columns: Mapping[str, pa.Array], source: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """The stated age; where none is stated, the completed years at the study's date."""
    stated = values.to_ages(_as_strings(source["age"])) if "age" in source else None
    if "birth_date" not in columns or "study_date" not in columns:
        return {} if stated is None else {"age": stated}
    computed = values.ages_at(columns["birth_date"], columns["study_date"])
    return {"age": computed if stated is None else pc.coalesce(stated, computed)}


def _texts(source: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Sections as exported. A whole report in one column arrives as the description; screening cuts it."""
    found = {name: _as_strings(source[name]) for name in ("indication", "description", "conclusion") if name in source}
    if "text" in source:
        whole = _as_strings(source["text"])
        found["description"] = pc.coalesce(found["description"], whole) if "description" in found else whole
    return found


def _as_strings(array: pa.Array) -> pa.Array:
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
