"""One series as an ordered volume: geometry in millimetres, values in Hounsfield units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ichset.decoding import NotDecodable, stored_pixels
from ichset.errors import CurationError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Volume:
    """Slices in order along the normal (row direction x column direction), smallest position first.

    Directions and positions are DICOM patient coordinates: +x to the patient's left, +y to the back,
    +z to the head (PS3.3 C.7.6.2).
    """

    hu: NDArray[np.int16]  # (slices, rows, columns), Hounsfield units
    positions: NDArray[np.float64]  # (slices, 3), mm: centre of each slice's first voxel
    row_direction: NDArray[np.float64]  # (3,), unit vector along which the column index grows
    column_direction: NDArray[np.float64]  # (3,), unit vector along which the row index grows
    spacing: tuple[float, float]  # mm between rows, mm between columns (PixelSpacing's order)
    order: NDArray[np.intp]  # (slices,), index of each slice in the instances it was built from

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector (3,) along which the slices are ordered."""
        return np.cross(self.row_direction, self.column_direction)

    @property
    def offsets(self) -> NDArray[np.float64]:
        """(slices,) mm along the normal, relative to the first slice; uneven where the series is."""
        along = self.positions @ self.normal
        return along - along[0]


# --- from DICOM -----------------------------------------------------------------------------------
PARALLEL = 1e-3  # largest difference of a direction cosine between slices of one series
SAME_PLACE = 0.01  # mm: two slices closer than this lie at one position


class GeometryError(CurationError):
    """These instances are no volume; `.reason` says why in the field's words, naming no person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def from_datasets(datasets: Sequence[Dataset], decoded: Sequence[NDArray[np.integer]] | None = None, into: NDArray[np.int16] | None = None) -> Volume:
    """The volume of one series' single-frame slices, whatever their order. Raises GeometryError.

    `decoded`: (rows, columns) stored values of each, where they are at hand: then nothing is decoded again.
    `into`: an array that is no longer needed; where it has the volume's shape, it is used again (a fresh one costs as much as the reading).

    Gantry tilt and uneven steps are kept as they are: `positions` says where each slice lies (PS3.3 C.7.6.2.1.1).
    """
    if not datasets:
        raise GeometryError("no slices")
    if len({uid for dataset in datasets if (uid := str(_value(dataset, "FrameOfReferenceUID") or ""))}) > 1:
        raise GeometryError("slices of several frames of reference")  # their positions do not share an origin
    orientations = np.array([_numbers(dataset, "ImageOrientationPatient", 6) for dataset in datasets])
    if np.abs(orientations - orientations[0]).max() > PARALLEL:
        raise GeometryError("slices of mixed orientations")
    positions = np.array([_numbers(dataset, "ImagePositionPatient", 3) for dataset in datasets])
    spacings = np.array([_numbers(dataset, "PixelSpacing", 2) for dataset in datasets])
    if np.abs(spacings - spacings[0]).max() > PARALLEL or len({(_count(d, "Rows"), _count(d, "Columns")) for d in datasets}) > 1:
        raise GeometryError("slices of different pixel spacing or size")
    row, column = (_unit(vector) for vector in (orientations[0, :3], orientations[0, 3:]))
    if abs(float(row @ column)) > PARALLEL:
        raise GeometryError("row and column directions are not at right angles")
    along = positions @ np.cross(row, column)
    order = np.argsort(along, kind="stable")
    if len(order) > 1 and np.diff(along[order]).min() < SAME_PLACE:
        raise GeometryError("several slices at one position")
    return Volume(_stacked(datasets, decoded, order, into), positions[order], row, column, (float(spacings[0, 0]), float(spacings[0, 1])), order)


def _stacked(
    datasets: Sequence[Dataset], decoded: Sequence[NDArray[np.integer]] | None, order: NDArray[np.intp], into: NDArray[np.int16] | None
) -> NDArray[np.int16]:
    """(slices, rows, columns) Hounsfield units, each slice written to its place at once."""
    hu = np.empty((0, 0, 0), np.int16)
    for place, index in enumerate(order):
        plane = to_hu(datasets[index], decoded[index] if decoded else None)
        if place == 0:
            shape = (len(order), *plane.shape)
            hu = into if into is not None and into.shape == shape else np.empty(shape, np.int16)
        if plane.shape != hu.shape[1:]:
            raise GeometryError("slices of different pixel spacing or size")
        hu[place] = plane
    return hu


def to_hu(dataset: Dataset, decoded: NDArray[np.integer] | None = None) -> NDArray[np.int16]:
    """(rows, columns) Hounsfield units of one slice, rounded and held within int16 (PS3.3 C.11.1.1.2). Raises GeometryError."""
    if _count(dataset, "NumberOfFrames") != 1 or _count(dataset, "SamplesPerPixel") != 1:
        raise GeometryError("not a single-frame grey slice")
    stored = stored_values(dataset) if decoded is None else decoded
    slope, intercept = rescale(dataset)
    if slope == 1 and intercept.is_integer():
        if stored.size and int(stored.min()) + intercept >= -32768 and int(stored.max()) + intercept <= 32767:
            wrapped = stored.astype(np.uint16) + np.uint16(int(intercept) & 0xFFFF)  # modulo 65536, and back within the range
            return wrapped.view(np.int16)
        return np.clip(stored.astype(np.int32) + int(intercept), -32768, 32767).astype(np.int16)
    return np.clip(np.rint(stored * slope + intercept), -32768, 32767).astype(np.int16)


def stored_values(dataset: Dataset) -> NDArray[np.integer]:
    """(rows, columns) stored values of one slice. Raises GeometryError, whatever the pixels' damage."""
    try:
        return stored_pixels(dataset)
    except NotDecodable as fault:
        raise GeometryError(f"pixels cannot be decoded ({fault})") from None


