"""Every DICOM file against the tables: identity, place, order, technical values, pixels."""

from __future__ import annotations

import hashlib
import io
import statistics
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.nifti import Slice, digest_of
from ichset.release.audit.report import Check
from ichset.release.audit.sources import SourceHeaders
from ichset.release.audit.telling import keyword, telling

HEADER = {
    "SOPInstanceUID": "sop_uid", "SeriesInstanceUID": "series_uid", "StudyInstanceUID": "study_uid", "PatientID": "subject",
    "AccessionNumber": "accession",
}  # fmt: skip
TECHNICAL = {
    "ConvolutionKernel": "kernel", "Manufacturer": "manufacturer", "ManufacturerModelName": "model", "KVP": "kvp",
    "Rows": "rows", "Columns": "columns",
}  # fmt: skip
# may change from slice to slice; the table has the value of one of them
VARYING = {"SliceThickness": "slice_thickness", "XRayTubeCurrent": "tube_current", "GantryDetectorTilt": "tilt"}
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
SAFE_PRIVATE = "113111"  # Retain Safe Private Option (PS3.16 CID 7050)
# slices count as parallel to 1e-3: at a metre from the origin that is a millimetre along the normal
ALONG_MM, SPACING_MM = 1.0, 0.05
TELLING = 16  # grey values: a picture of fewer is as good as blank and may well occur twice


