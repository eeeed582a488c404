# ruff: noqa: T201
"""The guarded method on a real head, lying and scanned in many ways: the face is gone, the brain is whole, or it is not released.

Run as a script for the table of measures: `PYTHONPATH=src ICHSET_REAL_DATA=... python tests/anonymize/test_deface_poses.py [case ...]`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ichset.anonymize.craniectomy import roll_of
from ichset.anonymize.deface import CannotDeface, deface_study, within_limits
from ichset.anonymize.deface_grid import STEP, grid_of
from ichset.anonymize.deface_region import _orbits, find_anatomy
from ichset.anonymize.measure import Measures, measure
from ichset.config import DefaceConfig
from ichset.volume import Volume, from_datasets

CONFIG = DefaceConfig()
Change = Callable[[Volume], Volume]


@cache
def unc_head(root: Path) -> Volume:
    """The shared head, every second pixel: 128 x 128 of 2 mm."""
    head = from_datasets([dcmread(path) for path in sorted((root / "head_ct" / "unc_cthead").glob("*.dcm"))])
    return replace(head, hu=np.ascontiguousarray(head.hu[:, ::2, ::2]), spacing=(head.spacing[0] * 2, head.spacing[1] * 2))


def turned(volume: Volume, axis: str, degrees: float) -> Volume:
    """The head itself turned about its middle, scanned in the same slices."""
    steps = np.array([float(np.median(np.diff(volume.offsets))), *volume.spacing])
    turn = Rotation.from_euler({"yaw": "x", "roll": "y", "pitch": "z"}[axis], degrees, degrees=True).as_matrix()  # axes: slice, row, column
    matrix = turn * steps / steps[:, None]
    middle = (np.array(volume.hu.shape) - 1) / 2
    hu = ndimage.affine_transform(volume.hu, matrix, middle - matrix @ middle, order=1, cval=-1000)
    return replace(volume, hu=hu)


def prone(volume: Volume) -> Volume:
    """Patient on the face: the image is turned by 180 degrees and the header says so."""
    last = volume.row_direction * volume.spacing[1] * (volume.hu.shape[2] - 1) + volume.column_direction * volume.spacing[0] * (
        volume.hu.shape[1] - 1
    )
    return Volume(
        volume.hu[:, ::-1, ::-1].copy(), volume.positions + last, -volume.row_direction, -volume.column_direction, volume.spacing, volume.order
    )


def mislabelled(volume: Volume) -> Volume:
    """The image is turned by 180 degrees, the header does not know."""
    return replace(volume, hu=volume.hu[:, ::-1, ::-1].copy())


def reversed_order(volume: Volume) -> Volume:
    """Slices in the wrong places: the header's z runs to the feet."""
    return replace(volume, hu=volume.hu[::-1].copy())


def from_above(volume: Volume) -> Volume:
    """The same head written with the slices' normal pointing down (columns mirrored with the header)."""
    shift = volume.row_direction * volume.spacing[1] * (volume.hu.shape[2] - 1)
    return Volume(
        volume.hu[::-1, :, ::-1].copy(), volume.positions[::-1] + shift, -volume.row_direction, volume.column_direction, volume.spacing,
        volume.order,
    )  # fmt: skip


def cropped(volume: Volume, below_vertex_mm: float = 135.0) -> Volume:
    """The lowest slices are missing: the scan begins at the nose."""
    upwards = volume.positions[:, 2]
    vertex = upwards[(volume.hu > 300).any((1, 2))].max()
    keep = upwards > vertex - below_vertex_mm
    return replace(volume, hu=volume.hu[keep], positions=volume.positions[keep], order=np.arange(int(keep.sum())))


def uneven(volume: Volume) -> Volume:
    """Two spacings in one series: every slice of the lower half, every second one above."""
    low = volume.positions[:, 2] < np.median(volume.positions[:, 2])
    keep = low | (np.arange(len(low)) % 2 == 0)
    return replace(volume, hu=volume.hu[keep], positions=volume.positions[keep], order=np.arange(int(keep.sum())))


