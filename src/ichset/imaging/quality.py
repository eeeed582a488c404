"""What a radiologist would call artefact or damage, scored from the pixels of one series (0 none to 1 severe).

The scores are flags for readers; `retrieve.max_*` may exclude by them. Their scales are our own, set on phantoms with
known artefacts: see docs/IMAGING.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichset.volume import Volume

METAL_HU = 3000  # beyond cortical bone and enamel
PADDING_HU = -1500  # below: what scanners write outside the circle of reconstruction
BODY_HU = -300
BONE_HU = 300
CLOT_HU, CONTRAST_HU = 90, (105, 700)  # enhanced vessels lie above clotted blood, arteries at their peak far above 300
NOISY_HU = 25.0  # of the averaged brain: vessels and noise are no longer told apart
SLAB_MM = 4.0  # thin slices are averaged so far before vessels are sought
CALCIFIED_SHARE = 0.0008  # of the intracranial volume; choroid plexus, pineal gland and falx stay below
ENHANCED_SHARE = 0.0035  # vessels and sinuses after contrast lie above
SEVERE_JUMP_MM = 5.0  # of the intracranial centre from slice to slice, beyond what the neighbours share
GHOST_HU = -850  # air is darker; contours of a head that moved, and streaks, are not
GHOST_RING_MM = (4.0, 20.0)  # off the skin
GHOST_SHARE = (0.15, 0.5)  # of that ring: usual at most, severe
METAL_PIXELS = 3  # in a slice: its streaks spoil what else is measured there
SEVERE_METAL = 0.005  # of the head's voxels
SEVERE_RING = 12.0  # HU
TORSO_MM = 260.0  # an adult head's outline is shorter than this from side to side
GRID_MM = 1.5  # measuring needs no finer pixel


@dataclass(frozen=True)
class Quality:
    motion: float
    metal: float
    detector: float
    truncated: float
    phase: str  # native, contrast or unclear, from the intracranial voxels alone
    head: bool | None  # None when the pixels do not tell


def quality_of(volume: Volume) -> Quality:
    """Score a volume of (slices, rows, columns) HU. Padding counts as air."""
    step = max(1, round(GRID_MM / max(volume.spacing)))
    hu = volume.hu[:, ::step, ::step]
    calm = hu if step == 1 else np.stack([ndimage.uniform_filter(picture, step)[::step, ::step] for picture in volume.hu])
    spacing = (volume.spacing[0] * step, volume.spacing[1] * step)
    body = np.stack([_largest(picture > BODY_HU) for picture in hu])
    inside = np.stack([_intracranial(picture, spacing) for picture in hu])
    metal = float(np.count_nonzero(hu >= METAL_HU)) / max(int(np.count_nonzero(body)), 1)
    clean = np.array([np.count_nonzero(picture >= METAL_HU) < METAL_PIXELS for picture in hu])
    return Quality(
        motion=max(_jumps(inside, spacing), _ghosts(calm[clean], body[clean], inside[clean], spacing)),
        metal=min(metal / SEVERE_METAL, 1.0),
        detector=_rings(hu[clean], inside[clean]),
        truncated=_truncated(body),
        phase=_phase(*_slabs(calm, inside, clean, volume.offsets)),
        head=_is_head(body, inside, spacing),
    )


def _largest(mask: NDArray[np.bool_], opened: bool = True) -> NDArray[np.bool_]:
    labels, count = ndimage.label(ndimage.binary_opening(mask, iterations=2) if opened else mask)
    if not count:
        return np.zeros_like(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def _intracranial(picture: NDArray[np.int16], spacing: tuple[float, float]) -> NDArray[np.bool_]:
    """What bone encloses in this slice, 5 mm off the bone; nothing below the skull base, where nothing is enclosed."""
    bone = ndimage.binary_closing(picture > BONE_HU, iterations=2)
    ring = _largest(bone, opened=False)
    islands = bone & ndimage.binary_fill_holes(ring) & ~ring  # arteries at their peak are as dense as bone
    enclosed = ndimage.binary_fill_holes(bone) & ~bone | islands
    return np.asarray(ndimage.binary_erosion(_largest(enclosed & (picture > BODY_HU)), iterations=max(1, round(5 / min(spacing)))))


def _jumps(inside: NDArray[np.bool_], spacing: tuple[float, float]) -> float:
    """Steps of the intracranial centre that the neighbouring slices do not share: a patient who moved between slices."""
    areas = inside.reshape(len(inside), -1).sum(1)
    good = np.flatnonzero(areas > 0.4 * areas.max()) if areas.any() else np.zeros(0, int)
    if len(good) < 5:
        return 0.0
    centres = np.array([ndimage.center_of_mass(inside[index]) for index in good]) * np.array(spacing)
    return min(float(np.median(np.abs(np.diff(centres, 2, axis=0)).max(1))) / SEVERE_JUMP_MM, 1.0)


def _ghosts(hu: NDArray[np.int16], body: NDArray[np.bool_], inside: NDArray[np.bool_], spacing: tuple[float, float]) -> float:
    """Double contours and streaks in the air before and beside the head: a patient who moved within a slice."""
    shares = []
    for picture, mask, brain in zip(hu, body, inside, strict=True):
        if not brain.any():
            continue
        off = ndimage.distance_transform_edt(~mask, sampling=spacing)
        ring = (off > GHOST_RING_MM[0]) & (off < GHOST_RING_MM[1]) & (picture > PADDING_HU)
        ring[int(ndimage.center_of_mass(mask)[0]) :] = False  # the head-rest lies behind
        if np.count_nonzero(ring) > 50:
            shares.append(float(np.mean(picture[ring] > GHOST_HU)))
    if len(shares) < 5:
        return 0.0
    low, high = GHOST_SHARE
    return float(np.clip((np.percentile(shares, 90) - low) / (high - low), 0, 1))


def _rings(hu: NDArray[np.int16], inside: NDArray[np.bool_]) -> float:
    """Detector faults draw rings about the scanner's axis, the image's centre: means over the circle that neighbouring radii do not share."""
    rows, columns = np.indices(hu.shape[1:])
    radius = np.rint(np.hypot(rows - (hu.shape[1] - 1) / 2, columns - (hu.shape[2] - 1) / 2)).astype(int)
    scores = []
    for picture, mask in zip(hu, inside, strict=True):
        counts = np.bincount(radius[mask], minlength=1)
        whole = counts >= 40
        if whole.sum() < 15:
            continue
        calm = np.clip(picture[mask].astype(float), -20, 100)
        means = (np.bincount(radius[mask], calm)[whole]) / counts[whole]
        scores.append(float(np.std(means - ndimage.median_filter(means, 7))))
    return min(float(np.median(scores)) / SEVERE_RING, 1.0) if scores else 0.0


def _truncated(body: NDArray[np.bool_]) -> float:
    """Share of slices whose head is cut by the side or front edge of the image (the back edge is the head-rest's)."""
    cut = body[:, 0, :].any(1) | body[:, :, 0].any(1) | body[:, :, -1].any(1)
    there = body.any((1, 2))
    return float(np.count_nonzero(cut & there)) / max(int(np.count_nonzero(there)), 1)


def _slabs(
    calm: NDArray[np.int16], inside: NDArray[np.bool_], clean: NDArray[np.bool_], offsets: NDArray[np.float64]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.bool_]]]:
    """Thin slices averaged to slabs of a few millimetres, with what lies inside the skull in all of a slab; slices with metal left out."""
    slabs: dict[int, list[int]] = {}
    for index in np.flatnonzero(clean).tolist():
        slabs.setdefault(int(offsets[index] / SLAB_MM), []).append(index)
    members = list(slabs.values())
    return [calm[one].mean(0, dtype=np.float32) for one in members], [np.asarray(inside[one].all(0)) for one in members]


