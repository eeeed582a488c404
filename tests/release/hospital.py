"""A finished private work folder in small: contract tables and valid CT files, with everything that a release needs."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from ichset import contracts
from ichset.config import Config
from ichset.contracts import LABELS
from ichset.pseudonyms import Pseudonyms

from .private_side import leave_trail

PSEUDONYMS = Pseudonyms(bytes(range(32)))
MAKERS = (
    ("GE MEDICAL SYSTEMS", "LightSpeed VCT", ("STANDARD", "BONE")), ("SIEMENS", "SOMATOM Definition", ("H31s", "H70h")),
    ("Philips", "Brilliance 64", ("UB", "YB")), ("TOSHIBA", "Aquilion", ("FC26", "FC30")),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One synthetic study, private side and released side."""

    number: int
    study: str
    subject: str
    patient_id: str
    name: str
    accession: str
    uid: str
    arm: str
    labels: dict[str, int | None]
    age: int
    sex: str | None


@dataclass(frozen=True)
class Hospital:
    work: Path
    tables: dict[str, pa.Table]
    funnel: pa.Table
    cases: tuple[Case, ...]


def cases(count: int, seed: int = 0, patients: int | None = None) -> tuple[Case, ...]:
    made = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        bleeding = number % 2 == 0
        patient = number if patients is None else number % patients
        patient_id = f"PID-{seed}-{patient:06d}"
        kind = ("subdural", "intracerebral", "subarachnoid", "epidural")[number // 2 % 4]
        labels: dict[str, int | None] = dict.fromkeys(LABELS, 0)
        if bleeding:
            labels.update({"ich": 1, kind: 1, "multiple": int(rng.random() < 0.3), "intraventricular": int(rng.random() < 0.2)})
            labels["combined"] = None if rng.random() < 0.1 else int(rng.random() < 0.1)
        labels["fracture"] = int(rng.random() < 0.2)
        accession = f"ACC{seed}{number:07d}"
        made.append(Case(
            number, PSEUDONYMS.study(accession), PSEUDONYMS.subject(patient_id), patient_id,
            f"Вымышленский-{patient}^Тестослав^Примерович", accession, f"1.2.826.0.1.3680043.8.{seed + 1}.{number + 1}",
            "ich" if bleeding else "normal", labels, int(rng.integers(18, 95)), (None if number % 17 == 5 else "FM"[int(rng.integers(2))]),
        ))  # fmt: skip
    return tuple(made)


def head(slices: int, size: int, rng: np.random.Generator, blood: bool) -> np.ndarray:
    """(slices, size, size) int16 HU of a skull, a brain, a nose, and a bleed where asked."""
    z, y, x = np.meshgrid(np.linspace(-1, 1, slices), np.linspace(-1.2, 1.2, size), np.linspace(-1.2, 1.2, size), indexing="ij")
    radius = np.sqrt((x / 0.75) ** 2 + (y / 0.92) ** 2 + (z / 1.15) ** 2)
    hu = np.full(radius.shape, -1000.0)
    nose = ((x / 0.12) ** 2 + ((y + 0.95) / 0.16) ** 2 + ((z + 0.45) / 0.25) ** 2) < 1
    hu[(radius < 1) | nose] = 40
    hu[radius < 0.93] = 1100
    hu[radius < 0.85] = 32
    hu[(((x / 0.1) ** 2 + (y / 0.3) ** 2 + (z / 0.3) ** 2) < 1)] = 6
    if blood:
        hu[((x - 0.3) ** 2 + (y / 1.2) ** 2 + (z - 0.1) ** 2) < 0.04] = 68
    return (hu + np.where(hu > -900, rng.normal(0, 4, hu.shape), rng.normal(0, 8, hu.shape))).astype(np.int16)


def dicom(case: Case, series: int, instance: int, pixels: np.ndarray, position: float, maker: tuple, thickness: float, tilt: float) -> Dataset:
    """A de-identified CT slice that dciodvfy accepts."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = CTImageStorage
    d.SOPInstanceUID = PSEUDONYMS.uid(f"{case.uid}.{series}.{instance}")
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    d.SpecificCharacterSet = "ISO_IR 192"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = d.ContentDate = shifted(case).strftime("%Y%m%d")
    d.StudyTime = d.ContentTime = d.AcquisitionTime = "000000"
    d.AccessionNumber = PSEUDONYMS.accession(case.accession)
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "CT", maker[0], maker[1]
    d.ReferringPhysicianName = ""
    d.StudyDescription, d.SeriesDescription = "HEAD", "AXIAL"
    d.PatientName = d.PatientID = case.subject
    d.PatientBirthDate, d.PatientSex, d.PatientAge = "", case.sex or "", f"{min(case.age, 90):03d}Y"
    d.PatientIdentityRemoved, d.DeidentificationMethod = "YES", "ichset"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic Application Confidentiality Profile"
    d.DeidentificationMethodCodeSequence = [code]
    d.BodyPartExamined, d.PatientPosition = "HEAD", "HFS"
    d.SliceThickness, d.KVP, d.XRayTubeCurrent = str(thickness), str((120, 130, 140)[case.number % 3]), str(100 + 10 * (case.number % 20))
    d.GantryDetectorTilt = str(tilt)
    d.ConvolutionKernel = maker[2][(series - 1) % 2]
    d.StudyInstanceUID = PSEUDONYMS.uid(case.uid)
    d.SeriesInstanceUID = PSEUDONYMS.uid(f"{case.uid}.{series}")
    d.StudyID, d.SeriesNumber, d.AcquisitionNumber, d.InstanceNumber = "1", series, 1, instance
    angle = np.deg2rad(tilt)
    d.ImagePositionPatient = ["-100", f"{-100 * np.cos(angle):.6f}", f"{position - 100 * np.sin(angle):.6f}"]
    d.ImageOrientationPatient = ["1", "0", "0", "0", f"{np.cos(angle):.8f}", f"{np.sin(angle):.8f}"]
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = PSEUDONYMS.uid(f"{case.uid}.frame"), ""
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = pixels.shape
    d.PixelSpacing = ["3.2", "3.2"]
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
    d.RescaleIntercept, d.RescaleSlope, d.RescaleType = "0", "1", "HU"
    d.WindowCenter, d.WindowWidth = "40", "80"
    d.PixelData = np.ascontiguousarray(pixels, "<i2").tobytes()
    return d


def header_name(case: Case) -> str:
    """The scanner wrote the patient's name in Latin letters, in its own way."""
    return f"WYMYSCHLENSKI {case.patient_id[-4:]}^TESTOSLAW"


def scanner_number(case: Case) -> str:
    """The scanner knew the patient by a short number of its own."""
    return str(4071936 + 13 * case.number)


def _write_source(path: Path, d: Dataset, case: Case, series: int, instance: int) -> None:
    """The file as it came from the scanner (the pixels are left out)."""
    source = copy.deepcopy(d)
    source.PatientName, source.PatientID, source.AccessionNumber = header_name(case), scanner_number(case), case.accession
    source.StudyInstanceUID, source.SeriesInstanceUID = case.uid, f"{case.uid}.{series}"
    source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"{case.uid}.{series}.{instance}"
    source.FrameOfReferenceUID = f"{case.uid}.99"
    source.StudyDate = source.SeriesDate = source.AcquisitionDate = source.ContentDate = source_date(case).strftime("%Y%m%d")
    step = Dataset()
    # after midnight: a date that no table knows
    step.PerformedProcedureStepStartDate = (source_date(case) + timedelta(days=1)).strftime("%Y%m%d")
    step.PerformingPhysicianName = "PRIDUMANOV^V V"
    source.RequestAttributesSequence = [step]
    del source.PixelData
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, source, enforce_file_format=True)


