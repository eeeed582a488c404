"""The brain guard: what lies inside the skull, so that neither a hole in the skull nor air or blood within is a way out.

First the voxels that bone surrounds (rays to bone), then the inside of a smooth vault fitted to the skull's inner table,
which closes what a craniectomy, a burr hole or the edge of the scan left open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP, Grid
from ichset.anonymize.morphology import Mask, closed, dilate, erode, filled, largest

BONE_HU = 250.0  # lower than cortical bone: thin squama and 5 mm slices stay closed
# of the upper quartile of what is denser: 740 to 1120 HU in heads, 300 where bone has lost its mineral
DENSE_HU, DENSE_SHARE, LEAST_HU = 150, 0.55, 170.0
SOFT_HU = (-30, 130)  # brain, fluid, blood
SKIN_HU = -300
RAYS_NEEDED = 7  # of eight in the axial plane: one may leave through a defect
CORE_MM, MARGIN_MM = 4.0, 4.0
SCALP_MM = 4.0  # the fitted vault reaches no nearer to the skin than this
DEFECT_MM, DEFECT_SCALP_MM = 10.0, 8.0  # how far brain may bulge through a hole in the skull, and never nearer to the skin
CANAL_MM = 16.0  # how far below the brain's lowest part the medulla and the cord are kept
DIRECTIONS = 1500
TABLE_MM = (35.0, 115.0)  # distances at which the inner table may lie from the middle of the brain
LOWEST = -0.25  # sine of the elevation below which the skull base, no vault, is met
OUTLIER_MM = 8.0
OPEN_MM3 = 4000  # so much of the vault without brain found in it: the skull is open, or not brain alone is in it

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Skull:
    """Bone and head of a grid, worked out once for all that asks for them."""

    grid: Grid
    bone: Mask
    head: Mask


def skull_of(grid: Grid) -> Skull:
    return Skull(grid, bone_of(grid), head_of(grid))


def bone_of(grid: Grid) -> Mask:
    """Bone of the head: closed by 2 mm, the largest part only, so that a head-rest or a frame is no skull."""
    dense = grid.hu[grid.hu > DENSE_HU]
    least = float(np.clip(DENSE_SHARE * np.percentile(dense, 75), LEAST_HU, BONE_HU)) if dense.size else BONE_HU
    bone = closed((grid.hu > least) & (grid.smooth > least / 2), STEP)
    return largest(dilate(bone, STEP)) & bone


def head_of(grid: Grid) -> Mask:
    """The head with the air in it: the largest part of everything denser than SKIN_HU, filled, then opened by 4 mm.

    Filled slice by slice before it is opened: the thin walls of sinuses and nose would not stand that.
    """
    whole = filled(closed(grid.hu > SKIN_HU, STEP))
    return dilate(largest(erode(whole, 2 * STEP)), 2 * STEP) & whole


def votes_of(grid: Grid, bone: Mask) -> NDArray[np.uint8]:
    """How many of eight axial rays from each voxel end in bone; tissue that the edge of the scan cuts ends in bone too."""
    return rays_ending(_walls(grid, bone))


def _walls(grid: Grid, bone: Mask) -> Mask:
    """Bone and the scan's edges that cut tissue, with a voxel more on all four sides."""
    tissue = grid.hu > SKIN_HU
    cut = ~grid.seen & dilate(tissue & grid.seen, 2 * STEP)
    # padded by a voxel: where the grid itself ends, so does the scan
    wall, ends = (np.pad(mask, ((0, 0), (1, 1), (1, 1))) for mask in (bone | cut, tissue))
    for axis in (1, 2):
        for edge, inner in ((0, 1), (-1, -2)):
            wall.swapaxes(0, axis)[edge] |= ends.swapaxes(0, axis)[inner]
    return np.asarray(wall)


def rays_ending(wall: Mask) -> NDArray[np.uint8]:
    """How many of eight axial rays from each voxel but the outermost end in a wall."""
    votes = np.zeros(wall.shape, np.uint8)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        votes += _reached(wall, dy, dx)
    return votes[:, 1:-1, 1:-1]


def intracranial(grid: Grid, bone: Mask, votes: NDArray[np.uint8] | None = None, vault: Mask | None = None) -> Mask:
    """Soft tissue that bone surrounds: at least RAYS_NEEDED of eight axial rays and the ray to the vertex end in bone.

    Where the scan ends below the vertex, the ray upwards counts as bone once the scan is left: the cut head's brain is brain.
    What lies below `vault` is covered too: the skull may be open at the top.
    """
    votes = votes_of(grid, bone) if votes is None else votes
    roof = bone if vault is None else bone | vault
    covered = np.logical_or.accumulate(roof[::-1], 0)[::-1] | _open_top(grid, bone, votes)
    inside = (votes >= RAYS_NEEDED) & covered & (grid.smooth > SOFT_HU[0]) & (grid.smooth < SOFT_HU[1]) & ~bone
    core = largest(erode(inside, CORE_MM))
    grown = dilate(core, CORE_MM + STEP) & inside
    return filled(closed(grown, CORE_MM) & ~bone | grown)


def completed(grid: Grid, bone: Mask, brain: Mask, head: Mask, votes: NDArray[np.uint8]) -> Mask:
    """The brain's mask with the vault's inside and the top of the spinal canal added; z must run to the vertex."""
    centre = grid.coordinates(brain).mean(0)
    everywhere = directions()
    fitted = vault_of(everywhere, table_distances(grid, bone, centre, everywhere))
    if fitted is not None:
        vault = _inside_vault(grid, centre, fitted) & erode(head | ~grid.seen, SCALP_MM)
        if (vault & ~dilate(brain, MARGIN_MM)).sum() * STEP**3 > OPEN_MM3:
            brain = brain | intracranial(grid, bone, votes, vault)
        brain = brain | vault
    return brain | _canal(brain)


