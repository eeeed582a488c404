"""A small hospital as the pipeline leaves it when it waits for readers: tables, CT files, open rounds, a config."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ichset.config import Config, load
from ichset.contracts import CANDIDATES, COHORT, MENTIONS, RETRIEVED, SCREENED, SERIES, Contract
from ichset.readings import Round
from ichset.readings.rounds import keep_round
from ichset.store import Store

PASSWORDS = {name: f"a long password of {name}" for name in ("reader-1", "reader-2", "expert", "lead")}
CONFIG = """
[project]
date = 2024-01-01
work = "work"
release = "release"
key = "key"
[ingest]
path = "reports"
[cohort]
target = {{ ich = {ich}, normal = {normal} }}
[read_text]
readers = ["reader-1", "reader-2"]
readers_per_study = 1
expert = "expert"
[read_image]
readers = ["reader-1", "reader-2"]
readers_per_study = 2
expert = "expert"
hide_report = true
"""
TEXTS = {
    "indication": "Травма. Исключить САК.",
    "description": "В правой лобной доле участок повышенной плотности 62 HU. Субдурально слева гематома до 9 мм.",
    "conclusion": "Внутримозговая гематома. Субдуральная гематома слева.",
}
NORMAL = {"indication": "Headache.", "description": "No intracranial haemorrhage. 𝛼-test: ok.", "conclusion": "No acute findings."}


def has_blood(number: int) -> bool:
    return number % 2 == 0


def study_name(number: int) -> str:
    return f"S{number:04d}PSEUDONYM"


def make_ward(folder: Path, studies: int = 6, slices: int = 8, size: int = 64) -> Config:
    """Studies 0..n-1 (even ones bleed) of one patient each, an earlier study of patient 0, both rounds open."""
    path = folder / "ward.toml"
    path.write_text(CONFIG.format(ich=(studies + 1) // 2, normal=studies // 2), "utf-8")
    config = load(path)
    work = config.project.work
    store = Store(work)
    numbers = [*range(studies), studies]  # the last one: an earlier study of patient 0, not in any round
    report = [_report(n, 0 if n == studies else n, studies) for n in numbers]
    _put(store, SCREENED, report)
    _put(store, MENTIONS, [m for n in numbers[:-1] for m in _mentions(n)])
    _put(store, CANDIDATES, [{"study": study_name(n), "report": f"R{n}", "arm": _arm(n), "first": n == 1} for n in numbers[:-1]])
    _put(store, COHORT, [{"study": study_name(n), "arm": _arm(n), "rank": n // 2 + 1} for n in numbers[:-1]])
    _put(store, RETRIEVED, [{"study": study_name(n), "folder": f"retrieved/{study_name(n)}"} for n in numbers])
    listed = []
    for n in numbers:
        for series, kernel in ((1, "H31s"), (3, "H70h")):
            write_series(work / "retrieved" / study_name(n) / str(series), head(slices, size, has_blood(n), sharp=series == 3))
            taken = {"taken": True, "instances": slices, "kernel": kernel, "slice_thickness": 5.0}
            listed.append({"study": study_name(n), "series": series, **taken})
        listed.append({"study": study_name(n), "series": 2, "taken": False, "instances": 1, "kernel": "T20s"})
    _put(store, SERIES, listed)
    chosen = [study_name(n) for n in range(studies)]
    for name, section in (("text", config.read_text), ("image", config.read_image)):
        keep_round(work / "readings", Round(work / "readings", name, section, config.project.seed, chosen))
    return config


def _arm(number: int) -> str:
    return "ich" if has_blood(number) else "normal"


def _report(number: int, patient: int, studies: int) -> dict[str, object]:
    when = date(2022, 5, 1) + timedelta(days=number) if number < studies else date(2022, 4, 20)
    return {
        "report": f"R{number}", "study": study_name(number), "subject": f"P{patient}",
        "patient_name": "Тайный Пациент", "patient_id": "SECRET-77", "accession": "ACC-SECRET",
        "study_date": when, "age": 57, "sex": "M", "title": "КТ головного мозга",
        **(TEXTS if has_blood(number) else NORMAL),
    }  # fmt: skip


def _mentions(number: int) -> list[dict[str, object]]:
    if not has_blood(number):
        return []
    text, phrase = TEXTS["conclusion"], "Субдуральная гематома"
    start = text.index(phrase)
    place = {"section": "conclusion", "start": start, "end": start + len(phrase)}
    return [{"report": f"R{number}", "mention": 1, "finding": "subdural", **place}]


def _put(store: Store, contract: Contract, rows: list[dict[str, object]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=contract.schema), store.path(contract))


def head(slices: int, size: int, blood: bool, sharp: bool = False) -> np.ndarray:
    """A head-like stack in HU (slices, size, size): skull, brain, a bleed in the middle slices, some noise."""
    rng = np.random.default_rng(slices * size + blood)
    y, x = (np.mgrid[:size, :size] - size / 2) / (size / 2)
    stack = np.full((slices, size, size), -1000, np.int16)
    for k in range(slices):
        scale = 0.55 + 0.35 * np.sin(np.pi * (k + 1) / (slices + 1))
        radius = np.hypot(x / 0.8, y) / scale
        plane = np.full((size, size), -1000.0)
        plane[radius < 1] = 40
        plane[radius < 0.95] = 1100
        plane[radius < 0.86] = 34
        plane[np.hypot(x / 0.1, (y + 0.05) / 0.3) < scale] = 6
        if blood and slices // 3 <= k <= 2 * slices // 3:
            plane[np.hypot((x - 0.25) / 0.16, (y - 0.1) / 0.12) < 1] = 68
        noise = rng.normal(0, 12 if sharp else 4, plane.shape)
        stack[k] = np.where(plane > -900, plane + noise, plane).round()
    return stack


def write_series(folder: Path, hu: np.ndarray) -> None:
    """Uncompressed CT, stored top-down so that the order in space differs from the order of files."""
    places = [(-110, -110, 5 * k) for k in range(len(hu))]
    write_slices(folder, hu, places, [len(hu) - k for k in range(len(hu))])


def write_slices(
    folder: Path, hu: np.ndarray, places: Sequence[Sequence[float]], names: Sequence[int], orientation: Sequence[float] = (1, 0, 0, 0, 1, 0)
) -> None:
    """One file a slice, `<name>.dcm`, at its place (mm) in patient coordinates."""
    folder.mkdir(parents=True)
    frame, series, study = generate_uid(), generate_uid(), generate_uid()
    for plane, place, name in zip(hu, places, names, strict=True):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
        dataset.Modality, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID, dataset.StudyInstanceUID = "CT", series, frame, study
        dataset.Rows, dataset.Columns = plane.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.PixelSpacing, dataset.SliceThickness = [round(220 / plane.shape[0], 4)] * 2, 5
        dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [f"{v:.9f}" for v in orientation], [f"{v:.6f}" for v in place]
        dataset.PixelData = (plane.astype(np.int32) + 1024).astype("<i2").tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
