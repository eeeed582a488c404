"""What stands beside a finding does not change it: denials of something else, asides, advice, other organs, lines wrapped by an export."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ichset.config import RulesConfig
from ichset.reports.rules import Rules, load_rules

from .measured import cases

CASES = Path(__file__).parent / "cases"
STATED = {
    "ru": ("Субдуральная гематома слева", "СДГ справа 9 мм", "Субарахноидальное кровоизлияние", "Кровоизлияние в мост", "Геморрагический ушиб доли"),
    "en": ("Left subdural hematoma", "SAH", "Acute hemorrhage in the pons", "Hemorrhagic contusion in the right temporal lobe"),
}
BESIDE = {
    "ru": (
        "дислокации срединных структур нет", "переломов не выявлено", "без прорыва в желудочки", "источник не установлен", "ранее не определялась",
        "не исключается аневризма", "отек регрессировал", "субгалеальная гематома справа", "перелом костей носа", "в анамнезе инсульт",
        "рекомендована КТ-ангиография для исключения аневризмы", "без динамики", "желудочки не расширены",
    ),
    "en": (
        "no midline shift", "no skull fracture is seen", "source not identified", "not present on the prior CT", "history of stroke",
        "cannot exclude underlying mass", "left scalp hematoma", "nasal bone fracture", "recommend CTA to exclude aneurysm", "unchanged from prior",
    ),
}  # fmt: skip
JOINS = ("{0}. {1}.", "{0}, {1}.", "{0}; {1}.", "{0} ({1}).")
NEITHER = (
    "Субгалеальная гематома слева 8 мм.", "Перелом скуловой кости справа со смещением.", "Кровоизлияние в стекловидное тело слева.",
    "КТ-контроль через 12 ч для исключения отсроченной гематомы.", "Кальцинаты сосудистых сплетений.", "Показания: исключить САК.",
)  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(RulesConfig())


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_what_stands_beside_blood_does_not_deny_it(rules: Rules, lang: str) -> None:
    texts = [join.format(stated, beside) for stated in STATED[lang] for beside in BESIDE[lang] for join in JOINS]
    wrong = [text for text in texts if rules.read(text, "", brain_ct=1).labels["ich"] != 1 or rules.read("", text, brain_ct=1).labels["ich"] != 1]
    assert not wrong


def test_a_sentence_of_something_else_changes_no_label(rules: Rules) -> None:
    for _, description, conclusion in cases(CASES / "russian_plain.tsv"):
        told = rules.read(description, conclusion, brain_ct=1).labels
        for sentence in NEITHER:
            assert rules.read(f"{sentence} {description}", conclusion, brain_ct=1).labels == told, (sentence, description)


def test_wrapped_lines_read_as_the_whole(rules: Rules) -> None:
    for _, description, conclusion in cases(CASES / "russian_plain.tsv"):
        whole = " ".join(description.split())
        wrapped = "\n".join(re.findall(r".{1,70}(?:\s|$)", whole))
        assert rules.read(wrapped, conclusion, brain_ct=1).labels == rules.read(whole, conclusion, brain_ct=1).labels, description
