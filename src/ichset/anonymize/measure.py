"""What a defaced series still shows of the face, and what it lost of the brain: measured, not assumed.

Definitions: docs/DEFACING.md. The intracranial mask here is found by another idea than the guard's (flooding a closed
skull instead of rays to bone), so that it can contradict it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP, Grid, grid_of, looked_up, native_indices
from ichset.anonymize.deface_region import find_anatomy
from ichset.anonymize.guard import Skull, skull_of, votes_of
from ichset.anonymize.morphology import Mask, dilate, erode, largest
from ichset.anonymize.pose import AIR_HU, CannotDeface, Pose, find_pose, upright
from ichset.volume import Volume

SKIN_HU = -300
WIDE_MM, ABOVE_MM, BELOW_MM, DEEP_MM = 55, 60, 70, 75  # the face zone around the nose tip
SAME_MM = 1.0
RELIEF_SIGMA_MM = 8.0
WALL_MM, SHELL_MM = 8.0, 10.0
BLUR_MM = 3.0  # wider than its thickness is the gap that one slice can leave in the thin roof of an orbit
FAT_HU = (-150, -35)  # over 6 mm: below fluid and brain, however noisy


@dataclass(frozen=True)
class Measures:
    """Shares from 0 to 1 and a correlation; a face that is not in view counts as not exposed."""

    exposed: float
    relief: float
    median_attack: float
    brain_changed: float
    voxels_changed: float
    brain_ml: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def measure(original: Volume, written: Volume, pose: Pose | None = None, skull: Skull | None = None) -> Measures:
    """Compare a series as written with its original: the same slices, matched along the normal.

    `pose`: how the head lies, `skull`: the original's, where they are known already; else they are found again.
    """
    skull = skull or skull_of(grid_of(original))
    grid, bone, head = skull.grid, skull.bone, skull.head
    brain = skull_flood(grid, bone, head, float(np.median(np.diff(original.offsets))) if len(original.hu) > 1 else 0.0)
    share, voxels = _changed(original, written, brain, grid)
    pose = pose or _pose(skull)
    ml = float(brain.sum()) * STEP**3 / 1000
    if pose is None or not head.any():
        return Measures(1.0, 1.0, 1.0, share, voxels, ml)  # no front: nothing can be said to be hidden
    frame = _face_frame(grid, head, pose.front, pose.left, pose.centre, pose.up)
    near = _near(grid, head, frame)
    at = np.stack([np.broadcast_to(index, near.shape)[near] for index in native_indices(original, *frame)]).astype(np.float32)
    before = _sample(original.hu, at, near)
    depth = _depth(before)
    zone = depth < DEEP_MM
    if not zone.any():
        return Measures(0.0, 0.0, 0.0, share, voxels, ml)
    untouched = before.copy()
    untouched[near] = np.where(_altered(original, written, at), -1000, before[near])
    peeled = _depth(untouched)
    asked = near & (np.arange(near.shape[-1]) <= _deepest(depth, near.shape[-1])[..., None])
    median = _median_depth(_sample(written.hu, at[:, asked[near]], asked), depth)
    return Measures(_same(depth, peeled, zone), _relief(depth, peeled, zone), _same(depth, median, zone), share, voxels, ml)


def _pose(skull: Skull) -> Pose | None:
    """How the head lies as defacing would find it; where that refuses the head, from brain and airways alone."""
    try:
        return find_anatomy(skull.grid, 0.0, skull).pose.as_header()
    except CannotDeface:
        pass
    grid, bone, head = skull.grid, skull.bone, skull.head
    try:
        up, brain, air = upright(grid, bone, head, votes_of(grid, bone), 0.0)
    except CannotDeface:
        return None
    pose = find_pose(grid if up == 1 else grid.overturned(), brain, bone[::up], air, up)
    return pose and pose.as_header()


# --- the face -------------------------------------------------------------------------------------
def _face_frame(
    grid: Grid, head: NDArray[np.bool_], front: NDArray[np.float64], left: NDArray[np.float64], centre: NDArray[np.float64], up: int
) -> tuple[NDArray[np.float64], ...]:
    """x, y, z in mm, broadcast to (height, width, depth): depth runs from 5 mm before the nose tip backwards, 1 mm apart."""
    tip = _tip(grid, head, front, left, centre, up)
    heights = np.arange(ABOVE_MM, -BELOW_MM - 1, -1.0)[:, None, None] * up
    widths, depths = np.arange(-WIDE_MM, WIDE_MM + 1.0)[:, None], np.arange(-5, DEEP_MM + 15.0)
    x, y = (tip[axis] + widths * left[axis] - depths * front[axis] for axis in (0, 1))
    return x[None], y[None], tip[2] + heights


def _tip(grid: Grid, head: Mask, front: NDArray[np.float64], left: NDArray[np.float64], centre: NDArray[np.float64], up: int) -> NDArray[np.float64]:
    """The head's foremost point near the middle, below the brain's centre where there is one; x, y, z in mm."""
    levels = np.arange(len(head)) * STEP + grid.origin[2]
    y, x = np.ogrid[: head.shape[1], : head.shape[2]]
    y, x = (index * STEP + origin - mid for index, origin, mid in ((y, grid.origin[1], centre[1]), (x, grid.origin[0], centre[0])))
    middle = np.abs(x * left[0] + y * left[1]) < 25
    chosen = head & middle & ((levels - centre[2]) * up < 0)[:, None, None]
    chosen = chosen if chosen.any() else head & middle
    ahead = x * front[0] + y * front[1]
    first = np.where(chosen.any(0), ahead, -np.inf)
    points = grid.coordinates(chosen & (first > first.max() - STEP))
    return np.asarray(points[np.argmax((points[:, :2] - centre[:2]) @ front)])


def _sample(values: NDArray, at: NDArray[np.float32], near: Mask) -> NDArray[np.float32]:
    """The values at the points that `near` marks, linear; -1000 elsewhere."""
    result = np.full(near.shape, -1000, np.float32)
    result[near] = ndimage.map_coordinates(values, at, order=1, mode="constant", cval=-1000, output=np.float32, prefilter=False)
    return result


def _altered(original: Volume, written: Volume, at: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the voxel nearest to each point was altered; outside the slices none was."""
    index = np.rint(at).astype(np.int32)
    inside = np.ones(at.shape[1], bool)
    for one, size in zip(index, original.hu.shape, strict=True):
        inside &= (one >= 0) & (one < size)
        np.clip(one, 0, size - 1, out=one)
    flat = np.ravel_multi_index(tuple(index), original.hu.shape)
    return np.asarray((original.hu.ravel()[flat] != written.hu.ravel()[flat]) & inside)


