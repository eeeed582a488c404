"""The classifier beside the rules: learns, is judged, is stored without dates, and no foreign file is ever executed."""

from __future__ import annotations

import io
import json
import logging
import pickle
import random
import re
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.stem.snowball import SnowballStemmer

from ichset.config import ClassifyConfig, RulesConfig
from ichset.contracts import CLASSIFIED, LABELS, RULED, SCREENED
from ichset.errors import ConfigError, CurationError
from ichset.reports import metrics, model_file, training
from ichset.reports.classify import MODEL_FILE, classify_reports, score_file
from ichset.reports.features import is_ending, learn_vocabulary, spell, split_words
from ichset.reports.model_file import ModelRefused, load_model, record_path, save_model
from ichset.reports.stems import stem

from .hostile import sentences

BLOOD = (
    "Субдуральная гематома слева толщиной {} мм", "Субарахноидальное кровоизлияние справа",
    "Внутримозговая гематома объёмом {} см3",
    "Прорыв крови в желудочки", "Acute subdural hematoma measuring {} mm",
)  # fmt: skip
CLEAR = (
    "Кровоизлияний не выявлено", "Данных за гематому нет",
    "Срединные структуры не смещены", "Желудочки не расширены",
    "No acute hemorrhage",
    "Киста слева {} мм", "Обызвествления до {} мм",
)  # fmt: skip


def reports(count: int, seed: int = 3) -> list[dict]:
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        ich = rng.random() < 0.5
        facts = rng.sample(CLEAR, 4) + (rng.sample(BLOOD, 1) if ich else [])
        rng.shuffle(facts)
        text = ". ".join(fact.format(rng.randint(2, 40)) for fact in facts) + "."
        row = {"description": text, "conclusion": "Без динамики.", "lang": "ru", **dict.fromkeys(LABELS, 0)}
        rows.append(row | {"ich": int(ich), "subdural": int("убдуральная" in text or "subdural" in text), "multiple": None})
    return rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    folder = tmp_path_factory.mktemp("classify")
    rows = reports(500)
    pq.write_table(pa.Table.from_pylist(rows), folder / "training.parquet")
    list(classify(folder, rows[:50]))
    return folder, rows


def tables(rows: list[dict]) -> tuple[pa.Table, pa.Table]:
    empty = dict.fromkeys(SCREENED.schema.names)
    names = [{"report": f"r{at}", "study": f"s{at}"} for at in range(len(rows))]
    texts = [{**empty, **name, "description": row["description"], "conclusion": row["conclusion"]} for name, row in zip(names, rows, strict=True)]
    verdicts = [{**name, "brain_ct": 1, "doubt": False, **{label: row[label] for label in LABELS}} for name, row in zip(names, rows, strict=True)]
    return pa.Table.from_pylist(texts, SCREENED.schema), pa.Table.from_pylist(verdicts, RULED.schema)


def classify(folder: Path, rows: list[dict], training_table: str | None = "training.parquet", **settings: object) -> pa.Table:
    texts, verdicts = tables(rows)
    config = ClassifyConfig(training=folder / training_table if training_table else None, **settings)  # type: ignore[arg-type]
    outputs = list(classify_reports(texts.to_batches(7), verdicts.to_batches(11), config, RulesConfig(), folder))
    assert all(each.excluded.num_rows == 0 for each in outputs)
    found = pa.concat_tables(each.kept for each in outputs)
    assert found.schema == CLASSIFIED.schema and found["report"].to_pylist() == texts["report"].to_pylist()
    return found


def test_it_tells_blood_from_none_and_says_where_the_rules_differ(trained: tuple[Path, list[dict]]) -> None:
    folder, _ = trained
    fresh = reports(120, seed=99)
    wrong = {3, 17}
    asked = [row | ({"ich": 1 - row["ich"]} if at in wrong else {}) for at, row in enumerate(fresh)]
    asked[5] = fresh[5] | {"ich": None}
    found = classify(folder, asked)
    said = np.array(found["p_ich"].to_pylist()) >= 0.5
    assert (said == [row["ich"] == 1 for row in fresh]).mean() > 0.95
    disagree = {at for at, flag in enumerate(found["disagree"].to_pylist()) if flag}
    assert wrong <= disagree and 5 not in disagree


