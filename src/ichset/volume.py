"""One series as an ordered volume: geometry in millimetres, values in Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
