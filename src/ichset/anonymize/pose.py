"""How the head lies: which way it looks, which way is up; from symmetry and airways, not from the header's word alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP, Grid
from ichset.anonymize.guard import intracranial, rays_ending
from ichset.anonymize.morphology import Mask, dilate
from ichset.errors import CurationError

FRONT_MM = 8.0  # the airways' middle must lie at least this far before the brain's
LOWEST_SHARE, HIND_MM = 0.2, 2.0  # the brain's lowest fifth lies 2 to 17 mm behind its middle, however the head is tilted or cut
HIND_CLEAR_MM, BEHIND_COSINE = 4.0, 0.3
AIR_HU = -400
LEAST_AIR = 30  # voxels of 8 mm3
AIR_RAYS = 5  # of eight that end in bone: nose, sinuses and pharynx, not the gap between head and head-rest
SEARCH_DEGREES = 40
DOUBT = 0.15  # of likeness lost where the axis lies SEARCH_DEGREES off the airways' direction

Points = NDArray[np.float64]


class CannotDeface(CurationError):
    """The face cannot be hidden safely; `.reason` names no person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Pose:
    """`front` and `left` are unit vectors (x, y) in the axial plane; `centre` (x, y, z) mm of the intracranial space."""

    front: Points
    centre: Points
    up: int  # 1: the header's z runs to the vertex; -1: it is upside down
    airways_mm: float  # how far the airways lie in front of the brain's middle

    @property
    def left(self) -> Points:
        return np.array([-self.front[1], self.front[0]])

    @property
    def yaw(self) -> float:
        """Degrees from the header's front (-y), positive to the patient's left."""
        return float(np.degrees(np.arctan2(self.front[0], -self.front[1])))

    def as_header(self) -> Pose:
        """The same pose with its centre's z as the header has it, not as the overturned grid has."""
        return Pose(self.front, self.centre * (1, 1, self.up), self.up, self.airways_mm)

    def ahead(self, points: Points) -> Points:
        """Millimetres in front of the brain's centre of (..., 3) points."""
        return (points[..., :2] - self.centre[:2]) @ self.front


def enclosed(bone: Mask) -> NDArray[np.uint8]:
    """How many of eight axial rays end in bone itself: where a pillow is cut by the scan's edge, the gap behind it is no airway."""
    return rays_ending(np.pad(bone, ((0, 0), (1, 1), (1, 1))))


def airways_of(grid: Grid, head: Mask, brain: Mask, votes: NDArray[np.uint8]) -> Mask:
    """Air inside the head that bone surrounds, away from the brain: nose, sinuses, pharynx, mastoid cells; `votes` as of enclosed()."""
    return head & (grid.hu < AIR_HU) & (votes >= AIR_RAYS) & ~dilate(brain, 2 * STEP)


def upright(grid: Grid, bone: Mask, head: Mask, votes: NDArray[np.uint8], least_ml: float) -> tuple[int, Mask, Mask]:
    """Which way is up: the way in which brain is found above the airways; and brain and airways as they lie then.

    -1: z runs away from the vertex, and both masks belong to the overturned grid. Raises CannotDeface.
    """
    brain_seen, closed_in = False, enclosed(bone)
    for up in (1, -1):
        turned = grid if up == 1 else grid.overturned()
        brain = intracranial(turned, bone[::up], votes[::up])
        if brain.sum() * STEP**3 < least_ml * 1000:
            continue
        brain_seen = True
        air = airways_of(turned, head[::up], brain, closed_in[::up])
        if air.sum() >= LEAST_AIR and np.median(np.nonzero(air)[0]) < np.nonzero(brain)[0].mean():
            return up, brain, air
    raise CannotDeface("which way is up is unclear" if brain_seen else "too little brain in view")


def find_pose(grid: Grid, brain: Mask, bone: Mask, air: Mask, up: int) -> Pose | None:
    """The pose of an upright grid's head, or None when the airways do not tell the front; `up` is what upright() said.

    What lies lowest in the skull, cerebellum and brain stem, must not lie in front of the rest of the brain. Where it lies
    clearly behind, air behind as well is a head-rest's, as long as there is less of it.
    """
    skull = grid.coordinates(brain)
    centre = skull.mean(0)
    offsets = grid.coordinates(air)[:, :2] - centre[:2]
    hind = skull[skull[:, 2] <= np.quantile(skull[:, 2], LOWEST_SHARE), :2].mean(0) - centre[:2]
    behind = float(np.linalg.norm(hind))
    ahead = offsets @ hind < BEHIND_COSINE * behind * np.linalg.norm(offsets, axis=1) if behind > HIND_CLEAR_MM else np.ones(len(offsets), bool)
    if ahead.sum() < max(LEAST_AIR, len(offsets) / 2):
        return None
    front = _mirror_axis(grid, brain | bone & dilate(brain, 12.0), centre, _airways_direction(offsets[ahead]))
    airways = float(np.median(offsets[ahead] @ front))
    return Pose(front, centre, up, airways) if airways >= FRONT_MM and float(hind @ front) <= HIND_MM else None


def _airways_direction(offsets: Points) -> Points:
    """Unit vector to the airways' middle; mastoid cells, to the sides of it, are left out of the second look."""
    towards = np.median(offsets, 0)
    for _ in range(3):
        towards /= max(float(np.linalg.norm(towards)), 1e-6)
        along = offsets @ towards
        ahead = along > 0.7 * np.linalg.norm(offsets, axis=1)
        if ahead.sum() < LEAST_AIR / 2:
            break
        towards = offsets[ahead].mean(0)
    return np.asarray(towards / max(float(np.linalg.norm(towards)), 1e-6))


def _mirror_axis(grid: Grid, mask: Mask, centre: Points, towards: Points) -> Points:
    """Unit vector of the axial axis about which the skull's projection is most alike its mirror image.

    Searched within SEARCH_DEGREES of the airways' direction in steps of 2 degrees, then halved to a quarter of one.
    """
    image = ndimage.gaussian_filter(mask.sum(0, dtype=np.float32), 1.5)
    middle = (centre[:2] - grid.origin[:2]) / STEP
    first = float(np.arctan2(towards[1], towards[0]))
    best, step = first, np.radians(2.0)
    angles = first + np.radians(np.arange(-SEARCH_DEGREES, SEARCH_DEGREES + 1, 2.0))
    for look in range(4):
        every = 2 if look == 0 else 1
        off = DOUBT * (np.degrees(angles - first) / SEARCH_DEGREES) ** 2
        scores = [_likeness(image, middle, angle, every) for angle in angles] - off
        best = float(angles[int(np.argmax(scores))])
        angles = best + step * np.array([-0.5, 0, 0.5])
        step /= 2
    return np.array([np.cos(best), np.sin(best)])


def _likeness(image: NDArray[np.float32], middle: Points, angle: float, step: int) -> float:
    """Correlation of the image with itself mirrored about the axis through `middle`, at the best sideways shift; every `step` voxels."""
    reach = 56
    along, across = np.meshgrid(np.arange(-reach, reach + 1, step), np.arange(-reach, reach + 1), indexing="ij")
    x = middle[0] + along * np.cos(angle) - across * np.sin(angle)
    y = middle[1] + along * np.sin(angle) + across * np.cos(angle)
    turned = ndimage.map_coordinates(image, [y, x], order=1, mode="constant")
    turned -= turned.mean()
    norm = float((turned * turned).sum())
    if not norm:
        return -1.0
    mirrored = turned[:, ::-1]
    return max(float((turned * np.roll(mirrored, 2 * shift, 1)).sum()) for shift in range(-3, 4)) / norm
