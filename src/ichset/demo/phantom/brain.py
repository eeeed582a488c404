"""Inside the skull: brain, fluid spaces, folds, ventricles, dura, vessels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ichset.demo.phantom.anatomy import Anatomy
from ichset.demo.phantom.frame import Block, Floats, Frame, Point
from ichset.demo.phantom.shapes import capsule, ellipsoid

Mask = NDArray[np.bool_]
WHITE, GREY, CSF, DURA = 28.0, 37.0, 8.0, 43.0
TISSUE, CISTERN, VENTRICLE, MEMBRANE = 1, 2, 3, 4  # codes of `spaces`


class Brush:
    """Paints balls and rods into arrays over one block, looking only at the voxels they can reach."""

    def __init__(self, frame: Frame, at: Block, slack: float) -> None:
        self._frame, self._at, self._slack = frame, at, slack

    def ball(self, paper: NDArray[Any], value: float, centre: Point, radii: Point) -> None:
        part = self._part(np.subtract(centre, radii), np.add(centre, radii))
        if part is not None:
            paper[part.where][ellipsoid(part, centre, radii) < 0] = value

    def rod(self, paper: NDArray[Any], value: float, start: Point, end: Point, first: float, last: float) -> None:
        reach = max(first, last)
        part = self._part(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        if part is not None:
            paper[part.where][capsule(part, start, end, first, last) < 0] = value

    def _part(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Block | None:
        yields = np.array([self._slack, 0.0, 0.0])
        found = self._frame.reach(tuple(low - yields), tuple(high + yields))
        if found is None:
            return None
        own = tuple(
            slice(max(here.start - whole.start, 0), min(here.stop, whole.stop) - whole.start)
            for here, whole in zip(found, self._at.where, strict=True)
        )
        if any(part.stop <= part.start for part in own):
            return None
        where = own[0], own[1], own[2]
        return Block(where, self._at.x[where], self._at.y[where], self._at.z[where])


def draw_brain(frame: Frame, at: Block, depth: Floats, anatomy: Anatomy) -> tuple[Floats, NDArray[np.uint8]]:
    """HU and spaces of the block. `depth`: mm beneath the inner table (negative outside); `at`: yielding coordinates."""
    brush = Brush(frame, at, max((lesion.shift for lesion in anatomy.lesions), default=0.0) * 2 + 1)
    spaces = np.full(depth.shape, TISSUE, np.uint8)
    folds = _folds(at, anatomy.phases)
    tent = np.float32(-14) - np.float32(0.28) * np.abs(at.x) + np.float32(0.06) * at.y
    below = (at.y > 12) & (at.z < tent)
    hu = np.full(depth.shape, WHITE, np.float32)
    hu[(depth < 5) | ((np.abs(folds) < 0.62) & (depth < 17)) | below] = GREY
    _nuclei(brush, hu)
    falx = _falx_zone(at)
    furrow = (np.abs(folds) < anatomy.sulci) & (depth < 8 + 30 * anatomy.sulci) & ~below
    spaces[(depth < 1.6 + 5 * anatomy.sulci) | furrow | ((np.abs(at.x) < 2.2 + 3 * anatomy.sulci) & falx)] = CISTERN
    spaces[below & (np.abs(np.sin(at.z * np.float32(1.1) + np.float32(0.02) * at.y * at.y)) < 0.12) & (depth < 10)] = CISTERN
    _cisterns(brush, spaces, 0.8 + 1.2 * anatomy.sulci)
    _ventricles(brush, spaces, anatomy.ventricles)
    spaces[(np.abs(at.x) < 0.9) & falx] = MEMBRANE
    spaces[(at.y > 12) & (np.abs(at.z - tent) < 1.0) & (np.abs(at.x) > 10)] = MEMBRANE
    hu[(spaces == CISTERN) | (spaces == VENTRICLE)] = CSF
    hu[spaces == MEMBRANE] = DURA
    _vessels(brush, hu, at, depth, anatomy.contrast)
    return hu, spaces


def _folds(at: Block, phases: tuple[float, ...]) -> Floats:
    """A field over the cortex whose zero lines are the sulci."""
    a, b, c, d, e, f = (np.float32(phase) for phase in phases)
    one = np.sin(np.float32(0.30) * at.x + np.float32(1.6) * np.sin(np.float32(0.085) * at.y + a) + b)
    two = np.sin(np.float32(0.27) * at.y + np.float32(1.6) * np.sin(np.float32(0.09) * at.z + c) + d)
    three = np.sin(np.float32(0.29) * at.z + np.float32(1.6) * np.sin(np.float32(0.08) * at.x + e) + f)
    return (one + two + three) * np.float32(0.6)


def _falx_zone(at: Block) -> Mask:
    callosum = ellipsoid(at, (0.0, 0.0, -2.0), (30.0, 52.0, 30.0)) < 0
    return (at.z > -10 - 0.1 * at.y) & ~callosum & ((at.y < 60) | (at.z > -12))


def _cisterns(brush: Brush, spaces: NDArray[np.uint8], wide: float) -> None:
    brush.ball(spaces, CISTERN, (0.0, -13.0, -20.0), (15 * wide, 11 * wide, 6.0))  # suprasellar
    brush.ball(spaces, CISTERN, (0.0, -4.0, -36.0), (13 * wide, 6 * wide, 18.0))  # prepontine
    brush.ball(spaces, CISTERN, (0.0, 22.0, -11.0), (14 * wide, 4.5 * wide, 8.0))  # quadrigeminal
    brush.ball(spaces, CISTERN, (0.0, 42.0, -56.0), (12 * wide, 9 * wide, 6.0))  # cisterna magna
    for side in (-1.0, 1.0):
        brush.rod(spaces, CISTERN, (side * 12, -14.0, -19.0), (side * 34, -18.0, -12.0), 2.6 * wide, 3.4 * wide)
        brush.rod(spaces, CISTERN, (side * 34, -18.0, -12.0), (side * 60, 14.0, 10.0), 3.4 * wide, 3.0 * wide)  # Sylvian
        brush.rod(spaces, CISTERN, (side * 10, 4.0, -20.0), (side * 15, 20.0, -16.0), 2.6 * wide, 2.6 * wide)  # ambient


def _ventricles(brush: Brush, spaces: NDArray[np.uint8], wide: float) -> None:
    brush.ball(spaces, VENTRICLE, (0.0, -2.0, 1.0), (1.9 * wide, 13.0, 8.0))  # third
    brush.ball(spaces, VENTRICLE, (0.0, 25.0, -38.0), (7 * wide, 5 * wide, 8.0))  # fourth
    brush.rod(spaces, VENTRICLE, (0.0, 10.0, -5.0), (0.0, 22.0, -32.0), 1.2 * wide, 1.4 * wide)  # aqueduct
    for side in (-1.0, 1.0):
        brush.rod(spaces, VENTRICLE, (side * 9, -31.0, 8.0), (side * 10, -4.0, 18.0), 4.4 * wide, 4.8 * wide)
        brush.rod(spaces, VENTRICLE, (side * 10, -4.0, 18.0), (side * 20, 30.0, 12.0), 4.8 * wide, 6.6 * wide)
        brush.rod(spaces, VENTRICLE, (side * 20, 30.0, 12.0), (side * 21, 54.0, 5.0), 5.8 * wide, 2.6 * wide)
        brush.rod(spaces, VENTRICLE, (side * 22, 28.0, 8.0), (side * 31, -4.0, -20.0), 3.4 * wide, 2.0 * wide)


def _nuclei(brush: Brush, hu: Floats) -> None:
    brush.ball(hu, 32.0, (0.0, 6.0, -38.0), (14.0, 13.0, 26.0))  # brain stem
    for side in (-1.0, 1.0):
        brush.ball(hu, GREY + 1.5, (side * 11, 4.0, 4.0), (8.0, 13.0, 8.0))  # thalamus
        brush.ball(hu, GREY + 1.5, (side * 24, -9.0, 2.0), (6.5, 16.0, 9.0))  # lentiform nucleus
        brush.ball(hu, GREY + 1.5, (side * 15, -25.0, 9.0), (4.0, 8.0, 7.0))  # caudate nucleus


def _vessels(brush: Brush, hu: Floats, at: Block, depth: Floats, contrast: bool) -> None:
    """Sinuses and arteries: as brain without contrast, 165-250 HU with it."""
    vein, artery = (165.0, 250.0) if contrast else (44.0, 42.0)
    sagittal = (depth < 6) & (np.abs(at.x) < 4.5 - 0.4 * depth) & ((at.z > 15) | (at.y > 50)) & (at.z > -14)
    transverse = (depth < 5) & (np.abs(at.z + 20) < 4) & (at.y > 20)
    hu[sagittal | transverse] = vein
    rods: list[tuple[Point, Point]] = [((0.0, -5.0, -44.0), (0.0, -6.0, -24.0)), ((0.0, -30.0, -14.0), (0.0, -50.0, 8.0))]
    for side in (-1.0, 1.0):
        rods += [((side * 11, -12.0, -24.0), (side * 13, -15.0, -16.0)), ((side * 13, -15.0, -16.0), (side * 38, -18.0, -11.0))]
        rods += [((side * 13, -15.0, -16.0), (0.0, -30.0, -14.0)), ((0.0, -6.0, -24.0), (side * 14, 8.0, -19.0))]
    for start, end in rods:
        brush.rod(hu, artery, start, end, 1.7, 1.5)
    if contrast:
        hu[depth < 1.2] = 90.0
