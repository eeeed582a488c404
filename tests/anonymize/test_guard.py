"""The brain guard's parts: masks that grow by millimetres, the skull without its head-rest, holes in the vault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from test_deface import random_head, volume_of

from ichset.anonymize.deface import deface_study, within_limits
from ichset.anonymize.deface_grid import STEP, Grid, grid_of, native_indices, nearest
from ichset.anonymize.deface_region import Anatomy, find_anatomy, kept_of
from ichset.anonymize.guard import Skull, bone_of, head_of, votes_of
from ichset.anonymize.measure import measure
from ichset.anonymize.morphology import closed, dilate, erode, filled, largest
from ichset.anonymize.pose import AIR_RAYS, Pose, enclosed, find_pose
from ichset.config import DefaceConfig, GuardedConfig
from ichset.volume import Volume

LEAST_ML = 300.0


@pytest.mark.parametrize("radius", [2.0, 4.0, 5.7, 8.0, 15.0, 16.0])
@pytest.mark.parametrize("shape", [(9, 40, 24), (20, 31, 17)])
def test_growing_and_shrinking_are_the_distance_transforms(radius: float, shape: tuple[int, int, int]) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(int(radius)).random(shape), 1) > 0.5
    assert (dilate(mask, radius) == (ndimage.distance_transform_edt(~mask, sampling=STEP) <= radius)).all()
    assert (erode(mask, radius) == (ndimage.distance_transform_edt(mask, sampling=STEP) > radius)).all()


def test_empty_and_full_masks_stay_what_they_are() -> None:
    none, whole = np.zeros((5, 6, 7), bool), np.ones((5, 6, 7), bool)
    assert not dilate(none, 8).any() and not erode(none, 8).any() and not largest(none).any()
    assert dilate(whole, 8).all() and erode(whole, 8).all()  # the grid's edge is no border


def test_holes_and_gaps_are_filled() -> None:
    mask = np.zeros((3, 20, 20), bool)
    mask[1, 4:16, 4:16] = True
    mask[1, 8:11, 8:11] = False
    assert filled(mask)[1, 4:16, 4:16].all() and not filled(mask)[0].any()
    gap = np.zeros((9, 20, 20), bool)
    gap[:, 5:15, [4, 5, 6, 8, 9, 10]] = True
    assert closed(gap, STEP)[4, 10, 7]
    assert largest(gap).sum() == gap.sum() / 2


@pytest.mark.parametrize("seed", [1, 4])
def test_guard_holds_the_drawn_brain(seed: int) -> None:
    """Seed 4 has a burr hole."""
    phantom = random_head(seed)
    volume = volume_of(phantom)
    grid = grid_of(volume)
    anatomy = find_anatomy(grid, LEAST_ML)
    held, drawn, missed = dilate(anatomy.brain, 2 * STEP).ravel(), 0, 0
    for slice_ in range(0, len(volume.hu), 3):
        flat, inside = nearest(grid, volume, slice_)
        brain = phantom.masks["brain"][slice_]
        drawn, missed = drawn + int(brain.sum()), missed + int((brain & ~(held[flat] & inside)).sum())
    assert drawn > 1000
    assert missed < 0.002 * drawn  # at the foramen magnum; what lies before it, test_deface counts


def test_craniectomy_leaves_the_brain_guarded() -> None:
    phantom = random_head(0)
    whole, without = volume_of(phantom), phantom.hu.copy()
    middle = phantom.hu.shape[2] // 2
    side = without[len(without) * 3 // 5 : len(without) * 9 // 10, :, middle:]
    side[side > 150] = 40  # the vault of one side is gone: scalp lies on the brain
    guards = [find_anatomy(grid_of(volume), LEAST_ML).brain for volume in (whole, replace(whole, hu=without))]
    assert (guards[0] & ~dilate(guards[1], 3 * STEP)).sum() < 0.002 * guards[0].sum()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.stress) for seed in (1, 2, 5, 6, 8, 10, 12))])
def test_a_skull_open_down_to_its_base_is_closed_by_its_mirror_image(seed: int) -> None:
    """Rays leave through the hole from the intact side too: without the mirror image the temporal poles of 0, 1, 2 and 8 are altered."""
    phantom = random_head(seed)
    volume, hu = volume_of(phantom), phantom.hu.copy()
    steps = np.array([float(np.median(np.diff(volume.offsets))), *volume.spacing])
    brain = np.argwhere(phantom.masks["brain"]) * steps
    centre = np.array([brain[:, 0].mean() + 5, brain[:, 1].mean() - 5, brain[:, 2].max()])
    away = sum((axis * step - at) ** 2 for axis, step, at in zip(np.ogrid[tuple(map(slice, hu.shape))], steps, centre, strict=True))
    hu[(away < 55**2) & (hu > 100) & ~phantom.masks["subdural"] & ~phantom.masks["intracerebral"]] = 38
    volume = replace(volume, hu=hu)
    (defaced,) = deface_study([volume], DefaceConfig(), seed)
    assert not ((defaced.hu != hu) & phantom.masks["brain"]).any()
    found = measure(volume, replace(volume, hu=defaced.hu))
    assert within_limits(found, DefaceConfig()), found


def test_what_is_soft_in_a_notch_of_the_brain_is_kept() -> None:
    """The sella, between the temporal lobes: its thin walls are no bone on the grid, and the air before them is the face's."""
    hu = np.full((24, 60, 60), 40, np.float32)
    hu[:, :14] = -1000  # in front: the sphenoid sinus
    brain = np.zeros(hu.shape, bool)
    brain[4:20, 10:50, 6:54] = True
    brain[4:20, 10:32, 20:40] = False  # the notch, 40 mm wide: its middle is further from the brain than the margin
    notch = ~brain
    notch[:, :24] = notch[:, 28:] = notch[:, :, :29] = notch[:, :, 31:] = notch[:6] = notch[18:] = False
    narrow = brain.copy()
    narrow[4:20, 10:32, 20:25] = narrow[4:20, 10:32, 35:40] = True  # 20 mm wide
    grid, none, head = Grid(hu, np.ones(hu.shape, bool), np.zeros(3)), np.zeros(hu.shape, bool), np.ones(hu.shape, bool)
    pose = Pose(np.array([0.0, -1.0]), np.array([60.0, 60.0, 24.0]), 1, 20.0)
    for mask, kept in ((brain, False), (narrow, True)):
        anatomy = Anatomy(none, mask, head, pose, Skull(grid, none, head))
        found = kept_of(grid, anatomy, np.zeros(len(hu), bool), GuardedConfig())
        assert found[notch].all() == kept
        assert not found[:, :7].any()  # the margin of 6 mm before the brain ends there