def shifted(case: Case) -> date:
    return date(2015, 1, 1) + timedelta(days=case.number % 900)


def source_date(case: Case) -> date:
    return shifted(case) + timedelta(days=1703)


def _write_series(work: Path, case: Case, series: int, slices: int, size: int, tilt: float) -> tuple[dict, list[dict]]:
    rng = np.random.default_rng([case.number, series])
    maker = MAKERS[case.number % len(MAKERS)]
    thickness = (5.0, 2.5)[series - 1] if series <= 2 else 1.0
    volume = head(slices, size, rng, case.arm == "ich")
    files = []
    for instance in range(1, slices + 1):
        file = f"{series:02d}/{instance:04d}.dcm"
        path = work / "anonymized" / case.study / file
        path.parent.mkdir(parents=True, exist_ok=True)
        position = (instance - 1) * 200 / slices
        d = dicom(case, series, instance, volume[instance - 1], position, maker, thickness, tilt)
        pydicom.dcmwrite(path, d, enforce_file_format=True)
        data = path.read_bytes()
        _write_source(work / "retrieved" / case.study / file, d, case, series, instance)
        files.append({
            "study": case.study, "series": series, "instance": instance, "sop_uid": d.SOPInstanceUID, "file": file,
            "position": round(position * float(np.cos(np.deg2rad(tilt))), 4), "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), "pixels": hashlib.sha256(d.PixelData).hexdigest(),
        })  # fmt: skip
    row = {
        "study": case.study, "series": series, "series_uid": str(d.SeriesInstanceUID), "instances": slices, "description": "AXIAL",
        "manufacturer": maker[0], "model": maker[1], "kernel": str(d.ConvolutionKernel), "slice_thickness": thickness,
        "slice_spacing": 200 / slices * float(np.cos(np.deg2rad(tilt))), "pixel_spacing": 3.2, "kvp": float(d.KVP),
        "tube_current": float(d.XRayTubeCurrent), "tilt": tilt, "rows": size, "columns": size, "deface_method": "guarded",
        "exposed": 0.01, "relief": 2.5, "brain_changed": 0.0, "voxels_changed": 0.03,
    }  # fmt: skip
    return row, files


