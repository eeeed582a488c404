"""Score a service's predictions on a release: per label, by technical class, with bootstrap intervals and ROC curves."""

from __future__ import annotations

import csv
import hashlib
import json
import statistics
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ichset.contracts import LABELS
from ichset.errors import ConfigError
from ichset.release.predictions import Predictions, read_predictions, told
from ichset.release.scores import MEASURES, bootstrap, roc, rsna_log_loss, score

STRATA = ("manufacturer", "kernel", "slice_thickness")
MIN_STRATUM = 5


def evaluate(release: Path, path: Path, split: str = "all", threshold: float = 0.5, rounds: int = 1000, seed: int = 1) -> dict[str, Any]:
    """The whole result as plain values: what was tested on what, faults, scores, intervals, strata, times.

    A label that the release cannot tell for a study is left out for that study. Raises ConfigError for a folder that is
    no release or a file that holds no predictions of this release.
    """
    release = release.resolve()
    rows = _rows(release, "studies")
    everyone = [row["study"] for row in rows]
    studies = {row["study"]: row for row in rows if split in ("all", row["split"])}
    if not studies:
        raise ConfigError(f"{release}: no studies in the split {split!r}; splits are train, test, all")
    labels = {row["study"]: row for row in _rows(release, "labels") if row["study"] in studies}
    images = {row["sop_uid"]: row["study"] for row in _rows(release, "instances")}
    found = read_predictions(path, everyone, images, studies)
    if not any(found.values.values()):
        raise ConfigError(f"{path}: not one row predicts a study of {release.name} ({'; '.join(told(found.faults)) or 'the file is empty'})")
    pairs = {label: _pairs(label, found, labels) for label in found.values}
    scored = {label: _scored(*pair, studies, threshold, rounds, seed) for label, pair in pairs.items() if len(pair[0])}
    complete = _complete(pairs)
    return {
        "log": _log(release, path, split, threshold, rounds, seed, found), "faults": found.faults, "labels": scored,
        "rsna_weighted_log_loss": rsna_log_loss(*complete) if complete else None,
        "strata": _strata(release, pairs, studies, threshold), "seconds": _seconds(found), "roc": {
            label: [axis.tolist() for axis in roc(truth, p)] for label, (_, truth, p) in pairs.items() if len(set(truth.tolist())) == 2
        },
    }  # fmt: skip


def _rows(release: Path, table: str) -> list[dict[str, str]]:
    path = release / "data" / "tables" / f"{table}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        raise ConfigError(f"{path}: cannot be read; give the folder of a whole release") from None


Pair = tuple[list[str], Any, Any]  # studies, truth (0/1), probabilities


def _pairs(label: str, found: Predictions, labels: dict[str, dict[str, str]]) -> Pair:
    own = sorted(study for study in found.values[label] if labels[study][label] in ("0", "1"))
    truth = np.array([int(labels[study][label]) for study in own], int)
    return own, truth, np.array([found.values[label][study] for study in own], float)


def _scored(
    own: list[str], truth: Any, predicted: Any, studies: dict[str, dict[str, str]], threshold: float, rounds: int, seed: int
) -> dict[str, Any]:
    intervals = bootstrap(truth, predicted, [studies[study]["subject"] for study in own], threshold, rounds, seed) if rounds else {}
    return {**asdict(score(truth, predicted, threshold)), "intervals": intervals}


