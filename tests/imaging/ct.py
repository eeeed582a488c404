"""CT slices made in code: a head of skin, skull and brain in air, small enough that hundreds are cheap."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIZE, PIXEL = 64, 3.6  # a field of view of 230 mm
HEAD = {"Modality": "CT", "BodyPartExamined": "HEAD", "SeriesDescription": "Head 5.0", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}


def uid(*parts: object) -> str:
    """The same parts give the same UID."""
    return generate_uid(entropy_srcs=["/".join(map(str, parts))])


def picture(height: float, blood: bool = False, vessels: int = 0, size: int = SIZE, pixel: float = PIXEL) -> np.ndarray:
    """One axial slice in HU; `height` from -1 (chin) to 1 (crown), `vessels` in HU when filled with contrast."""
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel
    width = np.sqrt(max(1 - (height * 0.75) ** 2, 0.1))
    r = np.hypot(x / (72 * width), y / (90 * width))
    hu = np.full((size, size), -1000.0)
    hu[r < 1.08] = 50
    hu[r < 1.0] = 900
    hu[r < 0.9] = 33
    if blood:
        hu[np.hypot(x - 25, y) < 14] = 70
    if vessels:
        for at in np.linspace(-40, 40, 5):
            hu[np.hypot(x - at, y + at / 2) < 5] = vessels
    return hu


def ct(number: int, z: float, hu: np.ndarray, study: str = "1", series: int = 1, **changes: Any) -> Dataset:
    """One CT slice; keyword arguments overwrite elements, None removes one."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": uid(study, series, number), "StudyInstanceUID": uid("study", study),
        "SeriesInstanceUID": uid("series", study, series), "PatientID": f"P{study}", "PatientName": "Test^Head", "AccessionNumber": f"A{study}",
        "StudyDate": "20220110", "StudyTime": "101500", "SeriesNumber": series, "InstanceNumber": number, "Manufacturer": "GE MEDICAL SYSTEMS",
        "ConvolutionKernel": "STANDARD", "KVP": "120", "XRayTubeCurrent": "200", "SliceThickness": "5", "Rows": hu.shape[0],
        "Columns": hu.shape[1], "PixelSpacing": [PIXEL, PIXEL], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [-115, -115, z], "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
        "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": "1", "RescaleIntercept": "-1024", **HEAD,
    }  # fmt: skip
    values |= changes
    for keyword, value in values.items():
        if value is not None:
            setattr(data, keyword, value)
    stored = np.rint(hu - float(values.get("_intercept", -1024))).astype("<i2")
    data.PixelData = stored.tobytes()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def head(study: str = "1", series: int = 1, slices: int = 24, step: float = 5.0, vessels: int = 0, **changes: Any) -> list[Dataset]:
    """A native (or enhanced) head series of `slices` axial slices."""
    pictures = (picture(2 * index / (slices - 1) - 1, vessels=vessels) for index in range(slices))
    return [ct(index + 1, index * step, hu, study, series, **changes) for index, hu in enumerate(pictures)]


small = partial(head, slices=12, step=8.0)  # a whole head, for what is about transfers


def save(datasets: Iterable[Dataset], folder: Path, stem: str = "im") -> list[Path]:
    """Write each as <stem><n>; names say nothing of the content."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, data in enumerate(datasets):
        data.save_as(path := folder / f"{stem}{number:04}", enforce_file_format=True)
        paths.append(path)
    return paths
