"""Is text drawn in this frame? Letters are thin strokes of one level, on one line, of one height; anatomy is not.

First, on every second row: pixels that stand out from both sides of a stroke's width, counted in small blocks. Where a word
would be, blocks are full of them; most frames end here. Then, around such blocks only and at several thresholds between
stroke and ground: the connected shapes, and whether enough of them stand in a line as letters do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

STEP_HU = 200.0  # a stroke stands out by this from what is beside it: text that is to be read does, noise does not
ABOVE_NOISE = 4.0  # and by so many times the median difference of neighbouring pixels
REACHES = (2, 4)  # pixels from a stroke's pixel to the ground beside it: strokes of small and of large letters
WAYS = tuple((reach, sign) for reach in REACHES for sign in (1, -1))  # brighter than both sides, darker than both
BLOCK = (4, 32)  # sampled rows (every second) and columns of a block
FULL = 8  # stroke pixels of a block: half a word of the smallest letters, where two rows of blocks share them
QUANTILES = (0.15, 0.4, 0.65, 0.9)  # of the values halfway between strokes and their ground: thresholds that part them
STEMS = 5  # strokes side by side in two sampled rows at least: a word has that many
LOWEST, HIGHEST = 5, 64  # pixels: height of a letter
LETTERS = 5  # in one line
AS_TALL = 0.6  # share of them that end at one height too
ONE_PEN = 0.25  # of the letters' contrast: how far apart their brightest pixels may lie
SOLID = 0.8  # a shape that fills more of its box is a blob (metal), unless it is narrow (I, l, 1)

Box = tuple[int, int, int, int, int]  # top, bottom, start, stop, extreme value


def drawn_text(frame: NDArray, slope: float = 1.0) -> bool:
    """Whether letters seem to be drawn in one frame of stored values; `slope`: HU a stored unit."""
    values = _signed(frame)
    step = max(1, int(STEP_HU / abs(slope or 1.0)))
    if min(values.shape) <= 2 * max(REACHES) or int(values.max()) - int(values.min()) <= step:
        return False
    rows = np.ascontiguousarray(values[::2])
    found = [(reach, sign, strokes) for reach, sign in WAYS if _full_blocks(strokes := _strokes(rows, reach, sign, step)).any()]
    if not found:
        return False  # nor would there be above the noise
    least = step
    step = _above_noise(values, least)
    for reach, sign, strokes in found:
        above = strokes if step == least else _strokes(rows, reach, sign, step)
        if any(_has_line(part, thresholds, step) for part, thresholds in _places(values, above, reach, sign)):
            return True
    return False


def _signed(frame: NDArray) -> NDArray[np.int16 | np.int32]:
    """Values in native order with room for a step above and below, and for a change of sign."""
    low, high = int(frame.min()), int(frame.max())
    return frame.astype(np.int16 if low > -30_000 and high < 30_000 else np.int32, copy=False)


def _above_noise(values: NDArray, step: int) -> int:
    """`step`, or more where the median difference of neighbours asks for it.

    Taken on some rows, where they differ: air without noise says nothing of the tissue's.
    """
    some = values[:: max(1, len(values) // 64)]
    apart = np.abs(some[:, 2:] - some[:, :-2])
    low, counted = np.count_nonzero(apart <= int(step / ABOVE_NOISE)), np.count_nonzero(apart)
    if low - (apart.size - counted) > counted / 2:
        return step  # so is the median, which costs more
    return max(step, int(ABOVE_NOISE * float(np.median(apart[apart > 0])))) if counted else step


def _strokes(rows: NDArray, reach: int, sign: int, step: int) -> NDArray[np.bool_]:
    """Pixels that stand out from both sides, without the first and last `reach` columns; filled up to whole blocks.

    The rows are compared as one line, five times faster than row by row; what that finds across their ends is no stroke.
    """
    line, (high, wide) = rows.ravel(), rows.shape
    middle, left, right = line[reach:-reach], line[: -2 * reach], line[2 * reach :]
    found = np.zeros((high, wide), bool)
    inner = found.ravel()[: len(middle)]
    if sign > 0:
        np.greater(middle - step, np.maximum(left, right), out=inner)
    else:
        np.less(middle + step, np.minimum(left, right), out=inner)
    found[:, wide - 2 * reach :] = False
    down, across = (-(-size // by) * by for size, by in zip((high, wide - 2 * reach), BLOCK, strict=True))
    if (down, across) != (high, wide):
        found = np.pad(found[:, :across], ((0, down - high), (0, max(across - wide, 0))))
    return found


def _sides(rows: NDArray, reach: int) -> tuple[NDArray, NDArray, NDArray]:
    return rows[:, reach:-reach], rows[:, : -2 * reach], rows[:, 2 * reach :]


def _full_blocks(strokes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """One value a block: whether FULL of its pixels are strokes. 32 columns are the bits of one number."""
    bits = np.bitwise_count(np.packbits(strokes, axis=1).view(np.uint32))
    return bits.reshape(-1, BLOCK[0], bits.shape[1]).sum(1, dtype=np.uint8) >= FULL  # type: ignore[no-any-return]


def _places(values: NDArray, stroke: NDArray[np.bool_], reach: int, sign: int) -> Iterator[tuple[NDArray, NDArray]]:
    """Parts of the frame that may hold a word, turned so that strokes are bright, and the thresholds to look at them with."""
    middle, left, right = _sides(values[::2], reach)
    full = _full_blocks(stroke)
    if not full.any():
        return
    from scipy import ndimage  # half a second, and most series end above

    starts, stems = _stems(stroke)
    labels, _ = ndimage.label(full, np.ones((3, 3), int))
    for top, side in ndimage.find_objects(labels):
        down, across = (slice(max(one.start - 1, 0) * by, (one.stop + 1) * by) for one, by in zip((top, side), BLOCK, strict=True))
        begun = stems[down, min(side.stop + 1, stems.shape[1] - 1)] - stems[down, max(side.start - 1, 0)] - starts[down, across.start]
        if np.count_nonzero(begun >= STEMS) < 2:
            continue
        found = stroke[: len(middle), : middle.shape[1]][down, across]
        beside = (
            np.maximum(left[down, across][found], right[down, across][found])
            if sign > 0
            else np.minimum(left[down, across][found], right[down, across][found])
        )
        halfway = (middle[down, across][found].astype(np.int32) + beside) / 2 * sign
        part = values[2 * down.start : 2 * down.stop, across.start : across.stop + 2 * reach]
        yield (part if sign > 0 else -part), np.quantile(halfway, QUANTILES)


def _stems(stroke: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
    """Where strokes begin along the rows, and how many began before each column of blocks."""
    starts = stroke.copy()
    starts[:, 1:] &= ~stroke[:, :-1]
    counts = np.bitwise_count(np.packbits(starts, axis=1).view(np.uint32))
    stems = np.zeros((len(counts), counts.shape[1] + 1), np.int16)
    np.cumsum(counts, axis=1, out=stems[:, 1:])
    return starts, stems


def _has_line(part: NDArray, thresholds: NDArray, step: int) -> bool:
    return any(_in_line(_letters(part, threshold), threshold, step) for threshold in np.unique(np.floor(thresholds)))


def _letters(values: NDArray, threshold: float) -> list[Box]:
    """Boxes and brightest values of the shapes above a threshold that look like letters."""
    from scipy import ndimage

    labels, _ = ndimage.label(values > threshold, np.ones((3, 3), int))
    letters = []
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        top, bottom, start, stop = box[0].start, box[0].stop, box[1].start, box[1].stop
        height, width = bottom - top, stop - start
        if LOWEST <= height <= HIGHEST and width <= 1.6 * height:
            own = labels[box] == index
            if np.count_nonzero(own) <= SOLID * height * width or width <= 0.4 * height:
                letters.append((top, bottom, start, stop, int(values[box][own].max())))
    return letters


def _in_line(letters: list[Box], threshold: float, step: int) -> bool:
    """Whether LETTERS boxes follow each other on one base line, most as high as one another, drawn with one pen."""
    if len(letters) < LETTERS:
        return False
    for base in {box[1] for box in letters}:
        line = sorted((box for box in letters if abs(box[1] - base) <= 1), key=lambda box: box[2])
        run = line[:1]
        for before, after in pairwise(line):
            tall, short = sorted((before[1] - before[0], after[1] - after[0]), reverse=True)
            near = -2 <= after[2] - before[3] <= 1.5 * tall and tall <= 1.7 * short
            run = [*run, after] if near else [after]
            if len(run) >= LETTERS and _alike(run[-LETTERS:], threshold, step):
                return True
    return False


def _alike(run: list[Box], threshold: float, step: int) -> bool:
    tops = sorted(box[0] for box in run)
    level = max(sum(abs(top - other) <= 1 for other in tops) for top in tops)
    peaks = [box[4] for box in run]
    contrast = 2 * (max(peaks) - threshold)
    return level >= AS_TALL * len(run) and max(peaks) - min(peaks) <= max(ONE_PEN * contrast, step / 4)
