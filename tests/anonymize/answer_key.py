"""A MIDI-B style answer key: for each released file and its source, what should have happened to each attribute, and whether it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from ichset.anonymize import dates, vocabulary

RESEARCH = (
    "ImageType",
    "SOPClassUID",
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "ConvolutionKernel",
    "SliceThickness",
    "KVP",
    "XRayTubeCurrent",
    "ExposureTime",
    "Exposure",
    "GantryDetectorTilt",
    "ScanOptions",
    "FilterType",
    "ReconstructionDiameter",
    "DataCollectionDiameter",
    "PatientPosition",
    "BodyPartExamined",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SpacingBetweenSlices",
    "SliceLocation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "WindowCenter",
    "WindowWidth",
    "SeriesNumber",
    "AcquisitionNumber",
    "InstanceNumber",
    "PatientSex",
    "PatientAge",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "SpiralPitchFactor",
    "CTDIvol",
    "SoftwareVersions",
    "RotationDirection",
    "TableHeight",
    "FocalSpots",
    "LossyImageCompression",
)
IDENTIFYING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "OtherPatientIDs",
    "OtherPatientNames",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientComments",
    "AccessionNumber",
    "StudyID",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
    "DeviceSerialNumber",
    "RequestAttributesSequence",
    "ImageComments",
    "IssuerOfPatientID",
    "AdditionalPatientHistory",
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "IrradiationEventUID")
DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate", "AcquisitionDateTime")
TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
TEXTS = ("StudyDescription", "SeriesDescription", "ProtocolName")


class AnswerKey:
    """Counts of right actions and the wrong ones, by kind; consistency is kept over all files."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.wrong: list[tuple[str, str, str]] = []
        self._uids: dict[str, str] = {}
        self._patients: dict[str, str] = {}
        self._shifts: dict[str, int] = {}

    @property
    def actions(self) -> int:
        return sum(self.right.values()) + len(self.wrong)

    def share(self, kinds: Iterable[str]) -> float:
        wanted = set(kinds)
        right = sum(count for kind, count in self.right.items() if kind in wanted)
        return right / (right + sum(kind in wanted for kind, _, _ in self.wrong))

    def _score(self, kind: str, place: str, right: bool, shown: object = "") -> None:
        if right:
            self.right[kind] += 1
        else:
            self.wrong.append((kind, place, str(shown)))

    def compare(self, source_path: Path, released_path: Path) -> None:
        source, released = pydicom.dcmread(source_path, force=True), pydicom.dcmread(released_path)
        data = released_path.read_bytes()
        head = data[: len(data) - len(released.PixelData)]
        self._identifiers(source, released, head)
        self._dates(source, released)
        for keyword in RESEARCH:
            if source.get(keyword) not in (None, ""):
                value = source[keyword].value
                if keyword == "PatientAge" and str(value) > "089Y" and str(value).endswith("Y"):
                    value = "090Y"  # ages above 89 are 90+
                self._score("tag_retained", keyword, released.get(keyword) == value, value)
        for keyword in TEXTS:
            text = str(source.get(keyword) or "")
            if text and vocabulary.clean(text) == text:
                self._score("text_retained", keyword, released.get(keyword) == text, text)
        if source.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.1.99":
            self._score("pixels_retained", "PixelData", released.PixelData == source.PixelData)
        for keyword in (
            "PatientIdentityRemoved",
            "DeidentificationMethod",
            "DeidentificationMethodCodeSequence",
            "LongitudinalTemporalInformationModified",
        ):
            self._score("text_notnull", keyword, bool(released.get(keyword)))
        self._score("tag_removed", "private", not any(element.tag.is_private for element in released.iterall()))

    def _identifiers(self, source: Dataset, released: Dataset, head: bytes) -> None:
        for keyword in IDENTIFYING:
            value = source.get(keyword)
            if value in (None, "") or not len(str(value)):
                continue
            self._score("text_removed", keyword, str(released.get(keyword, "")) != str(value), value)
            text = str(value)
            if keyword != "RequestAttributesSequence" and len(text) >= 5:
                forms = {text.encode(codec, "ignore") for codec in ("utf-8", "cp1251", "iso8859-5", "koi8-r", "utf-16-le")}
                self._score("text_removed", f"{keyword} anywhere", not any(form in head for form in forms if len(form) >= 5), value)
        self._score("patid_consistent", "PatientID", self._patients.setdefault(str(source.PatientID), str(released.PatientID)) == released.PatientID)
        for keyword in UIDS:
            if source.get(keyword):
                self._score("uid_changed", keyword, released.get(keyword) != source.get(keyword) and str(source.get(keyword)).encode() not in head)
                self._score(
                    "uid_consistent", keyword, self._uids.setdefault(str(source.get(keyword)), str(released.get(keyword))) == released.get(keyword)
                )

    def _dates(self, source: Dataset, released: Dataset) -> None:
        for keyword in DATES:
            before, after = (dates.read_date(str(data.get(keyword) or "")[:8]) for data in (source, released))
            if before is None:
                continue
            shift = (after - before).days if after else 0
            self._score("date_shifted", keyword, after is not None and shift < 0 and self._shifts.setdefault(str(source.PatientID), shift) == shift)
        for keyword in TIMES:
            if source.get(keyword):
                self._score("tag_retained", keyword, released.get(keyword) == source.get(keyword), source.get(keyword))
