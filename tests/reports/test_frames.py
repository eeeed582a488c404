"""What a sentence says of blood, whichever kind it speaks of: denied, past, feared, doubted, there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ichset.config import RulesConfig
from ichset.reports.rules import Rules, load_rules

FRAMES = Path(__file__).parent / "cases" / "frames.txt"
# nominative, genitive, accusative, prepositional, instrumental
RUSSIAN = (
    ("субдуральная гематома", "субдуральной гематомы", "субдуральную гематому", "субдуральной гематоме", "субдуральной гематомой"),
    ("субарахноидальное кровоизлияние", "субарахноидального кровоизлияния", "субарахноидальное кровоизлияние", "субарахноидальном кровоизлиянии",
     "субарахноидальным кровоизлиянием"),
    ("ВМГ",) * 5,
)  # fmt: skip
ENGLISH = tuple((noun,) * 5 for noun in ("subdural haematoma", "SAH", "intracranial haemorrhage", "parenchymal bleed"))
ENDS = {"ru": ". Головной мозг обычной плотности.", "en": ". The brain is of normal density."}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(RulesConfig())


@pytest.mark.parametrize(("lang", "nouns"), [("ru", RUSSIAN), ("en", ENGLISH)])
def test_a_frame_says_the_same_of_every_kind_of_blood(rules: Rules, lang: str, nouns: tuple[tuple[str, ...], ...]) -> None:
    truth = {"0": 0, "1": 1, "?": None}
    with FRAMES.open(encoding="utf-8", newline="") as file:
        frames = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["lang"] == lang]
    assert len(frames) > 150
    wrong = []
    for row in frames:
        for noun in nouns:
            text = row["frame"].format(**dict(zip("NGAPI", noun, strict=True)))
            text = text[0].upper() + text[1:] + ENDS[lang]
            if rules.read(text, "").labels["ich"] != truth[row["ich"]]:
                wrong.append(text)
    assert not wrong
