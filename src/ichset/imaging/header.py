"""What the archive's headers say of a file: the few attributes that finding and choosing need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from ichset.dicomfile import Outlines
from ichset.imaging.attributes import CT_IMAGES, NUMBER, NUMBERS, TAGS, TEXT
from ichset.imaging.prefix import quick_row, row_of_bytes

NEEDED = {"sop_uid": "SOP Instance UID", "study_uid": "Study Instance UID", "series_uid": "Series Instance UID"}
CUT = "cut off before its pixels"

SCHEMA = pa.schema([
    ("path", pa.binary()), ("size", pa.int64()), ("modified", pa.int64()), ("fault", pa.string()),
    *((name, pa.string()) for name in TEXT), *((name, pa.float64()) for name in NUMBER),
    *((name, pa.list_(pa.float64())) for name in NUMBERS),
])  # fmt: skip


def read_header(file: Path | bytes, outlines: Outlines | None = None) -> dict[str, Any]:
    """One index row's attributes, or `fault` saying in a few words why the file is no usable DICOM object.

    `outlines` of the files read before make a caller's next files of the same make cheaper.
    """
    known = outlines or Outlines()
    quick = row_of_bytes(file, known) if isinstance(file, bytes) else quick_row(file, known)
    return quick | {"fault": None} if quick is not None else read_slowly(file)


def read_slowly(file: Path | bytes) -> dict[str, Any]:
    """As `read_header`, by pydicom."""
    try:
        row = row_of(dcmread(BytesIO(file) if isinstance(file, bytes) else file, stop_before_pixels=True, specific_tags=TAGS))
    except InvalidDicomError:
        return {"fault": "no DICOM file"}
    except Exception as error:  # the parser raises many kinds on damaged files; every one is a fault with a name
        return {"fault": f"not readable as DICOM ({type(error).__name__})"}
    missing = next((words for name, words in NEEDED.items() if not row[name]), None)
    if missing is None and row["sop_class"] in CT_IMAGES and row["rows"] is None:
        return row | {"fault": CUT}  # Rows is required of them and stands near the end of the header
    return row | {"fault": f"no {missing}" if missing else None}


def row_of(dataset: Dataset) -> dict[str, Any]:
    """The attributes of one data set; absent or unusable ones are None."""
    row: dict[str, Any] = {column: _text(dataset, keyword) for column, keyword in TEXT.items()}
    row |= {column: _number(_value(dataset, keyword)) for column, keyword in NUMBER.items()}
    for column, keyword in NUMBERS.items():
        row[column] = _numbers(_value(dataset, keyword))
    return row


def _value(dataset: Dataset, keyword: str) -> Any:
    """The converted value; of one that pydicom refuses (a current of 199.5 as an integer string) the text it came in."""
    try:
        return dataset.get(keyword)
    except (TypeError, ValueError, OverflowError):
        raw = dataset.get_item(keyword).value
        return raw.decode("ascii", "replace").strip(" \0") if isinstance(raw, bytes) else None


def _numbers(value: Any) -> list[float] | None:
    numbers = [_number(one) for one in (value if isinstance(value, MultiValue | list) else ())]
    return [one for one in numbers if one is not None] if numbers and None not in numbers else None


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = _value(dataset, keyword)
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
    row: dict[str, Any] = {column: plain_text(_json_values(item, keyword)) for column, keyword in TEXT.items()}
    row |= {column: next(map(_number, _json_values(item, keyword)), None) for column, keyword in NUMBER.items()}
    for column, keyword in NUMBERS.items():
        values = [_number(value) for value in _json_values(item, keyword)]
        row[column] = values if values and None not in values else None
    return row


def _json_values(item: Mapping[str, Any], keyword: str) -> list[Any]:
    element = item.get(f"{tag_for_keyword(keyword):08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return ["" if value is None else value for value in values] if isinstance(values, list) else []
