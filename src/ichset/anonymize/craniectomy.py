"""Where a large piece of one side's skull is missing, the other side says where the brain lies: mirrored about the mid-plane.

A vault can be fitted over the hole, the floor of the middle fossa cannot: with its bone gone, rays from the temporal lobe end nowhere.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ichset.anonymize.deface_grid import STEP, Grid
from ichset.anonymize.guard import DEFECT_SCALP_MM, SOFT_HU, directions, intracranial, table_distances, vault_of, votes_of
from ichset.anonymize.morphology import Mask, closed, dilate, erode
from ichset.anonymize.pose import Pose

OPEN_SHARE = 0.12  # of a side's directions without bone, beyond the other side's: whole skulls differ by 0.04, half a skull by 0.35
ABOVE = -0.15  # sine of the elevation: below, the skull base's holes begin
NEAR_MM = (-8.0, 14.0)  # from the fitted inner table, inwards and outwards: bone is expected there
LEAST_ROLL = 5  # degrees
ROLL_DEGREES, YAW_DEGREES, SHIFT_MM = 20, 4, 8  # how far the mid-plane may lean, be turned from the pose's, and lie beside the brain's middle
SKULL_MM = 16.0  # bone so near to the brain is its skull
UNLIKE_MM = 6.0  # so much the halves of a brain may differ
SAMPLE = 3000  # points of the brain on which the mid-plane is sought

Points = NDArray[np.float64]


def with_mirrored(grid: Grid, bone: Mask, brain: Mask, head: Mask, pose: Pose) -> Mask:
    """The brain's mask; where the skull is open on one side, with what the skull closed by its own mirror image holds.

    And with the mirrored brain of the other side, as far as it is soft tissue deep beneath the skin.
    """
    side = open_side(grid, bone, brain, pose)
    if side == 0:
        return brain
    plane = _mid_plane(grid, brain, pose)
    wall = bone | _other_half(grid, bone & dilate(brain, SKULL_MM), pose, plane, side)
    soft = (grid.hu > SOFT_HU[0]) & (grid.hu < SOFT_HU[1]) & ~bone & erode(head | ~grid.seen, DEFECT_SCALP_MM)
    held = intracranial(grid, bone, votes_of(grid, wall), wall | brain) & soft
    return brain | held | dilate(_other_half(grid, brain, pose, plane, side), UNLIKE_MM) & soft


def _other_half(grid: Grid, mask: Mask, pose: Pose, plane: tuple[Points, float], side: int) -> Mask:
    """The mirror image, on the open `side`, of what of a mask lies on the other."""
    points = grid.coordinates(mask)
    ours = ((points - pose.centre) @ plane[0] - plane[1]) * side < 0
    mirrored = np.zeros_like(mask)
    mirrored[_voxels(grid, _mirrored(points[ours], pose, *plane))] = True
    return closed(mirrored, STEP)


def open_side(grid: Grid, bone: Mask, brain: Mask, pose: Pose) -> int:
    """1: the patient's left side of the skull is open, -1: the right, 0: neither, or both alike."""
    centre, everywhere = grid.coordinates(brain).mean(0), directions()
    fitted = vault_of(everywhere, table_distances(grid, bone, centre, everywhere))
    if fitted is None:
        return 0
    above = everywhere[everywhere[:, 2] > ABOVE]
    steps = fitted(above)[:, None] + np.arange(*NEAR_MM, STEP / 2)
    at = np.rint((centre + above[:, None] * steps[..., None] - grid.origin) / STEP).astype(np.int32)
    size = np.array(bone.shape[::-1])
    inside = ((at >= 0) & (at < size)).all(-1)
    voxels = tuple(np.clip(at, 0, size - 1)[..., axis] for axis in (2, 1, 0))
    seen = (grid.seen[voxels] & inside).all(1)
    is_open = ~(bone[voxels] & inside).any(1)
    left = above[:, :2] @ pose.left > 0
    if not (seen & left).any() or not (seen & ~left).any():
        return 0
    more = float(is_open[seen & left].mean() - is_open[seen & ~left].mean())
    return int(np.sign(more)) if abs(more) > OPEN_SHARE else 0


def _mid_plane(grid: Grid, brain: Mask, pose: Pose) -> tuple[Points, float]:
    """Unit normal and shift (mm from the brain's middle) of the plane about which the most of the brain is its own mirror image."""
    points = _sample(grid, brain)
    leans, turns, shifts = (range(-most, most + 1, 2) for most in (ROLL_DEGREES, YAW_DEGREES, SHIFT_MM))
    planes = ((_normal(pose, lean, turn), float(shift)) for lean, turn, shift in product(leans, turns, shifts))
    return max(planes, key=lambda plane: _alike(grid, brain, points, pose, *plane))


def roll_of(grid: Grid, brain: Mask, pose: Pose) -> float:
    """Degrees by which the head leans, positive where its left side is higher; 0 below LEAST_ROLL: halves of a brain differ."""
    points = _sample(grid, brain)
    leans = range(-ROLL_DEGREES, ROLL_DEGREES + 1)
    found = max(leans, key=lambda lean: (_alike(grid, brain, points, pose, _normal(pose, lean), 0.0), -abs(lean)))
    return float(found) if abs(found) >= LEAST_ROLL else 0.0


def _sample(grid: Grid, brain: Mask) -> Points:
    points = grid.coordinates(brain)
    return points[:: max(len(points) // SAMPLE, 1)]


def _normal(pose: Pose, lean: float, turn: float = 0.0) -> Points:
    """Unit vector to the patient's left, leaning upwards and turned to the front by so many degrees."""
    lean, turn = np.radians(lean), np.radians(turn)
    aside = pose.left * np.cos(turn) + pose.front * np.sin(turn)
    return np.array([*(aside * np.cos(lean)), np.sin(lean)])


def _alike(grid: Grid, brain: Mask, points: Points, pose: Pose, normal: Points, shift: float) -> int:
    """How many of the points have brain at their mirror image."""
    return int(np.count_nonzero(brain[_voxels(grid, _mirrored(points, pose, normal, shift))]))


def _mirrored(points: Points, pose: Pose, normal: Points, shift: float) -> Points:
    return points - 2 * ((points - pose.centre) @ normal - shift)[:, None] * normal


def _voxels(grid: Grid, points: Points) -> tuple[NDArray[np.int32], ...]:
    """Indices (z, y, x) of the voxels at points; those outside the grid are left out."""
    at = np.rint((points - grid.origin) / STEP).astype(np.int32)
    at = at[((at >= 0) & (at < np.array(grid.hu.shape[::-1]))).all(1)]
    return at[:, 2], at[:, 1], at[:, 0]
