"""Phantoms are heads: anatomy in its place, blood in METHOD.md's Hounsfield units, the same under every pose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ichset.demo.phantom import Anatomy, Fracture, Grid, Lesion, Pose, draw_head, random_anatomy, random_pose

GRID = Grid.axial(30, 96, 2.4, 5.0, -74.0)
FULL = Grid.axial(58, 96, 2.4, 4.0, -140.0)


def draw(*lesions: Lesion, fractures: tuple[Fracture, ...] = (), **traits):
    return draw_head(Anatomy(lesions=lesions, fractures=fractures, **traits), Pose(), GRID)


@pytest.mark.parametrize(
    ("lesion", "least", "most"),
    [
        (Lesion("epidural", (1, 0.1, 0.3), 18, 66), 50, 90),
        (Lesion("subdural", (-1, 0.1, 0.3), 10, 62), 50, 90),
        (Lesion("subdural", (-1, 0.1, 0.3), 12, 37), 35, 40),
        (Lesion("subarachnoid", (0, -12, -20), 50, 65), 50, 90),
        (Lesion("intracerebral", (25, -5, 6), 14, 70), 50, 90),
        (Lesion("intraventricular", (0, 0, 0), 28, 68), 50, 90),
    ],
)
def test_blood_has_the_density_of_its_kind_and_lies_inside_the_skull(lesion, least, most):
    phantom = draw(lesion)
    blood = phantom.masks[lesion.kind]
    assert blood.sum() > 20
    assert phantom.hu[blood].min() >= least and phantom.hu[blood].max() <= most
    assert not (blood & ~phantom.masks["brain"]).any()
    assert (blood == phantom.masks["blood"]).all()


def test_a_normal_brain_shows_no_hyperdense_area():
    phantom = draw_head(Anatomy(), Pose(), GRID, noise=0.0)
    assert not ((phantom.hu >= 46) & (phantom.hu <= 90) & phantom.masks["brain"]).any()


def test_an_epidural_is_biconvex_and_a_subdural_follows_the_skull():
    grid = Grid.axial(1, 192, 1.2, 5.0, 25.0)

    def width_and_depth(kind):
        phantom = draw_head(Anatomy(lesions=(Lesion(kind, (1, 0, 0.35), 14, 66),)), Pose(), grid)
        mask = phantom.masks[kind][0]
        return np.ptp(np.flatnonzero(mask.any(1))), mask.sum(1).max()

    assert width_and_depth("subdural")[0] > 1.3 * width_and_depth("epidural")[0]


def test_ventricular_blood_settles_towards_the_table():
    phantom = draw(Lesion("intraventricular", (0, 0, 0), 28, 68))
    blood, ventricles = phantom.masks["intraventricular"], phantom.masks["ventricles"]
    assert np.argwhere(blood)[:, 1].mean() > np.argwhere(ventricles & ~blood)[:, 1].mean() + 8


def test_a_fracture_opens_the_vault():
    place = (1.0, 0.1, 0.4)
    broken, whole = draw(fractures=(Fracture(place),)), draw()
    gap = broken.masks["fracture"]
    assert gap.sum() > 5 and (broken.hu[gap] < 200).all()
    assert (whole.masks["skull"][gap]).all() and (whole.hu[gap] > 400).mean() > 0.8


def test_the_brain_is_closed_in_by_bone():
    """No voxel of the vault's cavity touches anything but itself, bone, a gap or the canal of the cord."""
    phantom = draw_head(Anatomy(), Pose(), FULL, noise=0.0)
    brain, skull = phantom.masks["brain"], phantom.masks["skull"]
    vault = brain.copy()
    vault[: len(vault) * 5 // 10] = False  # the base has its foramina
    for axis in (1, 2):
        for step in (-1, 1):
            assert not (np.roll(vault, step, axis) & ~brain & ~skull).any()


def test_a_face_is_there_in_front_and_air_behind_it():
    phantom = draw_head(Anatomy(), Pose(), FULL)
    head = phantom.masks["head"]
    z = FULL.positions[:, 2]
    profile = np.array([np.flatnonzero(head[k].any(1)).min() if head[k].any() else 999 for k in range(len(z))])
    nose, bridge = profile[np.abs(z + 60).argmin()], profile[np.abs(z + 24).argmin()]
    assert nose < bridge - 4  # the tip stands out by more than a centimetre
    inner_air = (phantom.hu < -500) & head
    rows = np.argwhere(inner_air)[:, 1]
    assert len(rows) > 200 and rows.mean() < np.argwhere(phantom.masks["brain"])[:, 1].mean() - 8
    assert (phantom.hu[head] > 1500).sum() > 20  # teeth


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), yaw=st.sampled_from([-35.0, 0.0, 35.0]), pitch=st.sampled_from([-15.0, 0.0, 15.0]), child=st.booleans())
def test_volumes_hold_under_any_pose_and_anatomy(seed, yaw, pitch, child):
    rng = np.random.default_rng(seed)
    anatomy = random_anatomy(rng, child=child, age=40)
    grid = Grid.axial(70, 80, 3.4, 4.0, -140.0)
    straight = draw_head(Anatomy(), Pose(), grid)
    turned = draw_head(anatomy, Pose(yaw=yaw, pitch=pitch), grid)
    voxel = 3.4 * 3.4 * 4.0 / 1000
    size = np.prod(anatomy.scale)
    assert 1250 < straight.masks["brain"].sum() * voxel < 1550  # ml, of an adult
    assert turned.masks["brain"].sum() == pytest.approx(straight.masks["brain"].sum() * size, rel=0.01)
    assert not (turned.masks["brain"] & turned.masks["skull"]).any()
    assert not (turned.masks["skull"] & ~turned.masks["head"]).any()
    assert turned.masks["face"].sum() * voxel > 200 * size


def test_the_same_seed_draws_the_same_bytes():
    one, two = (draw_head(random_anatomy(np.random.default_rng(5)), random_pose(np.random.default_rng(6)), GRID, seed=7) for _ in range(2))
    assert one.hu.tobytes() == two.hu.tobytes()


def test_tilt_and_uneven_spacing_cut_the_same_head():
    tilted = draw_head(Anatomy(), Pose(), Grid.axial(30, 96, 2.4, 5.0, -74.0, tilt=16.0))
    steps = np.concatenate([np.arange(-74, -10, 2.5), np.arange(-10, 76, 5.0)])
    uneven = draw_head(Anatomy(), Pose(), Grid.uneven(steps, 96, 2.4))
    straight = draw_head(Anatomy(), Pose(), GRID)
    areas = straight.masks["brain"].sum((1, 2))
    at_same_heights = uneven.masks["brain"].sum((1, 2))[np.searchsorted(steps, GRID.positions[14:28, 2], "left").clip(0, len(steps) - 1)]
    assert np.abs(at_same_heights - areas[14:28]).max() < 0.12 * areas.max()
    assert tilted.masks["brain"].sum() == pytest.approx(straight.masks["brain"].sum(), rel=0.08)
