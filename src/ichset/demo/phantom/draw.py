"""Draw one head into a grid: Hounsfield units and the truth of every voxel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ichset.demo.phantom.anatomy import BLOOD, Anatomy, Lesion
from ichset.demo.phantom.blood import direction, fracture_mask, lesion_mask, table_point
from ichset.demo.phantom.brain import Mask, draw_brain
from ichset.demo.phantom.frame import Block, Floats, Frame, Grid, Pose
from ichset.demo.phantom.head import AIR, FAT, SOFT, Carver, add_head_rest, carve_face, cavity_distance, skin_distance, vault_distance

HYPERDENSE, ISODENSE = (50.0, 89.0), (35.0, 40.0)  # HU, METHOD.md section 1


@dataclass(frozen=True)
class Phantom:
    """A drawn head. `masks`: arrays like `hu` (slices, rows, columns) of the drawn anatomy, not of what was segmented.

    head: all inside the skin; skin: its outer 2.5 mm; skull: vault and base with fractures; brain: everything inside the
    skull, fluid and blood included; face: soft tissue and bone of the face; blood: all five kinds; one mask for each kind
    of haemorrhage drawn; fracture; ventricles.
    """

    hu: NDArray[np.int16]
    masks: Mapping[str, Mask]
    grid: Grid


def draw_head(anatomy: Anatomy, pose: Pose, grid: Grid, seed: int = 0, noise: float = 3.0, sharp: bool = False) -> Phantom:
    """Draw a head. `noise`: standard deviation in HU; `sharp`: a bone kernel (no smoothing, edges enhanced)."""
    frame = Frame(grid, pose.rotation, pose.position, anatomy.scale)
    table = Frame(grid, np.eye(3), pose.position, (1.0, 1.0, 1.0))
    whole = frame.whole()
    vault = vault_distance(whole)
    cavity = cavity_distance(whole, vault)
    skin = skin_distance(frame, anatomy, whole, vault)
    masks: dict[str, Mask] = {"head": skin < 0, "brain": cavity < 0}
    masks["skin"] = masks["head"] & (skin > -2.5)
    masks["skull"] = _skull(whole, cavity, anatomy, masks["head"])
    hu = _soft_parts(skin, cavity)
    hu[masks["skull"]] = _bone(cavity, anatomy)[masks["skull"]]
    free = masks["head"] & ~masks["brain"] & ~(masks["skull"] & (whole.z > -8))
    carve_face(Carver(frame, hu, free & ~_inner_table(cavity)), anatomy)
    masks["face"] = masks["head"] & ~masks["skull"] & ~masks["brain"] & (whole.y < -45) & (whole.z < 12) & (whole.z > -130)
    for name in ("fracture", *(lesion.kind for lesion in anatomy.lesions if lesion.kind in BLOOD)):
        masks[name] = np.zeros(grid.shape, bool)
    _fractures(frame, hu, masks, anatomy)
    if anatomy.head_rest:
        add_head_rest(hu, table.whole(), 97.0 * anatomy.scale[1])
    clean = _inside(frame, table, hu, masks, anatomy, cavity)
    return Phantom(_finish(hu, clean, masks, seed, noise, sharp), masks, grid)


def _skull(at: Block, cavity: Floats, anatomy: Anatomy, head: Mask) -> Mask:
    skull = (cavity >= 0) & (cavity < anatomy.skull + np.where(at.z < -8, np.float32(1.5), np.float32(0))) & head
    skull &= ~((at.x**2 + (at.y - 21) ** 2 < 14**2) & (at.z < -56))  # foramen magnum
    if anatomy.bone_defect:
        skull &= (at.y - 20) ** 2 + (at.z - 38) ** 2 >= 7**2
        skull |= (cavity >= 0) & (cavity < anatomy.skull) & head & (at.x > 0) & (at.z > -8)
    return skull


def _inner_table(cavity: Floats) -> Mask:
    """The bone next to the brain: no sinus or canal may open it."""
    return (cavity >= 0) & (cavity < 3.0)


def _bone(cavity: Floats, anatomy: Anatomy) -> Floats:
    """Two tables of compact bone and the spongy layer between them."""
    third = anatomy.skull / 3
    return np.where((cavity > third) & (cavity < 2 * third), np.float32(650), np.float32(1250))


def _soft_parts(skin: Floats, cavity: Floats) -> Floats:
    hu = np.where(skin < 0, np.float32(SOFT), np.float32(AIR))
    hu[(skin < -2.4) & (skin > -5.0)] = FAT
    return hu


def _fractures(frame: Frame, hu: Floats, masks: dict[str, Mask], anatomy: Anatomy) -> None:
    for fracture in anatomy.fractures:
        middle, reach = table_point(direction(fracture)), fracture.length / 2 + 8
        at = frame.box(tuple(middle - reach), tuple(middle + reach))  # type: ignore[arg-type]
        if at is not None:
            gap = fracture_mask(at, masks["skull"][at.where] & (at.z > -12), fracture)
            hu[at.where][gap] = 45.0
            masks["fracture"][at.where] |= gap


def _inside(frame: Frame, table: Frame, hu: Floats, masks: dict[str, Mask], anatomy: Anatomy, cavity: Floats) -> Floats:
    """Draw what lies inside the skull into `hu`; answers the HU that no smoothing may touch (NaN elsewhere)."""
    kept = np.full(hu.shape, np.nan, np.float32)
    at = frame.box((-75.0, -90.0, -80.0), (75.0, 90.0, 75.0))
    masks["ventricles"] = np.zeros(hu.shape, bool)
    masks["blood"] = np.zeros(hu.shape, bool)
    if at is None:
        return kept
    where = at.where
    lying = table.block(where).y
    depth, brain = -cavity[where], masks["brain"][where]
    yielding = _yield(at, anatomy.lesions)
    inner, spaces = draw_brain(frame, yielding, depth, anatomy)
    masks["ventricles"][where] = (spaces == 3) & brain
    for lesion in anatomy.lesions:
        shape = lesion_mask(at, depth, spaces, lesion, lying)
        if lesion.kind == "scalp":
            soft = shape & masks["head"][where] & ~masks["skin"][where] & ~masks["skull"][where] & ~brain
            hu[where][soft] = lesion.hu
            continue
        shape &= brain
        inner[shape] = lesion.hu
        if lesion.kind in BLOOD:
            for other in BLOOD:  # the later focus owns the voxel
                if other in masks and other != lesion.kind:
                    masks[other][where] &= ~shape
            masks[lesion.kind][where] |= shape
            kept[where][shape] = lesion.hu
    for kind in BLOOD:
        if kind in masks:
            masks["blood"] |= masks[kind]
    hu[where][brain] = inner[brain]
    return kept


def _yield(at: Block, lesions: tuple[Lesion, ...]) -> Block:
    """Coordinates of the anatomy that gives way to a mass: the midline moves by at most `shift` mm."""
    x = at.x
    for lesion in lesions:
        if lesion.shift:
            wide = (at.y / np.float32(60)) ** 2 + ((at.z - np.float32(8)) / np.float32(45)) ** 2 + (at.x / np.float32(55)) ** 2
            x = x + np.float32(np.sign(lesion.towards[0]) * lesion.shift) * np.exp(-wide)
    return Block(at.where, x, at.y, at.z)


def _smooth(values: Floats) -> Floats:
    """In-plane [1 2 1] / 4 in both directions: the point spread of a soft kernel."""
    quarter, half = np.float32(0.25), np.float32(0.5)
    for axis in (1, 2):
        low, high = np.roll(values, 1, axis), np.roll(values, -1, axis)
        values = half * values + quarter * (low + high)
    return values


def _finish(hu: Floats, kept: Floats, masks: dict[str, Mask], seed: int, noise: float, sharp: bool) -> NDArray[np.int16]:
    """Point spread and noise. Bone's blur stays out of the cavity, so that no rim of it looks like blood."""
    brain = masks["brain"]
    inner = _smooth(np.where(brain, hu, np.float32(33)))
    outer = _smooth(hu)
    if sharp:
        outer = hu + np.float32(0.6) * (hu - outer)
        inner = hu
    hu = np.where(brain, inner, np.where(masks["fracture"], hu, outer))
    grain = np.random.default_rng(seed).standard_normal(hu.shape, np.float32)
    grain = (grain + np.roll(grain, 1, 2)) * np.float32(noise / np.sqrt(2))
    blood = ~np.isnan(kept)
    fresh = blood & (kept >= 45)
    hu = np.where(blood, kept + grain * np.float32(0.8), hu + grain)
    hu[fresh] = np.clip(hu[fresh], *HYPERDENSE)
    hu[blood & ~fresh] = np.clip(hu[blood & ~fresh], *ISODENSE)
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
