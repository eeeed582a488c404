"""Hide the face of every series of a study: the published ellipses, or (by default) a face region that spares the brain.

The guarded region is built from the brain's frontal pole, never from the skin, so that its borders tell nothing of the
face; what bone lies near the brain stays. Anything in doubt raises CannotDeface, and the study stays in the hospital.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ichset.anonymize.deface_grid import STEP, Grid, grid_of, native_points
from ichset.anonymize.deface_paper import draw_ellipses
from ichset.anonymize.guard import MARGIN_MM, bone_of, dilate, intracranial, largest
from ichset.anonymize.pose import Pose, find_pose, head_of
from ichset.config import DefaceConfig, DefaceLimits, GuardedConfig
from ichset.errors import CurationError
from ichset.volume import Volume

if TYPE_CHECKING:
    from ichset.anonymize.measure import Measures

KEEP, AIR, SOFT, GUARD = 0, 1, 2, 3
AIR_HU = -1000
SOFT_HU = (35.0, 12.0)  # mean and spread of the values drawn for soft tissue
SOFT_SHARE = 0.35  # soft tissue outside the skull, per bone: heads have 1 to 3, skinless phantoms next to none
EAR_MM = (22.0, 45.0)  # how far the ears' box reaches beyond the brain's width and before and behind its middle


class CannotDeface(CurationError):
    """The face cannot be hidden safely; `.reason` names no person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Defaced:
    """`hu` (slices, rows, columns) after defacing; `changed` (slices,) where anything was altered; `pose` where it was found."""

    hu: NDArray[np.int16]
    changed: NDArray[np.bool_]
    pose: Pose | None = None


@dataclass(frozen=True)
class Plan:
    """What to do where, on the 2 mm grid of one series: KEEP, AIR, SOFT, or GUARD (never to be touched)."""

    labels: NDArray[np.uint8]
    grid: Grid
    pose: Pose


def deface_study(volumes: Sequence[Volume], config: DefaceConfig, seed: int) -> tuple[Defaced, ...]:
    """Deface every series alike: what one series hides, the others hide too. Raises CannotDeface."""
    if config.method == "paper":
        return tuple(_by_paper(volume, config, seed, number) for number, volume in enumerate(volumes))
    plans = [plan_series(volume, config.guarded) for volume in volumes]
    return tuple(_by_plan(volume, number, plans, config, seed) for number, volume in enumerate(volumes))


def within_limits(measures: Measures, config: DefaceConfig) -> bool:
    """Whether what was measured on the written files is within the config's limits."""
    limits = config.limits or DefaceLimits()
    return (
        measures.exposed <= limits.exposed
        and measures.relief <= limits.relief
        and measures.median_attack <= limits.median_attack
        and measures.brain_changed <= limits.brain
    )


# --- guarded --------------------------------------------------------------------------------------
def plan_series(volume: Volume, config: GuardedConfig) -> Plan:
    """Brain guard, pose and face region of one series. Raises CannotDeface where one of them is in doubt."""
    if len(volume.hu) < 2:
        raise CannotDeface("one slice is no volume")
    grid = grid_of(volume)
    bone = bone_of(grid)
    if bone.sum() * STEP**3 < 50_000:
        raise CannotDeface("no skull in view")
    brain = intracranial(grid, bone)
    if brain.sum() * STEP**3 < config.min_brain_ml * 1000:
        grid, bone, brain = _upside_down(grid, config)
    _require_skin(grid, bone, brain)
    pose = find_pose(grid, brain, bone)
    if pose is None:
        raise CannotDeface("the front of the head is unclear")
    return Plan(_labels(grid, bone, brain, pose, config), grid, pose)


def _upside_down(grid: Grid, config: GuardedConfig) -> tuple[Grid, NDArray[np.bool_], NDArray[np.bool_]]:
    """The guard of a series whose z runs the wrong way: found on the flipped grid, given back as the grid lies."""
    flipped = Grid(grid.hu[::-1], grid.seen[::-1], grid.origin)
    bone = bone_of(flipped)
    brain = intracranial(flipped, bone)
    if brain.sum() * STEP**3 < config.min_brain_ml * 1000:
        raise CannotDeface("too little brain in view")
    return grid, bone[::-1], brain[::-1]


def _require_skin(grid: Grid, bone: NDArray[np.bool_], brain: NDArray[np.bool_]) -> None:
    head = head_of(grid)
    soft = head & (grid.hu > -300) & (grid.hu < 150) & ~dilate(brain, MARGIN_MM) & ~dilate(bone, STEP)
    if soft.sum() < SOFT_SHARE * bone.sum():
        raise CannotDeface("no skin over the skull")


