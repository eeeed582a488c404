"""Hostile values in UIDs, numbers and descriptions: no file outside the work folder, ever, and no crash."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from pydicom import config
from pydicom.dataset import Dataset

from ichset.config import CourtesyConfig, DicomwebConfig, RetrieveConfig

from .ct import head, save
from .hospital import asked, retrieve
from .web import Web, serving

SEEDS = (
    "../../outside", "/tmp/outside", "..\\..\\outside", "C:\\outside", "a\x00b", "x" * 300, "\u202egnp.exe", "~/outside", "$(touch outside)",
    "%2e%2e%2foutside", "..", ".", "", " ", "*", "?", "1.2.3\\1.2.4", "'; DROP TABLE", "\n\r\t", "../" * 60, "CON", "-rf", "1." * 40, "😀", "1..2",
)  # fmt: skip
KEYWORDS = (
    "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "AccessionNumber", "SeriesDescription", "StudyDescription",
    "BodyPartExamined",
)  # fmt: skip


def hostile(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    made = [(keyword, value) for keyword in KEYWORDS for value in SEEDS]
    while len(made) < count:
        made.append((rng.choice(KEYWORDS), "".join(rng.choice("./\\\x00\u202e%*?a1 ") for _ in range(rng.randint(1, 80)))))
    rng.shuffle(made)
    return made[:count]


def spoilt(keyword: str, value: str, number: int) -> tuple[str, list[Dataset]]:
    study = f"h{number}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = head(study, slices=10, step=12.0, Rows=64)
        for place, one in enumerate(series):
            setattr(one, keyword, value if keyword != "SOPInstanceUID" else f"{value}{place}")
    return study, series


def everything(root: Path) -> set[Path]:
    return set(root.rglob("*"))


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)


def tried(root: Path, count: int, seed: int) -> None:
    archive, work = root / "archive", root / "work"
    work.mkdir()
    rows, served = [], []
    for number, (keyword, value) in enumerate(hostile(count, seed)):
        study, series = spoilt(keyword, value, number)
        try:
            save(series, archive / f"s{number}")
        except (ValueError, TypeError, OSError):
            continue  # pydicom itself cannot write it
        changes = {"AccessionNumber": {"accession": value}, "PatientID": {"patient_id": value}, "StudyInstanceUID": {"study_uid": value}}
        rows += [row | changes.get(keyword, {}) for row in asked(study)]
        served += series
    before = everything(root)
    retrieve(rows, RetrieveConfig(path=archive), work)
    after = everything(root) - before
    assert all(path.is_relative_to(work) and not path.is_symlink() for path in after)
    assert {path.name for path in (work / "retrieved").iterdir()} <= {row["study"] for row in rows} | {"completeness.csv"}
    with serving(Web(served)) as web:
        source = DicomwebConfig(url=web.url)
        settings = CourtesyConfig(connections=1, retries=0, backoff_seconds=0, timeout_seconds=5)
        retrieve(rows, RetrieveConfig(source="dicomweb", dicomweb=source, courtesy=settings), root / "web")
    assert {path.name for path in root.iterdir()} == {"archive", "work", "web"}
    assert {path.name for path in (root / "web/retrieved").iterdir()} <= {name for row in rows for name in (row["study"], f"{row['study']}.part")} | {
        "completeness.csv"
    }
    assert not list(Path.cwd().glob("*outside*"))


def test_hostile_values_stay_inside(tmp_path: Path) -> None:
    tried(tmp_path, 30, 1)


@pytest.mark.stress
def test_two_hundred_hostile_values_stay_inside(tmp_path: Path) -> None:
    tried(tmp_path, 200, 2)