def _phase(pictures: list[NDArray[np.float32]], inside: list[NDArray[np.bool_]]) -> str:
    """Enhanced vessels and sinuses fill more of the skull than calcifications do; smoothed in the slice against noise."""
    boxes = [(picture, mask, _box(mask)) for picture, mask in zip(pictures, inside, strict=True) if mask.any()]
    found = [ndimage.median_filter(picture[box], 3)[mask[box]] for picture, mask, box in boxes]
    smooth = np.concatenate(found) if found else np.zeros(0, np.float32)
    if smooth.size < 2000:
        return "unclear"
    noise = 1.4826 * float(np.median(np.abs(smooth - np.median(smooth))))
    if noise > NOISY_HU:
        return "unclear"
    low = max(CONTRAST_HU[0], CLOT_HU + 3 * noise)
    share = np.count_nonzero((smooth > low) & (smooth < CONTRAST_HU[1])) / smooth.size
    return "contrast" if share > ENHANCED_SHARE else "native" if share < CALCIFIED_SHARE else "unclear"


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rectangle around a mask with a margin of one pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2)


def _is_head(body: NDArray[np.bool_], inside: NDArray[np.bool_], spacing: tuple[float, float]) -> bool | None:
    """Narrower than a trunk, and ringed by bone; asked where no word of the header tells the region."""
    widths = [float(np.ptp(np.flatnonzero(mask.any(0)))) * spacing[1] for mask in body if mask.any()]
    if not widths:
        return None
    ringed = float(np.mean(inside.any((1, 2))))
    if np.median(widths) > TORSO_MM or ringed < 0.1:
        return False
    return True if ringed > 0.4 else None
