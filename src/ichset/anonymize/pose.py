"""How the head lies: which way it looks, which way is up; from symmetry and airways, not from the header's word alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.anonymize.deface_grid import STEP, Grid
from ichset.anonymize.guard import dilate, filled, largest

SKIN_HU = -300
FRONT_MM = 8.0  # the airways' middle must lie at least this far before the brain's


@dataclass(frozen=True)
class Pose:
    """`front` and `left` are unit vectors (x, y) in the axial plane; `centre` (x, y, z) mm of the intracranial space."""

    front: NDArray[np.float64]
    centre: NDArray[np.float64]
    up: int  # 1: the header's z runs to the vertex; -1: it is upside down
    airways_mm: float  # how far the airways lie in front of the brain's middle

    @property
    def left(self) -> NDArray[np.float64]:
        return np.array([-self.front[1], self.front[0]])

    @property
    def yaw(self) -> float:
        """Degrees from the header's front (-y), positive to the patient's left."""
        return float(np.degrees(np.arctan2(self.front[0], -self.front[1])))

    def ahead(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Millimetres in front of the brain's centre of (..., 3) points."""
        return (points[..., :2] - self.centre[:2]) @ self.front


def head_of(grid: Grid) -> NDArray[np.bool_]:
    """The head: the largest part of everything denser than SKIN_HU after opening by 4 mm, holes filled slice by slice."""
    solid = grid.hu > SKIN_HU
    core = largest(ndimage.binary_erosion(solid, iterations=2))
    head = ndimage.binary_dilation(core, iterations=2) & solid
    return filled(head)


def airways_of(grid: Grid, head: NDArray[np.bool_], brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Air inside the head, away from the brain: nose, sinuses, pharynx, mastoid cells."""
    return head & (grid.hu < -400) & ~dilate(brain, 2 * STEP)


def find_pose(grid: Grid, brain: NDArray[np.bool_], bone: NDArray[np.bool_]) -> Pose | None:
    """The pose, or None when the airways do not tell the front."""
    points = grid.coordinates(brain)
    centre = points.mean(0)
    air = grid.coordinates(airways_of(grid, head_of(grid), brain))
    if len(air) < 30:
        return None
    towards = np.median(air[:, :2], 0) - centre[:2]
    axis = _mirror_axis(grid, brain | bone & dilate(brain, 12.0), centre, np.arctan2(towards[1], towards[0]))
    front = np.array([np.cos(axis), np.sin(axis)])
    ahead = (air[:, :2] - centre[:2]) @ front
    low = np.median(air[:, 2]) - centre[2]
    if np.median(ahead) < 0:
        front, ahead = -front, -ahead
    found = Pose(front, centre, 1 if low < 0 else -1, float(np.median(ahead)))
    return found if found.airways_mm >= FRONT_MM else None


def _mirror_axis(grid: Grid, mask: NDArray[np.bool_], centre: NDArray[np.float64], first: float) -> float:
    """Angle (radians, from +x to +y) of the axial axis about which the skull's projection is most alike its mirror image.

    Searched within 50 degrees of the airways' direction, in steps of 2 degrees, then halved to a quarter of one.
    """
    image = ndimage.gaussian_filter(mask.sum(0, dtype=np.float32), 1.5)
    middle = (centre[:2] - grid.origin[:2]) / STEP
    best, step = first, np.radians(50)
    angles = first + np.radians(np.arange(-50, 51, 2.0))
    for _ in range(4):
        scores = [_likeness(image, middle, angle) for angle in angles]
        best = float(angles[int(np.argmax(scores))])
        step = angles[1] - angles[0]
        angles = best + step * np.array([-0.5, 0, 0.5])
    return best


def _likeness(image: NDArray[np.float32], middle: NDArray[np.float64], angle: float) -> float:
    """Correlation of the image with itself mirrored about the axis through `middle`, at the best sideways shift."""
    reach = 55
    along, across = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1), indexing="ij")
    x = middle[0] + along * np.cos(angle) - across * np.sin(angle)
    y = middle[1] + along * np.sin(angle) + across * np.cos(angle)
    turned = ndimage.map_coordinates(image, [y, x], order=1, mode="constant")
    best = -1.0
    for shift in range(-3, 4):
        one = np.roll(turned, shift, 1)
        a, b = one - one.mean(), one[:, ::-1] - one.mean()
        norm = float((a * a).sum())
        best = max(best, float((a * b).sum()) / norm if norm else -1.0)
    return best
