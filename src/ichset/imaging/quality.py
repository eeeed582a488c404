"""What a radiologist would call artefact or damage, scored from the pixels of one series (0 none to 1 severe)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ichset.volume import Volume

METAL_HU = 3000  # beyond cortical bone and enamel
AIR_HU = -1000
PADDING = (-2048, -1500)  # what scanners write outside the circle of reconstruction, as HU


@dataclass(frozen=True)
class Quality:
    motion: float
    metal: float
    air: float | None  # HU of the air around the head, where there is any in view


def quality_of(volume: Volume) -> Quality:
    """Score a head volume; the figures flag studies for the readers."""
    hu = volume.hu
    inside = hu > -300
    metal = float(np.count_nonzero(hu >= METAL_HU)) / max(int(np.count_nonzero(inside)), 1)
    return Quality(_motion(hu), min(metal * 200, 1.0), _air(hu))


def _motion(hu: np.ndarray) -> float:
    """Steps of the head's outline from slice to slice that their neighbours do not share: a patient who moved.

    The centroid's second difference, relative to the head's size; 5 % of its radius counts as severe.
    """
    masks = hu[:, ::2, ::2] > -300
    areas = masks.reshape(len(masks), -1).sum(1)
    good = areas > 0.2 * areas.max() if areas.max() else np.zeros(len(masks), bool)
    if good.sum() < 5:
        return 0.0
    centres = np.array([ndimage.center_of_mass(mask) for mask in masks[good]])
    jumps = np.abs(np.diff(centres, 2, axis=0)).max(1)
    radius = float(np.sqrt(np.median(areas[good]) / np.pi))
    return float(min(np.percentile(jumps, 90) / (0.05 * radius), 1.0))


def _air(hu: np.ndarray) -> float | None:
    """The commonest value of the lowest tail in the slices' corners, padding left out."""
    edge = np.concatenate([hu[:, :8, :].ravel(), hu[:, -8:, :].ravel()])
    edge = edge[(edge > PADDING[1]) & (edge < -500)]
    return float(np.median(edge)) if edge.size > 100 else None
