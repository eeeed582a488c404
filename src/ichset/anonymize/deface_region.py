"""What of a head is hidden: a region laid out from the brain and the head's pose, and what in it is never touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.craniectomy import roll_of, with_mirrored
from ichset.anonymize.deface_grid import STEP, Grid
from ichset.anonymize.guard import MARGIN_MM, SOFT_HU, Skull, bulging, completed, skull_of, votes_of
from ichset.anonymize.morphology import Mask, closed, dilate, erode
from ichset.anonymize.pose import AIR_HU, CannotDeface, Pose, find_pose, upright
from ichset.config import GuardedConfig

KEEP, AIR, SOFT, GUARD = 0, 1, 2, 3
BARE_SHARE = 0.2  # of the rays to the skull from the sides: heads have 0.00 to 0.03 without skin before bone, a bare skull 0.45
LEAST_AIR_SHARE = 0.05  # of the scan: around the head and in it
ROUND_MM = (6.0, 4.0, 12.0)  # the generic head reaches so far beyond the brain in front, to the sides and up: less than skin, so that it copies none
LEAST_BONE_MM3 = 50_000
EAR_MM = (8.0, 52.0, 45.0, 10.0)  # the ears' boxes: from and to beyond the brain's width, before and behind its middle, above the pole
ADULT_MM = 82.0  # from the middle of the brain to its frontal pole: lengths are for this head and grow with it
ORBITS_MM = 10.0  # below the pole's level: holes further up are holes in the vault, not into an orbit
NOTCH_MM = 12.0  # half the width of a notch in the brain's mask: between the temporal lobes the sella has thin walls, or air behind them
FRACTURE_MM = 4.0  # half the width of a gap in bone that is kept with it: fracture lines are not as dense as bone
LARGEST_SCALE = 1.15
WIDER, CHILD_MM = 1.4, 66.0  # so much wider than the brain the curve is, up to a circle, or up to this half width in a small head
PITS_MM, PITS_FROM_MM = 40.0, 25.0  # how deep the pits of a small head are, and how far below the pole they begin; as deep again below that
SMALLER_MM = 20.0  # shorter than ADULT_MM by so much: a small head, with pits in full
TROUGH_MM, TROUGH_FROM_MM, TROUGH_HALF_MM = 25.0, 15.0, 16.0  # how deep in the middle, in full so far and a third below the pole, how wide
PATCH_MM, FIELD_MM = 5.0, 150.0
BACK_SHARE = 0.7  # of the way from the pole to the middle of the brain: the region ends before the clivus, which streaks of metal may hide


@dataclass(frozen=True)
class Anatomy:
    """Masks on the upright grid (z to the vertex); `pose` in its coordinates, `pose.up` says whether it was overturned.

    `skull` is of the grid as it was.
    """

    bone: Mask
    brain: Mask
    head: Mask
    pose: Pose
    skull: Skull


def find_anatomy(grid: Grid, least_ml: float, skull: Skull | None = None) -> Anatomy:
    """Skull (the grid's, where it is known already), brain, head and pose. Raises CannotDeface."""
    if (grid.hu[grid.seen] < AIR_HU).mean() < LEAST_AIR_SHARE:
        raise CannotDeface("no air in view: the values are not Hounsfield units")
    skull = skull or skull_of(grid)
    bone, head = skull.bone, skull.head
    if bone.sum() * STEP**3 < LEAST_BONE_MM3:
        raise CannotDeface("no skull in view")
    if _bare(bone, head) > BARE_SHARE:
        raise CannotDeface("no skin over the skull")
    votes = votes_of(grid, bone)
    up, brain, air = upright(grid, bone, head, votes, least_ml)
    if up == -1:
        grid, bone, head = grid.overturned(), bone[::-1], head[::-1]
    brain = completed(grid, bone, brain, head, votes[::up])
    pose = find_pose(grid, brain, bone, air & ~dilate(brain, 2 * STEP), up)
    if pose is None:
        raise CannotDeface("the front of the head is unclear")
    level = _orbits(grid, brain, pose)
    brain = with_mirrored(grid, bone, brain, head, pose)
    return Anatomy(bone, bulging(grid, bone, brain, head, level), head, pose, skull)


def _orbits(grid: Grid, brain: Mask, pose: Pose) -> NDArray[np.float64]:
    """(y, x) the z (mm) below which the orbits lie: a plane below the frontal pole that leans as the head does."""
    pole, level = _frontal_pole(grid, brain, pose)
    points = grid.coordinates(brain)
    middle = float(np.median((points[pose.ahead(points) > pole - 6, :2] - pose.centre[:2]) @ pose.left))
    y, x = (np.arange(size) * STEP + origin for size, origin in zip(grid.hu.shape[1:], grid.origin[1::-1], strict=True))
    side = (x - pose.centre[0]) * pose.left[0] + ((y - pose.centre[1]) * pose.left[1])[:, None]
    return level - ORBITS_MM + np.tan(np.radians(roll_of(grid, brain, pose))) * (side - middle)


def _frontal_pole(grid: Grid, brain: Mask, pose: Pose) -> tuple[float, float]:
    """How far in front of the brain's middle its frontal pole lies, and at which z; mm."""
    points = grid.coordinates(brain)
    ahead = pose.ahead(points)
    pole = float(np.percentile(ahead, 99.8))
    return pole, float(np.median(points[ahead > pole - 6, 2]))


def _bare(bone: Mask, head: Mask) -> float:
    """Share of the rays from the front, the back and the sides on which bone is the first of the head that is met."""
    bare = met = 0
    for axis in (1, 2):
        for way in (1, -1):
            first_bone, first_head = (np.flip(mask, axis).argmax(axis) if way < 0 else mask.argmax(axis) for mask in (bone, head))
            ends = bone.any(axis)
            bare += int((first_bone <= first_head)[ends].sum())
            met += int(ends.sum())
    return bare / max(met, 1)


def face_region(grid: Grid, anatomy: Anatomy, config: GuardedConfig, seed: int) -> NDArray[np.uint8]:
    """KEEP, AIR, SOFT or GUARD for every voxel of the upright grid; lengths from the brain's frontal pole, never from the skin."""
    pose, brain = anatomy.pose, anatomy.brain
    points = grid.coordinates(brain)
    pole, pole_level = _frontal_pole(grid, brain, pose)
    level = points[:, 2]
    scale = float(np.clip(pole / ADULT_MM, 1.0, LARGEST_SCALE))
    z, y, x = (np.arange(size) * STEP + origin for size, origin in zip(grid.hu.shape, grid.origin[::-1], strict=True))
    front = (x[None] - pose.centre[0]) * pose.front[0] + (y[:, None] - pose.centre[1]) * pose.front[1]
    side = (x[None] - pose.centre[0]) * pose.left[0] + (y[:, None] - pose.centre[1]) * pose.left[1]
    height = z - pole_level
    across = np.abs((points[:, :2] - pose.centre[:2]) @ pose.left)
    depth = _depth(height, side, pole, float(np.percentile(across, 99.5)), config, seed)
    region = (front[None] > pole - depth) & (height < config.height_mm)[:, None, None]
    if config.ears:
        wide, (start, end, along, above) = float(np.percentile(across, 99)), EAR_MM
        ears = (np.abs(side) > wide + start) & (np.abs(side) < wide + end) & (np.abs(front) < along)
        region |= ears[None] & (height < above)[:, None, None]
    radii = (pole + ROUND_MM[0] * scale, float(np.percentile(across, 99.5)) + ROUND_MM[1] * scale, float(np.ptp(level)) / 2 + ROUND_MM[2] * scale)
    middle = (float(level.max()) + float(level.min())) / 2 - pole_level
    generic = ((front / radii[0]) ** 2 + (side / radii[1]) ** 2)[None] + (((height - middle) / radii[2]) ** 2)[:, None, None] < 1
    labels = np.where(region, np.where(generic, SOFT, AIR), KEEP).astype(np.uint8)
    labels[(labels == KEEP) & (front <= pole * (1 - BACK_SHARE))[None]] = GUARD  # no ellipse behind the region
    labels[kept_of(grid, anatomy, height >= -ORBITS_MM, config)] = GUARD
    return labels


def _depth(height: NDArray[np.float64], side: NDArray[np.float64], pole: float, wide: float, config: GuardedConfig, seed: int) -> NDArray[np.float64]:
    """(z, y, x) mm from the frontal pole back to the region's border, which goes on downwards as the brain's own front is curved.

    A flat border far behind the brow would leave a step there, where every face has one, and septum and nasal bones would stand
    out of it where every nose does: a trough takes them. In a small head, on whose sides
    skin and skull fall off alike, pits of random place break what is left of the likeness below the orbits.
    """
    scale, size = float(np.clip(pole / ADULT_MM, 1.0, LARGEST_SCALE)), min(pole / ADULT_MM, 1.0)
    down = np.maximum(-height, 0)
    small = float(np.clip((ADULT_MM - pole) / SMALLER_MM, 0, 1))
    depth = np.minimum(config.depth_mm + config.slope * (1 + small) * down, config.deepest_mm) * scale
    curve = pole * (1 - np.sqrt(np.clip(1 - (side / max(wide, min(WIDER * wide, small * CHILD_MM + (1 - small) * pole))) ** 2, 0, 1)))
    trough = TROUGH_MM * np.clip(down / TROUGH_FROM_MM / size - 1 / 3, 0, 1)[:, None, None] * np.exp(-((side / (TROUGH_HALF_MM * size)) ** 2))
    pits = PITS_MM * small * np.clip(down / size / PITS_FROM_MM - 1, 0, 1)
    places = np.rint(np.clip(height, -FIELD_MM, FIELD_MM) / STEP).astype(int), np.rint(np.clip(side, -FIELD_MM, FIELD_MM) / STEP).astype(int)
    field = _field(seed)[places[0][:, None, None], places[1][None]]
    return np.minimum(depth[:, None, None] + curve[None] + trough + pits[:, None, None] * field, max(BACK_SHARE * pole, config.depth_mm))


def _field(seed: int) -> NDArray[np.float64]:
    """Ones and zeros in random patches some PATCH_MM wide, (height, side) by STEP mm; negative indices are the other half."""
    size = 2 * round(FIELD_MM / STEP) + 2
    noise = np.random.default_rng([seed, 0x9E37]).standard_normal((size, size))
    return (ndimage.gaussian_filter(noise, PATCH_MM / STEP, mode="wrap") > 0).astype(float)


def kept_of(grid: Grid, anatomy: Anatomy, vault: NDArray[np.bool_], config: GuardedConfig) -> Mask:
    """What is never touched: the brain and its margin, what is soft in its notches (the sella), bone near it, of the `vault`'s
    planes with a voxel around it.

    A fracture that opens at the vault's surface lies in that voxel. The outermost voxel of the head is skin and may be
    taken, however thin skull and skin are, unless the brain itself is next to it.
    """
    deep = erode(anatomy.head | ~grid.seen, STEP)
    bone = closed(anatomy.bone, FRACTURE_MM)
    bone |= dilate(bone, STEP) & vault[:, None, None]
    kept = (dilate(anatomy.brain, MARGIN_MM + STEP) | bone & dilate(anatomy.brain, config.bone_mm)) & deep
    soft = (grid.hu > SOFT_HU[0]) & (grid.hu < SOFT_HU[1])
    return kept | dilate(anatomy.brain, STEP) | dilate(closed(anatomy.brain, NOTCH_MM) & soft, STEP)
