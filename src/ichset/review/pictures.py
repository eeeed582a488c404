"""One series of a study on its way to the browser: a JSON header and the slices in HU, once, as 16-bit integers."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from ichset.errors import CurationError


class NoPicture(CurationError):
    """The series cannot be shown; the message names no file."""


def series_folders(work: Path, folder: str) -> dict[int, Path]:
    """Series ordinal -> its folder. `folder` (RETRIEVED) must lie in the work folder."""
    root = (work / folder).resolve()
    if not root.is_relative_to(work.resolve()):
        raise NoPicture("the study's folder lies outside the work folder")
    if not root.is_dir():
        return {}
    return {int(path.name): path for path in sorted(root.iterdir()) if path.name.isdecimal() and path.is_dir()}


def instance_files(series: Path) -> list[Path]:
    return [path for path in sorted(series.glob("*.dcm")) if path.stem.isdecimal()]


def encode_series(series: Path) -> bytes:
    """4 bytes header length (little endian), the header (JSON, padded to a multiple of 4), then int16 little endian.

    Header: slices, rows, columns; spacing [between rows, between columns] in mm; offsets in mm along the
    normal; `sides` the patient's sides left, right, top, bottom of the picture.
    """
    import pydicom

    from ichset.volume import from_datasets

    volume = from_datasets([pydicom.dcmread(path) for path in instance_files(series)])
    slices, rows, columns = volume.hu.shape
    across, down = volume.row_direction, volume.column_direction
    header = json.dumps({
        "slices": slices, "rows": rows, "columns": columns, "spacing": list(volume.spacing),
        "offsets": [round(float(offset), 3) for offset in volume.offsets],
        "sides": [_side(-across), _side(across), _side(-down), _side(down)],
    }).encode()  # fmt: skip
    header += b" " * (-len(header) % 4)
    return b"".join((struct.pack("<I", len(header)), header, volume.hu.astype("<i2", copy=False).tobytes()))


def _side(direction: Any) -> str:
    """The patient's side to which a direction points mostly (PS3.3 C.7.6.1.1.1): L R, P A, H F."""
    axis = int(abs(direction).argmax())
    return ("LR", "PA", "HF")[axis][0 if direction[axis] > 0 else 1]