def defect(volume: Volume, at: str, radius: float = 22.0) -> Volume:
    """A round piece of the vault taken out and replaced by soft tissue."""
    hu = volume.hu.copy()
    bone = hu > 250
    levels = volume.positions[:, 2]
    vertex = levels[bone.any((1, 2))].max()
    level = int(np.argmin(np.abs(levels - (vertex - 45))))
    where = np.argwhere(bone[level])
    place = where[where[:, 0].argmin()] if at == "frontal" else where[where[:, 1].argmax()]
    rows, columns = np.ogrid[: hu.shape[1], : hu.shape[2]]
    plane = ((rows - place[0]) * volume.spacing[0]) ** 2 + ((columns - place[1]) * volume.spacing[1]) ** 2
    ball = plane[None] + ((levels - levels[level]) ** 2)[:, None, None] < radius**2
    hu[ball & (hu > 100)] = 40
    return replace(volume, hu=hu)


def craniectomy(volume: Volume, radius: float = 52.0) -> Volume:
    """Half of one side's skull taken out, down to the floor of the middle fossa: soft tissue instead."""
    hu = volume.hu.copy()
    bone = hu > 250
    levels = volume.positions[:, 2]
    level = int(np.argmin(np.abs(levels - (levels[bone.any((1, 2))].max() - 75))))
    where = np.argwhere(bone[level])
    rows, columns = np.ogrid[: hu.shape[1], : hu.shape[2]]
    plane = ((rows - where[:, 0].mean()) * volume.spacing[0]) ** 2 + ((columns - where[:, 1].max()) * volume.spacing[1]) ** 2
    ball = plane[None] + ((levels - levels[level]) ** 2)[:, None, None] < radius**2
    hu[ball & (hu > 100)] = 38
    return replace(volume, hu=hu)


def osteopenic(volume: Volume) -> Volume:
    """Bone that has lost its mineral: 1000 HU are 320."""
    return replace(volume, hu=np.where(volume.hu > 150, 150 + (volume.hu - 150) * 0.2, volume.hu).astype(np.int16))


def head_rest(volume: Volume) -> Volume:
    """A dense shell behind the head and a metal bar beside it, beyond what the scan has of them itself."""
    hu = volume.hu.copy()
    hu[:, -5:-3, 8:-8] = 700
    hu[:, 8:-8, 2:4] = 2500
    return replace(volume, hu=hu)


