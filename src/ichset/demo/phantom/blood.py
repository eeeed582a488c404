"""Haemorrhages, other lesions and fractures: which voxels they take, and their HU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ichset.demo.phantom.anatomy import Fracture, Lesion
from ichset.demo.phantom.brain import CISTERN, MEMBRANE, VENTRICLE, Mask
from ichset.demo.phantom.frame import Block, Floats
from ichset.demo.phantom.head import CAVITY
from ichset.demo.phantom.shapes import ellipsoid


def direction(lesion: Lesion | Fracture) -> NDArray[np.float64]:
    """Unit vector from the middle of the cavity."""
    vector = np.asarray(lesion.towards, float)
    return vector / np.linalg.norm(vector)


def table_point(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a direction meets the inner table of the vault, mm."""
    radii = np.array([CAVITY[0], CAVITY[1], CAVITY[2] if unit[2] > 0 else CAVITY[3]])
    return unit / np.linalg.norm(unit / radii)


def lesion_mask(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """The voxels of one focus. `depth`: mm beneath the inner table; `down`: mm towards the table the patient lies on."""
    return _SHAPES[lesion.kind](at, depth, spaces, lesion, down)


def _epidural(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """Biconvex: the cavity's part in a ball whose centre lies outside it."""
    unit = direction(lesion)
    outside = 22.0
    centre = table_point(unit) + unit * outside
    near = np.sqrt((at.x - centre[0]) ** 2 + (at.y - centre[1]) ** 2 + (at.z - centre[2]) ** 2)
    return (near < lesion.size + outside) & (depth > 0)


def _subdural(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """A crescent over one hemisphere, thickest at its middle, above the tentorium, never across the falx."""
    unit = direction(lesion)
    length = np.sqrt(at.x**2 + at.y**2 + at.z**2) + 1e-3
    cosine = (at.x * unit[0] + at.y * unit[1] + at.z * unit[2]) / length
    thick = lesion.size * np.clip((cosine - 0.4) / 0.6, 0, 1) ** 0.7
    over = (at.z > -12) | (at.y < 8)
    return (depth > 0) & (depth < thick) & (at.x * np.sign(unit[0]) > 1.5) & over


def _subarachnoid(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """Fluid outside the ventricles within `size` mm of a place."""
    return (spaces == CISTERN) & (depth > 0) & (_distance(at, lesion) < lesion.size)


def _intracerebral(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """A lobulated ellipsoid in the tissue."""
    x, y, z = (np.float32(value) for value in lesion.towards)
    knobs = np.sin(at.x * np.float32(0.35) + x) + np.sin(at.y * np.float32(0.31) + y) + np.sin(at.z * np.float32(0.33) + z)
    size = lesion.size
    away = ellipsoid(at, lesion.towards, (size * 0.9, size * 1.25, size)) + np.float32(0.07 * size) * knobs
    return (away < 0) & (depth > 2.5) & (spaces != MEMBRANE)


def _intraventricular(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """Blood settles: the part of the ventricles that lies lower than `size` mm, as the patient lies."""
    return (spaces == VENTRICLE) & (down > lesion.size)


def _tumour(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    return (ellipsoid(at, lesion.towards, (lesion.size, lesion.size * 1.1, lesion.size)) < 0) & (depth > 0)


def _oedema(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """Fluid in the white matter around a focus, with fingers."""
    fingers = np.sin(at.x * np.float32(0.21)) + np.sin(at.y * np.float32(0.19)) + np.sin(at.z * np.float32(0.2))
    return (_distance(at, lesion) < lesion.size + 2 * fingers) & (depth > 4) & (spaces == 1)


def _scalp(at: Block, depth: Floats, spaces: NDArray[np.uint8], lesion: Lesion, down: Floats) -> Mask:
    """Beneath the skin, outside the skull: no intracranial haemorrhage."""
    unit = direction(lesion)
    centre = table_point(unit) + unit * 10
    near = np.sqrt((at.x - centre[0]) ** 2 + (at.y - centre[1]) ** 2 + (at.z - centre[2]) ** 2)
    return near < lesion.size


def _distance(at: Block, lesion: Lesion) -> Floats:
    x, y, z = (np.float32(value) for value in lesion.towards)
    return np.sqrt((at.x - x) ** 2 + (at.y - y) ** 2 + (at.z - z) ** 2)


_SHAPES = {
    "epidural": _epidural, "subdural": _subdural, "subarachnoid": _subarachnoid, "intracerebral": _intracerebral,
    "intraventricular": _intraventricular, "tumour": _tumour, "oedema": _oedema, "scalp": _scalp, "calcification": _tumour,
    "hygroma": _subdural,
}  # fmt: skip


def fracture_mask(at: Block, vault: Mask, fracture: Fracture) -> Mask:
    """A gap through all layers of the vault: the part of a plane through the middle near `towards`."""
    unit = direction(fracture)
    point = table_point(unit) * 1.06
    side = np.cross(unit, (0.0, 0.0, 1.0) if abs(unit[2]) < 0.9 else (0.0, 1.0, 0.0))
    side /= np.linalg.norm(side)
    turn = np.radians(fracture.turn)
    normal = np.cos(turn) * side + np.sin(turn) * np.cross(unit, side)
    away = np.abs((at.x - point[0]) * normal[0] + (at.y - point[1]) * normal[1] + (at.z - point[2]) * normal[2])
    near = np.sqrt((at.x - point[0]) ** 2 + (at.y - point[1]) ** 2 + (at.z - point[2]) ** 2)
    return vault & (away < fracture.gap / 2) & (near < fracture.length / 2)