def bulging(grid: Grid, bone: Mask, brain: Mask, head: Mask, level: NDArray[np.float64]) -> Mask:
    """What bulges through a hole in the vault: soft tissue that touches the brain with no bone between, deep beneath the skin.

    A hole is twice CORE_MM wide at least: the thin bone of the orbits' roofs has gaps that are none. `level` (y, x), mm: holes above it count.
    """
    near = dilate(brain, DEFECT_MM)
    near &= (grid.hu > SOFT_HU[0]) & (grid.hu < SOFT_HU[1]) & ~bone
    near &= (np.arange(len(bone)) * STEP + grid.origin[2])[:, None, None] > level
    if not (near & ~brain).any():
        return brain
    room = near & erode(head | ~grid.seen, DEFECT_SCALP_MM) | brain
    wide = erode(room, CORE_MM)
    reached = ndimage.binary_propagation(erode(brain, CORE_MM), mask=wide)
    return dilate(reached, CORE_MM + STEP) & room


def directions() -> Points:
    """(DIRECTIONS, 3) unit vectors (x, y, z) spread evenly over the sphere (Fibonacci lattice)."""
    number = np.arange(DIRECTIONS) + 0.5
    z = 1 - 2 * number / DIRECTIONS
    turn = np.pi * (1 + 5**0.5) * number
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])


def table_distances(grid: Grid, bone: Mask, centre: Points, towards: Points) -> Points:
    """Distance (mm) from the centre at which each ray first meets bone within TABLE_MM; nan where it meets none."""
    steps = np.arange(*TABLE_MM, STEP / 2)
    at = (centre + towards[:, None] * steps[:, None] - grid.origin) / STEP
    index = np.rint(at).astype(np.int32)
    shape = np.array(bone.shape[::-1])
    inside = ((index >= 0) & (index < shape)).all(-1)
    index = np.clip(index, 0, shape - 1)
    hit = bone[index[..., 2], index[..., 1], index[..., 0]] & inside
    return np.where(hit.any(1), steps[hit.argmax(1)], np.nan)


@dataclass(frozen=True)
class Vault:
    """Distance (mm) from the middle of the brain to the vault's inner table: a quadric in the direction."""

    terms: NDArray[np.float64]

    def __call__(self, towards: Points) -> Points:
        return np.asarray(_terms(towards) @ self.terms)


def vault_of(towards: Points, distances: Points) -> Vault | None:
    """The vault fitted to the distances at which bone was met above the skull base, without its outliers; None where too little was."""
    used = np.isfinite(distances) & (towards[:, 2] > LOWEST)
    if used.sum() <= 100:
        return None
    towards, distances = towards[used], distances[used]
    weights = np.ones(len(distances))
    for _ in range(8):
        root = np.sqrt(weights)
        terms, *_ = np.linalg.lstsq(_terms(towards) * root[:, None], distances * root, rcond=None)
        rest = distances - _terms(towards) @ terms
        weights = np.where(np.abs(rest) < 3 * OUTLIER_MM, 1 / (1 + (rest / OUTLIER_MM) ** 2) ** 2, 0.0)
    return Vault(np.asarray(terms, float))


def _inside_vault(grid: Grid, centre: Points, fitted: Vault) -> Mask:
    """Voxels nearer to the centre than the vault's inner table."""
    result = np.zeros(grid.hu.shape, bool)
    z, y, x = (np.arange(size) * STEP + origin - middle for size, origin, middle in zip(
        grid.hu.shape, grid.origin[::-1], centre[::-1], strict=True))  # fmt: skip
    one, tx, ty, tz, txx, tyy, txy, txz, tyz = fitted.terms
    x, y = x[None], y[:, None]
    flat = x * x + y * y
    level, tilted, bent = tx * x + ty * y, txz * x + tyz * y, txx * x * x + tyy * y * y + txy * x * y
    for k, height in enumerate(z):  # the quadric in the unit direction, all of it times the distance squared
        square = flat + height * height
        away = np.sqrt(square)
        vault = one * square + away * (level + tz * height) + bent + height * tilted
        result[k] = (away * square < vault) & (away < TABLE_MM[1]) & (height > LOWEST * away)
    return result


def _terms(unit: Points) -> Points:
    """The nine functions of a direction up to degree two: a quadric's worth of shape and shift."""
    x, y, z = unit[..., 0], unit[..., 1], unit[..., 2]
    return np.stack([np.ones_like(x), x, y, z, x * x, y * y, x * y, x * z, y * z], -1)


def _canal(brain: Mask) -> Mask:
    """What lies up to CANAL_MM below the brain's lowest 8 mm: medulla and cord leave there."""
    levels = np.flatnonzero(brain.any((1, 2)))
    result = np.zeros_like(brain)
    if levels.size:
        lowest = brain[levels[0] : levels[0] + round(8 / STEP)].any(0)
        result[max(levels[0] - round(CANAL_MM / STEP), 0) : levels[0] + 1] = lowest
    return result


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


def _open_top(grid: Grid, bone: Mask, votes: NDArray[np.uint8]) -> Mask:
    """Columns that leave the scan upwards inside a ring of bone, with one gap at most: the vertex is missing from the scan."""
    top = np.zeros(bone.shape, bool)
    seen = np.flatnonzero(grid.seen.any((1, 2)))
    if not seen.size:
        return top
    last = seen[-1]
    for level in range(max(last - 2, 0), last + 1):  # a tilted stack's last plane is seen in part only
        top[:] |= (ndimage.binary_fill_holes(bone[level]) | (votes[level] >= RAYS_NEEDED))[None]
    return top