def build(
    work: Path, count: int = 12, seed: int = 0, slices: int = 6, size: int = 64, patients: int | None = None, first: int = 0,
    two_series: bool = True,
) -> Hospital:  # fmt: skip
    """The private side as it stands after `anonymize` and `select`. `first`: leave out the cases before it."""
    chosen = cases(count, seed, patients)[first:]
    series_rows, file_rows = [], []
    for case in chosen:
        for series in range(1, 3 if two_series and case.number % 3 == 0 else 2):
            row, files = _write_series(work, case, series, slices, size, 12.0 if case.number % 5 == 4 else 0.0)
            series_rows.append(row)
            file_rows += files
    tables = _tables(chosen, series_rows, file_rows)
    folder = work / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("screened", "retrieved", "mentions", "selected", "anonymized", "anonymized_series", "instances"):
        import pyarrow.parquet as pq

        pq.write_table(tables[name], folder / f"{name}.parquet")
    leave_trail(work, tables, {case.study: case.arm for case in chosen})
    return Hospital(work, tables, funnel(chosen), chosen)


def _tables(chosen: tuple[Case, ...], series_rows: list[dict], file_rows: list[dict]) -> dict[str, pa.Table]:
    def table(contract: contracts.Contract, rows: list[dict]) -> pa.Table:
        return pa.Table.from_pylist(rows, contract.schema)

    per_study = {c.study: [row for row in series_rows if row["study"] == c.study] for c in chosen}
    anonymized = [{
        "study": c.study, "subject": c.subject, "study_uid": PSEUDONYMS.uid(c.uid), "accession": PSEUDONYMS.accession(c.accession),
        "age": f"{c.age}" if c.age < 90 else "90+", "sex": c.sex, "shifted_date": shifted(c), "series": len(per_study[c.study]),
        "instances": sum(row["instances"] for row in per_study[c.study]),
    } for c in chosen]  # fmt: skip
    selected = [{
        "study": c.study, "subject": c.subject, "arm": c.arm, "rank": c.number // 2 + 1, **c.labels, "judged_by": "image readers",
        "source_prevalence": 0.12, "weight": 0.24 if c.arm == "ich" else 1.76,
    } for c in chosen]  # fmt: skip
    screened = [{
        "report": f"0a1b2c3d-{c.number}", "study": c.study, "subject": c.subject, "study_uid": c.uid, "accession": c.accession,
        "patient_id": c.patient_id, "patient_name": c.name, "birth_date": date(1950, 1, 1) + timedelta(days=37 * c.number), "sex": c.sex,
        "age": c.age, "study_date": source_date(c), "title": "КТ головного мозга", "indication": "травма",
        "description": _text(c), "conclusion": _conclusion(c), "masks": None,
    } for c in chosen]  # fmt: skip
    mentions = []
    for c in chosen:
        start = _text(c).find("убдуральная гематома")
        if start >= 0:
            mentions.append({
                "report": f"0a1b2c3d-{c.number}", "mention": 1, "section": "description", "start": start - 1, "end": start + 20,
                "finding": "subdural", "assertion": "present", "laterality": "left", "location": None,
                "quote": "Субдуральная гематома", "cue": "",
            })  # fmt: skip
    texts = [{"study": c.study, "indication": "травма", "description": _text(c).replace("Вымышленский", "[ФАМИЛИЯ]"),
              "conclusion": _conclusion(c)} for c in chosen]  # fmt: skip
    retrieved = [{"study": c.study, "subject": c.subject, "study_uid": c.uid, "folder": f"retrieved/{c.study}",
                  "asked": 1, "found": 1, "pulled": 1} for c in chosen]  # fmt: skip
    return {
        "selected": table(contracts.SELECTED, selected), "anonymized": table(contracts.ANONYMIZED, anonymized),
        "anonymized_series": table(contracts.ANONYMIZED_SERIES, series_rows), "instances": table(contracts.INSTANCES, file_rows),
        "screened": table(contracts.SCREENED, screened), "mentions": table(contracts.MENTIONS, mentions),
        "retrieved": table(contracts.RETRIEVED, retrieved), "released_text": table(contracts.RELEASED_TEXT, texts), "reads": reads(chosen),
    }  # fmt: skip


def _text(c: Case) -> str:
    found = "Субдуральная гематома слева" if c.labels["subdural"] else "Очаговых изменений не выявлено"
    return f"Пациент Вымышленский обследован нативно. {found}. Срединные структуры не смещены."


