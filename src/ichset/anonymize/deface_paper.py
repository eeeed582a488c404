"""The published defacing, slice by slice: bone's convex hull, rays from its centroid, random ellipses where they leave it.

Steps and the first constants: Data 2024, 9(2):30. Step, size and values of the ellipses are not published; the config has them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ichset.config import PaperConfig
from ichset.volume import Volume

Points = NDArray[np.float64]


def hull_of(mask: NDArray[np.bool_]) -> Points:
    """(n, 2) convex hull (row, column) of a slice's mask, counter-clockwise from the row extremes alone; empty without three points.

    The extremes of every row hold all hull points, so 2 x rows points stand for the whole image.
    """
    rows = np.flatnonzero(mask.any(1))
    if rows.size == 0:
        return np.empty((0, 2))
    used = mask[rows]
    first, last = used.argmax(1), mask.shape[1] - 1 - used[:, ::-1].argmax(1)
    left, right = _chain(rows, first, 1), _chain(rows, last, -1)
    outline = np.concatenate([left, right[::-1]])
    return outline[np.any(outline != np.roll(outline, 1, 0), 1)] if len(outline) > 2 else np.empty((0, 2))


def _chain(rows: NDArray[np.intp], columns: NDArray[np.intp], side: int) -> Points:
    """One side of the hull of points with rising rows (monotone chain): whatever lies within its neighbours goes."""
    chain: list[tuple[int, int]] = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        while len(chain) > 1:
            (row_0, column_0), (row_1, column_1) = chain[-2:]
            if side * ((row_1 - row_0) * (column - column_1) - (column_1 - column_0) * (row - row_1)) > 0:
                break
            chain.pop()
        chain.append((row, column))
    return np.array(chain, float)


def centroid_of(hull: Points) -> Points:
    """(2,) centroid of the area inside a polygon (shoelace formula)."""
    following = np.roll(hull, -1, 0)
    cross = hull[:, 0] * following[:, 1] - following[:, 0] * hull[:, 1]
    area = cross.sum() / 2
    if abs(area) < 1e-9:
        return hull.mean(0)
    return ((hull + following) * cross[:, None]).sum(0) / (6 * area)


def leaves_at(hull: Points, start: Points, directions: Points) -> Points:
    """(n, 2) where each of n rays from inside a convex polygon leaves it; nan where one does not."""
    edge = np.roll(hull, -1, 0) - hull
    to = hull - start
    down, across = directions[:, :1], directions[:, 1:]
    cross = down * edge[:, 1] - across * edge[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (to[:, 0] * edge[:, 1] - to[:, 1] * edge[:, 0]) / cross
        share = (to[:, 0] * across - to[:, 1] * down) / cross
    hits = np.where((share >= -1e-9) & (share <= 1 + 1e-9) & (far > 0) & np.isfinite(far), far, -1.0).max(1)
    return start + directions * np.where(hits > 0, hits, np.nan)[:, None]


def draw_ellipses(
    hu: NDArray[np.int16], hull: Points, volume: Volume, front: Points, config: PaperConfig,
    rng: np.random.Generator, keep: NDArray[np.bool_] | None = None,
) -> bool:  # fmt: skip
    """Draw a slice's ellipses into `hu` in place; `front` (x, y, z) is where the head looks, `keep` is never touched.

    `hull`: (n, 2) what hull_of() says of its bone.
    """
    if not len(hull):
        return False
    start = centroid_of(hull)
    ahead = np.array([front @ volume.column_direction / volume.spacing[0], front @ volume.row_direction / volume.spacing[1]])
    base = np.arctan2(ahead[1] * volume.spacing[1], ahead[0] * volume.spacing[0])
    turns = np.radians((np.arange(config.rays) - (config.rays - 1) / 2) * config.step_degrees + config.angle_degrees)
    drawn = False
    directions = np.column_stack([np.cos(base + turns), np.sin(base + turns)]) / volume.spacing
    for point in leaves_at(hull, start, directions):
        size = rng.uniform(*config.size_mm, 2)
        turn = rng.uniform(0, np.pi)
        if np.isfinite(point).all():
            drawn |= _fill(hu, point, size, turn, volume.spacing, config.values_hu, rng, keep)
    return drawn


def _fill(
    hu: NDArray[np.int16], centre: Points, size: Points, turn: float, spacing: tuple[float, float], values: tuple[int, int],
    rng: np.random.Generator, keep: NDArray[np.bool_] | None,
) -> bool:  # fmt: skip
    """Fill one ellipse (semi-axes in mm) with uniform random values."""
    reach = size.max()
    low = np.maximum(np.floor(centre - reach / np.array(spacing)), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach / np.array(spacing)) + 1, hu.shape).astype(int)
    window = (slice(low[0], high[0]), slice(low[1], high[1]))
    if (low >= high).any() or (keep is not None and keep[window].all()):
        return False
    down, across = ((np.arange(*reach) - at) * step for reach, at, step in zip(zip(low, high, strict=True), centre, spacing, strict=True))
    away = np.zeros((len(down), len(across)))
    for along, aside, semi_axis in ((np.cos(turn), np.sin(turn), size[0]), (-np.sin(turn), np.cos(turn), size[1])):
        part = (down * along / semi_axis)[:, None] + across * aside / semi_axis
        part *= part
        away += part
    inside = away <= 1
    if keep is not None:
        inside &= ~keep[window]
    count = int(np.count_nonzero(inside))
    hu[window][inside] = rng.integers(*values, count, endpoint=True)
    return count > 0
