"""The pictures for the person who signs off: a turned head is shown from its own front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_deface import random_head, volume_of

from ichset.anonymize.deface_grid import Grid
from ichset.anonymize.pose import Pose
from ichset.anonymize.preview import SIZE, _turned, surface, write_preview


@pytest.mark.parametrize("degrees", [-30.0, 30.0])
def test_a_turned_head_is_shown_from_its_front(degrees: float) -> None:
    hu = np.full((4, 80, 80), -1000, np.float32)
    front = np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))  # x to the patient's left, y to the back: as Pose.yaw says
    assert Pose(np.array(front), np.zeros(3), 1, 50.0).yaw == pytest.approx(degrees)
    x, y = 39.5 + 25 * front[0], 39.5 + 25 * front[1]
    rows, columns = np.ogrid[:80, :80]
    hu[:, np.hypot(rows - y, columns - x) < 5] = 40  # the nose
    picture = surface(Grid(hu, np.ones(hu.shape, bool), np.zeros(3)), degrees)
    shown = np.flatnonzero(picture.any(0))
    assert abs(shown.mean() - 39.5) < 1
    assert np.flatnonzero((_turned(hu, degrees)[0] > -300).any(1)).max() < 25


def test_one_picture_before_and_after(tmp_path: Path) -> None:
    volume = volume_of(random_head(0))
    write_preview(tmp_path / "private" / "one.png", volume, volume, None)
    picture = np.asarray(Image.open(tmp_path / "private" / "one.png"))
    assert picture.shape == (2 * SIZE, 5 * SIZE)
    assert (picture[:SIZE] == picture[SIZE:]).all()
    assert [path.name for path in tmp_path.rglob("*.*")] == ["one.png"]
