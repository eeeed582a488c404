"""Defacing on phantoms whose brain, blood and fractures are known because they were drawn, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from skimage.draw import polygon2mask
from skimage.morphology import convex_hull_image

from ichset.anonymize.deface import CannotDeface, deface_study, plan_series, within_limits
from ichset.anonymize.deface_grid import nearest
from ichset.anonymize.deface_paper import hull_of
from ichset.anonymize.deface_region import SOFT
from ichset.anonymize.measure import Measures, measure
from ichset.config import DefaceConfig, DefaceLimits, GuardedConfig
from ichset.demo.phantom import Fracture, Grid, Lesion, Phantom, draw_head, random_anatomy, random_pose
from ichset.volume import Volume, from_datasets

CONFIG = DefaceConfig()
LESIONS = (Lesion("subdural", (1.0, -0.6, 0.4), 9.0, 65.0), Lesion("intracerebral", (26.0, -30.0, 12.0), 12.0, 70.0))
FRACTURES = (Fracture((0.6, -1.0, 0.9)),)


def volume_of(phantom: Phantom) -> Volume:
    grid = phantom.grid
    order = np.arange(len(phantom.hu))
    return Volume(phantom.hu, grid.positions, grid.row_direction, grid.column_direction, grid.spacing, order)


def random_head(seed: int, grid: Grid | None = None) -> Phantom:
    """A head of random anatomy and pose; every fourth one a child, every fifth one with a burr hole."""
    rng = np.random.default_rng(seed)
    anatomy = random_anatomy(
        rng, child=seed % 4 == 3, age=float(rng.uniform(20, 90)), lesions=LESIONS, fractures=FRACTURES, bone_defect=seed % 5 == 4,
        neck=seed % 2 == 0,
    )  # fmt: skip
    return draw_head(anatomy, random_pose(rng), grid or Grid.axial(), seed)


def check(seed: int) -> tuple[int, Measures]:
    """(drawn voxels of brain, blood and fractures that changed, measures)."""
    phantom = random_head(seed)
    volume = volume_of(phantom)
    (defaced,) = deface_study([volume], CONFIG, seed)
    altered = defaced.hu != volume.hu
    masks = phantom.masks
    assert masks["subdural"].any() and masks["intracerebral"].any() and masks["fracture"].any()
    kept = masks["brain"] | masks["subdural"] | masks["intracerebral"] | masks["fracture"]
    assert altered.any()
    return int((altered & kept).sum()), measure(volume, replace(volume, hu=defaced.hu))


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.stress) for seed in range(4, 100))])
def test_drawn_brain_blood_and_fractures_untouched(seed: int) -> None:
    changed, measures = check(seed)
    assert changed == 0
    assert within_limits(measures, CONFIG), measures


@pytest.fixture(scope="module")
def head() -> Volume:
    return volume_of(random_head(0))


def test_same_study_and_seed_same_bytes(head: Volume) -> None:
    one, other, third = (deface_study([head], CONFIG, seed)[0].hu for seed in (5, 5, 6))
    assert one.tobytes() == other.tobytes()
    assert one.tobytes() != third.tobytes()


def test_no_voxel_of_the_region_keeps_its_value(head: Volume) -> None:
    """One that did by chance would show through once the altered ones are erased."""
    plan = plan_series(head, CONFIG.guarded, 5)
    (defaced,) = deface_study([head], CONFIG, 5)
    drawn = 0
    for slice_ in range(len(head.hu)):
        flat, inside = nearest(plan.skull.grid, head, slice_)
        soft = (plan.labels.ravel()[flat] == SOFT) & inside
        assert (defaced.hu[slice_] != head.hu[slice_])[soft].all()
        drawn += int(soft.sum())
    assert drawn > 1000


def test_every_series_hides_what_one_hides(head: Volume) -> None:
    """A second series that shows the same head in other slices must not give the face back."""
    second = replace(head, hu=head.hu[::2].copy(), positions=head.positions[::2], order=np.arange(len(head.hu[::2])))
    both = deface_study([head, second], CONFIG, 5)
    for volume, defaced in zip((head, second), both, strict=True):
        assert within_limits(measure(volume, replace(volume, hu=defaced.hu)), CONFIG)
    with pytest.raises(CannotDeface):
        deface_study([head, replace(head, hu=head.hu[:1], positions=head.positions[:1], order=np.arange(1))], CONFIG, 5)


def test_ears_are_an_option(head: Volume) -> None:
    (plain,) = deface_study([head], CONFIG, 5)
    (eared,) = deface_study([head], DefaceConfig(guarded=GuardedConfig(ears=True)), 5)
    more = (eared.hu != head.hu) & (plain.hu == head.hu)
    sides = np.flatnonzero(more.any((0, 1)))
    middle = head.hu.shape[2] / 2
    assert more.sum() > 200
    assert sides.min() < middle - 35 and sides.max() > middle + 35


def test_refused_with_the_reason(head: Volume) -> None:
    for volume, reason in (
        (replace(head, hu=head.hu[:1], positions=head.positions[:1], order=np.arange(1)), "one slice"),
        (replace(head, hu=head.hu[-7:], positions=head.positions[-7:], order=np.arange(7)), "brain|skull"),
        (replace(head, hu=np.full_like(head.hu, -1000)), "no skull"),
        (replace(head, hu=head.hu + np.int16(1000)), "not Hounsfield units"),
    ):
        with pytest.raises(CannotDeface, match=reason):
            deface_study([volume], CONFIG, 5)


def test_skull_without_skin_is_refused(real_data: Path) -> None:
    folder = real_data / "head_ct" / "philips_phantom" / "S21610_tilt_axial"
    datasets = [dcmread(path, force=True) for path in sorted(folder.iterdir()) if path.name.startswith("I")]
    with pytest.raises(CannotDeface, match="no skin over the skull"):
        deface_study([from_datasets(datasets)], CONFIG, 5)


def test_paper_leaves_brain_and_face_to_chance_and_says_so(head: Volume) -> None:
    """The published method changes only its share of the lowest slices, and what it leaves is measured like any other's."""
    config = DefaceConfig(method="paper", limits=DefaceLimits(exposed=1, relief=1, median_attack=1, brain=1))
    (defaced,) = deface_study([head], config, 5)
    lowest = round(len(head.hu) * config.paper.slices_share)
    assert defaced.changed[:lowest].any() and not defaced.changed[lowest:].any()
    assert measure(head, replace(head, hu=defaced.hu)).exposed > CONFIG_LIMITS.exposed


CONFIG_LIMITS = DefaceLimits()


@pytest.mark.parametrize("seed", range(12))
def test_hull_from_row_extremes_is_the_images_hull(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((60, 70), bool)
    for row, column, size in rng.integers((8, 8, 2), (50, 60, 8), (4, 3)):
        mask[row - size : row + size, column - size : column + size] |= rng.random((2 * size, 2 * size))[: 60 - row + size] > 0.4
    ours = polygon2mask(mask.shape, hull_of(mask))
    theirs = convex_hull_image(mask, offset_coordinates=False)
    assert (ours & ~theirs).sum() == 0
    inner = theirs.copy()
    inner[1:-1, 1:-1] &= theirs[:-2, 1:-1] & theirs[2:, 1:-1] & theirs[1:-1, :-2] & theirs[1:-1, 2:]
    assert (inner & ~ours).sum() <= 12  # only where the outline itself runs through a pixel
