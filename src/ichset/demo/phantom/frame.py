"""Where the head lies: pose and voxel grid, and the head's own coordinates at each voxel.

Patient coordinates are DICOM's (PS3.3 C.7.6.2): +x to the left, +y to the back, +z to the crown, mm.
The head's own coordinates have the same senses; their origin is the middle of the cranial cavity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Turns in degrees: yaw to the patient's left, pitch chin up, roll crown to the left; then the move in mm."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    position: Point = (0.0, 0.0, 0.0)
    prone: bool = False  # the scanned body lies face down while the headers say supine

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3): head's own coordinates -> patient coordinates."""
        yaw, pitch, roll = np.radians((self.yaw + 180.0 * self.prone, self.pitch, self.roll))
        about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, np.cos(-pitch), -np.sin(-pitch)], [0, np.sin(-pitch), np.cos(-pitch)]])
        about_y = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
        return about_z @ about_x @ about_y


def random_pose(rng: np.random.Generator, most: float = 6.0) -> Pose:
    """A pose as technicians leave heads: turns within `most` degrees, off centre by up to 12 mm."""
    yaw, pitch, roll = rng.uniform(-most, most, 3)
    x, y, z = rng.uniform(-12, 12, 3)
    return Pose(float(yaw), float(pitch), float(roll), (float(x), float(y), float(z)))


@dataclass(frozen=True)
class Grid:
    """Slices along one line: `positions` (slices, 3) mm are the centres of each slice's first voxel."""

    rows: int
    columns: int
    spacing: tuple[float, float]  # mm between rows, mm between columns
    positions: NDArray[np.float64]
    row_direction: NDArray[np.float64]  # unit vector along which the column index grows
    column_direction: NDArray[np.float64]  # unit vector along which the row index grows

    @classmethod
    def axial(
        cls, slices: int = 32, size: int = 160, pixel: float = 1.5, spacing: float = 5.0, bottom: float = -85.0, tilt: float = 0.0
    ) -> Grid:
        """Head first, supine: the table moves by `spacing` mm from z = `bottom`; the gantry leans by `tilt` degrees."""
        lean = np.radians(tilt)
        column = np.array([0.0, np.cos(lean), -np.sin(lean)])
        half = pixel * (size - 1) / 2
        middle = np.array([0.0, 0.0, bottom]) + np.outer(np.arange(slices) * spacing, (0.0, 0.0, 1.0))
        return cls(size, size, (pixel, pixel), middle - half * np.array([1.0, 0, 0]) - half * column, np.array([1.0, 0, 0]), column)

    @classmethod
    def uneven(cls, steps: NDArray[np.float64], size: int = 160, pixel: float = 1.5, tilt: float = 0.0) -> Grid:
        """As `axial`, with the table at z = `steps` (slices,) mm: the sequential protocol with two spacings."""
        base = cls.axial(1, size, pixel, 1.0, 0.0, tilt)
        positions = base.positions[0] + np.outer(steps, (0.0, 0.0, 1.0))
        return cls(size, size, base.spacing, positions, base.row_direction, base.column_direction)

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.positions), self.rows, self.columns


@dataclass(frozen=True)
class Block:
    """A box of voxels and the coordinates of each, mm in the frame it was asked in (broadcast to full shape)."""

    where: tuple[slice, slice, slice]
    x: Floats
    y: Floats
    z: Floats


class Frame:
    """Coordinates of a grid's voxels in a turned, moved, scaled system: p_own = R^T (p - position) / scale."""

    def __init__(self, grid: Grid, rotation: NDArray[np.float64], position: Point, scale: Point) -> None:
        back = (rotation / np.asarray(scale)).T  # rows: own axes
        first = grid.positions[0] - np.asarray(position)
        line = grid.positions[-1] - grid.positions[0] if len(grid.positions) > 1 else np.cross(grid.row_direction, grid.column_direction)
        unit = line / np.linalg.norm(line)
        self._along = (grid.positions - grid.positions[0]) @ unit
        self._shape = grid.shape
        self._origin = back @ first
        self._axes = np.stack(
            [back @ unit, back @ (grid.column_direction * grid.spacing[0]), back @ (grid.row_direction * grid.spacing[1])]
        )
        self._inverse = np.linalg.inv(self._axes.T)

    def whole(self) -> Block:
        return self.block((slice(0, self._shape[0]), slice(0, self._shape[1]), slice(0, self._shape[2])))

    def box(self, low: Point, high: Point) -> Block | None:
        """The voxels that may lie within [low, high]; None where the grid does not reach."""
        where = self.reach(low, high)
        return None if where is None else self.block(where)

    def reach(self, low: Point, high: Point) -> tuple[slice, slice, slice] | None:
        """Index ranges that hold every voxel within [low, high]."""
        corners = np.array([[(low, high)[bit >> axis & 1][axis] for axis in range(3)] for bit in range(8)])
        indices = (corners - self._origin) @ self._inverse.T
        least, most = indices.min(0), indices.max(0)
        first = int(np.searchsorted(self._along, least[0]))
        last = int(np.searchsorted(self._along, most[0], "right"))
        where = [slice(max(first, 0), min(last, self._shape[0]))]
        for axis in (1, 2):
            where.append(slice(max(int(np.floor(least[axis])), 0), min(int(np.ceil(most[axis])) + 1, self._shape[axis])))
        if any(part.stop <= part.start for part in where):
            return None
        return where[0], where[1], where[2]

    def block(self, where: tuple[slice, slice, slice]) -> Block:
        along = self._along[where[0]][:, None, None]
        row = np.arange(where[1].start, where[1].stop)[None, :, None]
        column = np.arange(where[2].start, where[2].stop)[None, None, :]
        own = []
        for axis in range(3):
            slab = (self._origin[axis] + along * self._axes[0, axis] + row * self._axes[1, axis]).astype(np.float32)
            own.append(slab + (column * self._axes[2, axis]).astype(np.float32))
        return Block(where, own[0], own[1], own[2])