class FileAudit:
    """Fed every file once; then judged as a whole (order of slices, pictures in two splits)."""

    def __init__(self, evidence: Evidence, private: Path | None, age_cap: int | None) -> None:
        self.evidence = evidence
        self._sources, self._age_cap = SourceHeaders(private), age_cap
        self.files = Check("files", "every DICOM file is the one its row names, and every row has its file")
        self.headers = Check("headers", "every DICOM header says what the tables say, and that its identity was removed")
        self.order = Check("slices", "the slices of every series are complete and in order")
        self.pictures = Check("pictures", "no picture occurs under two persons in two splits")
        self.studies = {row["study"]: row for row in evidence.rows("studies")}
        self.series = {(row["study"], row["series"]): row for row in evidence.rows("series")}
        self.instances = {row["file"]: row for row in evidence.rows("instances")}
        self.slices: dict[tuple[str, str], list[Slice]] = defaultdict(list)
        self._pixels: dict[str, set[str]] = defaultdict(set)
        self._frames: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._values: dict[tuple[tuple[str, str], str], set[str]] = defaultdict(set)
        self._along: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)

    def see(self, name: str, data: bytes) -> None:
        """One file below data/dicom/."""
        row = self.instances.get(name)
        self.files.looked_at += 1
        if row is None:
            self.files.fault(f"{name}: in no row of instances.csv")
            return
        self.files.expect(self.evidence.digests[name], row["sha256"], f"{name}: sha256")
        self.files.expect(str(len(data)), row["bytes"], f"{name}: bytes")
        study = self.studies.get(row["study"], {})
        parts = name.split("/")
        self.files.expect(parts[2:4], [study.get("subject"), row["study"]], f"{name}: folders of subject and study")
        try:
            self._header(name, row, study, data)
        except Exception as error:  # a file of any kind may lie here; what cannot be read is a fault, not a crash
            self.headers.fault(f"{name}: cannot be read as DICOM ({type(error).__name__})")

    def _header(self, name: str, row: Row, study: Row, data: bytes) -> None:
        import pydicom

        d = pydicom.dcmread(io.BytesIO(data))
        series = self.series.get((row["study"], row["series"]), {})
        known = {**study, **series, **row}
        for tag, column in HEADER.items():
            self.headers.same(str(d.get(tag, "")), known.get(column, ""), f"{name}: {tag}")
        self.headers.same(str(d.file_meta.get("MediaStorageSOPInstanceUID", "")), row["sop_uid"], f"{name}: file meta SOP instance UID")
        self.headers.expect(str(d.get("Modality", "")), "CT", f"{name}: Modality")
        self.headers.expect(str(d.get("PatientIdentityRemoved", "")), "YES", f"{name}: PatientIdentityRemoved")
        self.headers.same(str(d.get("StudyDate", "") or ""), study.get("study_date", "").replace("-", ""), f"{name}: StudyDate")
        self.headers.expect(str(d.get("PatientSex", "") or "").replace("O", ""), study.get("sex", ""), f"{name}: PatientSex")
        for tag, column in TECHNICAL.items():
            self._technical(name, tag, d.get(tag), series.get(column, ""))
        self._identity(name, d, study.get("subject", ""))
        self._age(name, str(d.get("PatientAge", "") or ""), study.get("age", ""))
        where, along = (row["study"], row["series"]), _along(d)
        for tag in VARYING:
            self._values[where, tag].add(_shown(d.get(tag)))
        self._frames[where].add(str(d.get("FrameOfReferenceUID", "")))
        self._along[where].append((int(row["instance"]), along))
        hu = _hounsfield(d)
        self._picture(row["study"], hu)
        place, directions, spacing = (tuple(map(float, d[tag].value)) for tag in GEOMETRY)
        self.headers.expect(row["position"] == "" or _near(along, row["position"], ALONG_MM), True, f"{name}: position along the normal, mm")
        self.headers.expect(_near(spacing[0], series.get("pixel_spacing", "")), True, f"{name}: pixel spacing, mm")
        self._groups(name, d)
        self.slices[where].append(Slice(along, place, directions, spacing, digest_of(hu)))

    def _picture(self, study: str, hu: Any) -> None:
        """The picture by how often each value occurs: so it is known again mirrored, turned, or stored on another scale."""
        import numpy as np

        values = hu.ravel()
        counts = np.bincount(values - values.min())
        if np.count_nonzero(counts) >= TELLING:
            self._pixels[hashlib.sha256(values.min().tobytes() + counts.tobytes()).hexdigest()].add(study)

    def _identity(self, name: str, d: Any, subject: str) -> None:
        """Person names are the pseudonym or empty at every depth, no birth date, nothing after the pixels, nothing as it was."""
        values = list(telling(d))
        for where, kind, value in values:
            if kind == "PN":
                self.headers.expect(value == subject, True, f"{name}: {keyword(where[-1])} is empty or the subject")
        self.headers.same(str(d.get("PatientBirthDate", "") or ""), "", f"{name}: PatientBirthDate")
        self.headers.expect(max(map(int, d.keys())) <= 0x7FE00010, True, f"{name}: nothing follows the pixel data")
        for left in self._sources.left(name, values):
            self.headers.fault(f"{name}: {left} is what it was at the source")

    def _groups(self, name: str, d: Any) -> None:
        """No private element unless the file says that safe ones were kept (PS3.15, option 113111); no overlay, curve or comment on the picture."""
        codes = {str(item.get("CodeValue", "")) for item in d.get("DeidentificationMethodCodeSequence", [])}
        tags = list(d.keys())  # a data set yields its elements, and decodes them
        private = any(tag.is_private for tag in tags)
        self.headers.expect(private and SAFE_PRIVATE not in codes, False, f"{name}: private elements")
        self.headers.expect(any(0x5000 <= tag.group <= 0x60FF for tag in tags), False, f"{name}: overlays or curves")
        self.headers.expect(str(d.get("BurnedInAnnotation", "")).upper() == "YES", False, f"{name}: BurnedInAnnotation")

    def _age(self, name: str, header: str, wanted: str) -> None:
        if header.endswith("Y") and header[:-1].isdigit():
            self.headers.same(int(header[:-1]), int(wanted.rstrip("+") or -1), f"{name}: PatientAge")
        if self._age_cap is not None and (not wanted.endswith("+")) and wanted.isdigit():
            self.headers.expect(int(wanted) <= self._age_cap, True, f"{name}: the age is at most {self._age_cap} or capped")

    def _technical(self, name: str, tag: str, value: Any, wanted: str) -> None:
        self.headers.looked_at += 1
        if not _agree(_shown(value), wanted):
            self.headers.fault(f"{name}: {tag} is not what series.csv says, {wanted!r}")

    def checks(self) -> list[Check]:
        """After every file was seen."""
        present = {name for name in self.evidence.files if name.startswith("data/dicom/")}
        for name in sorted(set(self.instances) - present):
            self.files.fault(f"{name}: in instances.csv but not in the folder")
        for where, slices in sorted(self._along.items()):
            self._slices("/".join(where), slices)
        splits = {study: row.get("split", "") for study, row in self.studies.items()}
        for studies in self._pixels.values():
            self.pictures.looked_at += 1
            if len(studies) > 1 and len({splits.get(study) for study in studies}) > 1:
                self.pictures.fault(f"studies {' and '.join(sorted(studies))} share a picture and lie in two splits")
        self._one_frame()
        for (where, tag), found in sorted(self._values.items()):
            wanted = self.series.get(where, {}).get(VARYING[tag], "")
            self.headers.expect(any(_agree(value, wanted) for value in found), True, f"{'/'.join(where)}: {tag} of one of its files")
        return [self.files, self.headers, self.order, self.pictures]

    def _one_frame(self) -> None:
        """One frame of reference in a series (PS3.3 C.7.4.1)."""
        for (study, series), frames in sorted(self._frames.items()):
            self.headers.expect(len(frames), 1, f"{study}/{series}: frames of reference")

    def _slices(self, where: str, slices: list[tuple[int, float]]) -> None:
        numbers = sorted(number for number, _ in slices)
        self.order.expect(numbers, list(range(1, len(numbers) + 1)), f"{where}: instance numbers")
        along = sorted(position for _, position in slices)
        gaps = [b - a for a, b in pairwise(along)]
        self._spacing(where, gaps)
        for before, gap, after in zip(gaps, gaps[1:], gaps[2:], strict=False):
            self.order.looked_at += 1
            # one gap alone that is twice as wide as both its neighbours: a slice is gone
            if min(before, after) > 0 and gap > 1.8 * max(before, after):
                self.order.fault(f"{where}: a gap of {gap:.2f} mm between slices {min(before, after):.2f} mm apart")

    def _spacing(self, where: str, gaps: list[float]) -> None:
        study, _, number = where.partition("/")
        wanted = self.series.get((study, number), {}).get("slice_spacing", "")
        if wanted and gaps:
            self.order.expect(_near(statistics.median(gaps), wanted, SPACING_MM), True, f"{where}: slice spacing of series.csv, mm")


