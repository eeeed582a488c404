"""Data sets of the archive: every level's elements, as each scanner writes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from ichset.demo.cases import Case
from ichset.demo.people import INSTITUTIONS, transliterate
from ichset.demo.phantom.frame import Grid

CT_IMAGE = UID("1.2.840.10008.5.1.4.1.1.2")
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")
DOSE_REPORT = UID("1.2.840.10008.5.1.4.1.1.88.67")
_CODE_PAGES = {"ISO_IR 144": "iso8859_5", "ISO_IR 192": "utf-8", "ISO_IR 100": "latin_1"}


class Text:
    """How one study's files hold Cyrillic: their declared character set, and wrong bytes where the scanner lies about it."""

    def __init__(self, case: Case) -> None:
        self.mislabelled = case.kind == "mislabelled charset"
        self.charset = "ISO_IR 100" if self.mislabelled or case.person.english else case.scanner.charset

    def __call__(self, text: str, limit: int = 64) -> str:
        """`text` as pydicom must be given it, so that the intended bytes are written."""
        text = text[:limit].strip()
        if self.mislabelled:  # cp1251 bytes under a Latin label
            return text.encode("cp1251", "replace").decode("latin_1")
        page = _CODE_PAGES[self.charset]
        if page == "utf-8":  # scanners count bytes where the standard counts letters
            return text.encode("utf-8")[:limit].decode("utf-8", "ignore").strip()
        text = text.replace("«", '"').replace("»", '"')
        return text.encode(page, "replace").decode(page)


def study_header(case: Case, text: Text) -> Dataset:
    """Elements of patient and study, the same in every file of it."""
    who, scanner = case.person, case.scanner
    name, _, address = INSTITUTIONS[case.institution]
    data = Dataset()
    data.SpecificCharacterSet = text.charset
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = f"{case.day:%Y%m%d}"
    data.StudyTime = case.time
    data.AccessionNumber = case.accession
    data.Manufacturer = scanner.manufacturer
    data.ManufacturerModelName = scanner.model
    data.InstitutionName = text(name)
    data.InstitutionAddress = text(address)
    data.InstitutionalDepartmentName = text("Отделение лучевой диагностики") if not who.english else "Radiology"
    data.StationName = scanner.station
    data.DeviceSerialNumber = f"SN{case.scanner.station}{4711 + case.institution}"
    data.SoftwareVersions = "07MW18.4"
    data.ReferringPhysicianName = text(_physician(case.referrer))
    data.PerformingPhysicianName = text(_physician(case.radiologist))
    data.OperatorsName = text("Лаборант^Рентгеновский") if not who.english else "Technologist^On Duty"
    data.StudyDescription = text("КТ головного мозга") if not who.english else "CT Head"
    data.StudyInstanceUID = case.uid
    data.StudyID = case.accession[-8:]
    data.PatientName = text(who.dicom)
    data.PatientID = who.patient_id
    data.PatientBirthDate = f"{who.birth:%Y%m%d}"
    data.PatientSex = who.sex or "O"
    data.PatientAge = f"{case.age:03d}Y"
    data.PatientWeight = f"{60 + case.number % 40}"
    data.OtherPatientIDs = who.insurance
    data.PatientAddress = text(who.address)
    data.PatientTelephoneNumbers = who.phone
    data.PatientComments = text(f"полис {who.insurance}, тел. {who.phone}")
    data.BodyPartExamined = "HEAD"
    data.RequestAttributesSequence = Sequence([_request(case, text)])
    return data


def _physician(short: str) -> str:
    surname, _, initials = short.partition(" ")
    return f"{surname}^{initials.replace(' ', '^')}"


def _request(case: Case, text: Text) -> Dataset:
    item = Dataset()
    item.RequestedProcedureID = f"RP{case.accession[2:]}"
    item.ScheduledProcedureStepID = f"SPS{case.accession[4:]}"
    item.RequestedProcedureDescription = text("КТ головного мозга без контраста")
    item.ScheduledProcedureStepDescription = text(f"Направил {case.referrer}")
    return item


def series_header(
    case: Case, text: Text, number: int, description: str, kernel: str, thickness: float, kvp: float, current: int
) -> Dataset:
    """Elements of one CT series."""
    data = Dataset()
    data.Modality = "CT"
    data.SeriesDescription = description
    data.ProtocolName = "Head" if case.person.english else text(case.scanner.protocol)
    data.SeriesInstanceUID = f"{case.uid}.{number}"
    data.SeriesNumber = number
    data.FrameOfReferenceUID = f"{case.uid}.99"
    data.PositionReferenceIndicator = "OM"
    data.PatientPosition = "HFS"
    data.SeriesTime = data.AcquisitionTime = data.ContentTime = _later(case.time, number)
    data.AcquisitionNumber = 1
    data.SliceThickness = f"{thickness:.6f}"
    data.KVP = f"{kvp:g}"
    data.XRayTubeCurrent = current
    data.ExposureTime = 1000
    data.Exposure = current
    data.ConvolutionKernel = kernel
    data.DataCollectionDiameter = "250.0"
    data.ReconstructionDiameter = "230.0"
    data.RotationDirection = "CW"
    data.FilterType = "HEAD FILTER"
    data.GeneratorPower = 36
    data.FocalSpots = "1.2"
    data.TableHeight = "152.5"
    data.CTDIvol = 42.5
    data.WindowCenter, data.WindowWidth = "40", "80"
    return data


