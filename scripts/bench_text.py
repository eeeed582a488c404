# ruff: noqa: E501 - sentences as they stand in reports, one a line
"""The whole text path on a synthetic export, beside the floor: reading the Parquet and scanning it once with a vectorised regex.

    python scripts/bench_text.py --reports 100000              # the paper's mix: 6 % brain CT, a third of those with a keyword
    python scripts/bench_text.py --reports 100000 --brain 1    # a brain-CT-only export
    python scripts/bench_text.py --peers --peers-python PEERS/bin/python   # PEERS: an environment with medspacy and negspacy

Every figure is taken in one run on one machine: read the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import forkserver, get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichset.config import ClassifyConfig, EngineConfig, IngestConfig, RulesConfig, ScreenConfig
from ichset.contracts import CLASSIFIED, LABELS, MENTIONS, REPORTS, RULED, SCREENED
from ichset.engine import warm
from ichset.pseudonyms import Pseudonyms
from ichset.reports.ingest import ingest_reports
from ichset.reports.ruling import READ, rule_reports
from ichset.reports.screen import screen_reports
from ichset.store import Store

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


ENGLISH_TITLES = ("CT chest", "CT abdomen and pelvis", "CT lumbar spine", "CT paranasal sinuses", "CT knee", "CT kidneys", "CT coronary angiography")
ENGLISH_POSITIVE = (
    "There is an acute subdural hematoma along the left convexity measuring {} mm, up to {} HU", "Acute intracerebral hemorrhage of {} x {} mm in the right basal ganglia",
    "Small subarachnoid hemorrhage in the right sylvian fissure", "Hemorrhagic contusion in the left temporal lobe, {} x {} mm",
)  # fmt: skip
ENGLISH_NEGATIVE = (
    "No acute intracranial hemorrhage", "Prior subdural hematoma has resolved", "No evidence of subdural or epidural hematoma",
    "Cannot exclude a small contusion in the left temporal lobe", "Scalp hematoma over the right frontal bone, {} mm, {} HU",
)  # fmt: skip
ENGLISH_BRAIN = (
    "No midline shift", "The ventricles and sulci are normal in size", "The paranasal sinuses are clear", "Mild chronic small vessel disease is seen",
    "Old lacunar infarct in the left basal ganglia measuring {} mm", "The grey-white differentiation is preserved",
)  # fmt: skip


@dataclass(frozen=True)
class Language:
    """What an export of one language is made of; words of `first`, `second` and `third` letters with `endings`."""

    name: str
    titles: tuple[str, ...]
    brain_title: str
    brain: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    letters: tuple[str, str, str, str, str]
    endings: tuple[str, ...]


RUSSIAN_EXPORT = Language(
    "ru", TITLES, "КТ головного мозга", BRAIN, POSITIVE, NEGATIVE, ("бвгджзклмнпрстфхцчш", "аеиоуыя", "бвгкмнпрст", "аеио", "лнрст"),
    ("", "й", "ая", "ого", "ой", "ами", "ов", "ует", "ении", "ия", "ость", "ых"),
)  # fmt: skip
ENGLISH_EXPORT = Language(
    "en", ENGLISH_TITLES, "CT head", ENGLISH_BRAIN, ENGLISH_POSITIVE, ENGLISH_NEGATIVE, ("bcdfghjklmnprstvw", "aeiou", "bcdfglmprst", "aeio", "lnrst"),
    ("", "s", "ed", "ing", "ly", "al", "ous", "ion", "ity", "er", "ment", "ic"),
)  # fmt: skip


class Vocabulary:
    """Words drawn by Zipf's law from an invented lexicon of forms that look like the language, cut into sentences: text that compresses like text."""

    def __init__(self, seed: int, language: Language = RUSSIAN_EXPORT, size: int = 60_000) -> None:
        rng, (first, second, third, fourth, fifth), endings = random.Random(seed), language.letters, language.endings
        syllables = [a + b for a in first for b in second] + [a + b + c for a in third for b in fourth for c in fifth]
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