def _conclusion(c: Case) -> str:
    return "КТ-признаки внутричерепного кровоизлияния." if c.arm == "ich" else "Без патологии."


def reads(chosen: tuple[Case, ...]) -> pa.Table:
    rows = []
    for c in chosen:
        wrong = c.number % 7 == 3
        for reader in ("reader-1", "reader-2"):
            labels = dict(c.labels)
            if wrong and reader == "reader-2":
                labels["fracture"] = 1 - (labels["fracture"] or 0)
            slices = {"ich": ["1:3"], **{k: ["1:3"] for k in ("subdural", "intracerebral") if c.labels[k]}} if c.arm == "ich" else {}
            rows.append({"round": "image", "study": c.study, "reader": reader, "role": "reader", **labels, "exclude": None,
                         "confidence": 4, "key_slices": json.dumps(slices)})  # fmt: skip
        if wrong:
            rows.append({"round": "image", "study": c.study, "reader": "expert", "role": "expert", **c.labels, "exclude": None,
                         "confidence": 5, "key_slices": "{}"})  # fmt: skip
    kinds = {"confidence": pa.int8(), **dict.fromkeys(LABELS, pa.int8())}
    names = ("round", "study", "reader", "role", *LABELS, "exclude", "confidence", "key_slices")
    return pa.Table.from_pylist(rows, pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


def funnel(chosen: tuple[Case, ...]) -> pa.Table:
    n = len(chosen)
    rows = [
        ("ingest", None, "in", None, n + 40), ("ingest", None, "kept", None, n + 35), ("ingest", None, "excluded", "unreadable row", 5),
        ("screen", None, "in", None, n + 35), ("screen", None, "kept", None, n), ("screen", None, "excluded", "not a brain CT", 32),
        ("screen", None, "excluded", "below the age limit", 3), ("cohort", None, "in", None, 12), ("cohort", None, "kept", None, 0),
        ("cohort", None, "excluded", "the readers cannot tell", 12),  # of no arm; the others go on in theirs
    ]  # fmt: skip
    for arm in ("ich", "normal"):
        k = sum(c.arm == arm for c in chosen)
        rows += [("cohort", arm, "in", None, k + 4), ("cohort", arm, "kept", None, k + 4),
                 ("retrieve", arm, "in", None, k + 4), ("retrieve", arm, "kept", None, k + 3),
                 ("retrieve", arm, "excluded", "study not in the archive", 1), ("anonymize", arm, "in", None, k + 3),
                 ("anonymize", arm, "kept", None, k + 2), ("anonymize", arm, "quarantined", "text may be drawn in the pixels", 1),
                 ("release", arm, "in", None, k + 2), ("release", arm, "kept", None, k),
                 ("release", arm, "excluded", "reserve, not needed", 2)]  # fmt: skip
    kinds = [("stage", pa.string()), ("arm", pa.string()), ("event", pa.string()), ("reason", pa.string()), ("count", pa.int64())]
    return pa.Table.from_pylist([dict(zip(("stage", "arm", "event", "reason", "count"), row, strict=True)) for row in rows], pa.schema(kinds))


def config(folder: Path, **release: object) -> Config:
    version = release.pop("version", "1.0.0")
    readers = {"readers": ["reader-1", "reader-2"], "readers_per_study": 2, "expert": "expert"}
    return Config.model_validate({
        "project": {"name": "testset", "version": version, "date": "2024-01-31", "seed": 7, "work": folder / "work",
                    "release": folder / "release", "key": folder / "key"},
        "ingest": {"path": folder / "reports"}, "read_text": {"readers": ["reader-1"]}, "read_image": readers, "release": release,
    })  # fmt: skip


def add_mask(made: Hospital) -> Path:
    """A haematoma mask beside the first study, its header full of words that must not get out."""
    import nibabel

    case = made.cases[0]
    folder = made.work / "masks" / case.study
    folder.mkdir(parents=True, exist_ok=True)
    voxels = np.zeros((12, 10, 8), np.uint8)
    voxels[3:6, 2:5, 1:4] = 1
    image = nibabel.Nifti1Image(voxels, np.array([[-0.5, 0, 0, 10], [0, -0.5, 0.1, 20], [0, 0.02, 2.5, -30], [0, 0, 0, 1.0]]))
    image.header["descrip"] = case.patient_id.encode()
    image.header["db_name"] = b"Vymyshlenskij"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", case.name.encode()))
    path = folder / "hematoma_Vymyshlenskij.nii.gz"
    nibabel.save(image, path)
    beside = made.work / "retrieved" / made.cases[1].study / "masks"
    beside.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels[::-1].copy() * 3, image.affine), beside / "left-ventricle-1.nii")
    return path
