"""Cranial cavity, skin surface, bones and air of the head: everything but what lies inside the skull."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ichset.demo.phantom.anatomy import Anatomy
from ichset.demo.phantom.frame import Block, Floats, Frame, Point
from ichset.demo.phantom.shapes import capsule, ellipsoid, smooth_cut, smooth_union, step

CAVITY = (67.0, 83.0, 69.0, 79.0)  # mm: half width, half length, height above and below the middle
BONE, TOOTH, SOFT, FAT, AIR = 1050.0, 2100.0, 42.0, -85.0, -1000.0
SIDES = (-1.0, 1.0)


def vault_distance(at: Block) -> Floats:
    """Signed distance to the inner table as if it had no base: an egg, wider at the back."""
    wide, long, up, down = CAVITY
    x = at.x * (np.float32(1) - np.float32(0.0011) * at.y) / np.float32(wide)
    y = at.y / np.float32(long)
    z = at.z * np.where(at.z > 0, np.float32(1 / up), np.float32(1 / down))
    near = np.sqrt(x * x + y * y + z * z)
    steep = np.sqrt((x / np.float32(wide)) ** 2 + (y / np.float32(long)) ** 2 + (z / np.float32((up + down) / 2)) ** 2)
    return near * (near - np.float32(1)) / np.maximum(steep, np.float32(1e-6))


def cavity_distance(at: Block, vault: Floats) -> Floats:
    """Signed distance to the inner table: the egg on the three steps of the skull base."""
    return np.maximum(vault, _floor(at) - at.z)


def _floor(at: Block) -> Floats:
    """Height of the skull base, mm: anterior fossa over the orbits, middle fossa, posterior fossa."""
    aside = step(np.abs(at.x), 17, 3)
    front = np.float32(-16) + np.float32(7) * step(np.abs(at.x), 9, 4)
    middle = np.float32(-24) - np.float32(18) * aside
    into_middle, into_back = step(at.y, -32, 4), step(at.y + np.float32(0.5) * at.z, -6, 6)
    return (front * (1 - into_middle) + middle * into_middle) * (1 - into_back) + np.float32(-60) * into_back


def skin_distance(frame: Frame, anatomy: Anatomy, at: Block, vault: Floats) -> Floats:
    """Signed distance to the skin over the whole grid: scalp, face, ears and neck melted into one surface."""
    skin = smooth_cut(vault, at.z + np.float32(58), 24.0) - np.float32(anatomy.skull + anatomy.scalp)
    for centre, radii, melt in _flesh(anatomy):
        _melt(frame, skin, centre, radii, melt)
    nose = anatomy.nose
    tip = (0.0, -99 - 17 * nose, -60.0)
    _rod(frame, skin, (0.0, -94.0, -26.0), tip, 5.0, 8.5 * nose, 7.0)
    for side in SIDES:
        _melt(frame, skin, (side * 11 * nose, -98 - 7 * nose, -63.0), (7.5 * nose, 10.0, 7.0), 4.0)
        _cut(frame, skin, (side * 32, -104.0, -32.0), (16.0, 12.0, 10.0), 8.0)
        _melt(frame, skin, (side * 32, -81.5, -32.0), (14.5, 13.5, 12.5), 5.0)
        _ear(frame, skin, side, anatomy.ears)
        _rod(frame, skin, (side * 5.5, -106 - 5 * nose, -68.0), (side * 4.5, -98.0, -58.0), 2.6, 2.4, 1.0, cut=True)
    lips = anatomy.lips
    _melt(frame, skin, (0.0, -103.0, -80.0), (22.0, 6.5 * lips, 4.5 * lips), 3.0)
    _melt(frame, skin, (0.0, -102.0, -89.5), (19.0, 6.5 * lips, 4.5 * lips), 3.0)
    return skin


def _flesh(anatomy: Anatomy) -> Iterable[tuple[Point, Point, float]]:
    """(centre, radii, melting radius) of the masses of face and neck."""
    yield (0.0, -50.0, -46.0), (61.0, 47.0, 52.0), 12.0
    yield (0.0, -64.0, -80.0), (43.0, 37.0, 36.0), 10.0
    yield (0.0, -48.0, -100.0), (50.0, 44.0, 26.0), 10.0
    yield (0.0, -80 - 8 * anatomy.chin, -113.0), (19.0, 17.0, 14.0), 8.0
    yield (0.0, -85.0, -13.0), (44.0, 13.0, 11.0), 8.0
    for side in SIDES:
        yield (side * 43, -70.0, -50.0), (22.0, 18.0, 15.0), 9.0
    if anatomy.neck:
        yield (0.0, 16.0, -140.0), (57.0, 58.0, 110.0), 14.0


def _ear(frame: Frame, skin: Floats, side: float, size: float) -> None:
    """An auricle leaning away from the head, hollowed at the concha, with the canal's opening."""
    x, y, z = side * 79, 12.0, -36.0
    reach = 34 * size
    if (at := frame.box((x - 22, y - reach, z - reach), (x + 22, y + reach, z + reach))) is None:
        return
    lean = np.float32(side * 0.45)
    leaning = Block(at.where, at.x - lean * (at.y - np.float32(y)), at.y, at.z)
    shell = ellipsoid(leaning, (x, y, z), (5.5, 17 * size, 30 * size))
    shell = smooth_cut(shell, ellipsoid(leaning, (x + side * 6, y - 2, z), (6.5, 10 * size, 17 * size)), 3.0)
    skin[at.where] = smooth_union(skin[at.where], shell, 4.0)