def make_corpus(path: Path, reports: int, brain_share: float, seed: int, language: Language = RUSSIAN_EXPORT, told: float = 1 / 3) -> Vocabulary:
    """430 characters a report (of Russian 0.8 KB) in two text columns, zstd, as an export would be; `told`: the share of brain CTs with a keyword."""
    rng, words = random.Random(seed), Vocabulary(seed, language)
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, reports, ROW_GROUP):
            rows = [_report(number, rng, words, brain_share, language, told) for number in range(start, min(reports, start + ROW_GROUP))]
            writer.write_table(pa.table(list(map(list, zip(*rows, strict=True))), schema=schema))
    return words


_COLUMNS = ("accession", "patient_id", "patient_name", "birth_date", "sex", "study_date", "modality", "title", "description", "conclusion")


def _report(number: int, rng: random.Random, words: Vocabulary, brain_share: float, language: Language, told: float) -> tuple[str, ...]:
    patient = rng.randrange(1 << 40)
    day = date(2020, 1, 1) + timedelta(days=rng.randrange(1200))
    birth = date(1925, 1, 1) + timedelta(days=rng.randrange(29_000))
    facts: list[str] = []
    brain = rng.random() < brain_share
    if brain:
        facts = rng.sample(language.brain, 4)
        chance = rng.random()
        if chance < told / 2:
            facts.insert(rng.randrange(4), rng.choice(language.positive))
        elif chance < told:
            facts.insert(rng.randrange(4), rng.choice(language.negative))
    filling = max(0, 360 - sum(map(len, facts)))
    sentences = [fact.format(rng.randint(2, 60), rng.randint(30, 90)) for fact in facts]
    text = words.text(filling)
    description = ". ".join([*sentences, text])
    return (
        f"A{number:09d}", f"P{patient:012d}", "Сидорова А.П.", birth.isoformat(), rng.choice("МЖ"), day.strftime("%d.%m.%Y"), "CT",
        language.brain_title if brain else rng.choice(language.titles), description, words.text(70),
    )  # fmt: skip


class Clock:
    """Wall and processor seconds (this process and its finished children)."""

    def __enter__(self) -> Clock:
        self._wall, self._cpu = time.perf_counter(), _cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, _cpu() - self._cpu


