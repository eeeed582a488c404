"""Inside the skull: brain, fluid spaces, folds, ventricles, dura, vessels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ichset.demo.phantom.anatomy import Anatomy
from ichset.demo.phantom.frame import Block, Floats, Point
from ichset.demo.phantom.shapes import capsule, ellipsoid

Mask = NDArray[np.bool_]
WHITE, GREY, CSF, DURA = 28.0, 37.0, 8.0, 43.0
TISSUE, CISTERN, VENTRICLE, MEMBRANE = 1, 2, 3, 4  # codes of `spaces`


def draw_brain(at: Block, depth: Floats, anatomy: Anatomy) -> tuple[Floats, NDArray[np.uint8]]:
    """HU and spaces of the block. `depth`: mm beneath the inner table (negative outside); `at`: yielding coordinates."""
    spaces = np.full(depth.shape, TISSUE, np.uint8)
    folds = _folds(at, anatomy.phases)
    tent = np.float32(-14) - np.float32(0.28) * np.abs(at.x) + np.float32(0.06) * at.y
    below = (at.y > 12) & (at.z < tent)
    hu = np.full(depth.shape, WHITE, np.float32)
    hu[(depth < 5) | ((np.abs(folds) < 0.62) & (depth < 17)) | below] = GREY
    _nuclei(hu, at)
    rim = 1.6 + 5 * anatomy.sulci
    furrow = (np.abs(folds) < anatomy.sulci) & (depth < 8 + 30 * anatomy.sulci) & ~below
    spaces[(depth < rim) | furrow | _cisterns(at, anatomy) | ((np.abs(at.x) < 2.2 + 3 * anatomy.sulci) & _falx_zone(at))] = CISTERN
    folia = below & (np.abs(np.sin(at.z * np.float32(1.1) + np.float32(0.02) * at.y * at.y)) < 0.12) & (depth < 10)
    spaces[folia] = CISTERN
    spaces[_ventricles(at, anatomy.ventricles)] = VENTRICLE
    spaces[(np.abs(at.x) < 0.9) & _falx_zone(at)] = MEMBRANE
    spaces[(at.y > 12) & (np.abs(at.z - tent) < 1.0) & (np.abs(at.x) > 10)] = MEMBRANE
    hu[(spaces == CISTERN) | (spaces == VENTRICLE)] = CSF
    hu[spaces == MEMBRANE] = DURA
    _vessels(hu, at, depth, anatomy.contrast)
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


def _cisterns(at: Block, anatomy: Anatomy) -> Mask:
    wide = 0.8 + 1.2 * anatomy.sulci
    inside = ellipsoid(at, (0.0, -13.0, -20.0), (15 * wide, 11 * wide, 6.0)) < 0  # suprasellar
    inside |= ellipsoid(at, (0.0, -4.0, -36.0), (13 * wide, 6 * wide, 18.0)) < 0  # prepontine
    inside |= ellipsoid(at, (0.0, 22.0, -11.0), (14 * wide, 4.5 * wide, 8.0)) < 0  # quadrigeminal
    inside |= ellipsoid(at, (0.0, 42.0, -56.0), (12 * wide, 9 * wide, 6.0)) < 0  # cisterna magna
    for side in (-1.0, 1.0):
        inside |= capsule(at, (side * 12, -14.0, -19.0), (side * 34, -18.0, -12.0), 2.6 * wide, 3.4 * wide) < 0
        inside |= capsule(at, (side * 34, -18.0, -12.0), (side * 60, 14.0, 10.0), 3.4 * wide, 3.0 * wide) < 0  # Sylvian
        inside |= capsule(at, (side * 10, 4.0, -20.0), (side * 15, 20.0, -16.0), 2.6 * wide, 2.6 * wide) < 0  # ambient
    return inside


def _ventricles(at: Block, wide: float) -> Mask:
    inside = (ellipsoid(at, (0.0, -2.0, 1.0), (1.9 * wide, 13.0, 8.0)) < 0) | (
        ellipsoid(at, (0.0, 25.0, -38.0), (7 * wide, 5 * wide, 8.0)) < 0
    )  # third, fourth
    inside |= capsule(at, (0.0, 10.0, -5.0), (0.0, 22.0, -32.0), 1.2 * wide, 1.4 * wide) < 0  # aqueduct
    for side in (-1.0, 1.0):
        inside |= capsule(at, (side * 9, -31.0, 8.0), (side * 10, -4.0, 18.0), 4.4 * wide, 4.8 * wide) < 0
        inside |= capsule(at, (side * 10, -4.0, 18.0), (side * 20, 30.0, 12.0), 4.8 * wide, 6.6 * wide) < 0
        inside |= capsule(at, (side * 20, 30.0, 12.0), (side * 21, 54.0, 5.0), 5.8 * wide, 2.6 * wide) < 0
        inside |= capsule(at, (side * 22, 28.0, 8.0), (side * 31, -4.0, -20.0), 3.4 * wide, 2.0 * wide) < 0
    return inside


def _nuclei(hu: Floats, at: Block) -> None:
    deep = ellipsoid(at, (0.0, 6.0, -38.0), (14.0, 13.0, 26.0)) < 0
    hu[deep] = 32.0  # brain stem
    for side in (-1.0, 1.0):
        for centre, radii in (
            ((side * 11, 4.0, 4.0), (8.0, 13.0, 8.0)),
            ((side * 24, -9.0, 2.0), (6.5, 16.0, 9.0)),
            ((side * 15, -25.0, 9.0), (4.0, 8.0, 7.0)),
        ):
            hu[ellipsoid(at, centre, radii) < 0] = GREY + 1.5


def _vessels(hu: Floats, at: Block, depth: Floats, contrast: bool) -> None:
    """Sinuses and arteries: as brain without contrast, 150-260 HU with it."""
    vein, artery = (165.0, 250.0) if contrast else (44.0, 42.0)
    sagittal = (depth < 6) & (np.abs(at.x) < 4.5 - 0.4 * depth) & ((at.z > 15) | (at.y > 50)) & (at.z > -14)
    transverse = (depth < 5) & (np.abs(at.z + 20) < 4) & (at.y > 20)
    hu[sagittal | transverse] = vein
    rods: list[tuple[Point, Point]] = [((0.0, -5.0, -44.0), (0.0, -6.0, -24.0)), ((0.0, -30.0, -14.0), (0.0, -50.0, 8.0))]
    for side in (-1.0, 1.0):
        rods += [((side * 11, -12.0, -24.0), (side * 13, -15.0, -16.0)), ((side * 13, -15.0, -16.0), (side * 38, -18.0, -11.0))]
        rods += [((side * 13, -15.0, -16.0), (0.0, -30.0, -14.0)), ((0.0, -6.0, -24.0), (side * 14, 8.0, -19.0))]
    for start, end in rods:
        hu[capsule(at, start, end, 1.7, 1.5) < 0] = artery
    if contrast:
        hu[depth < 1.2] = 90.0
