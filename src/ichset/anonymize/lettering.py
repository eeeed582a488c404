"""Is text drawn in this frame? Letters are thin strokes of one level, on one line, of one height; anatomy is not.

First, on every second row: pixels that stand out from both sides of a stroke's width, and whether one exact value is
unusually common among them (a pen has one colour; anti-aliasing softens its edges only). Most frames end here. Then, for
each such value: its connected shapes, and whether enough of them stand in a line as letters do.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

STEP_HU = 200.0  # a stroke stands out by this from what is beside it: text that is to be read does, noise does not
REACH = 3  # pixels from a stroke's pixel to the ground beside it: strokes up to 5 pixels wide
SPIKE = 5  # stroke pixels of one exact value on every second row: fewer are no word
NEAR = 16  # stored values to both sides of one, whose counts say how common it would be by chance
LEVELS = 2  # values looked at
LOWEST, HIGHEST = 5, 64  # pixels: height of a letter
LETTERS = 4  # in one line, of which half have one height
SOLID = 0.8  # a shape that fills more of its box is a blob (metal), unless it is narrow (I, l, 1)


def drawn_text(frame: NDArray, slope: float = 1.0) -> bool:
    """Whether letters seem to be drawn in one frame of stored values; `slope`: HU a stored unit."""
    values = _signed(frame)
    step = max(1, int(STEP_HU / abs(slope or 1.0)))
    rows = values[::2]
    if rows.shape[1] <= 2 * REACH or int(rows.max()) - int(rows.min()) <= step:
        return False
    middle, left, right = rows[:, REACH:-REACH], rows[:, : -2 * REACH], rows[:, 2 * REACH :]
    for bright in (True, False):
        edge = middle - step if bright else middle + step
        stroke = (edge > left) & (edge > right) if bright else (edge < left) & (edge < right)
        for level, contrast in _levels(stroke, middle, left, right):
            if _has_line(values, level, contrast):
                return True
    return False


def _signed(frame: NDArray) -> NDArray[np.int16 | np.int32]:
    """Values in native order with room for a step above and below."""
    low, high = int(frame.min()), int(frame.max())
    return frame.astype(np.int16 if low > -30_000 and high < 30_000 else np.int32, copy=False)


def _levels(stroke: NDArray, middle: NDArray, left: NDArray, right: NDArray) -> list[tuple[int, float]]:
    """(value, contrast) of the exact values that are common among stroke pixels."""
    if np.count_nonzero(stroke) < SPIKE:
        return []
    found, beside = middle[stroke], (left[stroke].astype(np.int32) + right[stroke]) / 2
    levels, counts = np.unique(found, return_counts=True)
    total = np.concatenate(([0], np.cumsum(counts)))
    around = total[np.searchsorted(levels, levels + NEAR, "right")] - total[np.searchsorted(levels, levels - NEAR)] - counts
    chosen = sorted(np.flatnonzero((counts >= SPIKE) & (counts >= 4 + 4 * around / (2 * NEAR))), key=lambda i: -counts[i])[:LEVELS]
    return [(int(levels[i]), float(np.median(found[found == levels[i]] - beside[found == levels[i]]))) for i in chosen]


def _has_line(values: NDArray, level: int, contrast: float) -> bool:
    """Whether shapes of this level stand in a line: of what is nearer to it than to the ground, or, where letters touch, of its core."""
    return any(_in_line(_letters(values, level, abs(contrast) * part)) for part in (0.5, 0.25))


def _letters(values: NDArray, level: int, reach: float) -> list[tuple[int, int, int, int]]:
    """Boxes (top, bottom, start, stop) of the shapes that hold this value exactly and look like letters."""
    from scipy import ndimage

    labels, count = ndimage.label((values >= level - reach) & (values <= level + reach), np.ones((3, 3), int))
    exact = np.bincount(labels[values == level], minlength=count + 1)
    letters = []
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        top, bottom, start, stop = box[0].start, box[0].stop, box[1].start, box[1].stop
        height, width = bottom - top, stop - start
        if exact[index] and LOWEST <= height <= HIGHEST and width <= 1.6 * height:
            filled = np.count_nonzero(labels[box] == index)
            if filled <= SOLID * height * width or width <= 0.4 * height:
                letters.append((top, bottom, start, stop))
    return letters


def _in_line(letters: list[tuple[int, int, int, int]]) -> bool:
    """Whether LETTERS boxes (top, bottom, start, stop) follow each other on one base line."""
    for _, base, _, _ in letters:
        line = sorted((box for box in letters if abs(box[1] - base) <= 1), key=lambda box: box[2])
        run = 1
        for before, after in pairwise(line):
            tall, short = sorted((before[1] - before[0], after[1] - after[0]), reverse=True)
            near = -2 <= after[2] - before[3] <= 1.5 * tall and tall <= 1.7 * short
            run = run + 1 if near else 1
            if run >= LETTERS:
                return True
    return False