def test_metrics_have_intervals_for_each_label_and_model(trained: tuple[Path, list[dict]]) -> None:
    found = json.loads((trained[0] / "model" / "metrics.json").read_text())
    assert found["split"] == {"train": 350, "test": 150} or abs(found["split"]["test"] - 150) <= 3
    ich = found["labels"]["ich"]
    assert set(ich) >= {"linear", "tree", "rules"}
    for name in ("linear", "tree", "rules"):
        for measure in ("sensitivity", "specificity", "precision", "f1"):
            value = ich[name][measure]
            assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1
    assert "linear" not in found["labels"]["epidural"], "a label without examples is not learnt"
    assert found["labels"]["multiple"]["reports"] == 0, "empty labels are neither present nor absent"
    assert sum(each["reports"] for each in ich["linear"]["calibration"]) == ich["reports"]


def test_the_stored_bytes_are_the_same_and_a_rerun_trains_nothing(trained: tuple[Path, list[dict]], tmp_path: Path) -> None:
    folder, rows = trained
    model = folder / "model" / MODEL_FILE
    (tmp_path / "training.parquet").write_bytes((folder / "training.parquet").read_bytes())
    first = classify(tmp_path, rows[:40])
    again = tmp_path / "model" / MODEL_FILE
    assert again.read_bytes() == model.read_bytes()
    with zipfile.ZipFile(model) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    stamp = again.stat().st_mtime_ns
    assert classify(tmp_path, rows[:40]).equals(first) and again.stat().st_mtime_ns == stamp
    classify(tmp_path, rows[:40], model="tree")
    assert again.stat().st_mtime_ns != stamp, "another config is another model"


def test_score_file_scores_any_texts(trained: tuple[Path, list[dict]]) -> None:
    model = trained[0] / "model" / MODEL_FILE
    scores = score_file(model, ["Субдуральная гематома слева толщиной 9 мм", "Кровоизлияний не выявлено. Данных за гематому нет.", ""])
    assert scores[0] > 0.5 > scores[1] and len(scores) == 3
    assert score_file(model, []) == []


def test_without_a_training_table_it_says_so_and_passes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = classify(tmp_path, reports(20), training_table=None)
    assert found["p_ich"].null_count == 20 and not any(found["disagree"].to_pylist())
    assert "classify.training" in caplog.text and not (tmp_path / "model").exists()


class _Bomb:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self._path,))


def _refused(model: Path, words: str) -> None:
    with pytest.raises(ModelRefused, match=words) as caught:
        score_file(model, ["x"])
    assert caught.value.exit_code == 2


def _with_record(path: Path, data: bytes) -> Path:
    """A foreign file whose hash was recorded by whoever put it there."""
    path.write_bytes(data)
    record_path(path).write_text(json.dumps({"sha256": __import__("hashlib").sha256(data).hexdigest()}))
    return path


