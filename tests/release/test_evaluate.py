"""Scores equal scikit-learn and the published formula; bad rows are named; the test keeps its own log."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ichset.cli.release import evaluate as command
from ichset.errors import ConfigError
from ichset.release import scores
from ichset.release.evaluate import evaluate
from ichset.release.results import write_results

from .conftest import Built

KINDS = ("ich", "epidural", "intracerebral", "intraventricular", "subarachnoid", "subdural")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=60).filter(lambda rows: len({y for y, _ in rows}) == 2))
def test_measures_equal_scikit_learn(rows: list[tuple[int, int]]) -> None:
    truth, predicted = np.array([y for y, _ in rows]), np.array([p / 20 for _, p in rows])
    called = predicted >= 0.5
    found = scores.score(truth, predicted)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, called), abs=1e-9)
    assert (found.precision or 0) == pytest.approx(metrics.precision_score(truth, called, zero_division=0), abs=1e-9)
    assert found.recall == pytest.approx(metrics.recall_score(truth, called), abs=1e-9)
    assert found.specificity == pytest.approx(metrics.recall_score(1 - truth, ~called), abs=1e-9)
    assert found.f1 == pytest.approx(metrics.f1_score(truth, called), abs=1e-9)
    assert found.auc == pytest.approx(metrics.roc_auc_score(truth, predicted), abs=1e-9)
    clipped = np.clip(predicted, scores.CLIP, 1 - scores.CLIP)
    assert found.log_loss == pytest.approx(metrics.log_loss(truth, clipped), abs=1e-9)
    false_rate, true_rate = scores.roc(truth, predicted)
    assert metrics.auc(false_rate, true_rate) == pytest.approx(found.auc, abs=1e-9)


def test_rsna_log_loss_is_the_published_formula() -> None:
    """Weighted mean over labels and cases: (2 L_any + sum of the five L_subtype) / 7, L the mean log-loss."""
    rng = np.random.default_rng(4)
    truth = {label: rng.integers(0, 2, 50) for label in KINDS}
    predicted = {label: rng.uniform(0.01, 0.99, 50) for label in KINDS}
    losses = {label: metrics.log_loss(truth[label], predicted[label], labels=[0, 1]) for label in KINDS}
    wanted = (2 * losses["ich"] + sum(losses[label] for label in KINDS[1:])) / 7
    assert scores.rsna_log_loss(truth, predicted) == pytest.approx(wanted, abs=1e-9)
    assert scores.rsna_log_loss({"ich": truth["ich"]}, {"ich": predicted["ich"]}) is None


def test_undefined_measures_are_none_not_a_crash() -> None:
    found = scores.score(np.array([0, 0]), np.array([0.1, 0.2]))
    assert found.auc is None and found.recall is None and found.precision is None and found.specificity == 1


def test_bootstrap_interval_covers_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for trial in range(120):
        truth = rng.integers(0, 2, 120)
        predicted = np.where(rng.random(120) < 0.8, truth, 1 - truth).astype(float)
        low, high = scores.bootstrap(truth, predicted, [str(place) for place in range(120)], 0.5, 120, trial)["accuracy"] or (1, 0)
        inside += low <= 0.8 <= high
    assert 0.87 <= inside / 120 <= 1.0


def test_bootstrap_draws_patients_not_studies() -> None:
    truth, predicted = np.array([1, 0] * 20), np.array([0.9, 0.6] * 20)
    apart = scores.bootstrap(truth, predicted, [str(place) for place in range(40)], 0.5, 200, 1)["accuracy"]
    together = scores.bootstrap(truth, predicted, [str(place // 2) for place in range(40)], 0.5, 200, 1)["accuracy"]
    assert apart and together and together == (0.5, 0.5) and apart[1] > apart[0]


def _rows(built: Built, table: str) -> list[dict[str, str]]:
    with (built.release / f"data/tables/{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_by_study_by_image_and_in_rsna_form_score_the_same(built: Built, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    guess = {row["study"]: {label: round(float(rng.random()), 3) for label in KINDS} for row in _rows(built, "studies")}
    by_study = _write(tmp_path / "study.csv", ["study", *KINDS], [[study, *own.values()] for study, own in guess.items()])
    images = _rows(built, "instances")
    # the highest image of a study carries its value
    by_image = _write(tmp_path / "image.csv", ["image", *KINDS], [
        [row["sop_uid"], *(value if row["instance"] == "2" else value / 2 for value in guess[row["study"]].values())] for row in images
    ])  # fmt: skip
    names = dict(zip(KINDS, ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"), strict=True))
    long = _write(tmp_path / "rsna.csv", ["ID", "Label"], [
        [f"ID_{row['sop_uid']}_{names[label]}", guess[row["study"]][label]] for row in images for label in KINDS
    ])  # fmt: skip
    results = [evaluate(built.release, path, "all", rounds=0) for path in (by_study, by_image, long)]
    assert results[0]["labels"] == results[1]["labels"] == results[2]["labels"]
    assert results[0]["rsna_weighted_log_loss"] == results[2]["rsna_weighted_log_loss"] is not None
    assert all(not any(result["faults"].values()) for result in results)
    assert [result["log"]["level"] for result in results] == ["study", "image", "image"]


def test_unknown_missing_doubled_and_unreadable_rows_are_named(built: Built, tmp_path: Path) -> None:
    studies = [row["study"] for row in _rows(built, "studies")]
    rows = [[study, 0.5] for study in studies[:-1]]
    rows += [[studies[0], 0.9], ["SNOBODY", 0.5]]
    rows[1][1], rows[2][1] = "high", 1.5
    result = evaluate(built.release, _write(tmp_path / "p.csv", ["study", "ich"], rows), "all", rounds=0)
    assert result["faults"] == {
        "unknown": ["SNOBODY"], "missing": [studies[-1]], "duplicate": [studies[0]],
        "unreadable": [f"{studies[1]} ich", f"{studies[2]} ich"],
    }  # fmt: skip
    assert result["labels"]["ich"]["positives"] + result["labels"]["ich"]["negatives"] == len(studies) - 3


def _scored(built: Built, path: Path) -> dict:
    return evaluate(built.release, path, "all", rounds=0)


@pytest.mark.parametrize(("separator", "point", "start", "end"), [
    (",", ".", "", "\n"), (";", ",", "\ufeff", "\r\n"), ("\t", ",", "", "\n"), (";", ".", "", "\n"), (",", ".", "\ufeff", "\r\n"),
])  # fmt: skip
def test_files_of_any_spreadsheet_read_the_same(built: Built, tmp_path: Path, separator: str, point: str, start: str, end: str) -> None:
    studies = [row["study"] for row in _rows(built, "studies")]
    lines = [["", " study ", "note", "ich"], *([str(n), study, "x", f"0.{n}5"] for n, study in enumerate(studies))]
    plain = _write(tmp_path / "plain.csv", ["study", "ich"], [[line[1], line[3]] for line in lines[1:]])
    text = end.join(separator.join(cell.replace(".", point) for cell in line) for line in lines)
    (tmp_path / "p.csv").write_bytes((start + text + end + end).encode())
    found = _scored(built, tmp_path / "p.csv")
    assert found["labels"] == _scored(built, plain)["labels"] and not any(found["faults"].values())


def test_no_value_is_guessed(built: Built, tmp_path: Path) -> None:
    """A decimal comma in a file of commas, a short line, an empty cell, what is no finite number, no time: each is named, none is scored."""
    studies = [row["study"] for row in _rows(built, "studies")]
    odd = ["0,93", "", "nan", "inf", "1e400", "-0.1", "1_0", "0x1"]
    lines = ["study,ich,seconds", *(f"{study},{value},1" for study, value in zip(studies, odd, strict=False)), studies[8], f"{studies[9]},0.4,fast"]
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    found = _scored(built, tmp_path / "p.csv")
    scores_of = found["labels"]["ich"]
    assert scores_of["positives"] + scores_of["negatives"] == 1
    assert found["faults"]["missing"] == [f"{studies[1]} ich"]
    assert found["faults"]["unreadable"] == [
        f"{studies[0]}, a line of 4 cells", *(f"{study} ich" for study in studies[2:8]), f"{studies[8]}, a line of 1 cells",
        f"{studies[9]} seconds",
    ]  # fmt: skip


def test_a_column_twice_is_refused_and_rsna_rows_of_another_length_are_named(built: Built, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("study,ich,ich\nS,1,0\n")
    with pytest.raises(ConfigError, match="twice"):
        _scored(built, tmp_path / "p.csv")
    images = [row["sop_uid"] for row in _rows(built, "instances")]
    lines = ["ID,Label", *(f"ID_{image}_any,0{',93' if number == 0 else '.5'}" for number, image in enumerate(images)), "ID_X_any,0.1"]
    (tmp_path / "p.csv").write_text("\n".join([*lines, f"ID_{images[1]}_tumour,1", f"ID_{images[1]}_any,1"]))
    found = _scored(built, tmp_path / "p.csv")
    assert found["faults"]["unreadable"] == [f"{images[0]}, a line of 3 cells"] and found["faults"]["missing"] == []
    assert found["faults"]["unknown"] == ["X", f"ID_{images[1]}_tumour"] and found["faults"]["duplicate"] == [images[1]]
    assert list(found["labels"]) == ["ich"]


def test_ties_and_strata_of_one_class(built: Built, tmp_path: Path) -> None:
    labels = {row["study"]: row for row in _rows(built, "labels")}
    found = _scored(built, _write(tmp_path / "p.csv", ["study", "ich"], [[study, 0.5] for study in labels]))
    assert found["labels"]["ich"]["auc"] == 0.5 and found["labels"]["ich"]["log_loss"] == pytest.approx(math.log(2))
    assert found["strata"] and all(row["auc"] in (0.5, None) for row in found["strata"])
    assert all((row["auc"] is None) == (0 in (row["positives"], row["negatives"])) for row in found["strata"])


def test_only_the_split_is_scored_and_other_studies_are_not_unknown(built: Built, tmp_path: Path) -> None:
    studies = _rows(built, "studies")
    path = _write(tmp_path / "p.csv", ["study", "ich"], [[row["study"], 0.4] for row in studies])
    result = evaluate(built.release, path, "test", rounds=0)
    assert not any(result["faults"].values())
    assert result["labels"]["ich"]["positives"] + result["labels"]["ich"]["negatives"] == sum(row["split"] == "test" for row in studies)


@pytest.mark.parametrize(("text", "words"), [
    ("a,b\n1,2\n", "needs a header"), ("study,tumour\nS,1\n", "no column is a label"), ("", "needs a header"),
    ("study,ich\nSX,0.5\n", "not one row"),
])  # fmt: skip
def test_a_file_that_is_no_table_of_predictions_is_refused(built: Built, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ConfigError, match=words):
        evaluate(built.release, tmp_path / "p.csv", "all", rounds=0)


def test_command_writes_scores_curves_strata_and_a_growing_log(built: Built, tmp_path: Path) -> None:
    labels = _rows(built, "labels")
    path = _write(tmp_path / "p.csv", ["study", "ich", "seconds"], [[row["study"], 0.8 if row["ich"] == "1" else 0.3, 1.5] for row in labels])
    for _ in range(2):
        done = CliRunner().invoke(command, [str(built.release), str(path), "--split", "all", "--bootstrap", "20", "--out", str(tmp_path / "out")])
        assert done.exit_code == 0, done.output
    assert "ich" in done.output and "seconds a case: median 1.50" in done.output
    log = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert [line["attempt"] for line in log] == [1, 2] and log[0]["scores"]["ich"]["auc"] == 1.0 and log[0]["seconds"]["cases"] == len(labels)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "scores.json",
        "scores.csv",
        "strata.csv",
        "roc.svg",
        "roc.png",
        "log.jsonl",
        "report.txt",
    }
    assert b"AUC 1.000" in (tmp_path / "out/roc.svg").read_bytes()
    as_json = CliRunner().invoke(command, [str(built.release), str(path), "--split", "all", "--bootstrap", "0", "--json"])
    assert math.isclose(json.loads(as_json.output)["labels"]["ich"]["auc"], 1.0)


def test_results_do_not_depend_on_where_they_are_written(built: Built, tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", ["study", "ich"], [[row["study"], 0.4] for row in _rows(built, "studies")])
    for name in ("a", "b"):
        write_results(evaluate(built.release, path, "all", rounds=10), tmp_path / name)
    assert [
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in ("scores.json", "roc.svg", "roc.png", "log.jsonl")
    ] == [True] * 4


def test_a_test_that_is_cut_short_leaves_the_results_before_it_whole(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = _write(tmp_path / "p.csv", ["study", "ich"], [[row["study"], 0.4] for row in _rows(built, "studies")]), tmp_path / "out"
    result = evaluate(built.release, path, "all", rounds=0)
    write_results(result, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr("ichset.release.results._draw_roc", full)
        write_results({**result, "strata": []}, out)
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before
    with (out / "log.jsonl").open("a") as log:
        log.write('{"attempt": 2, "rel')  # the machine stopped while the line was written
    write_results(result, out)
    assert {file.name for file in out.iterdir()} == before.keys()
    assert json.loads((out / "log.jsonl").read_text().splitlines()[-1])["attempt"] == 3
