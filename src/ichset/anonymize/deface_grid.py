"""A head on a coarse even grid in patient axes: sorts order, tilt, flips and spacing once, for everything that follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.volume import Volume

STEP = 2.0  # mm: fine enough for skull and skin, 64 times fewer voxels than half-millimetre slices
AIR = -1000
PADDING_HU = -1500  # below any tissue: scanners write -2000 or -3024 where nothing was reconstructed


@dataclass(frozen=True)
class Grid:
    """`hu[z, y, x]` with `origin` (x, y, z) mm at voxel (0, 0, 0); z to the head, y to the back, x to the left; `seen` is inside the scan."""

    hu: NDArray[np.float32]
    seen: NDArray[np.bool_]
    origin: NDArray[np.float64]

    def coordinates(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n, 3) positions (x, y, z) in mm of the voxels in a mask."""
        return np.argwhere(mask)[:, ::-1] * STEP + self.origin

    def overturned(self) -> Grid:
        """The same voxels with z running the other way: its coordinates' z is minus this grid's."""
        top = self.origin[2] + (len(self.hu) - 1) * STEP
        return Grid(self.hu[::-1], self.seen[::-1], np.array([*self.origin[:2], -top]))


def grid_of(volume: Volume) -> Grid:
    """Resample a volume to STEP mm, averaging within slices so that thin bone is not stepped over."""
    factor = [max(round(STEP / 2 / spacing), 1) for spacing in volume.spacing]
    coarse = _shrunk(volume.hu, *factor)
    padded = _shrunk_padding(volume.hu, *factor)
    corners = _corners(volume)
    low, high = corners.min(0), corners.max(0)
    size = np.ceil((high - low) / STEP).astype(int) + 1
    hu = np.full(size[::-1], AIR, np.float32)
    seen = np.zeros(size[::-1], bool)
    ys, xs = np.meshgrid(np.arange(size[1]) * STEP + low[1], np.arange(size[0]) * STEP + low[0], indexing="ij")
    for k in range(size[2]):
        points = np.stack([xs, ys, np.full_like(xs, low[2] + k * STEP)], -1)
        at = native_indices(volume, points)
        at[1] = (at[1] - (factor[0] - 1) / 2) / factor[0]
        at[2] = (at[2] - (factor[1] - 1) / 2) / factor[1]
        hu[k] = ndimage.map_coordinates(coarse, at, order=1, mode="constant", cval=AIR, output=np.float32, prefilter=False)
        seen[k] = (at[0] > -0.5) & (at[0] < len(coarse) - 0.5) & (at[1] > -0.5) & (at[1] < coarse.shape[1] - 0.5)
        seen[k] &= (at[2] > -0.5) & (at[2] < coarse.shape[2] - 0.5)
        if padded is not None:
            near = np.rint(at).astype(np.int32)
            seen[k] &= ~padded[tuple(np.clip(one, 0, size - 1) for one, size in zip(near, padded.shape, strict=True))]
    return Grid(np.maximum(hu, AIR), seen, low)


def native_indices(volume: Volume, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, ...) fractional (slice, row, column) of patient points (..., 3); outside the stack the slice index runs on evenly."""
    offsets = volume.offsets
    along = (points - volume.positions[0]) @ volume.normal
    number = np.arange(len(offsets), dtype=float)
    if len(offsets) == 1:
        index = along / STEP
    else:
        index = np.interp(along, offsets, number)
        index = np.where(along < 0, along / (offsets[1] - offsets[0]), index)
        last = offsets[-1] - offsets[-2]
        index = np.where(along > offsets[-1], number[-1] + (along - offsets[-1]) / last, index)
    first = np.stack([np.interp(index, number, volume.positions[:, axis]) for axis in range(3)], -1)
    row = (points - first) @ volume.column_direction / volume.spacing[0]
    column = (points - first) @ volume.row_direction / volume.spacing[1]
    return np.stack([index, row, column])


def native_points(volume: Volume, slice_: int, rows: slice, columns: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Patient positions of a slice's voxels as a sum: (rows, 1, 3) + (1, columns, 3) mm, the slice's origin in the first."""
    down = np.arange(rows.start, rows.stop)[:, None] * volume.spacing[0] * volume.column_direction + volume.positions[slice_]
    across = np.arange(columns.start, columns.stop)[:, None] * volume.spacing[1] * volume.row_direction
    return down[:, None], across[None]


def _shrunk(hu: NDArray[np.int16], down: int, across: int) -> NDArray[np.float32]:
    if down == across == 1:
        return hu.astype(np.float32)
    rows, columns = hu.shape[1] // down, hu.shape[2] // across
    small = np.empty((len(hu), rows, columns), np.float32)
    for target, image in zip(small, hu, strict=True):
        blocks = image[: rows * down, : columns * across].reshape(rows, down, columns, across)
        target[:] = np.maximum(blocks, AIR).mean((1, 3), dtype=np.float32)
    return small


def _shrunk_padding(hu: NDArray[np.int16], down: int, across: int) -> NDArray[np.bool_] | None:
    """Where the coarse image holds padding, or None where there is none."""
    part = hu[:, down // 2 :: down, across // 2 :: across][:, : hu.shape[1] // down, : hu.shape[2] // across]
    padded = part < PADDING_HU
    return padded if padded.any() else None


def _corners(volume: Volume) -> NDArray[np.float64]:
    _, rows, columns = volume.hu.shape
    down, across = volume.column_direction * volume.spacing[0] * (rows - 1), volume.row_direction * volume.spacing[1] * (columns - 1)
    return np.concatenate([volume.positions + down * i + across * j for i in (0, 1) for j in (0, 1)])
