"""What the archive's headers say of a file: the few attributes that finding and choosing need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
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
    "tilt": "GantryDetectorTilt", "acquisition": "AcquisitionNumber",
}  # fmt: skip
_NUMBERS = {"orientation": "ImageOrientationPatient", "position": "ImagePositionPatient", "pixel_spacing": "PixelSpacing"}
TAGS = [*_TEXT.values(), *_NUMBER.values(), *_NUMBERS.values(), "SpecificCharacterSet"]

CT_IMAGES = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"})  # CT Image Storage, Enhanced CT Image Storage
CUT = "cut off before its pixels"

SCHEMA = pa.schema([
    ("path", pa.binary()), ("size", pa.int64()), ("modified", pa.int64()), ("fault", pa.string()),
    *((name, pa.string()) for name in _TEXT), *((name, pa.float64()) for name in _NUMBER),
    *((name, pa.list_(pa.float64())) for name in _NUMBERS),
])  # fmt: skip


def read_header(file: Path | BinaryIO) -> dict[str, Any]:
    """One index row's attributes, or `fault` saying in a few words why the file is no usable DICOM object."""
    try:
        row = row_of(dcmread(file, stop_before_pixels=True, specific_tags=TAGS))
    except Exception as error:  # the parser raises many kinds on damaged files; every one is a fault with a name
        return {"fault": f"not readable as DICOM ({type(error).__name__})"}
    missing = next((name for name in ("sop_uid", "study_uid", "series_uid") if not row[name]), None)
    if missing is None and row["sop_class"] in CT_IMAGES and row["rows"] is None:
        return row | {"fault": CUT}  # Rows is required of them and stands near the end of the header
    return row | {"fault": f"no {missing}" if missing else None}


def row_of(dataset: Dataset) -> dict[str, Any]:
    """The attributes of one data set; absent or unusable ones are None."""
    row: dict[str, Any] = {column: _text(dataset, keyword) for column, keyword in _TEXT.items()}
    row |= {column: _number(dataset.get(keyword)) for column, keyword in _NUMBER.items()}
    for column, keyword in _NUMBERS.items():
        row[column] = _numbers(dataset.get(keyword))
    return row


def _numbers(value: Any) -> list[float] | None:
    numbers = [_number(one) for one in (value if isinstance(value, MultiValue | list) else ())]
    return [one for one in numbers if one is not None] if numbers and None not in numbers else None


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = dataset.get(keyword)
    if value is None:
        return None
    return plain_text(value if isinstance(value, MultiValue | list) else [value])


def plain_text(parts: Iterable[Any]) -> str | None:
    """Values joined as DICOM does, padding gone, whatever UTF-8 cannot hold replaced."""
    text = "\\".join(str(part).strip(" \0") for part in parts)
    return text.encode("utf-8", "replace").decode("utf-8") or None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def row_of_json(item: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of one data set in the DICOM JSON model (PS3.18 Annex F); the same columns as `row_of`."""
    row: dict[str, Any] = {column: plain_text(_json_values(item, keyword)) for column, keyword in _TEXT.items()}
    row |= {column: next(map(_number, _json_values(item, keyword)), None) for column, keyword in _NUMBER.items()}
    for column, keyword in _NUMBERS.items():
        values = [_number(value) for value in _json_values(item, keyword)]
        row[column] = values if values and None not in values else None
    return row


def _json_values(item: Mapping[str, Any], keyword: str) -> list[Any]:
    element = item.get(f"{tag_for_keyword(keyword):08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return ["" if value is None else value for value in values] if isinstance(values, list) else []
