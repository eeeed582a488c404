"""CT files for tests, built in code: a plain valid head slice, with a patient who has something everywhere."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1517.77"


def slice_pixels(rows: int = 64, columns: int = 64, seed: int = 0) -> np.ndarray:
    """A noisy head-like disc: stored values of a signed 16-bit slice."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    inside = (y - rows / 2) ** 2 + (x - columns / 2) ** 2 < (min(rows, columns) * 0.4) ** 2
    return (np.where(inside, 1064, 24) + rng.normal(0, 12, (rows, columns))).clip(0, 4095).astype("<i2")


def ct_slice(number: int = 1, rows: int = 64, columns: int = 64, **values: object) -> FileDataset:
    """One valid CT Image; `values` are set by keyword."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.3.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{ROOT}.9"
    found = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in {**_PLAIN, "SOPInstanceUID": f"{ROOT}.3.{number}", "InstanceNumber": number, "Rows": rows, "Columns": columns}.items():
        setattr(found, keyword, value)
    found.ImagePositionPatient = [-120.0, -120.0, 2.5 * number]
    found.SliceLocation = 2.5 * number
    found.PixelData = slice_pixels(rows, columns, number).tobytes()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


_PLAIN = {
    "SpecificCharacterSet": "ISO_IR 144",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SOPClassUID": CTImageStorage,
    "StudyDate": "20230405",
    "SeriesDate": "20230405",
    "AcquisitionDate": "20230405",
    "ContentDate": "20230405",
    "StudyTime": "153016",
    "SeriesTime": "153020",
    "AcquisitionTime": "153021.5",
    "ContentTime": "153022.25",
    "AccessionNumber": "ACC7781234",
    "Modality": "CT",
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "SOMATOM Definition AS",
    "ReferringPhysicianName": "Сидоров^Антон",
    "StudyDescription": "КТ головного мозга",
    "SeriesDescription": "Head 5.0 H31s",
    "PatientName": "Белозерцева^Мария^Петровна",
    "PatientID": "77-481516",
    "PatientBirthDate": "19480317",
    "PatientSex": "F",
    "PatientAge": "075Y",
    "BodyPartExamined": "HEAD",
    "SliceThickness": "5.0",
    "KVP": "120",
    "ProtocolName": "Head routine",
    "GantryDetectorTilt": "0",
    "ExposureTime": "1000",
    "XRayTubeCurrent": "240",
    "ConvolutionKernel": "H31s",
    "PatientPosition": "HFS",
    "ReconstructionDiameter": "240",
    "StudyInstanceUID": f"{ROOT}.1",
    "SeriesInstanceUID": f"{ROOT}.2",
    "StudyID": "40417",
    "SeriesNumber": 2,
    "AcquisitionNumber": 1,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "FrameOfReferenceUID": f"{ROOT}.4",
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": [3.75, 3.75],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "WindowCenter": "40",
    "WindowWidth": "80",
}


def item(**values: object) -> Dataset:
    """A sequence's item."""
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def sequence(**values: object) -> Sequence:
    """A sequence of one item."""
    return Sequence([item(**values)])
