"""What the prefilter passes over, the rules would read as an empty report."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from ichset.config import EngineConfig, RulesConfig
from ichset.reports import ruling as stage
from ichset.reports.normalize import ALIKE, STEMS, normalize
from ichset.reports.prefilter import Prefilter, _least, load_prefilter
from ichset.reports.rules import Rules, load_rules
from ichset.reports.ruling import rule_reports, to_read

CASES = Path(__file__).parent / "cases"
PLAIN = "Срединные структуры не смещены. Желудочки мозга обычной формы. Патологических изменений не выявлено."
_LATIN_OF = {cyrillic: latin for latin, cyrillic in ALIKE.items()}


@cache
def _engines(method: str) -> tuple[Rules, Prefilter]:
    config = RulesConfig(method=method)
    return load_rules(config), load_prefilter(config)


def _case_texts() -> list[str]:
    lines = [line for path in sorted(CASES.glob("*.tsv")) for line in path.read_text("utf-8").splitlines()]
    return [cell for line in lines for cell in line.split("\t") if len(cell) > 15]


def _passed_over(texts: list[str], method: str) -> list[str]:
    """Texts that are not read; each of them must be read as silence."""
    rules, prefilter = _engines(method)
    read = to_read(prefilter, pa.array(texts), pa.array([""] * len(texts))).to_pylist()
    silent = rules.read("", "", brain_ct=1)
    left = [text for text, asked in zip(texts, read, strict=True) if not asked]
    for text in left:
        for lang in ("ru", "en"):
            for sections in ((text, ""), ("", text)):
                found = rules.read(*sections, lang=lang, brain_ct=1)
                same = {name: value for name, value in found.labels.items() if name != "brain_ct"}
                assert same == {name: value for name, value in silent.labels.items() if name != "brain_ct"}, text
                assert (found.mentions, found.doubt) == (silent.mentions, silent.doubt), text
    return left


def _mutated(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    kind = rng.randrange(7)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + rng.choice("аеоинст -\n") + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
    if kind == 3:
        return text[:at] + text[at] + text[at:]
    if kind == 4:
        return "".join(chr(_LATIN_OF[ord(c)]) if ord(c) in _LATIN_OF and rng.random() < 0.3 else c for c in text)
    return text.upper() if kind == 5 else text[:at] + "-\r\n" + text[at:]


@pytest.mark.parametrize("method", ["scoped", "paper"])
def test_what_is_passed_over_says_nothing(method: str) -> None:
    texts = _case_texts()
    rng = random.Random(3)
    mutants = [_mutated(_mutated(text, rng), rng) for text in rng.sample(texts, min(len(texts), 400))]
    sentences = sorted({sentence.strip() for text in texts for sentence in text.split(".") if len(sentence) > 10})
    assert len(_passed_over([*texts, *mutants, *sentences], method)) > 50


def test_every_misspelling_that_is_mended_is_read() -> None:
    rng = random.Random(5)
    words = sorted({_mutated(stem + ending, rng) for stem in STEMS for ending in ("", "ая", "ой", "s") for _ in range(60)})
    mended = [word for word in words if any(stem in normalize(word).text for stem in STEMS)]
    read = to_read(_engines("scoped")[1], pa.array(mended), pa.array([""] * len(mended))).to_pylist()
    assert len(mended) > 1000
    assert [word for word, asked in zip(mended, read, strict=True) if not asked] == []


def test_an_ordinary_normal_report_is_passed_over() -> None:
    assert _passed_over([PLAIN], "scoped") == [PLAIN]


def test_the_scan_does_not_grow_with_phrases_that_say_nothing_new() -> None:
    assert _least({"гематом*", "гематом* мозга", "гематоматозн*", "свеж* кровь", "кровь", "прорыв* ... рог*", "в <year>"}) == {
        "гематом*", "кровь", "прорыв* ... рог*", "в <year>",
    }  # fmt: skip
    assert all(len(pattern) < 20_000 for pattern in _engines("scoped")[1].patterns), "RE2 gives up its fast way on a pattern too long"


def test_reports_sent_to_workers_come_back_as_the_batches_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [None, *_case_texts()[:150]]
    columns = [[f"r{at}" for at in range(len(texts))], [f"S{at}" for at in range(len(texts))], texts, texts[::-1]]
    whole = pa.record_batch([pa.array(each, pa.string()) for each in columns], ["report", "study", "description", "conclusion"])
    batches = [whole.slice(0, 100), whole.slice(100, 0), whole.slice(100)]
    alone = list(rule_reports(batches, RulesConfig(), EngineConfig(jobs=1)))
    monkeypatch.setattr(stage, "ALONE", 0)
    monkeypatch.setattr(stage, "SENT", 7)
    shared = list(rule_reports(batches, RulesConfig(), EngineConfig(jobs=2)))
    assert [output.kept.num_rows for output in shared] == [100, 0, 51]
    assert [(output.kept, output.tables) for output in shared] == [(output.kept, output.tables) for output in alone]
