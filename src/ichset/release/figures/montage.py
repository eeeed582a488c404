"""One example of each label in three windows: brain 80/40, blood 200/80, soft tissue 380/40 (width/level, HU)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ichset.contracts import LABELS
from ichset.release.dataset import Dataset
from ichset.release.figures.canvas import figure
from ichset.release.formats import word
from ichset.release.pixels import read_volume
from ichset.volume import Volume

WINDOWS = {"brain": (80, 40), "blood": (200, 80), "soft tissue": (380, 40)}
DENSEST = 95  # HU: clotted blood
DENSER = 14  # HU above the brain's median: grey matter and cerebellum lie less than 10 above it, acute blood 20 to 40
BONE_HU = 300
GAP = 4  # pixels: half the width of a hole in the bone that is closed
ACROSS = 5


def windowed(hu: NDArray[Any], width: float, level: float) -> NDArray[np.uint8]:
    """8-bit grey of HU under a window (linear, PS3.3 C.11.2.1.2)."""
    grey = (hu.astype(np.float32) - (level - 0.5)) / (width - 1) + 0.5
    return (np.clip(grey, 0, 1) * 255 + 0.5).astype(np.uint8)


def draw(dataset: Dataset, folder: Path) -> None:
    """montage.png: a column a label, a row a window, five labels to a block."""
    examples = list(_examples(dataset))
    if not examples:
        return
    blocks = (len(examples) + ACROSS - 1) // ACROSS
    across = min(ACROSS, len(examples))
    with figure(2.0 * across + 0.5, 6.2 * blocks, folder, "montage", ("png",)) as drawn:
        grid = drawn.subplots(len(WINDOWS) * blocks, across, squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for number, (label, picture, aspect) in enumerate(examples):
            block, column = divmod(number, across)
            for row, (name, (width, level)) in enumerate(WINDOWS.items(), block * len(WINDOWS)):
                axes = grid[row, column]
                axes.imshow(windowed(picture, width, level), cmap="gray", vmin=0, vmax=255, interpolation="bilinear", aspect=aspect)
                if column == 0:
                    axes.set_ylabel(f"{name}\n{width}/{level}")
            grid[block * len(WINDOWS), column].set_title(label, loc="center")


def _examples(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.int16], float]]:
    """(label, slice in HU, pixel height over width): a study with the label, drawn by a hash, that reads as a volume."""
    rows = dataset.records.labels.to_pylist()
    wanted = [("", [row["study"] for row in rows if row["arm"] == "normal"])]
    wanted += [(label, [row["study"] for row in rows if row[label] == 1]) for label in LABELS]
    for label, studies in wanted:
        name = word(label) if label else "no haemorrhage"
        for study in sorted(studies, key=lambda study, name=name: _rank(name, study))[:5]:  # type: ignore[misc]
            if (found := _marked(dataset, study, label) or _unmarked(dataset, study, label)) is not None:
                volume, place = found
                yield name, volume.hu[place], volume.spacing[0] / volume.spacing[1]
                break


def _unmarked(dataset: Dataset, study: str, label: str) -> tuple[Volume, int] | None:
    volume = first_volume(dataset, study)
    return (volume, _telling(volume, label)) if volume is not None else None


def _marked(dataset: Dataset, study: str, label: str) -> tuple[Volume, int] | None:
    """Where readers saw it: the middle one of the key slices in the series that has most of them, of those that read as a volume."""
    import pyarrow.compute as pc

    from ichset.errors import CurationError

    reads = dataset.records.reads
    marks = [
        mark for cell in reads.filter(pc.equal(reads["study"], study))["key_slices"].to_pylist() for mark in json.loads(cell or "{}").get(label, [])
    ]
    files = dataset.records.files
    own: dict[int, list[tuple[bool, Path]]] = {}
    for row in files.filter(pc.equal(files["study"], study)).select(["series", "instance", "file"]).to_pylist():
        own.setdefault(row["series"], []).append((f"{row['series']}:{row['instance']}" in marks, dataset.bag / row["file"]))
    for series in sorted(own, key=lambda series: (-sum(marked for marked, _ in own[series]), series)):
        try:
            volume = read_volume([path for _, path in own[series]]) if any(marked for marked, _ in own[series]) else None
        except CurationError:
            continue
        if volume is not None:
            places = [place for place, index in enumerate(volume.order) if own[series][index][0]]
            return volume, places[len(places) // 2]
    return None


def first_volume(dataset: Dataset, study: str) -> Volume | None:
    """The study's thickest series that is a volume of at least three slices; thick slices show blood with the least noise."""
    from ichset.errors import CurationError

    files = paths(dataset, study)
    order = sorted(dataset_series(dataset, study), key=lambda row: (-(row["slice_thickness"] or 0), row["series"]))
    for row in order:
        if row["instances"] >= 3:
            try:
                return read_volume(files[row["series"]])
            except CurationError:
                continue
    return None


