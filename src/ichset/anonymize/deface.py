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

from ichset.anonymize.deface_grid import grid_of, looked_up
from ichset.anonymize.deface_paper import draw_ellipses, hull_of
from ichset.anonymize.deface_region import AIR, GUARD, KEEP, SOFT, face_region, find_anatomy
from ichset.anonymize.guard import Skull
from ichset.anonymize.morphology import largest
from ichset.anonymize.pose import CannotDeface, Pose
from ichset.config import DefaceConfig, DefaceLimits, GuardedConfig
from ichset.volume import Volume

if TYPE_CHECKING:
    from ichset.anonymize.measure import Measures

__all__ = ["CannotDeface", "Defaced", "Plan", "deface_study", "plan_series", "within_limits"]

AIR_HU = -1000
HULL_MM = 1.0  # the ellipses' places need no finer outline
SOFT_HU = (35.0, 12.0)  # mean and spread of the values drawn for soft tissue


@dataclass(frozen=True)
class Defaced:
    """`hu` (slices, rows, columns) after defacing; `changed` (slices,) where anything was altered; `pose` where it was found.

    `skull`: the original's on its 2 mm grid, for what else is worked out from it.
    """

    hu: NDArray[np.int16]
    changed: NDArray[np.bool_]
    pose: Pose | None = None
    skull: Skull | None = None


@dataclass(frozen=True)
class Plan:
    """What to do where, on the 2 mm grid of one series: KEEP, AIR, SOFT, or GUARD (never to be touched)."""

    labels: NDArray[np.uint8]
    skull: Skull
    pose: Pose


def deface_study(volumes: Sequence[Volume], config: DefaceConfig, seed: int) -> tuple[Defaced, ...]:
    """Deface every series alike: what one series hides, the others hide too. Raises CannotDeface."""
    if config.method == "paper":
        return tuple(_by_paper(volume, config, seed, number) for number, volume in enumerate(volumes))
    plans = [plan_series(volume, config.guarded, seed) for volume in volumes]
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
def plan_series(volume: Volume, config: GuardedConfig, seed: int) -> Plan:
    """Brain guard, pose and face region of one series. Raises CannotDeface where one of them is in doubt."""
    if len(volume.hu) < 2:
        raise CannotDeface("one slice is no volume")
    grid = grid_of(volume)
    anatomy = find_anatomy(grid, config.min_brain_ml)
    upright = grid if anatomy.pose.up == 1 else grid.overturned()
    labels = np.ascontiguousarray(face_region(upright, anatomy, config, seed)[:: anatomy.pose.up])
    return Plan(labels, anatomy.skull, anatomy.pose.as_header())


def _by_plan(volume: Volume, number: int, plans: Sequence[Plan], config: DefaceConfig, seed: int) -> Defaced:
    hu = volume.hu.copy()
    changed = np.zeros(len(hu), bool)
    own = plans[number]
    front = np.array([*own.pose.front, 0.0])
    for slice_, (before, after) in enumerate(zip(volume.hu, hu, strict=True)):
        labels = _native_labels(volume, slice_, plans, number)
        hidden = (labels == AIR) | (labels == SOFT)
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        if not rows.size:
            continue
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        rng = np.random.default_rng([seed, number, slice_])
        drawn = draw_ellipses(after, _skull_hull(before, volume, config), volume, front, config.paper, rng, labels != KEEP)
        _hide(after[box], before[box], labels[box], rng)
        changed[slice_] = drawn or not np.array_equal(before[box], after[box])
    return Defaced(hu, changed, own.pose, own.skull)


def _hide(after: NDArray[np.int16], before: NDArray[np.int16], labels: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Air and random soft tissue where the labels say so, in place; no voxel of soft tissue keeps its value by chance."""
    np.copyto(after, AIR_HU, where=labels == AIR)
    soft = labels == SOFT
    kept = before[soft]
    drawn = np.rint(SOFT_HU[0] + SOFT_HU[1] * rng.standard_normal(kept.size, np.float32)).astype(np.int16)
    after[soft] = drawn + (drawn == kept)


def _native_labels(volume: Volume, slice_: int, plans: Sequence[Plan], own: int) -> NDArray[np.uint8]:
    """(rows, columns) labels of one slice: what any series of the study hides, but never what this series guards."""
    result = _look_up(plans[own], volume, slice_)
    for number, plan in enumerate(plans):
        if number != own:
            labels = _look_up(plan, volume, slice_)
            result = np.where((result == KEEP) & (labels != GUARD), labels, result)
    return result


def _look_up(plan: Plan, volume: Volume, slice_: int) -> NDArray[np.uint8]:
    return looked_up(plan.labels, plan.skull.grid, volume, slice_)  # KEEP outside


def _skull_hull(hu: NDArray[np.int16], volume: Volume, config: DefaceConfig) -> NDArray[np.float64]:
    """(n, 2) hull (row, column) of a slice's largest piece of bone, on every HULL_MM only."""
    steps = tuple(max(round(HULL_MM / spacing), 1) for spacing in volume.spacing)
    bone = hu[:: steps[0], :: steps[1]] > config.paper.threshold_hu
    rows, columns = np.flatnonzero(bone.any(1)), np.flatnonzero(bone.any(0))
    if rows.size:
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        bone[box] = largest(bone[box])
    return hull_of(bone) * steps


# --- paper ----------------------------------------------------------------------------------------
def _by_paper(volume: Volume, config: DefaceConfig, seed: int, number: int) -> Defaced:
    """The published steps: ellipses on the lowest share of the slices, straight towards the image's front (-y)."""
    hu = volume.hu.copy()
    changed = np.zeros(len(hu), bool)
    from_below = np.argsort(volume.positions[:, 2], kind="stable")
    front = np.array([0.0, -1.0, 0.0])
    for slice_ in from_below[: round(len(hu) * config.paper.slices_share)]:
        rng = np.random.default_rng([seed, number, int(slice_)])
        hull = hull_of(volume.hu[slice_] > config.paper.threshold_hu)
        changed[slice_] = draw_ellipses(hu[slice_], hull, volume, front, config.paper, rng)
    return Defaced(hu, changed)
