"""Mentions as BIO tags and offsets: what is cut out is what is quoted, and scores are scikit-learn's."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ichset.cli.entities import evaluate_entities
from ichset.config import RulesConfig
from ichset.errors import ConfigError
from ichset.reports.entities import Document, Entity, bio, entities_of, entity_documents, evaluate, read_tags, to_bio, to_jsonl, tokens

TEXT = "В правой лобно-теменной области субдуральная гематома 9 мм. САК не выявлено."


def mention(text: str, quote: str, finding: str = "subdural", assertion: str = "present") -> SimpleNamespace:
    start = text.index(quote)
    return SimpleNamespace(start=start, end=start + len(quote), findings=(finding,), assertion=assertion, section="description")


def document(name: str = "S1/description") -> Document:
    found = [mention(TEXT, "субдуральная гематома"), mention(TEXT, "САК", "subarachnoid", "absent")]
    return Document(name, TEXT, tuple(entities_of(TEXT, found)))


def test_tags_of_findings_and_places() -> None:
    assert [f"{token}/{tag}" for token, tag in bio(document()) if tag != "O"] == [
        "правой/B-LOC", "лобно/I-LOC", "-/I-LOC", "теменной/I-LOC", "области/I-LOC", "субдуральная/B-FIND", "гематома/I-FIND", "САК/B-FIND",
    ]  # fmt: skip


def test_a_place_belongs_to_the_sentence_of_a_mention() -> None:
    text = "Таламус без особенностей. Гематома в левой лобной доле. Мозжечок цел."
    places = [text[each.start : each.end] for each in entities_of(text, [mention(text, "Гематома")]) if each.label == "LOC"]
    assert places == ["левой лобной доле"]


@given(st.text(alphabet="аб,. \n-", max_size=60), st.lists(st.tuples(st.integers(0, 59), st.integers(1, 9)), max_size=6))
def test_entities_never_overlap_and_every_offset_re_slices(text: str, spans: list[tuple[int, int]]) -> None:
    found = [
        SimpleNamespace(start=start, end=min(start + size, len(text)), findings=("x",), assertion="present")
        for start, size in spans
        if start < len(text)
    ]
    entities = entities_of(text, found)
    assert all(a.end <= b.start for a, b in pairwise(entities))
    made = Document("d", text, tuple(entities))
    line = json.loads("".join(to_jsonl([made])))
    assert all(line["text"][each["start"] : each["end"]] == each["text"] for each in line["entities"])
    tagged = bio(made)
    assert [token for token, _ in tagged] == [text[start:end] for start, end in tokens(text)]
    before = "O"
    for _, tag in tagged:
        assert not tag.startswith("I-") or before[1:] == tag[1:], "an inside tag follows its own beginning"
        before = tag


def test_neighbouring_entities_begin_anew() -> None:
    made = Document("d", "аб вг", (Entity(0, 2, "FIND"), Entity(3, 5, "FIND")))
    assert [tag for _, tag in bio(made)] == ["B-FIND", "B-FIND"]


def test_both_file_forms_hold_the_same_tags(tmp_path: Path) -> None:
    (tmp_path / "a.bio").write_text("".join(to_bio([document(), document("S2/conclusion")])), "utf-8")
    (tmp_path / "a.jsonl").write_text("".join(to_jsonl([document(), document("S2/conclusion")])), "utf-8")
    tags = [[pair[1:] for pair in read_tags(tmp_path / name)] for name in ("a.bio", "a.jsonl")]
    assert tags[0] == tags[1] and len(tags[0]) == 2 * len(tokens(TEXT))


def test_a_text_with_strange_line_ends_and_overlapping_spans_is_read(tmp_path: Path) -> None:
    text = "аб\u2028вг\x85де\x0bжз"
    spans = [(0, 5), (3, 8), (9, 11)]
    entities = [{"start": start, "end": end, "label": "FIND", "text": text[start:end]} for start, end in reversed(spans)]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text, "entities": entities}, ensure_ascii=False) + "\n", "utf-8")
    assert [tag for *_, tag in read_tags(tmp_path / "a.jsonl")] == ["B-FIND", "I-FIND", "O", "B-FIND"]


def test_scores_against_a_count_by_hand(tmp_path: Path) -> None:
    (tmp_path / "gold.bio").write_text("a\tB-FIND\nb\tI-FIND\nc\tO\n\nd\tO\ne\tB-LOC\n")
    (tmp_path / "pred.bio").write_text("a B-FIND\nb O\nc O\n\nd B-LOC\ne B-LOC\n")
    rows = {line.split()[0]: line.split()[1:] for line in evaluate(tmp_path / "gold.bio", tmp_path / "pred.bio").splitlines() if line.strip()}
    assert rows["O"] == ["0.5000", "0.5000", "0.5000", "2"]
    assert rows["B-FIND"] == ["1.0000", "1.0000", "1.0000", "1"]
    assert rows["I-FIND"] == ["0.0000", "0.0000", "0.0000", "1"]
    assert rows["B-LOC"] == ["0.5000", "1.0000", "0.6667", "1"]
    assert rows["accuracy"] == ["0.6000", "5"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.bio", "a\tO\nx\tO\n", "p.bio:2: not the same token"),
        ("p.bio", "a\tO\n", "holds 2 tokens and"),
        ("p.bio", "a\tYES\n", "p.bio:1: not a token and its tag"),
        ("p.bio", "", "holds no token"),
        ("p.jsonl", '{"text": "a b"}', "p.jsonl:1: not a document"),
        ("p.jsonl", '{"text": "a b", "entities": [{"start": 0, "end": 1, "label": "FIND", "text": "b"}]}', "do not cut out the text"),
        ("p.jsonl", '{"text": "a b", "entities": [{"start": 2, "end": 9, "label": "FIND"}]}', "do not cut out the text"),
        ("p.jsonl", '{"text": "a b", "entities": [3]}', "p.jsonl:1: not a document"),
        ("p.jsonl", '{"text": 5, "entities": []}', "p.jsonl:1: not a document"),
    ],
)
def test_files_that_do_not_fit_are_refused_by_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / "gold.bio").write_text("a\tO\nb\tO\n")
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=words):
        evaluate(tmp_path / "gold.bio", tmp_path / name)


def test_the_command_prints_the_table_and_teaches(tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_text("".join(to_bio([document()])), "utf-8")
    shown = CliRunner().invoke(evaluate_entities, [str(path), str(path)])
    assert shown.exit_code == 0 and "B-LOC" in shown.output and "support" in shown.output
    assert "ichset evaluate-entities gold.bio" in CliRunner().invoke(evaluate_entities, ["--help"]).output


def test_the_rules_read_the_very_text_that_is_exported() -> None:
    texts = pa.table(
        {"study": ["S1"], "description": ["[NAME]. " + TEXT], "conclusion": [None]},
        pa.schema([(n, pa.string()) for n in ("study", "description", "conclusion")]),
    )
    documents = list(entity_documents(texts, RulesConfig()))
    assert [each.name for each in documents] == ["S1/description", "S1/conclusion"]
    quotes = [documents[0].text[each.start : each.end] for each in documents[0].entities if each.label == "FIND"]
    assert any("гематома" in quote for quote in quotes) and any("САК" in quote for quote in quotes)
    assert {each.assertion for each in documents[0].entities if each.label == "FIND"} == {"present", "absent"}