def _melt(frame: Frame, skin: Floats, centre: Point, radii: Point, melt: float) -> None:
    if (at := frame.box(*_bounds(centre, radii, melt + 14))) is not None:
        skin[at.where] = smooth_union(skin[at.where], ellipsoid(at, centre, radii), melt)


def _cut(frame: Frame, skin: Floats, centre: Point, radii: Point, melt: float) -> None:
    if (at := frame.box(*_bounds(centre, radii, melt))) is not None:
        skin[at.where] = smooth_cut(skin[at.where], ellipsoid(at, centre, radii), melt)


def _rod(frame: Frame, skin: Floats, start: Point, end: Point, first: float, last: float, melt: float, cut: bool = False) -> None:
    if (at := frame.box(*_rod_bounds(start, end, max(first, last) + melt + 6))) is not None:
        shape = capsule(at, start, end, first, last)
        skin[at.where] = smooth_cut(skin[at.where], shape, melt) if cut else smooth_union(skin[at.where], shape, melt)


def _bounds(centre: Point, radii: Point, more: float = 0.0) -> tuple[Point, Point]:
    low = tuple(middle - radius - more for middle, radius in zip(centre, radii, strict=True))
    high = tuple(middle + radius + more for middle, radius in zip(centre, radii, strict=True))
    return low, high  # type: ignore[return-value]


def _rod_bounds(start: Point, end: Point, more: float) -> tuple[Point, Point]:
    low = tuple(min(pair) - more for pair in zip(start, end, strict=True))
    high = tuple(max(pair) + more for pair in zip(start, end, strict=True))
    return low, high  # type: ignore[return-value]


class Carver:
    """Writes HU into shapes of the extracranial head, never outside the skin nor into the cavity or the vault."""

    def __init__(self, frame: Frame, hu: Floats, free: np.ndarray) -> None:
        self._frame, self._hu, self._free = frame, hu, free

    def ball(self, centre: Point, radii: Point, value: float) -> None:
        if (at := self._frame.box(*_bounds(centre, radii))) is not None:
            self._write(at, ellipsoid(at, centre, radii) < 0, value)

    def shell(self, centre: Point, radii: Point, thick: float, value: float, behind: float = 400.0) -> None:
        """The layer `thick` mm around an ellipsoid, where y > -`behind`."""
        if (at := self._frame.box(*_bounds(centre, radii, thick))) is not None:
            away = ellipsoid(at, centre, radii)
            self._write(at, (away > 0) & (away < thick) & (at.y > -behind), value)

    def rod(self, start: Point, end: Point, first: float, last: float, value: float) -> None:
        if (at := self._frame.box(*_rod_bounds(start, end, max(first, last)))) is not None:
            self._write(at, capsule(at, start, end, first, last) < 0, value)

    def arch(self, radius: float, half: float, low: float, high: float, back: float, value: float, teeth: bool = False) -> None:
        """The horseshoe of a jaw between heights `low` and `high`, in front of y = `back`; `teeth`: with gaps."""
        if (at := self._frame.box((-radius - half, -62 - 1.3 * (radius + half), low), (radius + half, back, high))) is None:
            return
        away = np.sqrt(at.x**2 + ((at.y + np.float32(62)) / np.float32(1.25)) ** 2)
        inside = (np.abs(away - np.float32(radius)) < half) & (at.z > low) & (at.z < high) & (at.y < back)
        if teeth:
            inside &= np.cos(np.arctan2(at.x, -(at.y + np.float32(62))) * np.float32(16)) > -0.75
        self._write(at, inside, value)

    def _write(self, at: Block, inside: np.ndarray, value: float) -> None:
        self._hu[at.where][inside & self._free[at.where]] = value