def pillow(volume: Volume, value: int = -200) -> Volume:
    """Dense foam round the back of the head, as far as the scan goes: skin and pillow are one."""
    hu = volume.hu.copy()
    face, back = np.flatnonzero((hu > -300).any((0, 2)))[[0, -1]]
    behind = hu[:, face + (back - face) * 2 // 3 :]
    behind[behind < -300] = value
    return replace(volume, hu=hu)


def child(volume: Volume, size: float = 0.75) -> Volume:
    return replace(volume, positions=volume.positions * size, spacing=(volume.spacing[0] * size, volume.spacing[1] * size))


CASES: dict[str, Change] = {
    "as it is": lambda volume: volume,
    **{f"{axis} {degrees:+}": partial(turned, axis=axis, degrees=degrees) for axis, size in (("yaw", 35), ("pitch", 15), ("roll", 15))
       for degrees in (size, -size)},
    "prone": prone,
    "mislabelled": mislabelled,
    "reversed": reversed_order,
    "from above": from_above,
    "cropped": cropped,
    "uneven": uneven,
    "frontal defect": partial(defect, at="frontal"),
    "parietal defect": partial(defect, at="parietal"),
    "craniectomy": craniectomy,
    "osteopenic": osteopenic,
    "head-rest": head_rest,
    "pillow": pillow,
    "child": child,
}  # fmt: skip
NORMAL = ("yaw +35", "pitch +15", "prone", "cropped", "osteopenic", "child")
NO_NECK = ("cropped",)


def treated(volume: Volume) -> Measures:
    (defaced,) = deface_study([volume], CONFIG, 7)
    return measure(volume, replace(volume, hu=defaced.hu))


def marks_of(case: str) -> list[pytest.MarkDecorator]:
    return [] if case in NORMAL else [pytest.mark.stress]


@pytest.mark.parametrize("case", [pytest.param(name, marks=marks_of(name)) for name in CASES])
def test_face_gone_brain_whole(real_data: Path, case: str) -> None:
    measures = treated(CASES[case](unc_head(real_data)))
    assert measures.brain_ml > 300
    assert within_limits(measures, CONFIG), measures
    assert measures.brain_changed == 0
    assert measures.exposed <= (0.01 if case in NO_NECK else 0.05)


@pytest.mark.parametrize("degrees", [0, 12, -12])
def test_the_level_of_the_orbits_leans_as_the_head_does(real_data: Path, degrees: int) -> None:
    """A hole in the frontal bone once fell below a level that did not: seven voxels of a head rolled by 14 degrees were altered."""
    head = unc_head(real_data)
    grid = grid_of(turned(head, "roll", degrees))
    anatomy = find_anatomy(grid, 300.0)
    pose, found = anatomy.pose, roll_of(grid, anatomy.brain, anatomy.pose)
    assert pose.up == 1 and abs(abs(found) - abs(degrees)) <= 4
    ends = np.rint((pose.centre[:2] + np.outer([40, -40], pose.left) - grid.origin[:2]) / STEP).astype(int)
    left, right = _orbits(grid, anatomy.brain, pose)[ends[:, 1], ends[:, 0]]
    assert np.sign(left - right) == np.sign(rise_of_the_left(head, degrees))


def rise_of_the_left(head: Volume, degrees: float) -> float:
    """mm by which a spot on the head's left rises when it is turned so."""
    slices, rows, columns = head.hu.shape
    spot = np.full_like(head.hu, -1000)
    spot[slices // 2 - 1 : slices // 2 + 2, rows // 2 - 3 : rows // 2 + 4, columns * 3 // 4 - 3 : columns * 3 // 4 + 4] = 1000
    assert head.row_direction[0] > 0.9  # columns run to the patient's left
    before, after = (np.argwhere(one.hu > 0).mean(0)[0] for one in (replace(head, hu=spot), turned(replace(head, hu=spot), "roll", degrees)))
    return float(np.interp(after, range(slices), head.positions[:, 2]) - np.interp(before, range(slices), head.positions[:, 2])) if degrees else 0.0


def test_little_brain_in_view_is_refused(real_data: Path) -> None:
    head = unc_head(real_data)
    top = cropped(head, 25.0)
    lowest = replace(head, hu=head.hu[:40], positions=head.positions[:40], order=np.arange(40))
    for volume in (top, lowest):
        with pytest.raises(CannotDeface, match=r"brain|skull|up|front"):
            deface_study([volume], CONFIG, 7)


@pytest.mark.parametrize("values", [lambda hu: np.maximum(hu + np.int16(1024), 0), lambda hu: np.maximum(hu, 0)], ids=["stored", "cut at water"])
def test_values_that_are_no_hounsfield_units_are_refused(real_data: Path, values: Callable[[np.ndarray], np.ndarray]) -> None:
    head = unc_head(real_data)
    with pytest.raises(CannotDeface, match="not Hounsfield units"):
        deface_study([replace(head, hu=values(head.hu))], CONFIG, 7)


def table(names: Iterable[str]) -> None:
    head = unc_head(Path(os.environ["ICHSET_REAL_DATA"]))
    for name in names:
        try:
            found = treated(CASES[name](head))
        except CannotDeface as error:
            print(f"{name:16} not released: {error.reason}", flush=True)
            continue
        print(
            f"{name:16} exposed {found.exposed:6.3f} relief {found.relief:6.2f} median {found.median_attack:6.3f} "
            f"brain {found.brain_changed:.5f} of {found.brain_ml:.0f} ml within {within_limits(found, CONFIG)}",
            flush=True,
        )


if __name__ == "__main__":
    table(sys.argv[1:] or CASES)
