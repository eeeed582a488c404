"""Texts that no radiologist wrote: random, mutated, and a million characters long."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

MILLION = 1_000_000
SIGNS = "\t\n\r\x00\x1b\x85\u2028\u202e\ufeff\u05d0\u0645\U0001f9e0\"'«;,|САКгематоманет .!?()[]{}*\\/0123456789é\u0301\u0130"
PIECES = ("-\n", ". ", "т.е.", "cak", " 1.5 ", "Заключение: ", "Показания:", " не ", "\r\n", "Ð¡ÑƒÐ±Ð´", "ã", " и ", "см. ")

# what made or could make a pattern run for minutes: repeated to a million characters
REPEATED = (
    "Субдуральная гематома слева 9 мм, САК не выявлено. ", "субдуральная гематома слева ", "а", "гематома", ",", " ", "\n", "1. ", "а-\n",
    "?", "аa", "cak ", "САК и ", "нет кровоизлияния ", "no hemorrhage or ", "Заключение: ", "Показания: x. ", "направление диагноз ",
    "геммаатомма ", "субдуральноя гемотома ", "субарахноидально-", "патологии не выявлено ", "\U0001f9e0", "\u0130", "с\u200dа\u200dк ",
    "гематома 1 х 1 х ", "a:", "гематома\n", "диагноз" + " " * 5000, "\u05d0\u0645 ",
)  # fmt: skip


def million(unit: str) -> str:
    return (unit * (MILLION // len(unit) + 1))[:MILLION]


def sentences() -> list[str]:
    """The texts of the labelled tables."""
    lines = [line for path in sorted((Path(__file__).parent / "cases").glob("*.tsv")) for line in path.read_text("utf-8").splitlines()]
    return [cell for line in lines for cell in line.split("\t") if len(cell) > 15]


def texts(count: int, seed: int) -> list[str]:
    """Empty, control characters, right-to-left, punctuation, wrong encodings; reports cut, shuffled, doubled, misspelt."""
    rng, known = random.Random(seed), sentences()
    first = ["", " ", "\n" * 3000, '"', "\x00", "." * 5000, "нет", "\u202eКТ\u202c"]
    return [*first, *islice(iter(lambda: _one(rng, known), None), count - len(first))]


def _one(rng: random.Random, known: list[str]) -> str:
    text = rng.choice(known)
    kind = rng.randrange(6)
    if kind == 0:
        return "".join(rng.choices(SIGNS, k=rng.randint(0, 80)))
    if kind == 1:
        return "".join(chr(rng.choice((rng.randrange(1, 0x3000), rng.randrange(0xE000, 0x1FFFF)))) for _ in range(rng.randint(1, 60)))
    if kind == 2:
        return text.encode("utf-8").decode(rng.choice(("cp1251", "latin-1", "cp866")), "replace")
    if kind == 3:
        return "".join(rng.sample(list(text), len(text)))
    letters = list(text[rng.randrange(len(text)) :] if kind == 4 else text)
    for _ in range(rng.randint(1, 12)):
        letters.insert(rng.randint(0, len(letters)), rng.choice((*SIGNS, *PIECES)))
    return "".join(letters) * rng.choice((1, 1, 1, 2, 9))
