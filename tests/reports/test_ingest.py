"""Exports of every kind in, REPORTS rows out; what cannot be read leaves with its file, line and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ichset.config import IngestConfig
from ichset.contracts import REPORTS, Reason
from ichset.errors import ConfigError, CurationError, SourceUnreachable
from ichset.reports.ingest import ingest_reports
from ichset.reports.values import parse_age, parse_date

HEAD = "Номер исследования;ИД пациента;ФИО;Дата рождения;Пол;Дата исследования;Исследование;Описание;Заключение"
ROW = "A1;P1;Иванов И.И.;01.02.1960;М;03.04.2021;КТ головного мозга;Гематома слева.;САК"


def run(path: Path, **settings: object) -> tuple[list[dict], list[dict]]:
    outputs = list(ingest_reports(IngestConfig(path=path, **settings)))  # type: ignore[arg-type]
    assert all(output.kept.schema == REPORTS.schema and output.excluded.schema == REPORTS.excluded_schema for output in outputs)
    return [row for each in outputs for row in each.kept.to_pylist()], [row for each in outputs for row in each.excluded.to_pylist()]


def written(folder: Path, text: str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_delimiters_are_recognised(tmp_path: Path, encoding: str, delimiter: str, newline: str) -> None:
    path = written(tmp_path, newline.join([HEAD, ROW, ""]).replace(";", delimiter), encoding=encoding)
    kept, excluded = run(path)
    assert not excluded
    assert [(row["accession"], row["patient_name"], row["conclusion"], row["age"], row["sex"]) for row in kept] == [
        ("A1", "Иванов И.И.", "САК", 61, "M")
    ]
    assert (kept[0]["birth_date"], kept[0]["study_date"], kept[0]["brain_ct"]) == (date(1960, 2, 1), date(2021, 4, 3), True)


def test_excel_names_the_delimiter_in_the_first_line(tmp_path: Path) -> None:
    kept, _ = run(written(tmp_path, f"sep=|\n{HEAD}\n{ROW}\n".replace(";", "|")))
    assert kept[0]["accession"] == "A1" and kept[0]["source_row"] == 3


def test_quoted_newlines_quotes_and_delimiters(tmp_path: Path) -> None:
    row = ROW.replace("Гематома слева.", '"строка 1\nстрока ""2""; и ещё"')
    kept, excluded = run(written(tmp_path, f"{HEAD}\n{row}\n{ROW.replace('A1', 'A2')}\n"))
    assert not excluded
    assert kept[0]["description"] == 'строка 1\nстрока "2"; и ещё'
    assert [each["source_row"] for each in kept] == [2, 4]


def test_a_stray_quote_costs_its_own_line_alone(tmp_path: Path) -> None:
    quoted = ROW.replace("A1", "A3").replace("Гематома слева.", '"две\nстроки"')
    lines = [HEAD, ROW, ROW.replace("A1", "A2").replace("Иванов", '"Иванов'), quoted, ROW.replace("A1", "A4")]
    kept, excluded = run(written(tmp_path, "\n".join(lines) + "\n"))
    assert [row["accession"] for row in kept] == ["A1", "A3", "A4"]
    assert [(row["reason"], row["detail"]) for row in excluded] == [("unreadable row", "a.csv line 3: a quote is opened and not closed")]


def test_a_quote_amid_a_cell_is_a_letter(tmp_path: Path) -> None:
    inches = ROW.replace("слева", '5" слева')
    kept, excluded = run(written(tmp_path, f"{HEAD}\n{inches}\n{ROW}\n"))
    assert len(kept) == 2 and not excluded


def test_an_unclosed_quote_at_the_end_loses_no_other_line(tmp_path: Path) -> None:
    last = ROW.replace(";САК", ';"САК')
    kept, excluded = run(written(tmp_path, f"{HEAD}\n{last}\n{ROW.replace('A1', 'A2')}\n"))
    assert [row["accession"] for row in kept] == ["A2"]
    assert [row["report"][-3:] for row in excluded] == ["002"]


def test_rows_of_a_wrong_width_and_undecodable_bytes_leave_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good, bad = ROW.encode(), ROW.encode("cp1251")
    path.write_bytes(b"\n".join([HEAD.encode(), good, bad, b"A9;P9", good + b";;", b"", good]) + b"\n")
    kept, excluded = run(path)
    assert [row["source_row"] for row in kept] == [2, 5, 7]
    assert [(row["reason"], row["detail"].split(":")[0]) for row in excluded] == [
        (Reason.WRONG_ENCODING, "a.csv line 3"),
        (Reason.UNREADABLE_ROW, "a.csv line 4"),
    ]
    assert not any(name in row["detail"] for row in excluded for name in ("Иванов", "P9", "A9"))


def test_a_row_without_any_number_leaves_with_a_reason(tmp_path: Path) -> None:
    nameless = ROW.replace("A1;P1", ";")
    by_patient = ROW.replace("A1;P1", ";P1")
    kept, excluded = run(written(tmp_path, f"{HEAD}\n{nameless}\n{by_patient}\n"))
    assert [row["patient_id"] for row in kept] == ["P1"]
    assert [row["reason"] for row in excluded] == [Reason.NO_IDENTIFIER]


def test_person_and_text_of_other_examinations_are_not_kept(tmp_path: Path) -> None:
    kept, _ = run(written(tmp_path, f"{HEAD}\n{ROW.replace('КТ головного мозга', 'КТ органов грудной клетки')}\n"))
    held = {name for name, value in kept[0].items() if value is not None}
    assert held == {"report", "source_file", "source_row", "title", "brain_ct"} and kept[0]["brain_ct"] is False


def test_jsonl(tmp_path: Path) -> None:
    good = {
        "accession": 7,
        "age": "045Y",
        "study date": "20210304",
        "modality": "CT",
        "title": "CT head",
        "text": "Findings: SAH. Impression: SAH",
    }
    lines = [json.dumps(good), "{broken", "[1]", "", json.dumps(good | {"accession": 8, "text": "\ud800x"})]
    kept, excluded = run(written(tmp_path, "\n".join(lines), "a.jsonl"))
    assert [(row["accession"], row["age"], row["study_date"]) for row in kept] == [("7", 45, date(2021, 3, 4)), ("8", 45, date(2021, 3, 4))]
    assert kept[1]["description"] == "?x"
    assert [row["detail"] for row in excluded] == ["a.jsonl line 2: not a JSON object", "a.jsonl line 3: not a JSON object"]


def test_xlsx(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet.append([None])
    sheet.append(HEAD.split(";"))
    sheet.append(["A1", 12, "Иванов", datetime(1960, 2, 1), "ж", datetime(2021, 4, 3, 10, 5), "КТ головы", "текст", "вывод"])
    sheet.append([None, ""])
    sheet.append([5.0, None, None, None, None, date(2021, 4, 3), "КТ головы", "текст", "вывод"])
    book.save(tmp_path / "a.xlsx")
    kept, excluded = run(tmp_path / "a.xlsx")
    assert not excluded
    assert [(row["accession"], row["patient_id"], row["sex"], row["age"], row["source_row"]) for row in kept] == [
        ("A1", "12", "F", 61, 3),
        ("5", None, None, None, 5),
    ]


def test_parquet_of_many_types(tmp_path: Path) -> None:
    table = pa.table({
        "accession": pa.array([1, 2], pa.int64()), "patient_id": pa.array([3.0, 4.5]),
        "study_date": pa.array([datetime(2021, 4, 3, 5), None], pa.timestamp("us")),
        "birth_date": pa.array([date(1960, 4, 4), None]),
        "title": pa.array(["Head CT"] * 2).dictionary_encode(), "age": pa.array([None, 50.0]),
        "description": pa.array(["a", "b"], pa.large_string()), "conclusion": pa.array([b"c", "д".encode()], pa.binary()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    kept, excluded = run(tmp_path / "a.parquet")
    assert not excluded
    assert [(row["accession"], row["patient_id"], row["age"], row["conclusion"]) for row in kept] == [
        ("1", "3", 60, "c"),
        ("2", "4.5", 50, "д"),
    ]
    assert kept[0]["study_date"] == date(2021, 4, 3)


def test_parquet_rows_with_bad_bytes_leave_alone(tmp_path: Path) -> None:
    text = pa.array([b"good", "плохо".encode("cp1251"), b"good"], pa.binary())
    table = pa.table({"accession": ["1", "2", "3"], "title": ["CT head"] * 3, "description": text, "conclusion": ["x"] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    kept, excluded = run(tmp_path / "a.parquet")
    assert [row["accession"] for row in kept] == ["1", "3"]
    assert [(row["report"][-1], row["reason"]) for row in excluded] == [("2", Reason.WRONG_ENCODING)]


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, number in (("b/2.csv", "A2"), ("a.csv", "A1"), ("c.jsonl", "A3")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = (
            json.dumps({"accession": number, "title": "CT head", "text": "x"})
            if name.endswith("l")
            else f"{HEAD}\n{ROW.replace('A1', number)}\n"
        )
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "notes.docx").write_bytes(b"no export")
    kept, _ = run(tmp_path)
    assert [(row["accession"], row["source_file"]) for row in kept] == [("A1", "a.csv"), ("A2", "b/2.csv"), ("A3", "c.jsonl")]
    again, _ = run(tmp_path, batch_rows=1)
    assert again == kept
    assert len({row["report"] for row in kept}) == 3 and all(len(row["report"]) == 18 for row in kept)


@pytest.mark.parametrize("batch_rows", [1, 3, 1000])
@pytest.mark.parametrize("limit", [1, 4, 5, 8, 100])
def test_a_trial_takes_the_first_rows_of_the_export(tmp_path: Path, limit: int, batch_rows: int) -> None:
    lines = [ROW.replace("A1", f"A{number}") for number in range(4)]
    written(tmp_path, "\n".join([HEAD, lines[0], "too;short", *lines[1:]]))
    written(tmp_path, "\n".join([HEAD, *lines]).replace("A", "B"), "b.csv")
    whole = [(row.get("source_row"), row["report"]) for part in run(tmp_path) for row in part]
    kept, excluded = run(tmp_path, limit=limit, batch_rows=batch_rows)
    assert len(kept) + len(excluded) == min(limit, len(whole)) and len(whole) == 9
    assert [row["source_row"] for row in kept] == [2, 4, 5, 6, 2, 3, 4, 5][: limit - (limit > 1)]


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    text = "k1,k2,k3,k4\nA1,description here,conclusion here,CT head\n"
    kept, _ = run(written(tmp_path, text), columns={"accession": "K1", "description": "k2", "conclusion": "k3", "title": "k4"})
    assert kept[0]["accession"] == "A1"


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("номер исследования;описание\n1;a\n", {}, ["a.csv", "'conclusion'", "[ingest.columns]"]),
        ("описание;заключение\n1;a\n", {}, ["a.csv", "identifies the study", "[ingest.columns]"]),
        (f"{HEAD}\n{ROW}\n", {"description": "findings"}, ["a.csv", "'findings'", "ingest.columns.description", "'Описание'"]),
        (f"{HEAD}\n{ROW}\n", {"descripton": "Описание"}, ["ingest.columns.descripton", "no such column"]),
        (f"{HEAD}\n", {}, ["holds no reports"]),
        ("", {}, ["holds no reports"]),
    ],
)
def test_one_clear_error_names_file_column_and_remedy(tmp_path: Path, text: str, columns: Mapping[str, str], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        run(written(tmp_path, text), columns=dict(columns))
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_a_missing_column_in_a_late_file_stops_before_the_first_batch(tmp_path: Path) -> None:
    written(tmp_path, f"{HEAD}\n{ROW}\n", "a.csv")
    written(tmp_path, "номер исследования;описание\n1;a\n", "z.csv")
    with pytest.raises(ConfigError, match=r"z\.csv"):
        next(ingest_reports(IngestConfig(path=tmp_path)))


def test_absent_and_damaged_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable) as caught:
        run(tmp_path / "nowhere")
    assert caught.value.exit_code == 6
    with pytest.raises(ConfigError, match="no report export"):
        run(tmp_path)
    for name in ("a.parquet", "a.xlsx"):
        written(tmp_path, "not what it says", name)
        with pytest.raises(CurationError, match=rf"{name}: damaged"):
            run(tmp_path / name)
    with pytest.raises(ConfigError, match=r"ingest\.encoding"):
        run(written(tmp_path, HEAD), encoding="martian")


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2021-04-03", "auto", date(2021, 4, 3)),
        ("2021-04-03T10:11:12Z", "auto", date(2021, 4, 3)), ("03.04.2021 10:11", "auto", date(2021, 4, 3)),
        ("3/4/2021", "auto", date(2021, 4, 3)),
        ("20210403", "auto", date(2021, 4, 3)), ("20210403101112.5", "auto", date(2021, 4, 3)),
        ("44289", "auto", date(2021, 4, 3)), ("04/03/2021", "%m/%d/%Y", date(2021, 4, 3)), ("31.02.2021", "auto", None),
        ("вчера", "auto", None),
        ("0021-04-03", "auto", None), ("1", "auto", None),
    ],
)  # fmt: skip
def test_dates(text: str, form: str, expected: date | None) -> None:
    assert parse_date(text, form) == expected


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("45", 45),
        ("045Y", 45),
        ("45 лет", 45),
        ("45,0", 45),
        ("7 мес.", 0),
        ("018M", 1),
        ("3 дня", 0),
        ("-4", -1),
        ("99999", 32767),
        ("старше", None),
        ("101 год", 101),
    ],
)
def test_ages(text: str, years: int | None) -> None:
    assert parse_age(text) == years


def test_explicit_nothings_are_empty(tmp_path: Path) -> None:
    kept, excluded = run(written(tmp_path, f"{HEAD}\n{ROW.replace('A1', 'NULL').replace('P1', ' — ')}\n"))
    assert not kept and excluded[0]["reason"] == Reason.NO_IDENTIFIER


@given(lines=st.lists(st.binary(max_size=60), max_size=30))
def test_any_bytes_behind_the_heading_give_an_answer_for_every_line(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_bytes(HEAD.encode() + b"\n" + ROW.encode() + b"\n" + b"\n".join(lines) + b"\n" + ROW.encode() + b"\n")
    kept, excluded = run(path, encoding="utf-8")
    keys = [row["report"] for row in (*kept, *excluded)]
    assert len(set(keys)) == len(keys)
    assert kept[0]["source_row"] == 2
    last = HEAD.encode().count(b"\n") + 3 + b"\n".join(lines).count(b"\n") + 1
    assert max(row["source_row"] for row in kept) == last, "the good row at the end is never swallowed"
