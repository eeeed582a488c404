"""The brain guard: what lies inside the skull, found by rays to bone, so that a hole in the skull is no way out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP, Grid

BONE_HU = 250  # lower than cortical bone: thin squama and 5 mm slices stay closed
SOFT_HU = (-30, 130)  # brain, fluid, blood
RAYS_NEEDED = 7  # of eight in the axial plane: one may leave through a defect
CORE_MM, MARGIN_MM = 4.0, 4.0

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


def bone_of(grid: Grid) -> Mask:
    """Bone of the head: closed by 2 mm, the largest part only, so that a head-rest or a frame is no skull."""
    bone = ndimage.binary_closing(grid.hu > BONE_HU, ndimage.generate_binary_structure(3, 1))
    return largest(ndimage.binary_dilation(bone)) & bone


def intracranial(grid: Grid, bone: Mask) -> Mask:
    """Soft tissue that bone surrounds: at least RAYS_NEEDED of eight axial rays and the ray to the vertex end in bone.

    Where the scan ends below the vertex, the ray upwards counts as bone once the scan is left: the cut head's brain is brain.
    """
    votes = np.zeros(bone.shape, np.uint8)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        votes += _reached(bone, dy, dx)
    covered = np.logical_or.accumulate(bone[::-1], 0)[::-1] | _open_top(grid, bone)
    inside = (votes >= RAYS_NEEDED) & covered & (grid.hu > SOFT_HU[0]) & (grid.hu < SOFT_HU[1])
    core = largest(erode(inside, CORE_MM))
    grown = dilate(core, CORE_MM + STEP) & inside
    return filled(_closed(grown, CORE_MM) & ~bone | grown)


def _closed(mask: Mask, radius: float) -> Mask:
    return erode(dilate(mask, radius), radius) | mask


def _reached(bone: Mask, dy: int, dx: int) -> Mask:
    """Whether a ray from each voxel along (dy, dx) meets bone."""
    hit = bone.copy()
    axis = 1 if dy else 2
    length = bone.shape[axis]
    order = range(length - 2, -1, -1) if (dy if dy else dx) > 0 else range(1, length)
    for at in order:
        before = at + (dy if dy else dx)
        if dy == 0:
            hit[:, :, at] |= hit[:, :, before]
        elif dx == 0:
            hit[:, at] |= hit[:, before]
        elif dx > 0:
            hit[:, at, :-1] |= hit[:, before, 1:]
        else:
            hit[:, at, 1:] |= hit[:, before, :-1]
    return hit


def _open_top(grid: Grid, bone: Mask) -> Mask:
    """Columns that leave the scan upwards inside a ring of bone: the vertex is missing from the scan."""
    top = np.zeros(bone.shape, bool)
    seen = np.flatnonzero(grid.seen.any((1, 2)))
    if not seen.size:
        return top
    last = seen[-1]
    for level in range(max(last - 2, 0), last + 1):  # a tilted stack's last plane is seen in part only
        top[:] |= ndimage.binary_fill_holes(bone[level])[None]
    return top


def filled(mask: Mask) -> Mask:
    """Fill the holes of every axial plane: what the plane's border cannot reach."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(~mask, structure)
    outside = np.zeros(count + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[border.ravel()] = True
    return mask | ~outside[labels]
