"""The NIfTI volumes and their PNG windows against the DICOM files: place, header and every voxel.

NIfTI-1 fields are read by their offsets, so that the reader is another one than the writer's.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check

TOLERANCE_MM = 1e-3
WINDOWS = {"brain": (80, 40), "blood": (200, 80), "soft-tissue": (380, 40)}  # width, level; HU
INT16 = 4  # NIfTI-1 datatype code
BROKEN = (OSError, EOFError, ValueError, struct.error)


class Slice(NamedTuple):
    """One DICOM slice: place along the normal, image position, row and column direction, spacing (mm), digest of its HU."""

    along: float
    position: tuple[float, ...]
    directions: tuple[float, ...]
    spacing: tuple[float, ...]
    digest: str


def digest_of(hu: Any) -> str:
    """A hash of one slice's HU, whole numbers, as 16 bits, row by row."""
    whole = np.clip(hu, -32768, 32767).astype("<i2")
    return hashlib.sha256(np.ascontiguousarray(whole).tobytes()).hexdigest()


def is_volume(slices: list[Slice]) -> bool:
    """Parallel slices of one spacing, no two at one place (0.01 mm)."""
    if not slices:
        return False
    first = slices[0]
    alike = all(np.abs(np.array(one.directions + one.spacing) - np.array(first.directions + first.spacing)).max() <= 1e-3 for one in slices)
    along = sorted(one.along for one in slices)
    return alike and all(after - before >= 0.01 for before, after in pairwise(along))


def png_names(row: Row) -> list[tuple[str, str, int]]:
    """(file, window, place in the part) of the PNG slices that belong to one row of parts.csv."""
    folder, first = row["windows"], int(row["first_slice"])
    if not folder:
        return []
    return [(f"{folder}/{name}/{first + place + 1:04d}.png", name, place) for name in WINDOWS for place in range(int(row["slices"]))]


def check_nifti(check: Check, evidence: Evidence, row: Row, slices: list[Slice]) -> None:
    """Corners to 1e-3 mm, each slice's HU to the last bit, and the PNG windows of the same slices."""
    name = row["file"]
    start, count = int(row["first_slice"]), int(row["slices"])
    own = slices[start : start + count]
    try:
        data = gzip.decompress((evidence.release / name).read_bytes())
        shape = struct.unpack_from("<4h", data, 40)
        affine = np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
        offset = int(struct.unpack_from("<f", data, 108)[0])
        voxels = np.frombuffer(data, "<i2", offset=offset, count=int(np.prod(shape[1:]))).reshape(shape[3], shape[2], shape[1])
    except BROKEN as error:
        check.fault(f"{name}: cannot be read as NIfTI ({type(error).__name__})")
        return
    check.expect((shape[3], len(data)), (len(own), offset + voxels.nbytes), f"{name}: slices and bytes")
    _header(check, name, data, affine)
    for index, (found, dicom) in enumerate(zip(voxels, own, strict=False)):
        _place(check, f"{name}, slice {index + 1}", affine, index, dicom, found.shape)
        check.expect(digest_of(found), dicom.digest, f"{name}, slice {index + 1}: values (hash of HU)")
    _pngs(check, evidence, row, voxels)


def _header(check: Check, name: str, data: bytes, affine: Any) -> None:
    """What readers apply: no scaling, an sform and no qform, voxel sizes that are the affine's own, millimetres."""
    kind, dims, units = struct.unpack_from("<h", data, 70)[0], struct.unpack_from("<h", data, 40)[0], data[123]
    slope, intercept = struct.unpack_from("<2f", data, 112)
    qform, sform = struct.unpack_from("<2h", data, 252)
    plain = not np.isfinite(slope) or slope == 0 or (slope, intercept) == (1, 0)
    check.expect((kind, dims, units & 7, plain, qform, sform > 0), (INT16, 3, 2, True, 0, True), f"{name}: type, dimensions, units, scaling, forms")
    sizes = np.array(struct.unpack_from("<3f", data, 80))
    check.expect(bool(np.abs(sizes - np.linalg.norm(affine[:, :3], axis=0)).max() <= TOLERANCE_MM), True, f"{name}: voxel sizes are the affine's")


def _place(check: Check, where: str, affine: Any, index: int, dicom: Slice, shape: tuple[int, ...]) -> None:
    rows, columns = shape
    first = np.array(dicom.position)
    across, down = np.array(dicom.directions[:3]) * dicom.spacing[1], np.array(dicom.directions[3:]) * dicom.spacing[0]
    check.looked_at += 1
    for column, row in ((0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)):
        wanted = (first + across * column + down * row) * (-1, -1, 1)  # DICOM's left and back are NIfTI's minus
        if np.abs(affine @ [column, row, index, 1.0] - wanted).max() > TOLERANCE_MM:
            check.fault(f"{where}: lies elsewhere than in the DICOM files")
            return


def _pngs(check: Check, evidence: Evidence, row: Row, voxels: Any) -> None:
    from PIL import Image

    for name, window, place in png_names(row):
        check.expect(name in evidence.files, True, f"{name}: present")
        if name not in evidence.files:
            continue
        width, level = WINDOWS[window]
        grey = (voxels[place].astype(np.float64) - (level - 0.5)) / (width - 1) + 0.5  # linear, PS3.3 C.11.2.1.2
        try:
            shown = np.asarray(Image.open(io.BytesIO((evidence.release / name).read_bytes())))
        except (OSError, ValueError) as error:
            check.fault(f"{name}: cannot be read as PNG ({type(error).__name__})")
            continue
        check.looked_at += 1
        # half a step of grey may be rounded either way
        if shown.shape != grey.shape or np.abs(shown - np.clip(grey, 0, 1) * 255).max() > 0.51:
            check.fault(f"{name}: another picture than this window of the slice")
