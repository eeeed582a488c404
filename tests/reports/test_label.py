"""`ichset label`: the labels of each row, whatever its form and neighbours. Faulty files: test_label_files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from ichset.cli.label import label
from ichset.contracts import REPORT_LABELS

REPORTS = [
    {"id": "1", "description": "Слева субдуральная гематома 8 мм.", "conclusion": "СДГ слева."},
    {"id": "2", "description": "Кровоизлияний не выявлено.", "conclusion": "Без патологии."},
    {"id": "3", "description": "Нельзя исключить САК.", "conclusion": ""},
    {"id": "4", "description": "", "conclusion": ""},
    {"id": "5", "description": "No hemorrhage.", "conclusion": "Normal head CT."},
]
ICH = ["1", "0", "", None, "0"]  # None: an empty report, whatever is said of it


def written(folder: Path, kind: str, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    path = folder / f"reports.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding)
    else:
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(rows)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(label, [str(one) for one in arguments])


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_row_has_its_row(tmp_path: Path, kind: str, encoding: str) -> None:
    source = written(tmp_path, kind, REPORTS, encoding if kind == "csv" else "utf-8")
    output = tmp_path / "labels.csv"
    assert run(source, "--output", output).exit_code == 0
    rows = read(output)
    assert list(rows[0]) == ["id", *REPORT_LABELS]
    assert [row["id"] for row in rows] == [row["id"] for row in REPORTS]
    assert [row["ich"] for row, wanted in zip(rows, ICH, strict=True) if wanted is not None] == [one for one in ICH if one is not None]
    assert rows[0]["subdural"] == "1"


def test_one_text_column_and_the_two_outputs_say_the_same(tmp_path: Path) -> None:
    rows = [{"id": row["id"], "text": f"Описание: {row['description']}\nЗаключение: {row['conclusion']}"} for row in REPORTS]
    source = written(tmp_path, "jsonl", rows)
    assert run(source, "--output", tmp_path / "a.csv").exit_code == 0
    assert run(source, "--output", tmp_path / "a.jsonl", "--explain").exit_code == 0
    plain, told = read(tmp_path / "a.csv"), read(tmp_path / "a.jsonl")
    for one, other in zip(plain, told, strict=True):
        assert {name: "" if other[name] is None else str(other[name]) for name in ("id", *REPORT_LABELS)} == one
    mention = told[0]["mentions"][0]
    assert mention["assertion"] == "present"
    assert rows[0]["text"][mention["start"] : mention["end"]] == mention["quote"]


def test_labels_do_not_depend_on_the_neighbours(tmp_path: Path) -> None:
    run(written(tmp_path, "jsonl", REPORTS), "--output", tmp_path / "all.jsonl")
    for row, wanted in zip(REPORTS, read(tmp_path / "all.jsonl"), strict=True):
        run(written(tmp_path, "jsonl", [row]), "--output", tmp_path / "one.jsonl")
        assert read(tmp_path / "one.jsonl") == [wanted]