def hu_to_stored(hu: NDArray[np.int16], dataset: Dataset) -> NDArray[np.integer]:
    """(rows, columns) stored values whose rescaled value is nearest to `hu`, in the slice's own pixel type and bits."""
    slope, intercept = rescale(dataset)
    bits, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation) == 1
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    kind = np.dtype(f"{'i' if signed else 'u'}{int(dataset.BitsAllocated) // 8}")
    if slope == 1 and intercept.is_integer():
        return np.clip(hu.astype(np.int32) - int(intercept), low, high).astype(kind)
    return np.clip(np.rint((hu.astype(np.float64) - intercept) / slope), low, high).astype(kind)


def rescale(dataset: Dataset) -> tuple[float, float]:
    """Slope and intercept (1 and 0 where absent). Raises GeometryError for a slope of zero or no number."""
    try:
        slope, intercept = (float(value) if (value := _value(dataset, name)) not in (None, "") else default for name, default in _RESCALE)
    except (TypeError, ValueError):
        raise GeometryError("rescale slope or intercept is not usable") from None
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise GeometryError("rescale slope or intercept is not usable")
    return slope, intercept


_RESCALE = (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))


def _value(dataset: Dataset, name: str) -> Any:
    """The element's value; one of a length or form that its representation cannot have is as good as wrong. Raises GeometryError."""
    try:
        return dataset.get(name)
    except Exception:  # the conversion of damaged values raises many kinds
        raise GeometryError(f"{name} missing or not usable") from None


def _count(dataset: Dataset, name: str) -> int:
    """A whole number; 1 where absent."""
    try:
        return int(_value(dataset, name) or 1)
    except (TypeError, ValueError):
        raise GeometryError(f"{name} missing or not usable") from None


def _numbers(dataset: Dataset, name: str, count: int) -> list[float]:
    value = _value(dataset, name)
    try:
        numbers = [float(number) for number in value] if value is not None else []
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise GeometryError(f"{name} missing or not usable")
    return numbers


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    if length == 0:
        raise GeometryError("ImageOrientationPatient missing or not usable")
    return vector / length
