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
    grown[window] = _within(mask[window], radius)
    return grown


def erode(mask: Mask, radius: float) -> Mask:
    """Shrink a mask by `radius` mm (Euclidean); the grid's edge is no border."""
    if not mask.any():
        return mask
    shrunk = np.zeros_like(mask)
    window = _window(mask, radius)
    shrunk[window] = ~_within(~mask[window], radius)
    return shrunk


def _within(mask: Mask, radius: float) -> Mask:
    """Voxels at most `radius` mm from the mask: the union of shifted runs along x, eight voxels to the byte.

    What a distance transform gives, ten times faster for the few voxels that a radius has here.
    """
    reach = int(radius / STEP + 1e-9)
    run = np.pad(mask, ((reach, reach), (reach, reach), (reach, reach + -(mask.shape[2] + 2 * reach) % 8)))
    before, flat = run.ravel(), run.ravel().copy()
    runs = [np.packbits(flat)]
    for shift in range(1, reach + 1):
        flat[shift:] |= before[:-shift]
        flat[:-shift] |= before[shift:]
        runs.append(np.packbits(flat))
    bytes_a_row, bytes_a_plane = run.shape[2] // 8, run.shape[1] * run.shape[2] // 8
    whole = np.zeros_like(runs[0])
    for z in range(-reach, reach + 1):
        for y in range(-reach, reach + 1):
            left = (radius / STEP) ** 2 + 1e-9 - z * z - y * y
            if left >= 0:
                _join(whole, runs[int(left**0.5)], z * bytes_a_plane + y * bytes_a_row)
    result = np.unpackbits(whole).view(bool).reshape(run.shape)
    return result[reach : reach + mask.shape[0], reach : reach + mask.shape[1], reach : reach + mask.shape[2]]


def _join(whole: NDArray[np.uint8], part: NDArray[np.uint8], shift: int) -> None:
    """Add `part`, `shift` bytes further on, to `whole`; the padding takes what leaves a row or a plane."""
    if shift >= 0:
        whole[shift:] |= part[: len(part) - shift]
    else:
        whole[:shift] |= part[-shift:]


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
    if count < 2:
        return mask
    sizes = np.bincount(labels[mask])
    return np.asarray(labels == sizes.argmax())


def filled(mask: Mask) -> Mask:
    """Fill the holes of every axial plane: what the border of the mask's box cannot reach."""
    if not mask.any():
        return mask
    window = _window(mask, STEP)
    whole = mask.copy()
    whole[window] = _filled(mask[window])
    return whole


def _filled(mask: Mask) -> Mask:
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(~mask, structure)
    outside = np.zeros(count + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[border.ravel()] = True
    return mask | ~outside[labels]
