"""Do a series' slices make one volume of the head? Judged from headers, before a pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ichset.imaging.sources import Header
from ichset.volume import PARALLEL, SAME_PLACE

GAP = 1.6  # a step this many times its neighbours' is a missing slice, not a change of spacing
MOST_AXIAL = 0.82  # cosine of 35 degrees: gantry tilts stay below 30, coronal and sagittal lie at 90


@dataclass(frozen=True)
class Stack:
    """How the slices lie: `fault` in the field's words, or None. Lengths in mm along the normal."""

    fault: str | None
    spacing: float | None = None  # the median step
    coverage: float = 0.0
    tilt: float | None = None  # degrees between the normal and the scanner's axis
    spacings: tuple[float, ...] = ()  # the distinct steps, from the feet up


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
    along = np.sort(np.array([header["position"] for header in headers]) @ normal)
    steps = np.diff(along)
    if not steps.size:
        return Stack("one slice", tilt=tilt)
    if steps.min() < SAME_PLACE:
        return Stack("several slices at one position", tilt=tilt)
    spacing = float(np.median(steps))
    fault = "missing slices" if _gap(steps) else None
    distinct = tuple(float(step) for step in dict.fromkeys(np.round(steps, 2).tolist()))
    return Stack(fault, spacing, float(along[-1] - along[0] + spacing), tilt, distinct)


def _gap(steps: np.ndarray) -> bool:
    """A single wide step between narrower ones; a lasting change of spacing (base and vertex of one head) is none."""
    if len(steps) < 3:
        return False
    padded = np.concatenate([steps[1:2], steps, steps[-2:-1]])
    return bool(((steps > GAP * padded[:-2]) & (steps > GAP * padded[2:])).any())
