"""The pipeline's stage: a whole study or nothing, with its face hidden, and its rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from ct_files import ct_slice

from ichset.anonymize import hiding, study
from ichset.anonymize.study import anonymize_wave
from ichset.anonymize.tags import Doubt
from ichset.config import AnonymizeConfig, EngineConfig
from ichset.contracts import ANONYMIZED, ANONYMIZED_SERIES, INSTANCES, RETRIEVED, SCREENED, SERIES, Reason, StageOutput
from ichset.pseudonyms import Pseudonyms

KEY = b"w" * 32
STUDY = "SAAAAAAAAAAAAAAAA"


def _wave(work: Path, names: tuple[str, ...] = (STUDY,)) -> StageOutput:
    retrieved = [
        {"study": name, "subject": "PSUBJECT", "study_uid": "1.2.3", "folder": f"retrieved/{name}", "asked": 1, "found": 1, "pulled": 1}
        for name in names
    ]
    series = [{"study": name, "series": 1, "series_uid": "1", "taken": True} for name in names]
    screened = [
        {"report": name, "study": name, "subject": "PSUBJECT", "patient_id": "77-481516", "patient_name": "Белозерцева Мария"} for name in names
    ]
    return anonymize_wave(
        pa.Table.from_pylist(retrieved, RETRIEVED.schema),
        pa.Table.from_pylist(series, SERIES.schema),
        pa.Table.from_pylist(screened, SCREENED.schema),
        AnonymizeConfig(),
        KEY,
        EngineConfig(jobs=1),
        work,
    )


def _real_head(real_data: Path, work: Path) -> None:
    folder = work / "retrieved" / STUDY / "01"
    folder.mkdir(parents=True)
    for number, path in enumerate(sorted((real_data / "head_ct" / "unc_cthead").iterdir())[::2], start=1):
        shutil.copyfile(path, folder / f"{number:04d}.dcm")


def test_a_real_head_goes_through(real_data: Path, tmp_path: Path) -> None:
    _real_head(real_data, tmp_path)
    output = _wave(tmp_path)
    assert output.excluded.num_rows == 0, output.excluded.to_pylist()
    assert output.kept.schema == ANONYMIZED.schema
    assert output.tables["anonymized_series"].schema == ANONYMIZED_SERIES.schema
    assert output.tables["instances"].schema == INSTANCES.schema
    kept, series, files = output.kept.to_pylist()[0], output.tables["anonymized_series"].to_pylist()[0], output.tables["instances"].to_pylist()
    assert (kept["instances"], kept["age"], kept["sex"], series["kernel"]) == (57, "75", "F", "STANDARD")
    assert series["voxels_changed"] > 0
    assert series["brain_changed"] == 0
    target = tmp_path / "anonymized" / STUDY
    assert [row["file"] for row in files] == sorted(str(path.relative_to(target)) for path in target.rglob("*.dcm"))
    assert all((target / row["file"]).stat().st_size == row["bytes"] for row in files)
    shown = pydicom.dcmread(target / files[30]["file"])
    assert shown.RecognizableVisualFeatures == "NO"
    assert "113102" in [code.CodeValue for code in shown.DeidentificationMethodCodeSequence]
    assert np.any(shown.pixel_array)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert _wave(tmp_path).tables["instances"].to_pylist() == files
    assert before == {path: path.stat().st_mtime_ns for path in target.rglob("*")}


def _small(work: Path, name: str, **values: object) -> None:
    folder = work / "retrieved" / name / "01"
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        ct_slice(number, **values).save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, Reason.BURNED_IN_TEXT),
        ({"Modality": "OT"}, Reason.NOT_A_SLICE),
        ({"SamplesPerPixel": 3}, Reason.NOT_A_SLICE),
        ({}, Reason.DEFACE_IMPOSSIBLE),
    ],
)
def test_a_study_in_doubt_leaves_nothing_under_its_name(tmp_path: Path, values: dict[str, object], reason: Reason) -> None:
    _small(tmp_path, STUDY, **values)
    output = _wave(tmp_path)
    assert output.kept.num_rows == 0
    assert output.excluded.to_pylist()[0]["reason"] == reason
    assert not (tmp_path / "anonymized" / STUDY).exists()
    assert [path.name for path in (tmp_path / "anonymized").iterdir()] == [f"{STUDY}.json"]  # why, for the next run
    aside = tmp_path / "quarantine" / STUDY
    assert aside.exists() == reason.quarantined
    if reason.quarantined:
        assert len(list(aside.rglob("*.dcm"))) == 3
        assert json.loads((aside / "reason.json").read_text("utf-8"))["reason"] == reason


def test_a_refused_study_is_worked_on_again_only_when_something_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _small(tmp_path, STUDY, Modality="OT")
    first = _wave(tmp_path).excluded.to_pylist()
    worked: list[Path] = []
    monkeypatch.setattr(study, "_into", lambda part, *rest: worked.append(part) or study.StudyResult(reason=Reason.NOT_A_SLICE))
    assert _wave(tmp_path).excluded.to_pylist() == first
    assert not worked
    shutil.rmtree(tmp_path / "quarantine" / STUDY)  # what a person should look at must be there
    with pytest.raises(FileNotFoundError):
        _wave(tmp_path)
    assert len(worked) == 1


def test_one_bad_study_never_stops_the_others(tmp_path: Path) -> None:
    names = tuple(f"S{letter * 16}" for letter in "ABC")
    for name in names:
        _small(tmp_path, name)
    (tmp_path / "retrieved" / names[1] / "01" / "0002.dcm").write_bytes(b"\0" * 300)
    shutil.rmtree(tmp_path / "retrieved" / names[2])
    output = _wave(tmp_path, names)
    assert [row["study"] for row in output.excluded.to_pylist()] == list(names)
    assert [row["reason"] for row in output.excluded.to_pylist()] == [Reason.DEFACE_IMPOSSIBLE, Reason.UNREADABLE_FILE, Reason.UNREADABLE_FILE]


def test_a_face_that_is_still_seen_keeps_the_study(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _real_head(real_data, tmp_path)

    def seen(*_: object) -> None:
        raise Doubt("the face is still to be seen in the written files", "DEFACE_IMPOSSIBLE")

    monkeypatch.setattr(hiding, "measure_written", seen)
    monkeypatch.setattr(hiding, "hide", lambda sources, config, seed: [hiding.Face(_Order(len(sources[0])), {}, "guarded")])  # type: ignore[arg-type]
    output = _wave(tmp_path)
    assert output.excluded.to_pylist()[0]["reason"] == Reason.DEFACE_IMPOSSIBLE
    assert not (tmp_path / "anonymized" / STUDY).exists()
    assert Pseudonyms(KEY).date_shift("77-481516") < 0


class _Order:
    """As much of a volume as the writing of a series needs."""

    def __init__(self, count: int) -> None:
        self.order = np.arange(count)
