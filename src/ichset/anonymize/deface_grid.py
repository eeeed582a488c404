"""A head on a coarse even grid in patient axes: sorts order, tilt, flips and spacing once, for everything that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.volume import Volume

STEP = 2.0  # mm: fine enough for skull and skin, 64 times fewer voxels than half-millimetre slices
AIR = -1000
SMOOTH = 0.6  # standard deviation in voxels: noise of thin slices, not their anatomy
STILL_MM = 1e-6  # so much of a shift across a whole slice is none
DENSEST = 32_000  # HU: so much the rows that are added up may come to
PADDING_HU = -1500  # below any tissue: scanners write -2000 or -3024 where nothing was reconstructed


@dataclass(frozen=True)
class Grid:
    """`hu[z, y, x]` with `origin` (x, y, z) mm at voxel (0, 0, 0); z to the head, y to the back, x to the left; `seen` is inside the scan."""

    hu: NDArray[np.float32]
    seen: NDArray[np.bool_]
    origin: NDArray[np.float64]

    @cached_property
    def smooth(self) -> NDArray[np.float32]:
        """`hu` without the noise of thin slices."""
        return np.asarray(ndimage.gaussian_filter(self.hu, SMOOTH))

    def coordinates(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n, 3) positions (x, y, z) in mm of the voxels in a mask."""
        return np.argwhere(mask)[:, ::-1] * STEP + self.origin

    def overturned(self) -> Grid:
        """The same voxels with z running the other way: its coordinates' z is minus this grid's."""
        top = self.origin[2] + (len(self.hu) - 1) * STEP
        turned = Grid(self.hu[::-1], self.seen[::-1], np.array([*self.origin[:2], -top]))
        turned.__dict__["smooth"] = self.smooth[::-1]
        return turned


def grid_of(volume: Volume) -> Grid:
    """Resample a volume to STEP mm, averaging within slices so that thin bone is not stepped over."""
    factor = (max(round(STEP / 2 / volume.spacing[0]), 1), max(round(STEP / 2 / volume.spacing[1]), 1))
    coarse = _shrunk(volume.hu, *factor)
    padded = _shrunk_padding(volume.hu, *factor)
    corners = _corners(volume)
    low, high = corners.min(0), corners.max(0)
    size = np.ceil((high - low) / STEP).astype(int) + 1
    hu = np.empty(size[::-1], np.float32)
    seen = np.empty(size[::-1], bool)
    z, y, x = (np.arange(count) * STEP + start for count, start in zip(size[::-1], low[::-1], strict=True))
    slices, rows, columns = native_indices(volume, x[None, None], y[:, None], z[:, None, None])
    rows, columns = ((index - (by - 1) / 2) / by for index, by in zip((rows, columns), factor, strict=True))
    for k in range(len(z)):
        at = [index[min(k, len(index) - 1)] for index in (slices, rows, columns)]
        hu[k] = _interpolated(coarse, at, (len(y), len(x)))
        seen[k] = _within(at[0], coarse.shape[0]) & _within(at[1], coarse.shape[1]) & _within(at[2], coarse.shape[2])
        if padded is not None:
            near = (np.rint(one).astype(np.int32) for one in at)
            seen[k] &= ~padded[tuple(np.clip(one, 0, count - 1) for one, count in zip(near, padded.shape, strict=True))]
    return Grid(np.maximum(hu, AIR), seen, low)