def test_swapped_foreign_pickled_and_oversized_files_are_refused(
    trained: tuple[Path, list[dict]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = (trained[0] / "model" / MODEL_FILE).read_bytes()
    model = tmp_path / "m.skops"
    _refused(model, "no such model")
    model.write_bytes(stored)
    _refused(model, "no record")
    record_path(model).write_bytes(record_path(trained[0] / "model" / MODEL_FILE).read_bytes())
    assert score_file(model, ["x"])
    model.write_bytes(stored[:-30] + b"x" * 30)
    _refused(model, "sha256")
    fired = tmp_path / "fired"
    _refused(_with_record(model, pickle.dumps(_Bomb(fired))), "not a skops file")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", json.dumps({"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": "x"}))
    _refused(_with_record(model, packed.getvalue()), r"none of ours \(FunctionNode, os\.system\)")
    with zipfile.ZipFile(io.BytesIO(stored)) as source, zipfile.ZipFile(packed := io.BytesIO(), "w") as target:
        for name in source.namelist():
            target.writestr(name, pickle.dumps(_Bomb(fired)) if name.endswith(".npy") else source.read(name))
    _refused(_with_record(model, packed.getvalue()), "cannot be read")
    assert not fired.exists(), "nothing in a refused file may run"
    monkeypatch.setattr(model_file, "MAX_UNPACKED", 1000)
    _refused(_with_record(model, stored), "unpacks")
    monkeypatch.setattr(model_file, "MAX_BYTES", 1000)
    _refused(model, "larger")


def test_foreign_estimators_are_refused_even_when_skops_trusts_them(tmp_path: Path) -> None:
    from sklearn.svm import SVC

    save_model(tmp_path / "m.skops", {"models": SVC()}, {})
    with pytest.raises(ModelRefused, match="SVC"):
        load_model(tmp_path / "m.skops")


def test_streams_that_do_not_match_are_refused(tmp_path: Path) -> None:
    texts, verdicts = tables(reports(10))
    config = ClassifyConfig()
    for broken in (verdicts.slice(0, 9), verdicts.take([1, 0, *range(2, 10)]), pa.concat_tables([verdicts, verdicts.slice(0, 1)])):
        with pytest.raises(CurationError, match="ruled"):
            list(classify_reports(texts.to_batches(4), broken.to_batches(3), config, RulesConfig(), tmp_path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop_columns(["subdural"]), "no column subdural"),
        (lambda table: table.set_column(3, "ich", pa.array([2] * len(table))), "column ich holds other values"),
        (lambda table: table.slice(0, 20), "fewer than 20"),
    ],
)
def test_a_faulty_training_table_is_one_clear_error(tmp_path: Path, change: object, words: str) -> None:
    table = change(pa.Table.from_pylist(reports(80)))  # type: ignore[operator]
    assert table.column_names[3] == "ich"
    pq.write_table(table, tmp_path / "training.parquet")
    with pytest.raises(ConfigError, match=words):
        classify(tmp_path, reports(3))
    with pytest.raises(ConfigError, match="no table of verified reports"):
        classify(tmp_path, reports(3), training_table="absent.parquet")


def test_csv_training_table(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(reports(30))
    pa_csv.write_csv(table, tmp_path / "t.csv")
    assert training.read_training(tmp_path / "t.csv").num_rows == 30


def test_the_split_keeps_the_same_words_on_one_side() -> None:
    texts = pa.array([f"report {at % 40}" for at in range(200)])
    truth = [at % 40 % 2 for at in range(200)]
    held = training.split(texts, truth, 0.3)
    assert held.sum() == 60 and sum(truth[at] for at in np.flatnonzero(held)) == 30
    assert all(held[at] == held[at % 40] for at in range(200))
    order = np.random.default_rng(1).permutation(200)
    shuffled = training.split(texts.take(pa.array(order)), [truth[at] for at in order], 0.3)
    assert (shuffled == held[order]).all(), "the order of the table does not matter"


@given(st.text(alphabet="абвгдежзийклмнопрстуфхцчшщъыьэюя", min_size=1, max_size=15))
def test_russian_stems_are_nltks(word: str) -> None:
    assert stem(word) == SnowballStemmer("russian").stem(word)


def test_lookalikes_and_numbers() -> None:
    assert stem("гeмaтoма") == stem("гематома") and stem("12") == "#"


def test_words_never_seen_in_training_count_by_their_stem() -> None:
    vocabulary = learn_vocabulary(pa.array(["гематома слева", "киста гематомы", "отёк и гематома"]))
    assert stem("гематома") in vocabulary.stems
    known, new, foreign = vocabulary.counts(pa.array(["гематома", "гематомами", "гематогенный"])).toarray().sum(axis=1)
    assert known == new == 1 and foreign == 0


@given(st.lists(st.text(alphabet="абв не.,|но10\n", max_size=40), max_size=12))
def test_the_words_of_training_count_as_their_stems(texts: list[str]) -> None:
    array = pa.array([*texts, "абв не вба", "абв не вба", "абв не вба"], pa.string())
    vocabulary = learn_vocabulary(array)
    slow = replace(vocabulary, spelt={})
    assert (vocabulary.counts(array) != slow.counts(array)).nnz == 0
    assert vocabulary.counts(array).sum() > 0


@given(st.lists(st.text(alphabet="абЯё aZ9.,!|-\n\u00a0ї—中", max_size=30), max_size=8))
def test_words_and_sentences_are_those_of_a_plain_reading(texts: list[str]) -> None:
    words = split_words(pa.array(["", *texts], pa.string()).slice(1), partial(spell, to_stem=str))
    read = list(zip(words.row.tolist(), [words.stems[at] for at in words.word], words.paired.tolist(), strict=True))
    plain = []
    for row, text in enumerate(texts):
        for sentence in re.split(r"[.!\n]+(?:[ \n]|$)|\w*\|[\w|]*", text.lower().replace("ё", "е").replace("ї", "-").replace("中", "-")):
            found = re.findall("[0-9a-zа-я]+", sentence)
            plain += [(row, word, at + 1 < len(found)) for at, word in enumerate(found)]
    assert read == plain


def test_negation_marks_its_own_sentence() -> None:
    words = split_words(pa.array(["Гематома слева. Отёка не видно, но киста есть"]))
    marked = {words.stems[word] for word, negated in zip(words.word, words.negated, strict=True) if negated}
    assert marked == {stem("отека"), "не", stem("видно")}


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)  # the last two: R. G. Newcombe, Stat Med 1998;17:857-872, table I
def test_wilson(hits: int, total: int, low: float, high: float) -> None:
    found = metrics.wilson(hits, total)
    assert found["low"] == pytest.approx(low, abs=2e-4) and found["high"] == pytest.approx(high, abs=2e-4)
    assert metrics.wilson(0, 0) == {"value": None, "low": None, "high": None}


def test_auc_and_f1_against_scikit_learn() -> None:
    from sklearn.metrics import f1_score, roc_auc_score

    rng = np.random.default_rng(4)
    truth = rng.random(300) < 0.3
    scores = np.round(np.clip(truth * 0.3 + rng.random(300) * 0.7, 0, 1), 2)
    auc = metrics.auc_interval(truth, scores, 1)
    assert auc["value"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-6) and auc["low"] < auc["value"] < auc["high"]
    f1 = metrics.f1_interval(metrics.confusion(truth, scores > 0.4), 1)
    assert f1["value"] == pytest.approx(f1_score(truth, scores > 0.4), abs=1e-6) and f1["low"] < f1["value"] < f1["high"]


def test_what_snowball_strips_is_known_as_an_ending() -> None:
    rng = random.Random(8)
    words = {word for text in sentences() for word in re.findall("[а-я]+", text.lower().replace("ё", "е"))}
    parts = ("ость", "ост", "нн", "н", "ейш", "вш", "ющ", "ив", "а", "ого", "ами", "ыми", "ует", "или", "ся", "сь", "ившись", "ия", "ь", "и")
    words |= {word[: rng.randint(3, 9)] + "".join(rng.choices(parts, k=rng.randint(1, 3))) for word in sorted(words)}
    assert len(words) > 5000
    for word in words:
        left = stem(word)
        if not any(letters in word for letters in ("ъ", "ьь", "ця", "ць")):  # of these the stem need not be the beginning
            assert word.startswith(left), word
            assert len(word) - len(left) > 6 or is_ending(word[len(left) :]), word
