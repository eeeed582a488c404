"""`ichset label`: a row out for every row in, whatever the file; what it cannot read is one clear line and no file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from ichset.cli.label import label
from ichset.config import ClassifyConfig, RulesConfig
from ichset.contracts import LABELS, REPORT_LABELS, RULED, SCREENED
from ichset.errors import ConfigError
from ichset.reports.classify import MODEL_FILE, classify_reports

SUBDURAL = "КТ головного мозга. Слева субдуральная гематома до 9 мм. САК не выявлено."
ROWS = [
    {"id": "a", "text": SUBDURAL},
    {"id": "b", "text": "CT head. No acute intracranial hemorrhage."},
    {"id": "c", "text": ""},
    {"id": "d", "text": "CT head. Subarachnoid hemorrhage cannot be excluded."},
]
HEADING = ["id", "brain_ct", "ich", "epidural", "subarachnoid", "subdural", "intracerebral", "intraventricular", "multiple", "fracture", "combined"]


def write(path: Path, rows: list[dict], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding)
    else:
        with path.open("w", encoding=encoding, errors="replace", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return path


def run(source: Path, output: Path, *options: str) -> Result:
    return CliRunner().invoke(label, [str(source), "--output", str(output), *options])


def read(path: Path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl"])
def test_every_form_in_gives_the_same_labels_in_every_form_out(tmp_path: Path, source: str, output: str) -> None:
    done = run(write(tmp_path / source, ROWS), tmp_path / output)
    assert done.exit_code == 0, done.output
    rows = read(tmp_path / output)
    assert list(rows[0]) == HEADING == ["id", *REPORT_LABELS]
    none = None if output.endswith("jsonl") else ""
    one, zero = (1, 0) if output.endswith("jsonl") else ("1", "0")
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert [row["ich"] for row in rows] == [one, zero, zero, none]
    assert (rows[0]["subdural"], rows[0]["subarachnoid"], rows[0]["brain_ct"]) == (one, zero, one)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1251", ";"), ("utf-16", "\t"), ("utf-8-sig", ","), ("utf-8", "|")])
def test_a_table_saved_by_a_spreadsheet_is_read_in_its_own_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    run(write(tmp_path / "in.csv", ROWS, encoding, delimiter), tmp_path / "out.csv")
    assert [row["subdural"] for row in read(tmp_path / "out.csv")][:2] == ["1", "0"]


def test_description_and_conclusion_and_columns_that_are_not_ours(tmp_path: Path) -> None:
    rows = [
        {"ward": 3, "id": 7, "description": "Субдуральная гематома слева.", "conclusion": None, "lang": "RU"},
        {"ward": 4, "id": 8, "description": None, "conclusion": "Кровоизлияний нет.", "lang": None},
    ]
    run(write(tmp_path / "in.parquet", rows), tmp_path / "out.jsonl")
    assert [(row["id"], row["ich"]) for row in read(tmp_path / "out.jsonl")] == [(7, 1), (8, 0)]


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl"])
def test_explained_labels_quote_the_text_that_made_them(tmp_path: Path, output: str) -> None:
    assert run(write(tmp_path / "in.csv", ROWS), tmp_path / output, "--explain").exit_code == 0
    mentions = read(tmp_path / output)[0]["mentions"]
    mentions = json.loads(mentions) if isinstance(mentions, str) else mentions
    found = {(SUBDURAL[each["start"] : each["end"]].lower(), each["finding"], each["assertion"]) for each in mentions}
    assert ("сак", "subarachnoid", "absent") in found
    assert any(finding == "subdural" and said == "present" and "субдуральная" in quote for quote, finding, said in found)


def test_a_trained_model_adds_its_score_and_a_foreign_one_leaves_no_file(tmp_path: Path) -> None:
    model = trained(tmp_path)
    source = write(tmp_path / "in.csv", ROWS[:2])
    assert run(source, tmp_path / "out.jsonl", "--model", str(model)).exit_code == 0
    scores = [row["p_ich"] for row in read(tmp_path / "out.jsonl")]
    assert 0 <= scores[1] < scores[0] <= 1
    refused = run(source, tmp_path / "no.csv", "--model", str(source))
    assert refused.exit_code and "hash" in str(refused.exception)
    assert not list(tmp_path.glob("no.csv*"))


def trained(folder: Path) -> Path:
    """The model file of a classifier trained on sixty short reports."""
    texts = [f"Субдуральная гематома слева {n} мм" if n % 2 else f"No hemorrhage. Кровоизлияний не выявлено, киста {n} мм" for n in range(60)]
    rows = [{"description": text, "conclusion": "", "lang": "ru", **dict.fromkeys(LABELS, 0), "ich": n % 2} for n, text in enumerate(texts)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "training.parquet")
    screened = [{**dict.fromkeys(SCREENED.schema.names), "report": "r", "study": "s", "description": texts[1], "conclusion": "", "lang": "ru"}]
    ruled = [{**dict.fromkeys(RULED.schema.names), "report": "r", "study": "s", **dict.fromkeys(LABELS, 0)}]
    batches = [pa.Table.from_pylist(row, each.schema).to_batches() for row, each in ((screened, SCREENED), (ruled, RULED))]
    list(classify_reports(*batches, ClassifyConfig(training=folder / "training.parquet"), RulesConfig(), folder))
    return folder / "model" / MODEL_FILE


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "no column 'id'"),
        ("a.csv", b"id,words\n1,x\n", "no column 'text'"),
        ("a.csv", b"id,text,text\n1,x,y\n", "twice"),
        ("a.csv", "id,text\n1,x\n2,САК, отек\n".encode(), "line 3: 3 cells"),
        ("a.csv", b'id,text\n1,"open\n2,x\n', "line 2: a quote"),
        ("a.csv", b'id,text\n1,"open\n2,x\n3,"ok"\n', "line 2: a quote"),
        ("a.jsonl", b'{"id": 1, "text": "x"}\n{"id": 2', "line 2: not a JSON object"),
        ("a.jsonl", b'{"id": 1, "text": "x"}\n{"text": "x"}', "line 2: no column 'id'"),
        ("a.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("a.jsonl", b"[" * 100_000, "line 1: not a JSON object"),
        ("a.parquet", b"PAR1 but not really PAR1", "damaged"),
        ("a.xlsx", b"PK", "must end in .csv, .jsonl or .parquet"),
    ],
)
def test_a_faulty_file_is_one_clear_line_and_leaves_what_stood_there(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "out.csv").write_text("earlier")
    done = run(tmp_path / name, tmp_path / "out.csv")
    assert isinstance(done.exception, ConfigError) and said in str(done.exception), done.exception
    assert name in str(done.exception) and "\n" not in str(done.exception)
    assert (tmp_path / "out.csv").read_text() == "earlier" and not list(tmp_path.glob("*.part"))


def test_an_output_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", ROWS)
    for output in (tmp_path / "nowhere" / "out.csv", tmp_path / "out.xlsx"):
        assert isinstance(run(source, output).exception, ConfigError)


def test_bytes_of_no_encoding_and_halves_of_signs_get_their_row_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("id,text\n1,Субдуральная гематома\n2,Кровоизлияний \xff нет\n".encode().replace("ÿ".encode(), b"\xff"))
    (tmp_path / "in.jsonl").write_text('{"id": "\\ud800", "text": "\\udfff SDH"}\n')
    for name, count in (("in.csv", 2), ("in.jsonl", 1)):
        assert run(tmp_path / name, tmp_path / "out.csv").exit_code == 0
        assert len(read(tmp_path / "out.csv")) == count
