"""The flow diagram in the manner of STARD and CONSORT, drawn from the funnel's counts alone."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ichset.contracts import ARMS, Reason
from ichset.release.figures.canvas import ARM_COLOURS, ARM_NAMES, BAND, INK, LINE, SOFT, figure

STAGE_WORDS = {
    "ingest": ("report rows read", "reports"), "screen": ("reports read", "brain CT reports"),
    "rules": ("reports labelled", "reports labelled by rules"),
    "classify": ("reports", "reports classified"), "sample": ("reports", "drawn for text verification"),
    "read-text": ("candidates", "verified by text readers"), "cohort": ("verified", "ranked for the cohort"),
    "retrieve": ("asked of the archive", "retrieved from the archive"), "read-image": ("retrieved", "verified by image readers"),
    "anonymize": ("verified", "de-identified and defaced"), "select": ("candidates", "selected"), "release": ("candidates", "released"),
}  # fmt: skip
LINE_HEIGHT = 0.19  # inches
GAP = 0.28
RESERVE = Reason.RESERVE_UNUSED.value


@dataclass
class Step:
    """One stage, of the whole flow or of one arm."""

    stage: str
    arm: str | None
    came: int = 0
    kept: int = 0
    left: list[tuple[str, int]] = field(default_factory=list)
    ends: bool = False  # no box of its own: the flow goes on in the arms


def steps(rows: Sequence[dict[str, Any]]) -> list[Step]:
    """The funnel's rows as steps, in the order of the table."""
    found: dict[tuple[str, str | None], Step] = {}
    for row in rows:
        step = found.setdefault((row["stage"], row["arm"]), Step(row["stage"], row["arm"]))
        if row["event"] == "in":
            step.came += row["count"]
        elif row["event"] == "kept":
            step.kept += row["count"]
        elif row["count"]:
            mark = " (set aside)" if row["event"] == "quarantined" else ""
            step.left.append(((row["reason"] or "no reason given") + mark, row["count"]))
    return list(found.values())


def chained(own: list[Step]) -> list[Step]:
    """One arm's steps so that each goes on from the one before, and every record leaves once.

    A stage that was handed fewer than were kept left the others as reserve; the final selection counts the whole order
    again, so what left before is taken out of its reasons.
    """
    seen: Counter[str] = Counter()
    for before, step in pairwise(own):
        seen.update(dict(before.left))
        if step.came < before.kept:
            step.left.append((RESERVE, before.kept - step.came))
        elif step.came > before.kept:
            step.left = [(reason, count - seen[reason]) for reason, count in step.left if count > seen[reason]]
    return own


