"""Labels for anyone's reports: one file in, one file out, a row for every row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ichset.config import RulesConfig
from ichset.contracts import REPORT_LABELS
from ichset.errors import ConfigError
from ichset.reports.rules import Reading, Rules, load_rules, mention_row

BATCH = 2000
LOOKED_AT = 1000  # lines beyond ASCII that tell the encoding
Row = Mapping[str, Any]


def label_file(source: Path, output: Path, config: RulesConfig, explain: bool = False, model: Path | None = None) -> int:
    """Label the reports of a CSV, JSONL or Parquet file into a CSV or JSONL file; returns how many.

    Needs columns `id` and `text`, or `id`, `description` and `conclusion`; `lang` (ru, en) and `title` are optional. Raises
    ConfigError naming the file and what it lacks.
    """
    if output.suffix.lower() not in (".csv", ".jsonl"):
        raise ConfigError(f"{output}: write to a name that ends in .csv or .jsonl")
    rules = load_rules(config)
    part = output.with_name(output.name + ".part")
    try:
        count = _write(source, part, output.suffix.lower() == ".jsonl", rules, explain, model)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(output)
    return count


def _write(source: Path, part: Path, as_json: bool, rules: Rules, explain: bool, model: Path | None) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as file:
        columns = ["id", *REPORT_LABELS, *(["p_ich"] if model else []), *(["mentions"] if explain else [])]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if not as_json:
            writer.writeheader()
        for rows in _batches(_rows(source)):
            readings = [rules.read(*_texts(row), _text(row, "lang") or None, _text(row, "title")) for row in rows]
            for record in _records(rows, readings, explain, model):
                if as_json:
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
                else:
                    mentions = {"mentions": json.dumps(record["mentions"], ensure_ascii=False)} if explain else {}
                    writer.writerow({**record, **mentions})
            count += len(rows)
    return count


def _records(rows: Sequence[Row], readings: Sequence[Reading], explain: bool, model: Path | None) -> Iterator[dict[str, Any]]:
    scores: Sequence[float] = ()
    if model:
        from ichset.reports.classify import score_file

        scores = score_file(model, ["\n".join(_texts(row)) for row in rows])
    for number, (row, reading) in enumerate(zip(rows, readings, strict=True)):
        record: dict[str, Any] = {"id": row["id"], **reading.labels}
        if model:
            record["p_ich"] = round(float(scores[number]), 6)
        if explain:
            found = [mention_row("", n, one) for n, one in enumerate(reading.mentions, 1)]
            record["mentions"] = [{key: value for key, value in each.items() if key not in ("report", "mention")} for each in found]
        yield record


def _texts(row: Row) -> tuple[str, str]:
    """(description, conclusion); a single text carries both, told apart by its headings."""
    return (_text(row, "text") or _text(row, "description"), _text(row, "conclusion"))


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows(source: Path) -> Iterator[Row]:
    kind = source.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(source) as file:
            _require(source, file.schema_arrow.names)
            for batch in file.iter_batches(BATCH):
                yield from batch.to_pylist()
    elif kind == ".jsonl":
        with source.open(encoding=_encoding(source), errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _json(source, number, line)
    elif kind == ".csv":
        csv.field_size_limit(1 << 30)
        with source.open(encoding=_encoding(source), errors="replace", newline="") as file_:
            head = file_.readline()
            file_.seek(0)
            reader = csv.DictReader((line.replace("\0", "") for line in file_), delimiter=max(",;\t", key=head.count))
            _require(source, reader.fieldnames or [])
            yield from reader
    else:
        raise ConfigError(f"{source}: the name must end in .csv, .jsonl or .parquet")


def _encoding(source: Path) -> str:
    """cp1251 when most lines beyond ASCII are no UTF-8, as Russian systems export; else UTF-8, stray bytes replaced."""
    wrong = beyond = 0
    with source.open("rb") as lines:
        for line in lines:
            if line.isascii():
                continue
            beyond += 1
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                wrong += 1
            if beyond == LOOKED_AT:
                break
    return "cp1251" if wrong * 2 > beyond else "utf-8-sig"


def _json(source: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        raise ConfigError(f"{source}, line {number}: not a JSON object") from None
    if not isinstance(row, dict):
        raise ConfigError(f"{source}, line {number}: not a JSON object")
    _require(source, list(row))
    return row


def _require(source: Path, names: Sequence[str]) -> None:
    if "id" not in names:
        raise ConfigError(f"{source}: no column 'id'")
    if "text" not in names and not {"description", "conclusion"} & set(names):
        raise ConfigError(f"{source}: no column 'text', nor 'description' and 'conclusion'")
