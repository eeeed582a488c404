"""Series as NIfTI in HU, and slices as PNG in three windows. Needs the extra `nifti` (nibabel).

The affine is built from the positions and directions of the slices, so tilt (shear) and spacing are right. A series
whose slices are not evenly spaced has no affine: it is written as evenly spaced parts, never resampled.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ichset.errors import ConfigError, CurationError
from ichset.release.dataset import Dataset
from ichset.release.figures.canvas import save_png
from ichset.release.figures.montage import WINDOWS, dataset_series, paths, windowed
from ichset.release.pixels import read_volume
from ichset.release.tablefiles import write_csv
from ichset.volume import Volume

EVEN_MM = 0.01  # slices are even when no position is further than this from a straight, even line
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def write(dataset: Dataset) -> None:
    """data/exports/nifti/<study>/<series>[_part<n>].nii.gz, <series>_png/<window>/ beside it, and parts.csv that lists both."""
    import pyarrow as pa

    rows = []
    for study in dataset.records.studies["study"].to_pylist():
        files = paths(dataset, study)
        for series in dataset_series(dataset, study):
            rows += list(_write_series(dataset, study, series["series"], files[series["series"]]))
    kinds = dict.fromkeys(("study", "file", "windows", "note"), pa.string())
    names = ("study", "series", "part", "file", "first_slice", "slices", "windows", "note")
    folder = dataset.bag / "data" / "exports" / "nifti"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(pa.Table.from_pylist(rows, pa.schema([(name, kinds.get(name, pa.int32())) for name in names])), folder / "parts.csv")


def _write_series(dataset: Dataset, study: str, series: int, files: list[Path]) -> Iterator[dict[str, object]]:
    row: dict[str, object] = {"study": study, "series": series}
    try:
        volume = read_volume(files)
    except CurationError:
        yield {**row, "note": "not a volume: only the DICOM files hold it"}
        return
    folder = dataset.bag / "data" / "exports" / "nifti" / study
    folder.mkdir(parents=True, exist_ok=True)
    parts = even_parts(volume.positions)
    windows = f"data/exports/nifti/{study}/{series:02d}_png"
    for number, (start, stop) in enumerate(parts, 1):
        name = f"{series:02d}.nii.gz" if len(parts) == 1 else f"{series:02d}_part{number}.nii.gz"
        save(volume.hu[start:stop], affine(volume, start, stop), folder / name)
        file = f"data/exports/nifti/{study}/{name}"
        yield {**row, "part": number, "file": file, "first_slice": start, "slices": stop - start, "windows": windows}
    _write_pngs(volume, dataset.bag / windows)


def _write_pngs(volume: Volume, folder: Path) -> None:
    for name, (width, level) in WINDOWS.items():
        place = folder / name.replace(" ", "-")
        place.mkdir(parents=True)
        for number, picture in enumerate(volume.hu, 1):
            save_png(windowed(picture, width, level), place / f"{number:04d}.png")


def even_parts(positions: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(start, stop) of the longest evenly spaced runs of slices, from the first slice on; together all slices."""
    parts, start = [], 0
    while start < len(positions):
        stop = min(start + 2, len(positions))
        while stop < len(positions) and _even(positions[start : stop + 1]):
            stop += 1
        parts.append((start, stop))
        start = stop
    return parts


def _even(positions: NDArray[np.float64]) -> bool:
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    ideal = positions[0] + np.arange(len(positions))[:, None] * step
    return bool(np.abs(positions - ideal).max() <= EVEN_MM)


def affine(volume: Volume, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
    """4x4, from (column, row, slice) indices to RAS millimetres (NIfTI's world), for the slices start..stop."""
    own = volume.positions[start:stop]
    step = (own[-1] - own[0]) / (len(own) - 1) if len(own) > 1 else volume.normal
    matrix = np.eye(4)
    matrix[:3, 0] = LPS_TO_RAS @ volume.row_direction * volume.spacing[1]
    matrix[:3, 1] = LPS_TO_RAS @ volume.column_direction * volume.spacing[0]
    matrix[:3, 2] = LPS_TO_RAS @ step
    matrix[:3, 3] = LPS_TO_RAS @ own[0]
    return matrix


def save(slices: NDArray, matrix: NDArray[np.float64], path: Path) -> None:
    """Write (slices, rows, columns) as NIfTI-1 with only an sform: a qform cannot hold the shear of a tilted gantry."""
    try:
        import nibabel
    except ImportError:
        raise ConfigError('release.exports: "nifti" and "masks" need the extra: pip install "ichset[nifti]"') from None
    image = nibabel.Nifti1Image(np.ascontiguousarray(slices.transpose(2, 1, 0)), matrix)
    image.header.set_xyzt_units("mm")
    image.set_sform(matrix, code=1)
    image.set_qform(None, code=0)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))