def draw(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write flow.svg and flow.png: a trunk for the stages without arms, then one column an arm."""
    found = steps(rows)
    if not found:
        return
    branched = {step.stage for step in found if step.arm is not None}
    trunk = [step for step in found if step.arm is None]
    for step in trunk:
        step.ends = step.stage in branched  # what left before its arm was known; the others go on in the arms
    arms = {arm: [step for step in found if step.arm == arm] for arm in ARMS}
    arms = {arm: chained(own) for arm, own in arms.items() if own}
    trunk_height = sum(_height(step) + GAP for step in trunk) + (_box_height(1) + GAP if trunk else 0)
    arm_height = max((sum(_height(step) + GAP for step in own) + _box_height(2) + GAP for own in arms.values()), default=0)
    height = trunk_height + arm_height + 0.2
    with figure(11.0, height, folder, "flow", ("svg", "png")) as drawn:
        drawn.set_layout_engine("none")
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 11.0), ylim=(height, 0))
        axes.axis("off")
        end = _trunk(axes, trunk, 0.1) if trunk else 0.1
        _arms(axes, arms, end, bool(trunk))


def _trunk(axes: Any, trunk: Sequence[Step], top: float) -> float:
    top = _box(axes, 3.4, top, 3.4, [f"{trunk[0].came:,} {STAGE_WORDS.get(trunk[0].stage, ('records', ''))[0]}"], INK)
    for step in trunk:
        top = _step(axes, step, 3.4, 3.4, 5.6, 5.0, top, INK)
    return top


def _arms(axes: Any, arms: dict[str, list[Step]], top: float, below_trunk: bool) -> None:
    slots = {"ich": (1.25, 2.2, 2.55, 2.75), "normal": (6.75, 2.2, 8.05, 2.75)} if len(arms) > 1 else {next(iter(arms), "ich"): (3.4, 3.0, 5.2, 4.0)}
    for arm, own in arms.items():
        x, width, side, side_width = slots[arm]
        start = top + GAP
        if below_trunk:
            axes.plot([3.4, 3.4, x, x], [top, top + GAP / 2, top + GAP / 2, start], color=SOFT, lw=1, solid_joinstyle="miter")
        words = [ARM_NAMES[arm], f"{own[0].came:,} {STAGE_WORDS.get(own[0].stage, ('records', ''))[0]}"]
        bottom = _box(axes, x, start, width, words, ARM_COLOURS[arm])
        for step in own:
            bottom = _step(axes, step, x, width, side, side_width, bottom, ARM_COLOURS[arm])


def _step(axes: Any, step: Step, x: float, width: float, side: float, side_width: float, top: float, colour: str) -> float:
    lines = _reasons(step, side_width)
    gap = max(GAP, _box_height(len(lines)) + 0.16 if lines else 0)
    if step.ends:
        axes.plot([x, x], [top, top + gap], color=SOFT, lw=1)
    else:
        _arrow(axes, x, top, top + gap)
    if lines:
        middle = top + gap / 2
        axes.plot([x, side], [middle, middle], color=SOFT, lw=1)
        height = _box_height(len(lines))
        _rectangle(axes, side, middle - height / 2, side_width, height, LINE, "white")
        for number, line in enumerate(lines):
            weight = "bold" if number == 0 else "normal"
            axes.text(side + 0.1, middle - height / 2 + 0.09 + LINE_HEIGHT * (number + 0.5), line, va="center", fontsize=7.6, weight=weight,
                      color=INK if number == 0 else SOFT)  # fmt: skip
    if step.ends:
        return top + gap
    return _box(axes, x, top + gap, width, [f"{step.kept:,} {STAGE_WORDS.get(step.stage, ('', 'kept after ' + step.stage))[1]}"], colour)


def _arrow(axes: Any, x: float, start: float, end: float) -> None:
    axes.annotate("", (x, end), (x, start), arrowprops={"arrowstyle": "-|>", "color": SOFT, "lw": 1, "shrinkA": 0, "shrinkB": 0})


def _reasons(step: Step, width: float) -> list[str]:
    if not step.left:
        return []
    lines = [f"{sum(count for _, count in step.left):,} left"]
    for reason, count in sorted(step.left, key=lambda item: (-item[1], item[0])):
        lines += textwrap.wrap(f"{count:,} {reason}", int(width * 16.5), subsequent_indent="   ")
    return lines


def _height(step: Step) -> float:
    lines = _reasons(step, 5.0 if step.arm is None else 2.75)
    return max(0.0, _box_height(len(lines)) + 0.16 - GAP if lines else 0) + _box_height(1)


def _box_height(lines: int) -> float:
    return LINE_HEIGHT * lines + 0.18


def _box(axes: Any, x: float, top: float, width: float, lines: Sequence[str], colour: str) -> float:
    height = _box_height(len(lines))
    _rectangle(axes, x - width / 2, top, width, height, colour, BAND)
    for number, line in enumerate(lines):
        axes.text(x, top + 0.09 + LINE_HEIGHT * (number + 0.5), line, ha="center", va="center", fontsize=8.6, color=INK,
                  weight="bold" if len(lines) > 1 and number == 0 else "normal")  # fmt: skip
    return top + height


def _rectangle(axes: Any, x: float, y: float, width: float, height: float, edge: str, face: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), width, height, edgecolor=edge, facecolor=face, linewidth=1.2))