def _near(grid: Grid, head: Mask, frame: Sequence[NDArray[np.float64]]) -> Mask:
    """Points of the head or within a voxel of it: table and head-rest do not count."""
    inside: Mask = np.ones((1, 1, 1), bool)
    index = []
    for points, start, size in zip(frame, grid.origin, head.shape[::-1], strict=True):
        one = np.rint((points - start) / STEP).astype(np.int32)
        inside = inside & (one >= 0) & (one < size)
        index.append(np.clip(one, 0, size - 1))
    return dilate(head, STEP)[tuple(index[::-1])] & inside


def _depth(hu: NDArray[np.float32]) -> NDArray[np.float64]:
    """(height, width) mm to the first crossing of the skin's HU along the last axis, between samples; inf where none."""
    solid = hu > SKIN_HU
    first = solid.argmax(-1)
    rows, columns = np.indices(first.shape)
    here, before = hu[rows, columns, first], hu[rows, columns, np.maximum(first - 1, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        back = np.where(first > 0, np.clip((here - SKIN_HU) / (here - before), 0, 1), 0)
    return np.where(solid.any(-1), first - back, np.inf)


def _last(depth: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(height, width) mm down to which the filtered depth can still be the original's."""
    return np.where(np.isfinite(depth), depth, size) + SAME_MM + 2


def _deepest(depth: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(height, width) mm down to which the median filter looks, as far as `_last` in any ray of its window."""
    reach = 2
    return np.asarray(ndimage.maximum_filter(_last(depth, size), 2 * reach + 1) + reach)


def _median_depth(hu: NDArray[np.float32], depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """`_depth` after a 5 x 5 x 5 median filter, worked out only where it can decide: near skin, down to the original's depth."""
    reach = 2
    solid = ndimage.maximum_filter(hu, 2 * reach + 1) > SKIN_HU
    last = _last(depth, hu.shape[-1])
    wanted = solid & (np.arange(hu.shape[-1]) <= last[..., None])
    padded = np.pad(hu, reach, mode="reflect")
    strides = padded.strides[0] // padded.itemsize, padded.strides[1] // padded.itemsize
    flat, at = padded.ravel(), np.argwhere(wanted) + reach
    centre = at[:, 0] * strides[0] + at[:, 1] * strides[1] + at[:, 2]
    steps = np.arange(-reach, reach + 1)
    around = (steps[:, None, None] * strides[0] + steps[:, None] * strides[1] + steps).ravel()
    result = np.full(hu.shape, -1000, np.float32)
    values = np.empty(len(centre), np.float32)
    for start in range(0, len(centre), 50_000):
        part = slice(start, start + 50_000)
        values[part] = np.partition(flat[centre[part, None] + around], 62, axis=1)[:, 62]
    result[wanted] = values
    return _depth(result)


def _same(one: NDArray[np.float64], other: NDArray[np.float64], zone: NDArray[np.bool_]) -> float:
    with np.errstate(invalid="ignore"):
        return float((np.abs(one - other) <= SAME_MM)[zone].mean())


def _relief(one: NDArray[np.float64], other: NDArray[np.float64], zone: NDArray[np.bool_]) -> float:
    """Pearson's r of the two maps' relief inside the zone: depth minus its local mean."""
    both = zone & np.isfinite(other)
    if both.sum() < 100:
        return 0.0
    a, b = (_minus_mean(depth, both)[both] for depth in (one, other))
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 1e-9 else 0.0


def _minus_mean(depth: NDArray[np.float64], zone: NDArray[np.bool_]) -> NDArray[np.float64]:
    values = np.where(zone, depth, 0.0)
    weight = ndimage.gaussian_filter(zone.astype(float), RELIEF_SIGMA_MM)
    return values - ndimage.gaussian_filter(values, RELIEF_SIGMA_MM) / np.maximum(weight, 1e-6)


# --- the brain ------------------------------------------------------------------------------------
def skull_flood(grid: Grid, bone: Mask, head: Mask, apart: float = 0.0) -> Mask:
    """The largest room of soft tissue whose walls are bone, thickened by WALL_MM, and a shell of SHELL_MM beneath the skin.

    Orbits, nose and neck are other rooms because the skull's openings to them are narrower than twice WALL_MM, or, where thick
    slices blur an orbit's roof, because fat lies in them; slices more than 5 mm `apart` have thicker walls. The shell stops the
    room where a piece of the skull is missing.
    """
    wall = max(WALL_MM, apart + BLUR_MM)
    fat = ndimage.uniform_filter(grid.hu, 3)
    fat = dilate((fat > FAT_HU[0]) & (fat < FAT_HU[1]) & head, STEP)
    soft = (grid.hu > -50) & (grid.hu < 130) & ~fat
    deep = erode(head | ~grid.seen, SHELL_MM)
    room = largest(erode(soft & deep & ~dilate(bone, wall) & ~dilate(grid.hu < AIR_HU, 2 * STEP), STEP))
    # one voxel less all round: a partial-volume voxel of dura or bone is no brain
    return erode(dilate(room, wall) & soft & deep & ~dilate(bone, STEP), STEP)


def _changed(original: Volume, written: Volume, brain: Mask, grid: Grid) -> tuple[float, float]:
    """Shares of the intracranial voxels and of all voxels that were altered, on the slices' own grid."""
    total = int(brain.sum()) * STEP**3
    voxel = original.spacing[0] * original.spacing[1] * float(np.median(np.diff(original.offsets))) if len(original.hu) > 1 else 1.0
    hit = voxels = 0
    altered = np.empty(original.hu.shape[1:], bool)
    for slice_, (before, after) in enumerate(zip(original.hu, written.hu, strict=True)):
        np.not_equal(before, after, out=altered)
        if count := int(np.count_nonzero(altered)):
            voxels += count
            hit += int(np.count_nonzero(looked_up(brain, grid, original, slice_) & altered))
    return hit * voxel / total if total else 0.0, voxels / original.hu.size
