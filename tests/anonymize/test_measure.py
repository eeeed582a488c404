"""The measures themselves: what is whole is wholly exposed, what is gone is not, and a touched brain is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_deface import random_head, volume_of

from ichset.anonymize.deface import deface_study
from ichset.anonymize.deface_grid import grid_of
from ichset.anonymize.deface_region import find_anatomy
from ichset.anonymize.measure import Measures, measure
from ichset.config import DefaceConfig
from ichset.demo.phantom import Phantom
from ichset.volume import Volume


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return random_head(0)


@pytest.fixture(scope="module")
def head(phantom: Phantom) -> Volume:
    return volume_of(phantom)


def in_front(volume: Volume, at_least_mm: float) -> np.ndarray:
    """(slices, rows, columns): so far in front of the brain's middle, in a head that looks along -y."""
    pose = find_anatomy(grid_of(volume), 300.0).pose
    rows, columns = (np.arange(size) * spacing for size, spacing in zip(volume.hu.shape[1:], volume.spacing, strict=True))
    x = volume.positions[0, 0] + columns[None] - pose.centre[0]
    y = volume.positions[0, 1] + rows[:, None] - pose.centre[1]
    return np.broadcast_to(x * pose.front[0] + y * pose.front[1] > at_least_mm, volume.hu.shape)


def test_an_untouched_face_is_exposed(head: Volume) -> None:
    same = measure(head, head)
    assert (same.exposed, same.brain_changed, same.voxels_changed) == (1.0, 0.0, 0.0)
    assert same.relief == pytest.approx(1.0)
    assert same.median_attack > 0.8


def test_a_face_that_is_gone_is_not(head: Volume) -> None:
    gone = measure(head, replace(head, hu=np.where(in_front(head, 30.0), -1000, head.hu).astype(np.int16)))
    assert gone.exposed < 0.01 and gone.median_attack < 0.01
    assert gone.brain_changed > 0.05  # so crude a cut takes the frontal lobes with it, and that is said


def test_what_is_only_covered_is_not_counted_as_shown(head: Volume) -> None:
    """Noise over the skin: erasing it leaves a deeper surface, whose shape still follows the face."""
    rng = np.random.default_rng(1)
    skin = in_front(head, 60.0) & (head.hu > -300)
    noisy = np.where(skin, rng.integers(-1000, 1000, head.hu.shape), head.hu).astype(np.int16)
    assert measure(head, replace(head, hu=noisy)).exposed < measure(head, head).exposed


def test_one_altered_voxel_of_the_brain_is_seen(phantom: Phantom, head: Volume) -> None:
    middle = np.argwhere(phantom.masks["brain"]).mean(0).astype(int)
    hu = head.hu.copy()
    hu[tuple(middle)] += 500
    assert measure(head, replace(head, hu=hu)).brain_changed > 0


def test_a_known_pose_and_a_found_one_say_the_same(head: Volume) -> None:
    """Also where the header's z runs to the feet."""
    for volume in (head, replace(head, hu=head.hu[::-1].copy())):
        (hidden,) = deface_study([volume], DefaceConfig(), 3)
        written = replace(volume, hu=hidden.hu)
        known, found = measure(volume, written, hidden.pose), measure(volume, written)
        assert known.brain_changed == found.brain_changed == 0
        assert known.exposed == pytest.approx(found.exposed, abs=0.02)


def test_without_a_front_nothing_is_said_to_be_hidden(head: Volume) -> None:
    ball = np.where(np.linalg.norm(np.indices(head.hu.shape) - np.array(head.hu.shape)[:, None, None, None] / 2, axis=0) < 20, 40, -1000)
    volume = replace(head, hu=ball.astype(np.int16))
    found = measure(volume, volume)
    assert isinstance(found, Measures)
    assert (found.exposed, found.relief, found.median_attack) == (1.0, 1.0, 1.0)
