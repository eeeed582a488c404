"""The files of one test of a service: scores, strata, ROC curves, a page for people, and the log of all tests."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ichset.release.predictions import told
from ichset.release.scores import MEASURES


def attempts(log: Path) -> int:
    """How many tests the log beside the results holds."""
    return sum(1 for line in log.read_text("utf-8").splitlines() if line.strip()) if log.is_file() else 0


def write_results(result: dict[str, Any], folder: Path) -> None:
    """scores.json, scores.csv, strata.csv, roc.svg, roc.png, report.txt; and one line more in log.jsonl, the test's own log.

    Each file takes its name only when it is whole and on the disk, and the log speaks of no test whose files are not there.
    """
    part = folder / "results.part"
    shutil.rmtree(part, ignore_errors=True)  # of a test that was cut short
    part.mkdir(parents=True)
    (part / "scores.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (part / "report.txt").write_text(as_text(result), "utf-8")
    _write_csv(part / "scores.csv", [{"label": label, **_flat(scores)} for label, scores in result["labels"].items()])
    _write_csv(part / "strata.csv", result["strata"])
    _draw_roc(result, part)
    for path in sorted(part.iterdir()):
        _sync(path)
        path.replace(folder / path.name)
    part.rmdir()
    _enter(result, folder / "log.jsonl")


def _enter(result: dict[str, Any], log: Path) -> None:
    """One line more; what a cut-short write left at the end of the log stays a line of its own."""
    headline = {label: {name: scores[name] for name in ("auc", "recall", "specificity")} for label, scores in result["labels"].items()}
    line = {"attempt": attempts(log) + 1, **result["log"], "scores": headline, "seconds": result["seconds"]}
    torn = log.is_file() and log.read_bytes()[-1:] not in (b"", b"\n")
    with log.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


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