def _cpu() -> float:
    """Workers are children of the fork server, not ours: its own account of the finished ones is added."""
    own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    try:
        fields = Path(f"/proc/{_server()}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return own
    return own + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # user, system, and both of its children


def _server() -> int:
    return getattr(forkserver._forkserver, "_forkserver_pid", None) or 0


class WorkerPeaks(threading.Thread):
    """The highest resident memory (MB) of any worker, asked ten times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0

    def run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                server = _server()
                for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split():
                    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                    self.peak = max(self.peak, int(found[1]) / 1024 if found else 0)
            time.sleep(0.1)


def floor(path: Path) -> int:
    """Read every text once and scan it once: what no text path can go below."""
    hits = 0
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16) as file:
        for batch in file.iter_batches(16_384, columns=["title", "description", "conclusion"]):
            masks = [pc.match_substring_regex(batch.column(name), FLOOR_PATTERN) for name in ("description", "conclusion")]
            hits += pc.sum(pc.or_(*masks)).as_py() or 0
    return hits


def make_training(path: Path, words: Vocabulary, language: Language = RUSSIAN_EXPORT, reports: int = 3000) -> None:
    """Earlier verified reports of the same language."""
    rng = random.Random(7)
    rows = []
    for _ in range(reports):
        ich = rng.random() < 0.5
        facts = [*rng.sample(language.brain, 4), rng.choice(language.positive if ich else language.negative)]
        rng.shuffle(facts)
        text = ". ".join([*(fact.format(rng.randint(2, 60), rng.randint(30, 90)) for fact in facts), words.text(300)])
        rows.append(
            {"description": text, "conclusion": words.text(90), "lang": language.name, **{label: int(ich and label == "ich") for label in LABELS}}
        )
    pq.write_table(pa.Table.from_pylist(rows), path)


def run_path(export: Path, training: Path, work: Path, jobs: int) -> list[tuple[str, Clock, int]]:
    """Every text stage as the pipeline runs it, tables written."""
    from ichset.reports.classify import TEXTS, VERDICTS, classify_reports  # slow to import, and every worker imports this file

    store, engine = Store(work), EngineConfig(jobs=jobs)
    rules, classify = RulesConfig(), ClassifyConfig(training=training)
    stages = (
        ("ingest", REPORTS, (), lambda: ingest_reports(IngestConfig(path=export))),
        ("screen", SCREENED, (), lambda: screen_reports(store.batches(REPORTS), ScreenConfig(), "accession", Pseudonyms(bytes(range(32))))),
        ("rules", RULED, (MENTIONS,), lambda: rule_reports(store.batches(SCREENED, READ), rules, engine)),
        ("classify", CLASSIFIED, (), lambda: classify_reports(store.batches(SCREENED, TEXTS), store.batches(RULED, VERDICTS), classify, rules, work)),
    )
    timed = []
    for name, contract, tables, outputs in stages:
        with Clock() as clock:
            store.write_stream(contract, outputs(), tables)
        timed.append((name, clock, store.rows(contract)))
    return timed


def prepare(reports: int, brain: float, folder: Path) -> None:
    """The corpus, made in a process of its own so that its memory is not counted."""
    words = make_corpus(folder / "export.parquet", reports, brain, 1)
    make_training(folder / "training.parquet", words)


def train(training: Path, work: Path) -> float:
    """The classifier under `work`; MB at most."""
    from ichset.reports.classify import classify_reports

    list(classify_reports([], [], ClassifyConfig(training=training), RulesConfig(), work))
    return _highest()


def _highest() -> float:
    """MB this program has held at most. `ru_maxrss` would count what the process held before it became this program (exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(folder: Path, jobs: int) -> None:
    from ichset.reports.classify import classify_reports

    export, training, work = folder / "export.parquet", folder / "training.parquet", folder / "work"
    reports = pq.read_metadata(export).num_rows
    print(f"{reports} reports, {export.stat().st_size / reports:.0f} bytes each in the file, {jobs} workers")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:  # beforehand, as for a nation
        learning = apart.submit(train, training, work).result()
    list(classify_reports([], [], ClassifyConfig(training=training), RulesConfig(), work))  # modules loaded, here and for the workers to come
    warm(("ichset.reports.ruling",), EngineConfig(jobs=jobs))
    time.sleep(5)
    peaks = WorkerPeaks()
    peaks.start()
    floor(export)  # both find the file in the page cache
    with Clock() as least:
        hits = floor(export)
    print(f"floor      {least.wall:8.2f} s wall {least.cpu:8.2f} s cpu   {hits} hits")
    timed = run_path(export, training, work, jobs)
    for name, clock, kept in timed:
        print(f"{name:10s} {clock.wall:8.2f} s wall {clock.cpu:8.2f} s cpu   {kept} kept")
    wall, cpu = sum(clock.wall for _, clock, _ in timed), sum(clock.cpu for _, clock, _ in timed)
    print(f"whole path {wall:8.2f} s wall {cpu:8.2f} s cpu   {wall / least.wall:.2f} x floor (wall), {cpu / least.cpu:.2f} x floor (cpu)")
    print(f"{NATIONAL} reports at this rate: {wall / reports * NATIONAL:.0f} s; floor {least.wall / reports * NATIONAL:.0f} s")
    print(f"peak memory: {_highest():.0f} MB here, {peaks.peak:.0f} MB in the largest worker; training the classifier beforehand {learning:.0f} MB")


PEER = """
import json, sys, time
name, texts, terms = sys.argv[1], *json.load(sys.stdin)
if name == "negspaCy":
    import spacy, negspacy.negation
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "FINDING", "pattern": term} for term in terms])
    nlp.add_pipe("negex", config={"ent_types": ["FINDING"]})
else:
    from loguru import logger
    import medspacy
    from medspacy.ner import TargetRule
    logger.remove()  # its sentence splitter logs every token
    nlp = medspacy.load()
    nlp.get_pipe("medspacy_target_matcher").add([TargetRule(term, "FINDING") for term in terms])
nlp(texts[0])
start = time.process_time()
for text in texts:
    nlp(text)
print(len(texts) / (time.process_time() - start))
"""


TERMS = (
    "subdural hematoma", "epidural hematoma", "intracranial hemorrhage", "intracerebral hemorrhage", "subarachnoid hemorrhage", "hemorrhagic contusion",
    "contusion", "scalp hematoma",
)  # fmt: skip
EXPORTS = (  # name, reports, share of brain CT, share of those with a keyword
    ("the paper's mix (6 % brain CT, a third of them with a keyword)", 50_000, 0.0586, 1 / 3),
    ("brain CT with a keyword in every report", 10_000, 1.0, 1.0),
)
ASKED = 400  # reports that a peer reads; its rate does not hang on their number


def measure_peers(python: str) -> None:
    """Reports a processor second on the same English exports, one process each, loading left out; every tool is given every report."""
    for name, reports, brain, told in EXPORTS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            words = make_corpus(folder / "export.parquet", reports, brain, 3, ENGLISH_EXPORT, told)
            make_corpus(folder / "first.parquet", 2000, 1.0, 4, ENGLISH_EXPORT, 1.0)
            make_training(folder / "training.parquet", words, ENGLISH_EXPORT)
            run_path(folder / "first.parquet", folder / "training.parquet", folder / "work", 1)  # phrases compiled, classifier trained
            timed = run_path(folder / "export.parquet", folder / "training.parquet", folder / "work", 1)
            parts = pq.read_table(folder / "export.parquet", columns=["description", "conclusion"]).slice(0, ASKED).to_pylist()
        ours = reports / sum(clock.cpu for _, clock, _ in timed)
        print(f"\nEnglish, {name}: {reports} reports; ichset, the whole text path: {ours:.0f} reports a CPU second")
        ask_peers(["\n".join(part.values()) for part in parts], ours, python)


def ask_peers(texts: list[str], ours: float, python: str) -> None:
    for name in ("negspaCy", "medspaCy"):
        told = subprocess.run([python, "-c", PEER, name], input=json.dumps([texts, TERMS]), capture_output=True, text=True)
        if told.returncode:
            print(f"{name}: not installed for {Path(python).name}; install it in an environment of its own and give --peers-python")
            continue
        rate = float(told.stdout.split()[-1])
        print(f"{name}: {rate:.1f} reports a CPU second; ichset reads {ours / rate:.1f} times as many")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--brain", type=float, default=0.0586, help="share of brain CT (the paper's: 256,120 of 4,369,511)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="the peers alone")
    parser.add_argument("--peers-python", default=sys.executable, help="the python of an environment that has medspacy and negspacy")
    parser.add_argument("--folder", type=Path, help="keep the corpus and tables here")
    parser.add_argument("--prepared", action="store_true", help="the corpus in --folder is ready: only measure")
    chosen = parser.parse_args()
    if chosen.peers:
        measure_peers(chosen.peers_python)
        return
    if chosen.prepared:
        measure(chosen.folder, chosen.jobs)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(chosen.reports, chosen.brain, folder)
        again = [sys.executable, __file__, "--prepared", "--folder", str(folder), "--jobs", str(chosen.jobs)]
        subprocess.run(again, check=True)
    measure_peers(chosen.peers_python)


if __name__ == "__main__":
    main()
