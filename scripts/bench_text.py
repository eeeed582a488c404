"""The whole text path on a synthetic export, beside the floor: reading the Parquet and scanning it once with a vectorised regex.

    python scripts/bench_text.py --reports 100000              # the paper's mix: 6 % brain CT, a third of those with a keyword
    python scripts/bench_text.py --reports 100000 --brain 1    # a brain-CT-only export
    python scripts/bench_text.py --peers                       # beside medspaCy and negspaCy, where these are importable

Every figure is taken in one run on one machine: read the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROW_GROUP = 65_536
NATIONAL = 4_369_511
FLOOR_PATTERN = (
    r"(?i)(?:кровоизли|гематом|геморраг|субдурал|эпидурал|субарахноид|внутримозг|внутрижелуд|имбибиц|пропитыв|"
    r"(?:^|[^а-яёa-z])(?:сак|тсак|сдг|эдг|вмг|вжк|с/д|э/д)(?:$|[^а-яёa-z]))"
)
TITLES = (
    "КТ органов грудной клетки", "КТ органов брюшной полости", "КТ органов малого таза", "КТ придаточных пазух носа", "КТ коленного сустава",
    "КТ поясничного отдела позвоночника", "КТ почек и мочевыводящих путей", "КТ шейного отдела позвоночника", "КТ-коронарография",
)  # fmt: skip
POSITIVE = (
    "По конвексу левой лобно-теменной области определяется субдуральная гематома толщиной до {} мм плотностью до {} HU",
    "В бороздах правой височной доли прослеживается субарахноидальное кровоизлияние",
    "В проекции подкорковых ядер справа внутримозговая гематома объёмом {} см3, плотностью {} HU",
    "Отмечается прорыв крови в желудочковую систему, задние рога заполнены на {} и {} мм",
    "Эпидуральная гематома в правой теменной области {} х {} мм",
    "САК в базальных цистернах, ширина слоя {} мм, плотность {} HU",
)
NEGATIVE = (
    "Данных за внутричерепное кровоизлияние не получено",
    "Признаков САК, субдуральной и эпидуральной гематомы не выявлено",
    "Очагов патологической плотности в веществе мозга не определяется",
    "Гематома мягких тканей лобной области справа до {} мм, плотность {} HU",
)
BRAIN = (
    "Срединные структуры мозга не смещены", "Боковые желудочки не расширены, индексы желудочков {} и {}", "Борозды полушарий мозга не углублены",
    "Базальные цистерны не сужены", "Кости свода черепа без травматических изменений", "Дифференцировка серого и белого вещества сохранена",
)  # fmt: skip


class Vocabulary:
    """Words drawn by Zipf's law from an invented lexicon of Russian-looking forms, cut into sentences: text that compresses like text."""

    def __init__(self, seed: int, size: int = 60_000) -> None:
        rng = random.Random(seed)
        syllables = [a + b for a in "бвгджзклмнпрстфхцчш" for b in "аеиоуыя"] + [a + b + c for a in "бвгкмнпрст" for b in "аеио" for c in "лнрст"]
        endings = ("", "й", "ая", "ого", "ой", "ами", "ов", "ует", "ении", "ия", "ость", "ых")
        words = {"".join(rng.choice(syllables) for _ in range(rng.choice((1, 2, 2, 3, 3)))) + rng.choice(endings) for _ in range(size * 2)}
        self.words = sorted(words)[:size]
        rng.shuffle(self.words)
        weights = 1.0 / np.arange(1, len(self.words) + 1) ** 1.05
        self._cumulative = np.cumsum(weights / weights.sum())
        self._rng = np.random.default_rng(seed)

    def text(self, length: int) -> str:
        """About `length` characters."""
        picks = np.searchsorted(self._cumulative, self._rng.random(max(1, length // 7)))
        words = [self.words[min(at, len(self.words) - 1)] for at in picks]
        sentences = [" ".join(words[at : at + 11]).capitalize() for at in range(0, len(words), 11)]
        return ". ".join(sentences) + "."


def make_corpus(path: Path, reports: int, brain_share: float, seed: int) -> None:
    """About 1 KB of UTF-8 a report in two text columns, zstd, as an export would be."""
    rng, words = random.Random(seed), Vocabulary(seed)
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, reports, ROW_GROUP):
            rows = [_report(number, rng, words, brain_share) for number in range(start, min(reports, start + ROW_GROUP))]
            writer.write_table(pa.table(list(map(list, zip(*rows, strict=True))), schema=schema))


_COLUMNS = ("accession", "patient_id", "patient_name", "birth_date", "sex", "study_date", "modality", "title", "description", "conclusion")


def _report(number: int, rng: random.Random, words: Vocabulary, brain_share: float) -> tuple[str, ...]:
    patient = rng.randrange(1 << 40)
    day = date(2020, 1, 1) + timedelta(days=rng.randrange(1200))
    birth = date(1925, 1, 1) + timedelta(days=rng.randrange(29_000))
    facts: list[str] = []
    brain = rng.random() < brain_share
    if brain:
        facts = rng.sample(BRAIN, 4)
        chance = rng.random()
        if chance < 1 / 6:
            facts.insert(rng.randrange(4), rng.choice(POSITIVE))
        elif chance < 1 / 3:
            facts.insert(rng.randrange(4), rng.choice(NEGATIVE))
    filling = max(0, 430 - sum(map(len, facts)))
    sentences = [fact.format(rng.randint(2, 60), rng.randint(30, 90)) for fact in facts]
    text = words.text(filling)
    description = ". ".join([*sentences, text])
    return (
        f"A{number:09d}", f"P{patient:012d}", "Сидорова А.П.", birth.isoformat(), rng.choice("МЖ"), day.strftime("%d.%m.%Y"), "CT",
        "КТ головного мозга" if brain else rng.choice(TITLES), description, words.text(90),
    )  # fmt: skip


class Clock:
    """Wall and processor seconds (this process and its finished children)."""

    def __enter__(self) -> Clock:
        self._wall, self._cpu = time.perf_counter(), _cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, _cpu() - self._cpu


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def floor(path: Path) -> int:
    """Read every text once and scan it once: what no text path can go below."""
    hits = 0
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        for batch in file.iter_batches(16_384, columns=["title", "description", "conclusion"]):
            masks = [pc.match_substring_regex(batch.column(name), FLOOR_PATTERN) for name in ("description", "conclusion")]
            hits += pc.sum(pc.or_(*masks)).as_py() or 0
    return hits