def _within(index: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    return np.asarray((index > -0.5) & (index < count - 0.5))


def _interpolated(values: NDArray[np.float32], at: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Linear interpolation of one plane's points, AIR outside; by lines where slice and row do not change along x."""
    if at[0].shape[1] == at[1].shape[1] == at[2].shape[0] == 1:
        slices, rows = (np.broadcast_to(one, (shape[0], 1))[:, 0] for one in at[:2])
        return _lines(values, slices, rows, at[2][0])
    points = np.stack(np.broadcast_arrays(*at, np.empty(shape))[:3])
    return ndimage.map_coordinates(values, points, order=1, mode="constant", cval=AIR, output=np.float32, prefilter=False)


def _lines(values: NDArray[np.float32], slices: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float32]:
    """(lines, columns): each line lies in one slice and row, all in the same columns."""
    line = np.full((len(slices), values.shape[2]), AIR, np.float32)
    (one, step, part), (row, next_row, share) = (_neighbours(index, count) for index, count in zip((slices, rows), values.shape, strict=False))
    inside = np.flatnonzero((part >= 0) & (share >= 0))
    one, step, row, next_row = one[inside], step[inside], row[inside], next_row[inside]
    part, share = part[inside, None], share[inside, None]
    above = values[one, row] * (1 - share) + values[one, next_row] * share
    below = values[step, row] * (1 - share) + values[step, next_row] * share
    line[inside] = above * (1 - part) + below * part
    left, right, weight = _neighbours(columns, values.shape[2])
    return np.where(weight >= 0, line[:, left] * (1 - weight) + line[:, right] * weight, np.float32(AIR))


def _neighbours(index: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """The two samples around each index and the second's weight; -1 outside."""
    low = np.clip(np.floor(index), 0, max(count - 2, 0)).astype(np.intp)
    weight = np.where((index >= 0) & (index <= count - 1), index - low, -1).astype(np.float32)
    return low, np.minimum(low + 1, count - 1), weight


def native_indices(volume: Volume, *points: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Fractional (slice, row, column) of patient points x, y, z; outside the stack the slice index runs on evenly.

    All arrays broadcast together: what does not depend on a coordinate keeps a length of one along its axes.
    """
    start = volume.positions[0]
    index = _slice_index(volume.offsets, _projected(points, start, volume.normal))
    number = np.arange(len(volume.positions), dtype=float)
    found = [index]
    for direction, spacing in zip((volume.column_direction, volume.row_direction), volume.spacing, strict=True):
        drift = (volume.positions - start) @ direction  # how far a slice's first voxel lies from the first slice's
        first = np.interp(index, number, drift) if np.ptp(drift) > STILL_MM else drift[0]
        found.append((_projected(points, start, direction) - first) / spacing)
    return tuple(found)


def _projected(points: Sequence[NDArray[np.float64]], start: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Millimetres along a direction from `start`; coordinates that the direction has no part in are left out."""
    parts = [(point - from_) * share for point, from_, share in zip(points, start, direction, strict=True) if abs(share) > 1e-9]
    total = np.zeros((1,) * points[0].ndim)
    for part in parts:
        total = total + part
    return total


def _slice_index(offsets: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(offsets) == 1:
        return along / STEP
    index = np.interp(along, offsets, np.arange(len(offsets), dtype=float))
    index = np.where(along < 0, along / (offsets[1] - offsets[0]), index)
    return np.where(along > offsets[-1], len(offsets) - 1 + (along - offsets[-1]) / (offsets[-1] - offsets[-2]), index)


def nearest(grid: Grid, volume: Volume, slice_: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(rows, columns) flat index of the grid's voxel nearest to each voxel of a slice, and whether it lies in the grid.

    Along an axis that only the row or only the column moves, one line is worked out for all.
    """
    down = np.arange(volume.hu.shape[1])[:, None] * volume.spacing[0] * volume.column_direction + volume.positions[slice_] - grid.origin
    across = np.arange(volume.hu.shape[2])[:, None] * volume.spacing[1] * volume.row_direction
    flat: NDArray[np.intp] = np.zeros((1, 1), np.intp)
    inside: NDArray[np.bool_] = np.ones((1, 1), bool)
    stride = 1
    for axis, size in enumerate(grid.hu.shape[::-1]):
        rows, columns = down[:, None, axis], across[None, :, axis]
        rows, columns = (line[:1, :1] if np.ptp(line) < STILL_MM else line for line in (rows, columns))
        index = np.rint((rows + columns) / STEP).astype(np.intp)
        inside = inside & (index >= 0) & (index < size)
        flat = flat + np.clip(index, 0, size - 1) * stride
        stride *= size
    return np.broadcast_to(flat, volume.hu.shape[1:]), np.broadcast_to(inside, volume.hu.shape[1:])


def looked_up(values: NDArray[Any], grid: Grid, volume: Volume, slice_: int) -> NDArray[Any]:
    """(rows, columns) what `values`, on the grid, are at the voxels of a slice: the nearest, zero outside.

    Where only the columns move along x, as in every axial or tilted slice, whole lines are taken instead of single voxels.
    """
    (x_down, *moved), (x_across, *still) = volume.column_direction, volume.row_direction
    if abs(x_down) * volume.hu.shape[1] * volume.spacing[0] > STILL_MM or np.abs(still).max() * volume.hu.shape[2] * volume.spacing[1] > STILL_MM:
        flat, inside = nearest(grid, volume, slice_)
        return np.asarray(values.ravel()[flat] * inside)
    start = volume.positions[slice_] - grid.origin
    rows, columns = np.arange(volume.hu.shape[1]) * volume.spacing[0], np.arange(volume.hu.shape[2]) * volume.spacing[1]
    y, z = (np.rint((start[axis] + rows * share) / STEP).astype(np.intp) for axis, share in zip((1, 2), moved, strict=True))
    x = np.rint((start[0] + columns * x_across) / STEP).astype(np.intp)
    result = np.zeros(volume.hu.shape[1:], values.dtype)
    used = np.flatnonzero((y >= 0) & (y < values.shape[1]) & (z >= 0) & (z < values.shape[0]))
    within = np.flatnonzero((x >= 0) & (x < values.shape[2]))
    if used.size and within.size:  # both are runs without a gap
        z, y = z[used], y[used]
        first = np.flatnonzero(np.concatenate([[True], (z[1:] != z[:-1]) | (y[1:] != y[:-1])]))  # several rows lie in one line of the grid
        lines = np.take(values[z[first], y[first]], x[within], axis=1)
        result[used[0] : used[-1] + 1, within[0] : within[-1] + 1] = np.repeat(lines, np.diff(first, append=len(used)), axis=0)
    return result


def _shrunk(hu: NDArray[np.int16], down: int, across: int) -> NDArray[np.float32]:
    if down == across == 1:
        return hu.astype(np.float32)
    rows, columns = hu.shape[1] // down, hu.shape[2] // across
    small = np.empty((len(hu), rows, columns), np.float32)
    for target, image in zip(small, hu, strict=True):
        held = np.clip(image[: rows * down, : columns * across], AIR, DENSEST // down)
        lines = held[::down].copy()
        for first in range(1, down):
            lines += held[first::down]
        target[:] = lines[:, ::across]
        for first in range(1, across):
            target += lines[:, first::across]
        target /= np.float32(down * across)
    return small


def _shrunk_padding(hu: NDArray[np.int16], down: int, across: int) -> NDArray[np.bool_] | None:
    """Where the coarse image holds padding, or None where there is none."""
    if hu.min() >= PADDING_HU:
        return None
    part = hu[:, down // 2 :: down, across // 2 :: across][:, : hu.shape[1] // down, : hu.shape[2] // across]
    padded = part < PADDING_HU
    return padded if padded.any() else None


def _corners(volume: Volume) -> NDArray[np.float64]:
    _, rows, columns = volume.hu.shape
    down, across = volume.column_direction * volume.spacing[0] * (rows - 1), volume.row_direction * volume.spacing[1] * (columns - 1)
    return np.concatenate([volume.positions + down * i + across * j for i in (0, 1) for j in (0, 1)])