def carve_face(carve: Carver, anatomy: Anatomy) -> None:
    """Bones, air and fat of face and skull base, coarse to fine: what is written later wins."""
    if anatomy.neck:
        _neck(carve)
    carve.ball((0.0, -36.0, -40.0), (19.0, 17.0, 14.0), BONE)  # body of the sphenoid
    carve.ball((0.0, -86.0, -10.0), (27.0, 9.0, 13.0), BONE)  # frontal bone around its sinus
    for side in SIDES:
        _side(carve, side)
    mucosa = 90.0 if anatomy.contrast else SOFT
    carve.ball((0.0, -65.0, -55.0), (12.5, 27.0, 18.0), AIR)  # nasal cavity
    carve.rod((0.0, -95.0, -50.0), (0.0, -48.0, -56.0), 1.3, 1.3, 320.0)  # septum, rounded
    carve.ball((0.0, -69.0, -53.0), (1.3, 27.0, 18.0), 320.0)
    for side in SIDES:
        for height in (-47.0, -56.0, -65.0):
            carve.ball((side * 7, -70.0, height), (3.4, 17.0, 3.0), mucosa)  # turbinates
        carve.ball((side * 6, -72.0, -32.0), (4.5, 13.0, 6.0), AIR)  # ethmoid cells
        carve.rod((side * 3.5, -93.0, -25.0), (side * 4.0, -101.0, -42.0), 2.3, 1.8, BONE)  # nasal bones
        carve.ball((side * 9, -89.0, -9.0), (8.0, 4.5, 8.0), AIR)  # frontal sinus
    carve.ball((0.0, -38.0, -41.0), (12.0, 10.0, 8.0), AIR)  # sphenoid sinus
    carve.rod((0.0, -34.0, -55.0), (0.0, -24.0, -125.0), 8.5, 6.0, AIR)  # pharynx
    _jaws(carve, anatomy)


