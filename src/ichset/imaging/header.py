"""What the archive's headers say of a file: the few attributes that finding and choosing need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

# column -> (keyword, kind): one row a file, in the folder index and in PACS answers alike
_TEXT = {
    "sop_class": "SOPClassUID", "sop_uid": "SOPInstanceUID", "study_uid": "StudyInstanceUID", "series_uid": "SeriesInstanceUID",
    "patient_id": "PatientID", "accession": "AccessionNumber", "study_date": "StudyDate", "modality": "Modality",
    "image_type": "ImageType", "body_part": "BodyPartExamined", "protocol": "ProtocolName", "description": "SeriesDescription",
    "study_description": "StudyDescription", "contrast": "ContrastBolusAgent", "kernel": "ConvolutionKernel",
    "manufacturer": "Manufacturer", "model": "ManufacturerModelName", "burned_in": "BurnedInAnnotation",
}  # fmt: skip
_NUMBER = {
    "series_number": "SeriesNumber", "instance_number": "InstanceNumber", "rows": "Rows", "columns": "Columns", "frames": "NumberOfFrames",
    "samples": "SamplesPerPixel", "slice_thickness": "SliceThickness", "kvp": "KVP", "tube_current": "XRayTubeCurrent",
    "tilt": "GantryDetectorTilt",
}  # fmt: skip
_NUMBERS = {"orientation": "ImageOrientationPatient", "position": "ImagePositionPatient", "pixel_spacing": "PixelSpacing"}
TAGS = [*_TEXT.values(), *_NUMBER.values(), *_NUMBERS.values(), "SpecificCharacterSet"]

SCHEMA = pa.schema([
    ("path", pa.string()), ("size", pa.int64()), ("modified", pa.int64()), ("fault", pa.string()),
    *((name, pa.string()) for name in _TEXT), *((name, pa.float64()) for name in _NUMBER),
    *((name, pa.list_(pa.float64())) for name in _NUMBERS),
])  # fmt: skip


def read_header(path: Path) -> dict[str, Any]:
    """One index row's attributes, or `fault` saying in a few words why the file is no usable DICOM object."""
    try:
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        row = row_of(dataset)
    except Exception as error:  # the parser raises many kinds on damaged files; every one is a fault with a name
        return {"fault": f"not readable as DICOM ({type(error).__name__})"}
    missing = next((name for name in ("sop_uid", "study_uid", "series_uid") if not row[name]), None)
    return row | {"fault": f"no {missing}" if missing else None}


def row_of(dataset: Dataset) -> dict[str, Any]:
    """The attributes of one data set; absent or unusable ones are None."""
    row: dict[str, Any] = {column: _text(dataset, keyword) for column, keyword in _TEXT.items()}
    row |= {column: _number(dataset.get(keyword)) for column, keyword in _NUMBER.items()}
    for column, keyword in _NUMBERS.items():
        values = [_number(value) for value in dataset.get(keyword) or ()]
        row[column] = values if values and None not in values else None
    return row


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = dataset.get(keyword)
    if value is None:
        return None
    parts = value if isinstance(value, MultiValue | list) else [value]
    text = "\\".join(str(part) for part in parts).strip(" \0")
    return text.encode("utf-8", "replace").decode("utf-8") or None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
