"""Do a series' slices make one volume of the head? Judged from headers, before a pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ichset.imaging.sources import Header
from ichset.volume import PARALLEL, SAME_PLACE

GAP = 1.6  # a step this many times its neighbours' is no jitter of the table
JITTER = 0.1  # relative difference of steps that count as one spacing (tables and rounded headers)
MOST_SPACINGS = 3  # base, middle and vertex of a sequential head protocol
MOST_AXIAL = 0.82  # cosine of 35 degrees: gantry tilts stay below 30, coronal and sagittal lie at 90
STRAIGHT = 0.01  # mm aside per mm along the normal: above it the stack is sheared, as a tilted gantry makes it


@dataclass(frozen=True)
class Stack:
    """How the slices lie: `fault` in the field's words, or None. Lengths in mm along the normal, angles in degrees."""

    fault: str | None
    spacing: float | None = None  # the median step
    coverage: float = 0.0
    tilt: float | None = None  # between the normal and the scanner's axis
    spacings: tuple[float, ...] = ()  # the lasting steps, from the first slice up
    sheared: bool = False  # the slices' corners do not lie above each other

    @property
    def name(self) -> str:
        """The fault, or what is worth knowing of a sound stack."""
        if self.fault:
            return self.fault
        said = [f"gantry tilt of {self.tilt:.1f} degrees"] if self.sheared and self.tilt else []
        if len(self.spacings) > 1:
            said.append("slice distances " + ", ".join(f"{one:g}" for one in self.spacings) + " mm")
        return "; ".join(said) or "regular"


def stack_of(headers: Sequence[Header]) -> Stack:
    """Judge single-frame slices by orientation and position."""
    if any(header["orientation"] is None or header["position"] is None for header in headers):
        return Stack("position or orientation missing")
    if any(len(header["orientation"]) != 6 or len(header["position"]) != 3 for header in headers):
        return Stack("position or orientation not usable")
    orientations = np.array([header["orientation"] for header in headers])
    if np.abs(orientations - orientations[0]).max() > PARALLEL:
        return Stack("slices of mixed orientations")
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    if not np.isclose(np.linalg.norm(normal), 1, atol=0.01):
        return Stack("position or orientation not usable")
    tilt = float(np.degrees(np.arccos(np.clip(abs(normal[2]), 0, 1))))
    if abs(normal[2]) < MOST_AXIAL:
        return Stack("not axial", tilt=tilt)
    if len({(header["rows"], header["columns"], str(header["pixel_spacing"])) for header in headers}) > 1:
        return Stack("slices of different pixel spacing or size", tilt=tilt)
    return _along(headers, np.array([header["position"] for header in headers]), normal, tilt)


def _along(headers: Sequence[Header], positions: NDArray[np.float64], normal: NDArray[np.float64], tilt: float) -> Stack:
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    if not steps.size:
        return Stack("one slice", tilt=tilt)
    if steps.min() < SAME_PLACE:
        return Stack("several slices at one position", tilt=tilt)
    spacing = float(np.median(steps))
    aside = positions[order] - np.outer(along[order], normal)
    drift = float(np.linalg.norm(aside[-1] - aside[0])) / float(along[order][-1] - along[order][0])
    runs = _runs(steps)
    distinct = tuple(dict.fromkeys(round(step, 2) for step, _ in runs))
    return Stack(_fault(runs, [headers[index] for index in order]), spacing, float(steps.sum() + spacing), tilt, distinct, drift > STRAIGHT)


def _runs(steps: NDArray[np.float64]) -> list[tuple[float, int]]:
    """Lasting spacings: (mean step, how many steps) while steps stay within the jitter of the run's first."""
    groups: list[list[float]] = []
    for step in steps.tolist():
        if groups and abs(step - groups[-1][0]) <= max(JITTER * groups[-1][0], SAME_PLACE):
            groups[-1].append(step)
        else:
            groups.append([step])
    return [(float(np.mean(group)), len(group)) for group in groups]


def _fault(runs: list[tuple[float, int]], headers: list[Header]) -> str | None:
    """One wide step is a hole or an unlike step; two or three lasting spacings are the classic sequential protocol."""
    if len(runs) == 1:
        return None
    usual = min(step for step, _ in runs)
    wide = any(count == 1 and step > GAP * usual and _narrower(runs, at) for at, (step, count) in enumerate(runs))
    if wide:
        return "missing slices" if _holes(headers) or _inner(runs) else "uneven slice distances"
    lasting = [at for at, (_, count) in enumerate(runs) if count > 1]
    passing = all(_joins(runs, at) for at in range(1, len(runs) - 1) if at not in lasting)
    settled = passing and len(lasting) <= MOST_SPACINGS and len(lasting) >= len(runs) // 2
    return None if settled else "uneven slice distances"


def _joins(runs: list[tuple[float, int]], at: int) -> bool:
    """A single step where one spacing ends and another begins, no wider than the wider of them."""
    before, after = runs[at - 1][0], runs[at + 1][0]
    return abs(before - after) > JITTER * before and runs[at][0] < max(before, after) * (1 + JITTER)


def _narrower(runs: list[tuple[float, int]], at: int) -> bool:
    return all(step * GAP < runs[at][0] for step, _ in runs[max(at - 1, 0) : at] + runs[at + 1 : at + 2])


def _inner(runs: list[tuple[float, int]]) -> bool:
    """A wide step between two runs of the same spacing."""
    return any(
        count == 1 and step > GAP * runs[at - 1][0] and abs(runs[at - 1][0] - runs[at + 1][0]) <= JITTER * runs[at - 1][0]
        for at, (step, count) in enumerate(runs) if 0 < at < len(runs) - 1
    )  # fmt: skip


def _holes(headers: list[Header]) -> bool:
    """Whether instance numbers along the stack jump where they otherwise go one by one."""
    numbers = [header["instance_number"] for header in headers]
    if None in numbers or len(set(numbers)) < len(numbers):
        return False
    jumps = np.abs(np.diff(np.array(numbers, float)))
    return bool((jumps > 1).any() and np.median(jumps) == 1)


def by_orientation(headers: Sequence[Header]) -> list[list[Header]]:
    """The headers in groups of one plane, matrix and pixel size, the largest first; those that tell no plane stay together."""
    ordered = sorted(headers, key=plane_of)
    groups = [list(group) for _, group in groupby(ordered, key=plane_of)]
    return sorted(groups, key=lambda group: (-len(group), plane_of(group[0])))


def plane_of(header: Header) -> tuple[str, str]:
    """The slice's plane and its matrix with pixel size, as text that is equal where they are."""
    orientation = header["orientation"]
    plane = "" if orientation is None else str([round(number, 2) + 0.0 for number in orientation])
    return plane, str((header["rows"], header["columns"], [round(number, 4) for number in header["pixel_spacing"] or ()]))
