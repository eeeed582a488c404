"""Corrupted rescale values, recognised from the HU of air and mended with a record (the Burdenko repair).

Air is -1000 HU by definition of the scale. Where the air around the head says otherwise, the slope and intercept are
wrong, and every HU with them; the pair that puts air and brain where they belong is written into our private copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ichset.imaging.quality import BODY_HU, PADDING_HU
from ichset.volume import GeometryError, rescale, stored_values

AIR_HU = -1000.0
TOLERANCE = 100.0  # HU: calibration, room air between hair and cushions
BRAIN_HU = 33.0  # between white (25) and grey matter (40)
BRAIN_RANGE = (0.0, 80.0)
INTERCEPTS = (-1024.0, -1000.0, 0.0, -8192.0)
ALIKE = 8.0  # HU: of two intercepts that differ less, the more customary
UNREPAIRABLE = "rescale values corrupted"


def repair(datasets: Sequence[Dataset]) -> str | None:
    """Mend slope and intercept in place; what was done in one line, None when nothing had to be. Raises GeometryError.

    Needs at least a few free pixels at the image's edge; where the head fills it all, the header is believed.
    """
    told = [_told(dataset) for dataset in datasets]
    airs = [_air(dataset) for dataset in datasets]
    wrong = sorted(
        {index for index, (pair, air) in enumerate(zip(told, airs, strict=True)) if _is_wrong(pair, air)} | _wrongly_sloped(datasets, told)
    )
    if not wrong:
        return None
    right = Counter(pair for index, pair in enumerate(told) if pair and index not in set(wrong))
    pair = right.most_common(1)[0][0] if right else _fitting([datasets[index] for index in wrong])
    if pair is None or any(_is_wrong(pair, airs[index]) for index in wrong):
        raise GeometryError(UNREPAIRABLE)
    for index in wrong:
        datasets[index].RescaleSlope, datasets[index].RescaleIntercept = pair
    before = ", ".join(sorted({"unusable" if one is None else f"{one[0]:g}/{one[1]:g}" for one in (told[index] for index in wrong)}))
    return f"rescale slope/intercept {before} -> {pair[0]:g}/{pair[1]:g} in {len(wrong)} of {len(datasets)} slices"


def _told(dataset: Dataset) -> tuple[float, float] | None:
    try:
        return rescale(dataset)
    except (GeometryError, TypeError, ValueError):
        return None


def _is_wrong(pair: tuple[float, float] | None, air: float | None) -> bool:
    if pair is None:
        return True
    return air is not None and abs(air * pair[0] + pair[1] - AIR_HU) > TOLERANCE


def _wrongly_sloped(datasets: Sequence[Dataset], told: Sequence[tuple[float, float] | None]) -> set[int]:
    """Slices whose slope puts brain elsewhere though a slope of 1 puts it right; their air, stored near 0, hardly moves with a slope."""
    found: set[int] = set()
    for pair in {pair for pair in told if pair and pair[0] != 1}:
        members = [index for index, one in enumerate(told) if one == pair]
        slices = _middle([datasets[index] for index in members])
        stored = np.stack([stored_values(dataset)[::2, ::2] for dataset in slices]).astype(np.float32)
        mode = _tissue_mode(stored * pair[0] + pair[1])
        if (mode is None or not BRAIN_RANGE[0] <= mode <= BRAIN_RANGE[1]) and _fitting(slices) is not None:
            found.update(members)
    return found


def _middle(datasets: Sequence[Dataset]) -> Sequence[Dataset]:
    return datasets[len(datasets) // 4 : max(len(datasets) * 3 // 4, len(datasets) // 4 + 1)]


def _tissue_mode(hu: NDArray[np.float32]) -> float | None:
    """The commonest HU of soft tissue, None where there is hardly any."""
    tissue = hu[(hu > BODY_HU / 3) & (hu < 150)]
    if tissue.size < 500:
        return None
    counts, edges = np.histogram(tissue, bins=np.arange(-100, 151, 5))
    return float(edges[counts.argmax()] + 2.5)


def _air(dataset: Dataset) -> float | None:
    """Stored value of the air at the front and side edges, padding left out; None when none is free."""
    stored = stored_values(dataset)
    width = max(2, stored.shape[0] // 64)
    edge = np.concatenate([stored[:width].ravel(), stored[:, :width].ravel(), stored[:, -width:].ravel()]).astype(np.int32)
    free = edge[~_is_padding(edge, dataset)]
    if free.size < 0.02 * edge.size or free.size < 32:
        return None
    low = free[free <= np.percentile(free, 60)]
    if np.percentile(low, 90) - np.percentile(low, 10) > 2 * TOLERANCE:
        return None  # tissue at the edge: no air to speak of
    return float(np.median(low))


def _is_padding(values: NDArray[np.int32], dataset: Dataset) -> NDArray[np.bool_]:
    """The padding value or range (PS3.3 C.7.5.1.1.2), and a constant far below everything else where none is declared."""
    mask = np.zeros(values.shape, bool)
    padding = dataset.get("PixelPaddingValue")
    if padding is not None:
        other = dataset.get("PixelPaddingRangeLimit", padding)
        low, high = sorted((int(padding), int(other)))
        mask = (values >= low) & (values <= high)
        if mask.all():  # some scanners declare air itself as padding
            mask[:] = False
    lowest = int(values.min())
    floor = values == lowest
    rest = values[~floor & ~mask]
    if rest.size and floor.mean() > 0.05 and np.percentile(rest, 5) - lowest > 400:
        mask |= floor
    pair = _told(dataset)
    return mask if pair is None else mask | (values * pair[0] + pair[1] < PADDING_HU) & (values < 0)


def _fitting(datasets: Sequence[Dataset]) -> tuple[float, float] | None:
    """Slope 1 and the customary intercept under which air lies at -1000 and the commonest soft tissue is brain."""
    middle = _middle(datasets)
    stored = np.stack([stored_values(dataset)[::2, ::2] for dataset in middle]).astype(np.float32)
    airs = [air for dataset in middle if (air := _air(dataset)) is not None]
    if not airs:
        return None
    best = None
    for intercept in INTERCEPTS:
        if abs(float(np.median(airs)) + intercept - AIR_HU) > TOLERANCE / 2:
            continue
        mode = _tissue_mode(stored + intercept)
        if mode is None:
            continue
        if BRAIN_RANGE[0] <= mode <= BRAIN_RANGE[1] and (best is None or abs(mode - BRAIN_HU) < best[0] - ALIKE):
            best = (abs(mode - BRAIN_HU), intercept)
    return None if best is None else (1.0, best[1])