def dataset_series(dataset: Dataset, study: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    series = dataset.records.series
    return series.filter(pc.equal(series["study"], study)).to_pylist()


def paths(dataset: Dataset, study: str) -> dict[int, list[Path]]:
    """The study's files in the bag by series, in the order of their numbers."""
    import pyarrow.compute as pc

    files = dataset.records.files
    found: dict[int, list[Path]] = {}
    for row in files.filter(pc.equal(files["study"], study)).select(["series", "file"]).to_pylist():
        found.setdefault(row["series"], []).append(dataset.bag / row["file"])
    return found


def _telling(volume: Volume, label: str) -> int:
    """The slice that shows most brain; with a label, of those that show much of it the one with most that is denser, or with most gaps in bone."""
    inside = np.stack([_enclosed(picture) for picture in volume.hu])
    tissue = inside & (volume.hu >= 0) & (volume.hu <= DENSEST)
    brain = tissue.sum(axis=(1, 2))
    if not label or not brain.any():
        return int(np.argmax(brain))
    least = np.median(volume.hu[tissue]) + DENSER
    pairs = zip(volume.hu, inside, strict=True)
    seen = np.array([_gaps(picture, mask) if label == "fracture" else _dense(picture, mask, least) for picture, mask in pairs])
    seen[brain < (0.85 if label == "fracture" else 0.6) * brain.max()] = 0  # bone of the skull's base fills part of many voxels
    return int(np.argmax(seen if seen.any() else brain))


def _gaps(picture: NDArray[np.int16], inside: NDArray[np.bool_]) -> int:
    """Pixels of narrow gaps in the bone around the brain."""
    from scipy import ndimage

    bone = picture > BONE_HU
    narrow = ndimage.binary_closing(bone, iterations=1) & ~bone
    return int((narrow & ndimage.binary_dilation(inside, iterations=2 + GAP)).sum())


def _dense(picture: NDArray[np.int16], inside: NDArray[np.bool_], least: float) -> int:
    """Pixels of spots between `least` HU and the densest blood, noise smoothed away within the mask; single pixels are no spot."""
    from scipy import ndimage

    weight = ndimage.gaussian_filter(inside.astype(np.float32), 1)
    mean = ndimage.gaussian_filter(np.where(inside, picture, 0).astype(np.float32), 1) / np.maximum(weight, 1e-3)
    return int(ndimage.binary_opening(inside & (mean >= least) & (mean <= DENSEST), np.ones((3, 3))).sum())


def _enclosed(picture: NDArray[np.int16]) -> NDArray[np.bool_]:
    """What bone encloses in one slice, a little off the bone; a fracture or a burr hole does not open it."""
    from scipy import ndimage

    bone = picture > BONE_HU
    ring = ndimage.binary_closing(np.pad(bone, GAP), iterations=GAP)[GAP:-GAP, GAP:-GAP]
    return np.asarray(ndimage.binary_erosion(ndimage.binary_fill_holes(ring) & ~bone, iterations=2))


def _rank(label: str, study: str) -> bytes:
    return hashlib.sha256(f"montage {label} {study}".encode()).digest()
