"""One slice as `ichset.volume` asks for it, straight from a file's elements: a tenth of the cost of a pydicom data set.

A test holds what it answers to pydicom's reading of the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ichset import volume
from ichset.anonymize import instance
from ichset.anonymize.instance import Source
from ichset.dicomfile import Outlines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TEXTS = {"FrameOfReferenceUID": 0x00200052}
_NUMBERS = {  # DS and IS
    "ImageOrientationPatient": 0x00200037,
    "ImagePositionPatient": 0x00200032,
    "PixelSpacing": 0x00280030,
    "NumberOfFrames": 0x00280008,
    "RescaleSlope": 0x00281053,
    "RescaleIntercept": 0x00281052,
}


_READ = {**_TEXTS, **_NUMBERS}


class Slice:
    """The attributes of a Dataset that geometry and Hounsfield units are read from; `frames` (frames, rows, columns) as stored.

    What it holds of the file is those attributes alone, not its bytes.
    """

    def __init__(self, source: Source, frames: NDArray | None) -> None:
        shape = source.shape
        self._texts = {name: source.file.text(tag) if source.file.raw(tag) is not None else None for name, tag in _READ.items()}
        self._frames = frames
        self.Rows, self.Columns = shape.rows, shape.columns
        self.BitsStored, self.BitsAllocated, self.PixelRepresentation = shape.stored, shape.allocated, int(shape.signed)

    @property
    def frames(self) -> NDArray:
        assert self._frames is not None, "read without its pixels"
        return self._frames

    @property
    def pixel_array(self) -> NDArray:
        """(rows, columns) of the first frame; there is one only where it has become part of a volume."""
        return self.frames[0]

    def get(self, name: str, default: Any = None) -> Any:
        """A text, a number or a list of numbers as strings; `default` where it is missing, None where it is empty."""
        if name in ("Rows", "Columns"):
            return getattr(self, name)
        if name == "SamplesPerPixel":
            return 1  # nothing else is admitted
        text = self._texts[name]
        if text is None:
            return default
        parts = [part.strip() for part in text.split("\\")]
        if name in _TEXTS:
            return parts[0]
        return (parts[0] or None) if len(parts) == 1 else parts


def slices_of(sources: Iterable[Source]) -> list[Any]:
    """Every source with its frames as a Slice, to be handed on in a data set's place; compressed ones are decoded here, once.

    Raises Doubt and what decoders raise.
    """
    return [Slice(source, instance.frames_of(source)) for source in sources]


def volume_of(slices: Sequence[Any]) -> volume.Volume:
    """The volume of one series' slices. Raises GeometryError."""
    return volume.from_datasets(slices, [slice_.pixel_array for slice_ in slices])


def read_back(paths: Sequence[Path], into: NDArray | None = None) -> volume.Volume:
    """The volume of a series' files, the bytes of one in memory at a time. `into`: see volume.from_datasets.

    Raises GeometryError, NotReadable, Doubt and what decoders raise.
    """
    outlines = Outlines()
    heads: list[Any] = [Slice(instance.read(path, outlines), None) for path in paths]
    return volume.from_datasets(heads, _Decoded(paths, outlines), into)


class _Decoded(Sequence[Any]):
    """(rows, columns) stored values of each file, read when they are asked for."""

    def __init__(self, paths: Sequence[Path], outlines: Outlines) -> None:
        self._paths, self._outlines = paths, outlines

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> Any:
        return instance.frames_of(instance.read(self._paths[index], self._outlines))[0]
