"""Hide the faces of a study's series, write them, and measure the hiding on the written files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ichset import volume
from ichset.anonymize import instance, pixels, technical
from ichset.anonymize.instance import Source, Written
from ichset.anonymize.slices import read_back, slices_of, volume_of
from ichset.anonymize.tags import Deidentifier, Doubt
from ichset.config import AnonymizeConfig

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Face:
    """One series with its face hidden: `stored[i]` are the new stored values (frames, rows, columns) of file i, where changed."""

    original: volume.Volume
    stored: Mapping[int, NDArray]
    method: str
    pose: Any = None  # how the head lies, as defacing found it
    skull: Any = None  # the original's, on its 2 mm grid
    spare: NDArray | None = None  # the defaced values: of no use any more once they are written


class _Stored(Mapping[int, NDArray]):
    """New stored values (1, rows, columns) of the files that changed, worked out when they are asked for: a file at a time in memory."""

    def __init__(self, original: volume.Volume, hidden: Any, slices: Sequence[Any]) -> None:
        self._original, self._hidden, self._slices = original, hidden, slices
        self._places = {int(index): place for place, index in enumerate(original.order) if hidden.changed[place]}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __getitem__(self, index: int) -> NDArray:
        place = self._places[index]
        before, after, slice_ = self._original.hu[place], self._hidden.hu[place], self._slices[index]
        # a voxel whose HU did not change keeps its stored value, whatever rounding would make of it
        return np.where(before != after, volume.hu_to_stored(after, slice_), slice_.pixel_array)[None]


def hide(sources: Sequence[Sequence[Source]], config: AnonymizeConfig, seed: int) -> list[Face]:
    """Every series of a study with its face hidden. Raises what decoding, geometry and defacing raise."""
    from ichset.anonymize.deface import deface_study

    read = [slices_of(members) for members in sources]
    for members, held in zip(sources, read, strict=True):
        for source, slice_ in zip(members, held, strict=True):
            pixels.check_drawn(slice_.frames, source.shape, source.slope)
    volumes = [volume_of(held) for held in read]
    return [
        Face(original, _Stored(original, hidden, held), config.deface.method, hidden.pose, hidden.skull, hidden.hu)
        for held, original, hidden in zip(read, volumes, deface_study(volumes, config.deface, seed), strict=True)
    ]


def write_series(
    part: Path, ordinal: int, members: Sequence[Source], face: Face, deidentifier: Deidentifier, config: AnonymizeConfig
) -> list[tuple[Path, Written]]:
    """Write a series into `part`, its instances numbered along the normal."""
    folder = part / f"{ordinal:02d}"
    folder.mkdir(mode=0o755)
    written = []
    for place, index in enumerate(face.original.order, start=1):
        target = folder / f"{place:04d}.dcm"
        changed = face.stored.get(int(index))
        written.append((target, instance.write(target, members[index], deidentifier, True, changed, config.recompress)))
    return written


def measure_written(
    written: Sequence[tuple[Path, Written]], face: Face, config: AnonymizeConfig, picture: Path | None = None
) -> tuple[Dataset, Mapping[str, Any]]:
    """Read the written files again and measure what their faces still show: a data set of theirs and the series' row.

    `picture` is a PNG of the head before and after, for the person who signs off: private, as it shows the face.
    Raises Doubt when the measures exceed the config's limits.
    """
    from pydicom import dcmread

    from ichset.anonymize.deface import within_limits
    from ichset.anonymize.measure import measure
    from ichset.anonymize.preview import write_preview

    after = read_back([path for path, _ in written], face.spare)
    if after.hu.shape != face.original.hu.shape:
        raise Doubt("the written series has another shape than the source", "UNREADABLE_FILE")
    measures = measure(face.original, after, face.pose, face.skull)
    if not within_limits(measures, config.deface):
        raise Doubt("the face is still to be seen in the written files", "DEFACE_IMPOSSIBLE")
    if picture:
        write_preview(picture, face.original, after, face.pose, face.skull.grid if face.skull else None)
    dataset = dcmread(written[0][0], stop_before_pixels=True)
    row = technical.series_row(dataset, after)
    row |= {"deface_method": face.method, **{name: float(getattr(measures, name)) for name in _MEASURES}}
    return dataset, row


_MEASURES = ("exposed", "relief", "brain_changed", "voxels_changed")