def _shown(value: Any) -> str:
    """A header's value as text, components joined by a backslash."""
    many = isinstance(value, list) or type(value).__name__ == "MultiValue"
    return "" if value is None else "\\".join(map(str, value)) if many else str(value).strip()


def _near(found: float, wanted: str, tolerance: float = 1e-3) -> bool:
    try:
        return abs(found - float(wanted)) < tolerance
    except ValueError:
        return False


def _agree(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    try:
        return abs(float(found.split("\\")[0]) - float(wanted)) < 1e-6
    except ValueError:
        return False


def _hounsfield(d: Any) -> Any:
    """Whole HU of the slice, int32; floats only where the scale is none of whole numbers (they take four times as long)."""
    import numpy as np

    slope, intercept = float(d.get("RescaleSlope", 1)), float(d.get("RescaleIntercept", 0))
    if slope.is_integer() and intercept.is_integer():
        return d.pixel_array.astype("i4") * int(slope) + int(intercept)
    return np.rint(d.pixel_array * slope + intercept).astype("i4")


def _along(d: Any) -> float:
    """Position along the slice normal, mm (PS3.3 C.7.6.2)."""
    import numpy as np

    row, column = np.array(d.ImageOrientationPatient[:3], float), np.array(d.ImageOrientationPatient[3:], float)
    return float(np.cross(row, column) @ np.array(d.ImagePositionPatient, float))
