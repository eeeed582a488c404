"""Scores of the rules on a table of labelled reports. As a script it prints them: python tests/reports/measured.py FILE ..."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ichset.config import RulesConfig
from ichset.contracts import LABELS
from ichset.reports.rules import Rules, load_rules

Z95 = 1.959963984540054


@dataclass
class Score:
    """Counts of one label. Cannot tell, where the truth is known, counts against the rules."""

    right_present: int = 0
    missed: int = 0
    right_absent: int = 0
    invented: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, truth: int, said: int | None, case: str) -> None:
        if truth == 1:
            self.right_present += said == 1
            self.missed += said != 1
        else:
            self.right_absent += said == 0
            self.invented += said != 0
        if truth != said:
            self.wrong.append(case)

    @property
    def sensitivity(self) -> float:
        return self.right_present / max(self.right_present + self.missed, 1)

    @property
    def specificity(self) -> float:
        return self.right_absent / max(self.right_absent + self.invented, 1)

    @property
    def f1(self) -> float:
        return 2 * self.right_present / max(2 * self.right_present + self.missed + self.invented, 1)


def cases(path: Path) -> list[tuple[dict[str, int | None], str, str]]:
    """(truth, description, conclusion): `labels` names what is present; ? behind a label: cannot be told; ~: not scored; *~: nothing else is."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(_truth(row["labels"]), *(row[name].replace("\\n", "\n") for name in ("description", "conclusion"))) for row in rows]


def _truth(labels: str) -> dict[str, int | None]:
    truth: dict[str, int | None] = dict.fromkeys(LABELS, 0)
    words = [word for word in labels.split() if word not in ("-", "doubt")]
    if "*~" in words or "ich?" in words:  # where haemorrhage cannot be told, its kinds are not scored
        truth = dict.fromkeys(LABELS, None)
    for word in words:
        if word[:-1] in LABELS and word[-1] in "?~":
            truth[word[:-1]] = None
        elif word in LABELS:
            truth[word] = 1
    return truth


def measured(rules: Rules, path: Path) -> dict[str, Score]:
    scores = {label: Score() for label in LABELS}
    for truth, description, conclusion in cases(path):
        labels = rules.read(description, conclusion).labels
        for label, value in truth.items():
            if value is not None:
                scores[label].add(value, labels[label], f"{description} | {conclusion}")
    return scores


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    share, square = right / count, Z95**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = Z95 * math.sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return middle - half, middle + half


def together(tables: Sequence[dict[str, Score]]) -> dict[str, Score]:
    """The counts of several tables as one."""
    whole = {label: Score() for label in LABELS}
    for label, score in ((label, score) for scores in tables for label, score in scores.items()):
        for count in ("right_present", "missed", "right_absent", "invented"):
            setattr(whole[label], count, getattr(whole[label], count) + getattr(score, count))
    return whole


def printed(name: str, scores: dict[str, Score]) -> None:
    sys.stdout.write(f"{name}\n")
    for label, score in scores.items():
        low, high = wilson(score.right_present, score.right_present + score.missed)
        few, many = wilson(score.right_absent, score.right_absent + score.invented)
        sys.stdout.write(
            f"  {label:<17} sensitivity {score.sensitivity:.3f} ({low:.3f}-{high:.3f}, n {score.right_present + score.missed})  "
            f"specificity {score.specificity:.3f} ({few:.3f}-{many:.3f}, n {score.right_absent + score.invented})  F1 {score.f1:.3f}\n"
        )


if __name__ == "__main__":
    engine = load_rules(RulesConfig())
    tables = {name: measured(engine, Path(name)) for name in sys.argv[1:]}
    for name, scores in tables.items():
        printed(name, scores)
    printed("all together", together(list(tables.values())))
