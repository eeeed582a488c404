"""Labels for anyone's reports: one file in, one file out, a row for every row."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ichset.config import RulesConfig
from ichset.contracts import REPORT_LABELS
from ichset.errors import ConfigError
from ichset.reports.label_rows import BATCH, Row, read_rows
from ichset.reports.rules import Rules, load_rules
from ichset.reports.ruling import mention_row

Record = dict[str, Any]
Score = Callable[[Sequence[str]], Sequence[float]]


def label_file(source: Path, output: Path, config: RulesConfig, explain: bool = False, model: Path | None = None) -> int:
    """Label the reports of a CSV, JSONL or Parquet file into a CSV or JSONL file; returns how many.

    Needs columns `id` and `text`, or `id`, `description` and `conclusion`; `lang` (ru, en) and `title` are optional. Raises
    ConfigError naming the file, the line and what is wrong; `output` then stays as it was.
    """
    ending = output.suffix.lower()
    if ending not in (".csv", ".jsonl"):
        raise ConfigError(f"{output}: write to a name that ends in .csv or .jsonl")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"{output}: there is no such folder; make it first")
    rules, score = load_rules(config), _score(model) if model else None
    columns = ["id", *REPORT_LABELS, *(["p_ich"] if model else []), *(["mentions"] if explain else [])]
    part = output.with_name(output.name + ".part")
    count = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            if ending == ".csv":
                writer.writeheader()
            for record in _records(read_rows(source), rules, score, explain):
                if ending == ".jsonl":
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
                else:
                    mentions = {"mentions": json.dumps(record["mentions"], ensure_ascii=False)} if explain else {}
                    writer.writerow({**record, **mentions})
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return count


def _score(model: Path) -> Score:
    import pyarrow as pa

    from ichset.reports.classify import Scorer
    from ichset.reports.model_file import load_model

    scorer = Scorer(load_model(model))
    return lambda texts: [float(each) for each in scorer.score(pa.array(texts, pa.string()))]


def _records(rows: Iterator[Row], rules: Rules, score: Score | None, explain: bool) -> Iterator[Record]:
    while batch := list(islice(rows, BATCH)):
        scores = score(["\n".join(_texts(row)) for row in batch]) if score else ()
        for number, row in enumerate(batch):
            reading = rules.read(*_texts(row), _text(row, "lang").strip().lower() or None, _text(row, "title"))
            record: Record = {"id": _whole(row["id"]), **reading.labels}
            if score:
                record["p_ich"] = round(float(scores[number]), 6)
            if explain:
                found = [mention_row("", at, one) for at, one in enumerate(reading.mentions, 1)]
                record["mentions"] = [{key: value for key, value in each.items() if key not in ("report", "mention")} for each in found]
            yield record


def _texts(row: Row) -> tuple[str, str]:
    """(description, conclusion); a single text carries both, told apart by its headings."""
    return (_text(row, "text") or _text(row, "description"), _text(row, "conclusion"))


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(_whole(value if isinstance(value, str) else str(value)))


def _whole(value: Any) -> Any:
    """Half a surrogate pair, which JSON may hold, cannot be written: it becomes the replacement sign."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
