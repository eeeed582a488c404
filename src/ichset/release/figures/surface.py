"""Surface renderings of released heads: what anyone could see of a face who tried."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ichset.release.dataset import Dataset
from ichset.release.figures.canvas import figure
from ichset.release.figures.montage import first_volume
from ichset.volume import Volume

SKIN_HU = -300
VOXEL = 1.5  # mm, of the grid that is rendered
VIEWS = ("front", "right side", "left side")


def draw(dataset: Dataset, folder: Path) -> None:
    """surface.png: a row a head, three views; heads are drawn by a hash among all studies."""
    names = dataset.records.studies["study"].to_pylist()
    chosen = sorted(names, key=lambda name: hashlib.sha256(f"surface {name}".encode()).digest())[: dataset.config.release.examples]
    heads = [render(volume) for study in chosen if (volume := first_volume(dataset, study)) is not None]
    if not heads:
        return
    columns = 2 if len(heads) > 1 else 1
    rows = (len(heads) + columns - 1) // columns
    tallest = max(picture.shape[0] / picture.shape[1] for pictures in heads for picture in pictures)
    with figure(4.6 * columns, (1.6 * tallest + 0.05) * rows + 0.3, folder, "surface", ("png",)) as drawn:
        widths = [1.0] * len(VIEWS) + ([0.12] + [1.0] * len(VIEWS)) * (columns - 1)  # a gap between two heads of a row
        grid = drawn.subplots(rows, len(widths), squeeze=False, width_ratios=widths)
        for axes in grid.flat:
            axes.axis("off")
        for number, pictures in enumerate(heads):
            row, first = divmod(number, columns)
            for view, (name, picture) in enumerate(zip(VIEWS, pictures, strict=True)):
                axes = grid[row, first * (len(VIEWS) + 1) + view]
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
                if row == 0:
                    axes.set_title(name, fontsize=8, loc="center")


def render(volume: Volume) -> tuple[NDArray[np.float64], ...]:
    """Front, right and left view (rows from the top of the head down) of the skin, lit from the eye."""
    solid = _solid(volume)  # axes: z up, y to the back, x to the patient's left
    front = solid.transpose(0, 2, 1)  # the patient's right is at the viewer's left
    right = solid[:, ::-1, :]  # seen from the patient's right, the face looks to the right
    left = solid[:, :, ::-1]
    return tuple(_shade(view)[::-1] for view in (front, right, left))


def _solid(volume: Volume) -> NDArray[np.bool_]:
    """Head or air on an even grid along the patient's axes; the largest connected piece of head alone."""
    from scipy import ndimage

    axes = np.stack([_unit(volume), volume.column_direction, volume.row_direction])
    steps = (volume.offsets[-1] / max(len(volume.hu) - 1, 1), *volume.spacing)
    order = [int(np.argmax(np.abs(axes[:, axis]))) for axis in (2, 1, 0)]  # array axis that runs along z, y, x
    if len(set(order)) < 3:  # too oblique to tell the axes apart
        order = [0, 1, 2]
    hu = volume.hu.transpose(order)
    for place, axis in enumerate(order):
        if axes[axis, (2, 1, 0)[place]] < 0:
            hu = np.flip(hu, place)
    zoom = [abs(steps[axis]) / VOXEL for axis in order]
    smooth = ndimage.zoom(hu.astype(np.float32), zoom, order=1)
    solid = ndimage.binary_opening(smooth > SKIN_HU, iterations=1)
    pieces, count = ndimage.label(solid)
    if not count:
        return solid
    sizes = np.bincount(pieces.ravel())[1:]
    return pieces == 1 + int(np.argmax(sizes))


def _unit(volume: Volume) -> NDArray[np.float64]:
    """Direction from the first to the last slice; for a tilted gantry not the normal."""
    along = volume.positions[-1] - volume.positions[0]
    return along / (np.linalg.norm(along) or 1.0)


def _shade(solid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Grey of the first surface met along the last axis: bright where it faces the eye, darker with depth."""
    from scipy import ndimage

    hit = solid.any(axis=2)
    depth = np.where(hit, solid.argmax(axis=2), solid.shape[2]).astype(float)
    smooth = ndimage.gaussian_filter(depth, 0.8)
    dy, dx = np.gradient(smooth)
    light: Any = 1 / np.sqrt(1 + dx**2 + dy**2)
    near = 1 - 0.35 * (depth - depth.min()) / max(float(depth[hit].max() - depth.min()) if hit.any() else 1.0, 1.0)
    return np.where(hit, 0.15 + 0.85 * light * near, 0.0)