def _labels(grid: Grid, bone: NDArray[np.bool_], brain: NDArray[np.bool_], pose: Pose, config: GuardedConfig) -> NDArray[np.uint8]:
    points = grid.coordinates(brain)
    ahead, level = pose.ahead(points), points[:, 2] * pose.up
    pole = float(np.percentile(ahead, 99.8))
    pole_level = float(np.median(level[ahead > pole - 6]))
    z, y, x = (np.arange(size) * STEP for size in grid.hu.shape)
    front = (x[None] + grid.origin[0] - pose.centre[0]) * pose.front[0] + (y[:, None] + grid.origin[1] - pose.centre[1]) * pose.front[1]
    side = (x[None] + grid.origin[0] - pose.centre[0]) * pose.left[0] + (y[:, None] + grid.origin[1] - pose.centre[1]) * pose.left[1]
    height = (z + grid.origin[2]) * pose.up - pole_level
    depth = np.clip(config.depth_mm - config.slope * np.minimum(height, 0), config.depth_mm, config.deepest_mm)
    region = (front[None] > (pole - depth)[:, None, None]) & (height < config.height_mm)[:, None, None]
    across = np.abs((points[:, :2] - pose.centre[:2]) @ pose.left)
    if config.ears:
        wide = float(np.percentile(across, 99))
        region |= (np.abs(side) > wide + 8) & (np.abs(side) < wide + EAR_MM[0] + 30) & (np.abs(front) < EAR_MM[1]) & (height < 10)[:, None, None]
    radii = (float(pole) + 16, float(np.percentile(across, 99.5)) + 12, float(np.ptp(level)) / 2 + 12)
    middle = (float(level.max()) + float(level.min())) / 2 - pole_level
    generic = (front / radii[0]) ** 2 + (side / radii[1]) ** 2
    generic = generic[None] + (((height - middle) / radii[2]) ** 2)[:, None, None] < 1
    labels = np.where(region, np.where(generic, SOFT, AIR), KEEP).astype(np.uint8)
    guard = dilate(brain, MARGIN_MM + STEP)
    labels[guard | bone & dilate(brain, config.bone_mm)] = GUARD
    return labels


def _by_plan(volume: Volume, number: int, plans: Sequence[Plan], config: DefaceConfig, seed: int) -> Defaced:
    hu = volume.hu.copy()
    changed = np.zeros(len(hu), bool)
    own = plans[number]
    front = np.array([*own.pose.front, 0.0])
    for slice_ in range(len(hu)):
        labels = _native_labels(volume, slice_, plans, number)
        if not (labels & 3 != GUARD).any() or not labels.any():
            continue
        rng = np.random.default_rng([seed, number, slice_])
        region = (labels == AIR) | (labels == SOFT)
        if not region.any():
            continue
        draw_ellipses(hu[slice_], _largest_bone(volume.hu[slice_], config), volume, front, config.paper, rng, labels == GUARD)
        hu[slice_][labels == AIR] = AIR_HU
        soft = labels == SOFT
        hu[slice_][soft] = np.rint(rng.normal(*SOFT_HU, int(soft.sum())))
        changed[slice_] = bool((hu[slice_] != volume.hu[slice_]).any())
    return Defaced(hu, changed, own.pose)


def _native_labels(volume: Volume, slice_: int, plans: Sequence[Plan], own: int) -> NDArray[np.uint8]:
    """(rows, columns) labels of one slice: what any series of the study hides, but never what this series guards."""
    rows, columns = volume.hu.shape[1:]
    down, across = native_points(volume, slice_, slice(0, rows), slice(0, columns))
    result = np.zeros((rows, columns), np.uint8)
    for number in sorted(range(len(plans)), key=lambda one: one == own):
        labels = _look_up(plans[number], down, across)
        if number == own:
            result = np.where((labels == GUARD) | (labels != KEEP), labels, result)
        else:
            result = np.where((labels == AIR) | (labels == SOFT), labels, result)
    return result


def _look_up(plan: Plan, down: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.uint8]:
    shape = plan.labels.shape[::-1]
    flat = np.zeros((down.shape[0], across.shape[1]), np.int64)
    outside = np.zeros(flat.shape, bool)
    for axis, stride in ((0, 1), (1, shape[0]), (2, shape[0] * shape[1])):
        index = np.rint((down[..., axis] - plan.grid.origin[axis] + across[..., axis]) / STEP).astype(np.int32)
        outside |= (index < 0) | (index >= shape[axis])
        flat += np.clip(index, 0, shape[axis] - 1) * np.int64(stride)
    labels = plan.labels.ravel()[flat]
    labels[outside] = KEEP
    return labels


def _largest_bone(hu: NDArray[np.int16], config: DefaceConfig) -> NDArray[np.bool_]:
    bone = hu > config.paper.threshold_hu
    return largest(bone) if bone.any() else bone


# --- paper ----------------------------------------------------------------------------------------
def _by_paper(volume: Volume, config: DefaceConfig, seed: int, number: int) -> Defaced:
    """The published steps: ellipses on the lowest share of the slices, straight towards the image's front (-y)."""
    hu = volume.hu.copy()
    changed = np.zeros(len(hu), bool)
    from_below = np.argsort(volume.positions[:, 2], kind="stable")
    front = np.array([0.0, -1.0, 0.0])
    for slice_ in from_below[: round(len(hu) * config.paper.slices_share)]:
        rng = np.random.default_rng([seed, number, int(slice_)])
        bone = volume.hu[slice_] > config.paper.threshold_hu
        changed[slice_] = draw_ellipses(hu[slice_], bone, volume, front, config.paper, rng)
    return Defaced(hu, changed)
