"""Sentences that differ in their measures alone are read once: the reading must be that of each as it stands."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from ichset.config import RulesConfig
from ichset.reports.mentions import _said, _statements
from ichset.reports.normalize import normalize
from ichset.reports.phrases import LANGUAGES, PhraseBook, load_books
from ichset.reports.sentences import sentences

CASES = Path(__file__).parent / "cases"
_CODES = {"russian": "ru", "english": "en"}


@cache
def _books() -> dict[str, PhraseBook]:
    return load_books(RulesConfig())


def _measured(language: str) -> list[str]:
    """Normalised sentences of the known reports that hold a number and a keyword."""
    found = []
    for path in sorted(CASES.glob(f"{language}*.tsv")):
        for cell in re.split(r"[\t\n]", path.read_text("utf-8")):
            text = normalize(cell).text
            found += [text[start:end] for start, end in sentences(text) if re.search(r"\d", text[start:end])]
    raised = _books()[_CODES[language]].raised
    return [sentence for sentence in found if raised.search(sentence)]


@pytest.mark.parametrize("language", ["russian", "english"])
def test_a_measure_changes_nothing_that_is_said(language: str) -> None:
    book = _books()[_CODES[language]]
    texts = _measured(language)
    masked = [text for text in texts if book.alike(text) != text]
    assert len(masked) > 100
    for text in masked:
        assert len(book.alike(text)) == len(text)
        assert _said(text, book) == _statements(text, book), text


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("сдг слева 12 мм", "сдг слева 77 мм"),
        ("объемом 4,5 см3, 30 х 25 мм", "объемом 7,7 см3, 77 х 77 мм"),
        ("очаги ушиба 3 вида 14 мм", "очаги ушиба 3 вида 77 мм"),  # a phrase counts it
        ("3 очага по 3 мм", "3 очага по 3 мм"),  # 3 is a phrase's number, wherever it stands
        ("в 2016 г. гематома", "в 2016 г. гематома"),
        ("от 12.03.2021: 8 mm", "от 12.03.2021: 7 mm"),
        ("гематома: 0 мм", "гематома: 0 мм"),
        ("2 гематомы", "2 гематомы"),
        ("1 единичный очаг, 1 смешанный", "1 единичный очаг, 1 смешанный"),  # words that only begin as a unit does
    ],
)
def test_only_what_is_measured_is_made_alike(text: str, alike: str) -> None:
    book = PhraseBook({}, {}, frozenset({"0", "3"}))
    assert book.alike(text) == alike


def test_a_masked_measure_looks_like_no_number_of_a_phrase(tmp_path: Path) -> None:
    for language in LANGUAGES:
        for folder in ("keywords", "stopphrases"):
            (tmp_path / folder / language).mkdir(parents=True)
    (tmp_path / "keywords" / "ru" / "intracerebral.txt").write_text("очаг* 9\nочаг* 77\nочаг* 88\n", "utf-8")
    book = load_books(RulesConfig(keywords=tmp_path / "keywords", stopphrases=tmp_path / "stopphrases"))["ru"]
    assert book.figure == "6"
    assert book.alike("очаг 5 мм") == "очаг 6 мм"
    assert book.alike("очаг 77 мм") == "очаг 77 мм"
