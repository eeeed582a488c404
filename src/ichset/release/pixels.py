"""Read what a release needs of the pixels: blank slices, and a series as a volume."""

from __future__ import annotations

from pathlib import Path

from ichset.volume import Volume


def is_blank(path: Path) -> bool:
    """Whether every pixel of the slice has one and the same value."""
    import pydicom

    pixels = pydicom.dcmread(path).pixel_array
    return bool((pixels == pixels.flat[0]).all())


def read_volume(paths: list[Path]) -> Volume:
    """The series in HU, ordered along its normal. Raises GeometryError for a series that is no volume."""
    import pydicom

    from ichset.volume import from_datasets

    return from_datasets([pydicom.dcmread(path) for path in paths])
