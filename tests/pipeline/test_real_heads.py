"""The whole pipeline on real CT: a real head with a whole face is released, a skull phantom without skin is not."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydicom import dcmread

from .conftest import ichset

CONFIG = """
schema_version = 1
[project]
name = "real-heads"
date = 2024-03-01
seed = 5
work = "work"
release = "release"
key = "key"
[ingest]
path = "reports.csv"
[sample]
target = 4
[read_text]
readers = ["reader-1"]
[cohort]
target = {{ ich = 0, normal = 1 }}
margin = 1.0
[retrieve]
path = "{archive}"
lookup = "study_uid"
[read_image]
readers = ["reader-1", "reader-2"]
readers_per_study = 2
expert = "expert"
[release]
title = "Real heads"
[audit]
require_dciodvfy = true
"""
REPORTS = (
    ("head_ct/unc_cthead", "Очагов патологической плотности в веществе мозга не выявлено. Желудочки обычны.", "КТ-данных за кровоизлияние нет."),
    ("head_ct/philips_phantom/S21610_tilt_axial", "No focal lesion. Ventricles are not enlarged.", "No intracranial hemorrhage."),
)


@pytest.fixture(scope="module")
def released(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    (folder / "run.toml").write_text(CONFIG.format(archive=real_data / "head_ct"), "utf-8")
    ichset("keys", "new", folder / "key")
    with (folder / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["study_uid", "accession", "patient_id", "age", "sex", "study_date", "modality", "title", "description", "conclusion"])
        for number, (place, description, conclusion) in enumerate(REPORTS):
            header = dcmread(max((real_data / place).iterdir(), key=lambda path: path.stat().st_size), stop_before_pixels=True)
            values = [header.StudyInstanceUID, f"ACC202200{number}", header.PatientID, 60, "M", "2022-05-05", "CT", "КТ головного мозга"]
            writer.writerow([*values, description, conclusion])
    for name in ("text", "image"):
        ichset("run", "--config", folder / "run.toml", code=8)
        for path in sorted((folder / "work/worklists").glob(f"{name}-*.csv")):
            text = path.read_text("utf-8-sig")
            rows = list(csv.DictReader(text.splitlines()))
            for row in rows:
                row |= {"ich": "0", "fracture": "0"}
            with path.open("w", encoding="utf-8", newline="") as file:
                filled = csv.DictWriter(file, rows[0])
                filled.writeheader()
                filled.writerows(rows)
            ichset("readings", "import", path, "--config", folder / "run.toml")
    ichset("run", "--config", folder / "run.toml")
    return folder


def test_the_real_head_is_released_and_audited(released: Path) -> None:
    files = list((released / "release/data/dicom").rglob("*.dcm"))
    assert len(files) == 113
    assert "PASSED" in (released / "release.audit.txt").read_text("utf-8")
    row = pq.read_table(released / "work/tables/anonymized_series.parquet").to_pylist()[0]
    assert row["exposed"] <= 0.05
    assert row["brain_changed"] == 0
    pictures = list((released / "work/previews").iterdir())  # faces before and after: never in the release
    assert len(pictures) == 1 and not list((released / "release").rglob(pictures[0].name))


def test_the_phantom_without_skin_stays_behind(released: Path) -> None:
    left = pq.read_table(released / "work/tables/anonymized.excluded.parquet").to_pylist()
    assert [(row["reason"], row["detail"]) for row in left] == [("face cannot be hidden safely", "no skin over the skull")]