def _side(carve: Carver, side: float) -> None:
    carve.ball((side * 38, 14.0, -46.0), (23.0, 10.0, 10.0), BONE + 250)  # petrous bone
    carve.ball((side * 54, 30.0, -48.0), (13.0, 16.0, 18.0), BONE)  # mastoid
    for dx, dy, dz in ((0, 0, 4), (-4, 6, -4), (4, -3, -6), (2, 7, 6), (-5, -4, -2), (0, 3, -12)):
        carve.ball((side * (54 + dx), 30.0 + dy, -48.0 + dz), (3.6, 4.0, 4.0), AIR + 200)
    carve.rod((side * 95, 8.0, -40.0), (side * 50, 8.0, -42.0), 3.0, 2.6, AIR)  # ear canal
    carve.shell((side * 30, -66.0, -32.0), (18.0, 30.0, 15.0), 3.0, BONE, behind=88.0)
    carve.ball((side * 30, -66.0, -32.0), (18.0, 30.0, 15.0), FAT)  # orbit
    carve.rod((side * 31, -72.0, -32.0), (side * 16, -40.0, -30.0), 2.2, 2.0, 35.0)  # optic nerve
    for dx, dz in ((11, 0), (-11, 0), (0, 10), (0, -10)):
        carve.rod((side * 31 + dx, -76.0, -32.0 + dz), (side * 18, -44.0, -31.0), 1.9, 1.6, 48.0)  # eye muscles
    carve.ball((side * 32, -81.5, -32.0), (12.0, 12.0, 12.0), 45.0)  # sclera
    carve.ball((side * 32, -81.5, -32.0), (10.6, 10.6, 10.6), 12.0)  # vitreous
    carve.ball((side * 32, -88.5, -32.0), (4.6, 2.6, 4.6), 75.0)  # lens
    carve.rod((side * 47, -70.0, -47.0), (side * 65, -30.0, -45.0), 5.0, 3.6, BONE)  # zygomatic arch
    carve.rod((side * 65, -30.0, -45.0), (side * 61, 2.0, -42.0), 3.6, 3.6, BONE)
    carve.rod((side * 46, -78.0, -46.0), (side * 46, -76.0, -16.0), 4.5, 4.5, BONE)  # rim of the orbit
    carve.ball((side * 46, -52.0, -76.0), (9.0, 16.0, 16.0), FAT)  # cheek
    carve.shell((side * 25, -68.0, -58.0), (15.0, 19.0, 15.0), 2.8, BONE)
    carve.ball((side * 25, -68.0, -58.0), (15.0, 19.0, 15.0), AIR)  # maxillary sinus
    carve.rod((side * 30, -34.0, -52.0), (side * 28, -36.0, -76.0), 3.0, 2.6, BONE)  # pterygoid


def _jaws(carve: Carver, anatomy: Anatomy) -> None:
    carve.ball((0.0, -66.0, -77.0), (23.0, 24.0, 2.8), BONE)  # hard palate
    carve.arch(22.0, 5.0, -84.0, -75.0, -52.0, BONE)
    carve.arch(22.5, 4.0, -91.0, -83.0, -55.0, TOOTH, teeth=True)
    carve.arch(22.5, 4.0, -100.0, -91.8, -55.0, TOOTH, teeth=True)
    carve.arch(24.0, 5.5, -114.0, -99.0, -50.0, BONE + 250)
    carve.rod((0.0, -90.0, -112.0), (0.0, -88.0, -104.0), 7.0, 6.0, BONE + 250)
    for side in SIDES:
        carve.rod((side * 24, -60.0, -107.0), (side * 43, -30.0, -100.0), 6.0, 6.0, BONE + 250)
        carve.rod((side * 43, -30.0, -100.0), (side * 49, -12.0, -50.0), 6.0, 4.5, BONE + 250)
    if anatomy.dental_metal:
        carve.ball((20.0, -76.0, -87.0), (4.0, 4.0, 4.0), 3060.0)
        carve.ball((-21.0, -70.0, -95.0), (3.5, 4.0, 3.5), 3060.0)


def _neck(carve: Carver) -> None:
    carve.rod((0.0, 3.0, -74.0), (0.0, 4.0, -240.0), 11.0, 12.0, BONE - 500)  # bodies of the vertebrae
    carve.rod((0.0, 21.0, -62.0), (0.0, 22.0, -240.0), 20.0, 17.0, BONE - 250)  # arches, condyles
    carve.rod((0.0, 21.0, -56.0), (0.0, 22.0, -240.0), 14.0, 10.5, 8.0)  # canal
    carve.rod((0.0, 21.0, -56.0), (0.0, 22.0, -240.0), 8.0, 6.0, 33.0)  # cord
    carve.rod((0.0, -14.0, -112.0), (0.0, -14.0, -240.0), 8.0, 8.0, AIR)  # trachea
    for side in SIDES:
        carve.rod((side * 26, -8.0, -60.0), (side * 28, -10.0, -240.0), 4.0, 4.0, SOFT + 5)


def add_head_rest(hu: Floats, at: Block, low: float) -> None:
    """A carbon cradle under the head and its foam, in the table's frame; `low` is the y of the head's back, mm."""
    away = np.sqrt(at.x**2 + ((at.y - np.float32(low - 96)) * np.float32(0.95)) ** 2)
    below = (at.y > low - 62) & (hu < -900) & (at.z > -400)
    hu[below & (away > 101) & (away < 109)] = -880.0
    hu[below & (away >= 109) & (away < 113)] = 120.0
