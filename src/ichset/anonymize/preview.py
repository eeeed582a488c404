"""Surface renderings and slices before and after, for the person who signs off; no display, no toolkit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ichset.anonymize.deface_grid import AIR, STEP, Grid, grid_of
from ichset.anonymize.guard import SKIN_HU
from ichset.anonymize.pose import Pose
from ichset.volume import Volume

VIEWS = (-40.0, 0.0, 40.0)  # degrees from the head's own front
SIZE = 320  # pixels of a view's side
WINDOW = (80.0, 40.0)  # width, level: brain


def write_preview(path: Path, original: Volume, defaced: Volume, pose: Pose | None, grid: Grid | None = None) -> None:
    """One PNG: above before, below after; three surface views, then an axial and a sagittal slice. `grid`: the original's, if at hand."""
    rows = [_row(one, pose) for one in (grid or grid_of(original), grid_of(defaced))]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    Image.fromarray(np.vstack(rows)).save(part, format="PNG", compress_level=1)
    part.replace(path)


def _row(grid: Grid, pose: Pose | None) -> NDArray[np.uint8]:
    yaw = 0.0 if pose is None else pose.yaw
    up = 1 if pose is None else pose.up
    views = [surface(grid, yaw + turn, up) for turn in VIEWS]
    middle = tuple(size // 2 for size in grid.hu.shape)
    level = middle[0] if pose is None else int(np.clip((pose.centre[2] - grid.origin[2]) / STEP - 10 * up, 0, grid.hu.shape[0] - 1))
    return np.hstack([*map(_square, views), _square(_window(grid.hu[level])), _square(_window(grid.hu[::-up, :, middle[2]]))])


def surface(grid: Grid, yaw: float, up: int = 1, threshold: float = SKIN_HU) -> NDArray[np.uint8]:
    """(height, width) shaded surface seen from the front turned by `yaw` degrees: depth map, Lambert shading."""
    turned = _turned(grid.hu, yaw)[::-up]
    solid = turned > threshold
    first = solid.argmax(1)
    hit = solid.any(1)
    z, x = np.indices(first.shape)
    here, before = turned[z, first, x], turned[z, np.maximum(first - 1, 0), x]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(first > 0, (here - threshold) / (here - before), 0)
    depth = ndimage.gaussian_filter(first - np.clip(part, 0, 1), 0.7)
    down, across = np.gradient(depth)
    shade = (1 + 0.35 * across - 0.35 * down) / np.sqrt((1 + across**2 + down**2) * 1.25)
    return np.where(hit, np.clip(shade, 0, 1) * 235 + 20, 0).astype(np.uint8)


def _turned(hu: NDArray[np.float32], yaw: float) -> NDArray[np.float32]:
    """The planes turned by `yaw` degrees about their middle, linear; one set of neighbours serves all planes."""
    rows, columns = hu.shape[1:]
    angle, middle = np.radians(yaw), ((rows - 1) / 2, (columns - 1) / 2)
    y, x = np.arange(rows)[:, None] - middle[0], np.arange(columns) - middle[1]
    at_y, at_x = y * np.cos(angle) + x * np.sin(angle) + middle[0], x * np.cos(angle) - y * np.sin(angle) + middle[1]
    low_y, low_x = np.floor(at_y).astype(np.intp), np.floor(at_x).astype(np.intp)
    inside = (low_y >= 0) & (low_y < rows - 1) & (low_x >= 0) & (low_x < columns - 1)
    first = (low_y * columns + low_x)[inside]
    part_y, part_x = (at_y - low_y)[inside, None].astype(np.float32), (at_x - low_x)[inside, None].astype(np.float32)
    columns_of_voxels = np.ascontiguousarray(hu.reshape(len(hu), -1).T)  # one column of z a row: neighbours are taken for all planes at once
    above = columns_of_voxels[first] * (1 - part_x) + columns_of_voxels[first + 1] * part_x
    below = columns_of_voxels[first + columns] * (1 - part_x) + columns_of_voxels[first + columns + 1] * part_x
    result = np.full((rows, columns, len(hu)), AIR, np.float32)
    result[inside] = above * (1 - part_y) + below * part_y
    return result.transpose(2, 0, 1)


def _window(hu: NDArray[np.float32]) -> NDArray[np.uint8]:
    width, level = WINDOW
    return (np.clip((hu - level) / width + 0.5, 0, 1) * 255).astype(np.uint8)


def _square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    high, wide = image.shape
    scale = SIZE / max(high, wide)
    small = Image.fromarray(image).resize((max(round(wide * scale), 1), max(round(high * scale), 1)), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (SIZE, SIZE))
    canvas.paste(small, ((SIZE - small.width) // 2, (SIZE - small.height) // 2))
    return np.asarray(canvas)