def test_a_missing_crown_with_a_gap_in_its_last_ring_of_bone_hides_no_brain() -> None:
    volume = volume_of(random_head(0))
    last = len(volume.hu) * 3 // 4
    hu = volume.hu[:last].copy()
    middle = hu.shape[2] // 2
    gap = hu[-6:, : hu.shape[1] // 2, middle - 3 : middle + 3]
    assert (gap > 250).any()
    gap[gap > 250] = 40
    cut = replace(volume, hu=hu, positions=volume.positions[:last], order=np.arange(last))
    whole = replace(cut, hu=volume.hu[:last])
    found, wanted = (find_anatomy(grid_of(one), LEAST_ML).brain for one in (cut, whole))
    assert (wanted & ~found).sum() < 0.01 * wanted.sum()


def test_head_rest_and_frame_are_no_skull() -> None:
    volume = volume_of(random_head(2))
    rest = volume.hu.copy()
    rest[:, -6:-3, 10:-10] = 700  # a dense shell behind the head
    rest[:, 10:-10, 2:4] = 2500  # a metal bar beside it
    plain, rested = (grid_of(replace(volume, hu=hu)) for hu in (volume.hu, rest))
    assert (bone_of(plain) == bone_of(rested)).all()
    assert (head_of(plain) == head_of(rested)).mean() > 0.9999


def test_a_gap_in_a_pillow_that_the_scan_cuts_is_no_airway() -> None:
    hu = np.full((3, 60, 60), 40, np.float32)  # all pillow, up to the edges
    rows, columns = np.ogrid[:60, :60]
    ring = np.abs(np.hypot(rows - 25, columns - 30) - 15) < 1.5
    hu[:, ring] = 1000
    hu[:, 48:51, 5:55] = -1000  # the gap, behind the skull
    grid = Grid(hu, np.ones(hu.shape, bool), np.zeros(3))
    bone = hu > 250
    assert votes_of(grid, bone)[1, 49, 30] == 8
    assert enclosed(bone)[1, 49, 30] < AIR_RAYS
    assert enclosed(bone)[1, 25, 30] == 8


def test_airways_behind_the_brain_are_no_front() -> None:
    """Whatever air was found: cerebellum and brain stem, lowest in the skull, lie behind."""
    grid = grid_of(volume_of(random_head(0)))
    anatomy = find_anatomy(grid, LEAST_ML)
    air = np.zeros_like(anatomy.bone)
    points = np.argwhere(anatomy.brain)
    level, back, middle = points[:, 0].min(), points[:, 1].max(), round(points[:, 2].mean())
    air[level : level + 5, back + 5 : back + 10, middle - 5 : middle + 5] = True
    assert find_pose(grid, anatomy.brain, anatomy.bone, air, 1) is None
    front = points[:, 1].min()
    air[level : level + 10, front - 10 : front - 5, middle - 5 : middle + 5] = True  # and twice as much before it: a head-rest's gap
    found = find_pose(grid, anatomy.brain, anatomy.bone, air, 1)
    assert found is not None and found.front @ anatomy.pose.front > 0.99


@pytest.mark.parametrize("tilt", [0.0, -18.5])
def test_grid_and_slices_agree_where_a_voxel_is(tilt: float) -> None:
    """A bright ball lies at the same patient position on the grid as in the (tilted, unevenly stacked) slices."""
    angle = np.radians(tilt)
    down = np.array([0, np.cos(angle), np.sin(angle)])
    levels = np.concatenate([np.arange(0, 30, 1.5), np.arange(30, 60, 3.0)])
    positions = np.column_stack([np.full(len(levels), -40.0), np.full(len(levels), -30.0), levels])
    centre = np.array([5.0, 3.0, 33.0])
    volume = Volume(np.zeros((len(levels), 80, 90), np.int16), positions, np.array([1.0, 0, 0]), down, (1.0, 1.0), np.arange(len(levels)))
    rows, columns = np.arange(80)[:, None, None] * down, np.arange(90)[:, None] * volume.row_direction
    away = np.linalg.norm(positions[:, None, None] + rows + columns - centre, axis=-1)
    volume = replace(volume, hu=np.where(away < 12, 1000, -1000).astype(np.int16))
    grid = grid_of(volume)
    assert np.abs(grid.coordinates(grid.hu > 0).mean(0) - centre).max() < 0.7
    slice_, row, column = (float(index.item()) for index in native_indices(volume, *(np.full((1, 1, 1), value) for value in centre)))
    first = [np.interp(slice_, np.arange(len(levels)), positions[:, axis]) for axis in range(3)]
    assert np.abs(first + row * down + column * volume.row_direction - centre).max() < 1e-6
    hit = 0
    for number in range(len(levels)):
        flat, inside = nearest(grid, volume, number)
        hit += int(((grid.hu.ravel()[flat] > 0) == (volume.hu[number] > 0))[inside].sum())
    assert hit > 0.98 * volume.hu.size
