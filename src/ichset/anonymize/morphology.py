"""Growing, shrinking and choosing parts of masks on the 2 mm grid, in millimetres and in windows around the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP

Mask = NDArray[np.bool_]


def dilate(mask: Mask, radius: float) -> Mask:
    """Grow a mask by `radius` mm (Euclidean)."""
    if not mask.any():
        return mask
    grown = np.zeros_like(mask)
    window = _window(mask, radius)
    grown[window] = ndimage.distance_transform_edt(~mask[window], sampling=STEP) <= radius
    return grown


def erode(mask: Mask, radius: float) -> Mask:
    """Shrink a mask by `radius` mm (Euclidean); the grid's edge is no border."""
    if not mask.any():
        return mask
    shrunk = np.zeros_like(mask)
    window = _window(mask, radius)
    shrunk[window] = ndimage.distance_transform_edt(mask[window], sampling=STEP) > radius
    return shrunk


def closed(mask: Mask, radius: float) -> Mask:
    """Close gaps of up to twice `radius` mm."""
    return erode(dilate(mask, radius), radius) | mask


def _window(mask: Mask, radius: float) -> tuple[slice, ...]:
    """The box around a mask, `radius` mm and a voxel wider."""
    reach = int(np.ceil(radius / STEP)) + 1
    window = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(tuple(other for other in range(3) if other != axis)))
        window.append(slice(max(int(used[0]) - reach, 0), int(used[-1]) + reach + 1))
    return tuple(window)


def largest(mask: Mask) -> Mask:
    """The largest connected part."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def filled(mask: Mask) -> Mask:
    """Fill the holes of every axial plane: what the plane's border cannot reach."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(~mask, structure)
    outside = np.zeros(count + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[border.ravel()] = True
    return mask | ~outside[labels]
