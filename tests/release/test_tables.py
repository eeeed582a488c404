"""Tables for people and programs: safe CSV, the paper's tables, class balance, agreement, shift."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ichset.contracts import LABELS
from ichset.release import balance, paper, shift, summary
from ichset.release.records import age_shown, age_years, gather
from ichset.release.tablefiles import plain_cell, safe_cell, write_csv, write_table

from . import hospital

FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－1", "'=1", "''+x", '=HYPERLINK("x")', "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_starts_a_formula(text: str) -> None:
    assert safe_cell(text)[0] == "'"
    assert plain_cell(safe_cell(text)) == text


@given(st.text())
def test_guard_is_reversible_for_any_text(text: str) -> None:
    guarded = safe_cell(text)
    assert plain_cell(guarded) == text
    assert guarded[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20),
        st.none() | st.integers(-(2**40), 2**40),
                  st.none() | st.floats(allow_nan=False, allow_infinity=False), st.none() | st.dates(date(1900, 1, 1), date(2099, 1, 1))),
        max_size=8,
    )
)  # fmt: skip
def test_csv_holds_what_parquet_holds(tmp_path: Path, rows: list[tuple]) -> None:
    schema = pa.schema([("text", pa.string()), ("whole", pa.int64()), ("number", pa.float64()), ("day", pa.date32())])
    table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    write_table(table, tmp_path, "t")
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == table.to_pylist()
    read = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8"), newline="")))
    assert len(read) == len(rows)
    for found, row in zip(read, table.to_pylist(), strict=True):
        assert plain_cell(found["text"]) == (row["text"] or "")
        assert found["whole"] == ("" if row["whole"] is None else str(row["whole"]))  # a negative number is no formula
        assert found["number"] == "" if row["number"] is None else float(found["number"]) == row["number"]
        assert found["day"] == ("" if row["day"] is None else row["day"].isoformat())


def _labels(rows: list[dict]) -> pa.Table:
    full = [
        {"study": f"S{number}", "arm": "ich" if row.get("ich") else "normal", **{label: row.get(label, 0) for label in LABELS}}
        for number, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, pa.schema([("study", pa.string()), ("arm", pa.string()), *((label, pa.int8()) for label in LABELS)]))


def test_table1_counts_present_absent_and_untold() -> None:
    table = paper.table1(_labels([{"ich": 1, "combined": None}, {"ich": 1, "combined": 1}, {}])).to_pylist()
    rows = {row["label"]: row for row in table}
    assert (rows["ich"]["present"], rows["ich"]["absent"], rows["ich"]["unknown"]) == (2, 1, 0)
    assert (rows["combined"]["present"], rows["combined"]["absent"], rows["combined"]["unknown"]) == (1, 1, 1)
    assert all(row["present"] + row["absent"] + row["unknown"] == row["studies"] == 3 for row in table)


def test_class_balance_is_that_of_the_reference_cohort() -> None:
    """400 of 800, 100 of them epidural (Data 2024, 9(2):30): p(H) = 0.125, p(H | any) = 0.25; weights n / (2 n_class)."""
    rows = [{"ich": 1, "epidural": int(number < 100)} for number in range(400)] + [{} for _ in range(400)]
    found = {row["label"]: row for row in balance.class_balance(_labels(rows)).to_pylist()}
    assert found["epidural"]["p"] == 0.125 and found["epidural"]["p_given_any"] == 0.25
    assert found["epidural"]["weight_present"] == 4.0 and found["epidural"]["weight_absent"] == pytest.approx(800 / 1400)
    assert found["subdural"]["p"] == 0 and found["subdural"]["weight_present"] is None


def test_undersampling_takes_all_of_the_smaller_class_and_as_many_of_the_larger() -> None:
    labels = _labels([{"ich": 1}] * 3 + [{}] * 20)
    chosen = balance.undersampled(labels, 1).to_pylist()
    assert sum(chosen[:3]) == 3 and sum(chosen[3:]) == 3
    assert balance.undersampled(labels, 1) == balance.undersampled(labels, 1)
    assert balance.undersampled(labels, 1) != balance.undersampled(labels, 2)


def test_kappa_of_released_reads_equals_a_published_example() -> None:
    """Two readers, 50 grants: 20 both yes, 15 both no, 5 and 10 apart: kappa 0.4 (the standard textbook example)."""
    answers = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    rows = []
    for number, pair in enumerate(answers):
        for reader, answer in zip(("reader-1", "reader-2"), pair, strict=True):
            row = {
                "round": "image",
                "study": f"S{number}",
                "reader": reader,
                "role": "reader",
                **dict.fromkeys(LABELS),
                "fracture": answer,
            }
            rows.append({**row, "exclude": None, "confidence": None, "key_slices": "{}"})
    schema = hospital.reads(()).schema
    found = summary.agreement_table(pa.Table.from_pylist(rows, schema)).to_pylist()
    assert [row["label"] for row in found] == ["fracture"]
    assert found[0]["kappa"] == pytest.approx(0.4, abs=1e-12) and found[0]["observed"] == pytest.approx(0.7)
    assert (found[0]["both"], found[0]["first_only"], found[0]["second_only"], found[0]["neither"]) == (20, 5, 10, 15)


@pytest.mark.parametrize(("written", "years", "shown"), [
    ("57", 57, "57"), ("057Y", 57, "57"), ("90+", 90, "90+"), ("100", 100, "100"), (None, None, None), ("", None, None),
    ("003M", None, None),
])  # fmt: skip
def test_ages_are_read_as_written(written: str | None, years: int | None, shown: str | None) -> None:
    assert age_years(written) == years and age_shown(written) == shown


def test_smd_is_the_textbook_formula() -> None:
    one, two = [1.0, 2.0, 3.0, 4.0], [3.0, 5.0, 7.0, 9.0]
    assert shift.smd(one, two) == pytest.approx((2.5 - 6) / np.sqrt((np.var(one, ddof=1) + np.var(two, ddof=1)) / 2))
    assert shift.smd([1.0, 1.0], [1.0, 1.0]) == 0 and shift.smd([1.0, 1.0], [2.0, 2.0]) is None and shift.smd([1.0], two) is None


def test_tag_probe_sees_a_leak_and_no_leak(tmp_path: Path) -> None:
    """Manufacturers follow the arm in the test hospital: the probe must tell. Shuffled, it must not."""
    made = hospital.build(tmp_path / "work", 80, slices=1, size=16, two_series=False)
    records = gather(made.tables, report_text=False)
    assert shift.tag_probe(records, 1).to_pylist()[0]["auc"] > 0.95
    rng = np.random.default_rng(3)
    selected = made.tables["selected"].to_pylist()
    for row, arm in zip(selected, rng.permutation([row["arm"] for row in selected]), strict=True):
        row["arm"] = str(arm)
    mixed = gather({**made.tables, "selected": pa.Table.from_pylist(selected, made.tables["selected"].schema)}, report_text=False)
    found = shift.tag_probe(mixed, 1).to_pylist()[0]
    assert found["low"] < 0.62 and found["auc"] < 0.75


def test_csv_is_plain_utf8_with_unix_lines(tmp_path: Path) -> None:
    write_csv(pa.table({"a": ["й", "b,c", 'd"e']}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == 'a\nй\n"b,c"\n"d""e"\n'.encode()