def _later(time: str, minutes: int) -> str:
    seconds = int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:])
    return str(timedelta(seconds=(seconds + 60 * minutes) % 86400)).zfill(8).replace(":", "")


def add_contrast(data: Dataset, agent: str) -> None:
    data.ContrastBolusAgent = agent
    data.ContrastBolusRoute = "IV"
    data.ContrastBolusVolume = "80"


def add_private(data: Dataset, case: Case, text: Text) -> None:
    """The scanner's private groups, some with what identifies the patient."""
    values = {
        "id": case.person.patient_id, "accession": case.accession, "uid": f"{case.uid}.7", "name": text(case.person.latin, 32),
        "station": case.scanner.station, "institution": INSTITUTIONS[case.institution][1],
    }  # fmt: skip
    for group, creator, element, vr, template in case.scanner.private:
        value: Any = template.format(**values)
        block = data.private_block(group, creator, create=True)
        block.add_new(element, vr, int(value) if vr in ("SL", "SS") else value)


def slice_elements(data: Dataset, grid: Grid, index: int, instance: int, image_type: tuple[str, ...], tilt: float) -> None:
    """Elements that differ from slice to slice. `instance` counts from 1."""
    where = grid.positions[index]
    normal = np.cross(grid.row_direction, grid.column_direction)
    data.SOPClassUID = CT_IMAGE
    data.SOPInstanceUID = f"{data.SeriesInstanceUID}.{instance}"
    data.ImageType = list(image_type)
    data.InstanceNumber = instance
    data.ImagePositionPatient = [f"{value:.4f}" for value in where]
    data.ImageOrientationPatient = [f"{value:.6f}" for value in (*grid.row_direction, *grid.column_direction)]
    data.SliceLocation = f"{where @ normal:.3f}"
    data.GantryDetectorTilt = f"{tilt:g}"
    data.PixelSpacing = [f"{value:.6f}" for value in grid.spacing]


def pixels(data: Dataset, hu: np.ndarray, signed: bool, intercept: int | None = None) -> None:
    """Stored values of one slice (rows, columns). `intercept`: what the header claims where it lies."""
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = hu.shape
    data.BitsAllocated = 16
    data.BitsStored, data.HighBit = (16, 15) if signed else (12, 11)
    data.PixelRepresentation = int(signed)
    offset = 0 if signed else -1024
    data.RescaleIntercept = str(offset if intercept is None else intercept)
    data.RescaleSlope = "1"
    data.RescaleType = "HU"
    stored = hu.astype(np.int16) - offset
    data.PixelData = (stored.astype("<i2") if signed else np.clip(stored, 0, 4095).astype("<u2")).tobytes()
    data["PixelData"].VR = "OW"


def dose_report(case: Case, text: Text, number: int) -> Dataset:
    """A structured dose report with one numeric item and free text."""
    data = study_header(case, text)
    del data.BodyPartExamined
    data.SOPClassUID = DOSE_REPORT
    data.Modality = "SR"
    data.SeriesInstanceUID = f"{case.uid}.{number}"
    data.SOPInstanceUID = f"{case.uid}.{number}.1"
    data.SeriesNumber, data.InstanceNumber = number, 1
    data.SeriesDescription = "Dose Report"
    data.ContentTime = data.SeriesTime = _later(case.time, number)
    del data.AcquisitionDate
    data.ReferencedPerformedProcedureStepSequence = Sequence([])
    data.PerformedProcedureCodeSequence = Sequence([])
    del data.RequestAttributesSequence
    data.CompletionFlag, data.VerificationFlag = "COMPLETE", "UNVERIFIED"
    data.ValueType, data.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data.ConceptNameCodeSequence = Sequence([_code("113701", "DCM", "X-Ray Radiation Dose Report")])
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = Sequence([_code("121106", "DCM", "Comment")])
    item.TextValue = f"DLP 812 mGy.cm {transliterate(case.person.full)} {case.person.patient_id}"
    data.ContentSequence = Sequence([item])
    return data


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def capture(case: Case, text: Text, number: int, picture: np.ndarray) -> Dataset:
    """A secondary capture (rows, columns) uint8 with whatever is drawn into it."""
    data = study_header(case, text)
    data.SOPClassUID = SECONDARY_CAPTURE
    data.Modality, data.ConversionType = "CT", "WSD"
    data.SeriesInstanceUID = f"{case.uid}.{number}"
    data.SOPInstanceUID = f"{case.uid}.{number}.1"
    data.SeriesNumber, data.InstanceNumber = number, 1
    data.SeriesDescription = "Patient Protocol"
    data.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    data.PatientOrientation = None
    data.ContentTime = data.SeriesTime = _later(case.time, number)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = picture.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = picture.astype(np.uint8).tobytes()
    data["PixelData"].VR = "OB"
    return data
