"""Whatever the text: a row out for every row in, no crash, bounded work, and (stress) no text that hangs. `hostile` holds the texts."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ichset.cli.label import label
from ichset.config import ClassifyConfig, EngineConfig, IngestConfig, RulesConfig, ScreenConfig
from ichset.contracts import CLASSIFIED, LABELS, MENTIONS, REPORTS, RULED, SCREENED
from ichset.pseudonyms import Pseudonyms
from ichset.reports.classify import classify_reports
from ichset.reports.ingest import ingest_reports
from ichset.reports.mentions import MOST_MENTIONS
from ichset.reports.normalize import normalize
from ichset.reports.region import is_brain_ct_report
from ichset.reports.rules import LONGEST, Rules, load_rules
from ichset.reports.ruling import rule_reports
from ichset.reports.screen import cut, screen_reports
from ichset.reports.sentences import LONGEST_SENTENCE, sentences
from ichset.store import Store

from .hostile import REPEATED, million, texts

MANY = [400, pytest.param(10_000, marks=pytest.mark.stress)]


def write(path: Path, rows: list[dict]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("count", MANY)
@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.parquet"])
def test_label_answers_every_row(tmp_path: Path, name: str, count: int) -> None:
    rows = [{"id": f"r{n}", "text": text} for n, text in enumerate([*texts(count, 5), million(REPEATED[0])])]
    done = CliRunner().invoke(label, [str(write(tmp_path / name, rows)), "--output", str(tmp_path / "out.jsonl"), "--explain"])
    assert done.exit_code == 0, done.exception
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().split(b"\n") if line]  # a text may hold other line ends
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    for row, told in zip(rows, found, strict=True):
        whole = row["text"].replace("\0", "") if name == "in.csv" else row["text"]
        assert all(whole[one["start"] : one["end"]] == one["quote"] for one in told["mentions"])


@pytest.mark.parametrize("count", MANY)
def test_the_pipeline_keeps_or_excludes_every_row(tmp_path: Path, count: int) -> None:
    made = [*texts(count, 6), million(REPEATED[0])]
    rows = [
        {"accession": f"A{n}", "patient_id": f"P{n}", "study_date": "2021-03-04", "age": "50", "modality": "CT", "title": "КТ головного мозга",
         "description": text, "conclusion": made[-1 - n]} for n, text in enumerate(made)
    ]  # fmt: skip
    training = [{"description": text, "conclusion": "", "lang": "ru", **dict.fromkeys(LABELS, 0), "ich": n % 2} for n, text in enumerate(made[:200])]
    pq.write_table(pa.Table.from_pylist(training), tmp_path / "training.parquet")
    source, store, rules = write(tmp_path / "in.parquet", rows), Store(tmp_path / "work"), RulesConfig()
    store.write_stream(REPORTS, ingest_reports(IngestConfig(path=source)))
    store.write_stream(SCREENED, screen_reports(store.batches(REPORTS), ScreenConfig(), "accession", Pseudonyms(bytes(32))))
    store.write_stream(RULED, rule_reports(store.batches(SCREENED), rules, EngineConfig(jobs=1)), [MENTIONS])
    learnt = ClassifyConfig(training=tmp_path / "training.parquet")
    store.write_stream(CLASSIFIED, classify_reports(store.batches(SCREENED), store.batches(RULED), learnt, rules, tmp_path))
    assert store.rows(REPORTS) + store.excluded(REPORTS).num_rows == len(made)
    assert store.rows(SCREENED) + store.excluded(SCREENED).num_rows == store.rows(REPORTS)
    assert store.rows(CLASSIFIED) == store.rows(RULED) == store.rows(SCREENED) > count / 3


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(RulesConfig())


UNITS = [pytest.param(unit, marks=[pytest.mark.stress] if at % 4 else [], id=str(at)) for at, unit in enumerate(REPEATED)]
MOST_HITS = MOST_MENTIONS + LONGEST_SENTENCE // 3  # the last sentence is read to its end; the shortest keyword has three letters


@pytest.mark.parametrize("unit", UNITS)
def test_a_million_characters_are_bounded_work(rules: Rules, unit: str) -> None:
    text = million(unit)
    assert all(end - start <= LONGEST_SENTENCE for start, end in sentences(normalize(text[:LONGEST]).text))
    for sections in ((text, ""), ("", text)):
        reading = rules.read(*sections)
        assert len(reading.mentions) <= MOST_HITS and reading.doubt
        assert all(mention.end <= LONGEST for mention in reading.mentions)


def hung(*_: object) -> None:
    raise AssertionError("more than a second of the processor's time for one text")


@pytest.mark.stress
@pytest.mark.parametrize("unit", REPEATED, ids=map(str, range(len(REPEATED))))
def test_no_text_of_a_million_characters_hangs(rules: Rules, unit: str) -> None:
    text = million(unit)
    before = signal.signal(signal.SIGVTALRM, hung)
    reads = (lambda: rules.read(text, ""), lambda: rules.read("", text), lambda: is_brain_ct_report("", "", "", text, text))
    try:
        for work in (*reads, lambda: cut(text)):
            signal.setitimer(signal.ITIMER_VIRTUAL, 1)  # a pattern that runs on is broken off: matching looks for signals
            work()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
