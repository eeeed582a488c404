"""The technical parameters (Table 2), age and sex of a written study, taken from the de-identified files themselves."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from ichset.anonymize import dates
from ichset.dicomfile import DicomFile
from ichset.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset


def text(dataset: Dataset, keyword: str) -> str | None:
    """A value as text, components joined by a backslash; None when absent or empty."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    return "\\".join(map(str, value)) if not isinstance(value, str) and hasattr(value, "__iter__") else str(value)


def number(dataset: Dataset, keyword: str) -> float | None:
    """A single number, or the first of several."""
    shown = (text(dataset, keyword) or "").split("\\")[0]
    try:
        return float(shown)
    except ValueError:
        return None


def day(dataset: Dataset, keyword: str) -> date | None:
    """A DA value as a date."""
    return dates.read_date(text(dataset, keyword) or "")


def series_row(dataset: Dataset, volume: Volume) -> dict[str, Any]:
    """Columns of ANONYMIZED_SERIES that describe the acquisition; distances in mm, tilt in degrees."""
    gaps = np.diff(volume.offsets)
    return {
        "series_uid": str(dataset.SeriesInstanceUID),
        "description": text(dataset, "SeriesDescription"),
        "manufacturer": text(dataset, "Manufacturer"),
        "model": text(dataset, "ManufacturerModelName"),
        "kernel": text(dataset, "ConvolutionKernel"),
        "slice_thickness": number(dataset, "SliceThickness"),
        "slice_spacing": round(float(np.median(gaps)), 4) if len(gaps) else None,
        "pixel_spacing": number(dataset, "PixelSpacing"),
        "kvp": number(dataset, "KVP"),
        "tube_current": number(dataset, "XRayTubeCurrent"),
        "tilt": number(dataset, "GantryDetectorTilt"),
        "rows": int(volume.hu.shape[1]),
        "columns": int(volume.hu.shape[2]),
    }


def age_and_sex(dataset: Dataset, source: DicomFile, cap: int | None, reported: int | None) -> tuple[str | None, str | None]:
    """Age in years as `57` or `90+`, from the written age, else from the source's dates, else the report's; and F, M or O."""
    match = re.fullmatch(r"(\d{3})Y", text(dataset, "PatientAge") or "")
    years = int(match[1]) if match else _years(source)
    years = reported if years is None else years
    shown = None if years is None else f"{cap + 1}+" if cap is not None and years > cap else str(years)
    return shown, text(dataset, "PatientSex")


def _years(source: DicomFile) -> int | None:
    born, studied = dates.read_date(source.text(0x00100030)), dates.read_date(source.text(0x00080020))
    if born is None or studied is None or studied < born:
        return None
    return studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day))