def _complete(pairs: dict[str, Pair]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    return ({label: pair[1] for label, pair in pairs.items()}, {label: pair[2] for label, pair in pairs.items()}) if pairs else None


def _strata(release: Path, pairs: dict[str, Pair], studies: dict[str, dict[str, str]], threshold: float) -> list[dict[str, Any]]:
    """The same measures by class; a study counts in every class that one of its series has."""
    classes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in _rows(release, "series"):
        if row["study"] in studies:
            for name in STRATA:
                classes[name, row[name] or "(missing)"].add(row["study"])
    found = []
    for (name, value), members in sorted(classes.items()):
        for label, (own, truth, predicted) in pairs.items():
            inside = np.array([study in members for study in own], bool)
            if inside.sum() >= MIN_STRATUM:
                found.append({"parameter": name, "class": value, "label": label, **asdict(score(truth[inside], predicted[inside], threshold))})
    return found


def _seconds(found: Predictions) -> dict[str, float] | None:
    values = sorted(found.seconds.values())
    if not values:
        return None
    return {
        "cases": len(values), "mean": statistics.fmean(values), "median": statistics.median(values),
        "p95": float(np.percentile(values, 95)), "slowest": values[-1],
    }  # fmt: skip


def _log(release: Path, path: Path, split: str, threshold: float, rounds: int, seed: int, found: Predictions) -> dict[str, Any]:
    """What was tested, on what, how: enough to repeat the test."""
    manifest = release / "tagmanifest-sha256.txt"
    return {
        "release": release.name, "release_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        "predictions": path.name, "predictions_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "level": found.level, "split": split,
        "threshold": threshold, "bootstrap": rounds, "seed": seed, "labels": [label for label in LABELS if found.values.get(label)],
    }  # fmt: skip


def attempts(log: Path) -> int:
    """How many tests the log beside the results holds."""
    return sum(1 for line in log.read_text("utf-8").splitlines() if line.strip()) if log.is_file() else 0


def write_results(result: dict[str, Any], folder: Path) -> None:
    """scores.json, scores.csv, strata.csv, roc.svg, report.txt; and one line more in log.jsonl, the test's own log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.jsonl"
    headline = {label: {name: scores[name] for name in ("auc", "recall", "specificity")} for label, scores in result["labels"].items()}
    line = {"attempt": attempts(log) + 1, **result["log"], "scores": headline, "seconds": result["seconds"]}
    (folder / "scores.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "report.txt").write_text(as_text(result), "utf-8")
    _write_csv(folder / "scores.csv", [{"label": label, **_flat(scores)} for label, scores in result["labels"].items()])
    _write_csv(folder / "strata.csv", result["strata"])
    _draw_roc(result, folder)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _flat(scores: dict[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in scores.items() if name != "intervals"}
    for name in MEASURES:
        flat[f"{name}_low"], flat[f"{name}_high"] = scores["intervals"].get(name) or (None, None)
    return flat


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["label"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)


def _draw_roc(result: dict[str, Any], folder: Path) -> None:
    from ichset.release.figures.canvas import SOFT, figure
    from ichset.release.formats import word

    with figure(6.4, 5.2, folder, "roc", ("svg", "png")) as drawn:
        axes = drawn.subplots()
        for label, (false_rate, true_rate) in result["roc"].items():
            axes.step(false_rate, true_rate, where="post", label=f"{word(label)}: AUC {result['labels'][label]['auc']:.3f}", linewidth=1.6)
        axes.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=0.8)
        axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", title="ROC curves")
        if result["roc"]:
            axes.legend(loc="lower right", fontsize=8)


def as_text(result: dict[str, Any]) -> str:
    """The result for people."""
    log = result["log"]
    lines = [f"{log['predictions']} on {log['release']}, split {log['split']}, by {log['level']}, threshold {log['threshold']:g}", ""]
    lines += [f"warning: {line}" for line in told(result["faults"])]
    lines.append(f"{'label':<17}{'pos':>6}{'neg':>6}" + "".join(f"{name:>22}" for name in MEASURES))
    for label, scores in result["labels"].items():
        cells = (_cell(scores[name], scores["intervals"].get(name)) for name in MEASURES)
        lines.append(f"{label:<17}{scores['positives']:>6}{scores['negatives']:>6}" + "".join(f"{cell:>22}" for cell in cells))
    if result["rsna_weighted_log_loss"] is not None:
        lines += ["", f"RSNA weighted log-loss {result['rsna_weighted_log_loss']:.4f}"]
    if result["seconds"]:
        seconds = result["seconds"]
        lines += ["", f"seconds a case: median {seconds['median']:.2f}, 95 % under {seconds['p95']:.2f}, slowest {seconds['slowest']:.2f}"]
    return "\n".join(lines) + "\n"


def _cell(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")
