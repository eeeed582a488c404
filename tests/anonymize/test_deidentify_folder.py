"""`ichset deidentify`: folder in, folder out; bad files set aside; the same bytes whatever happens on the way."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from ct_files import ROOT, ct_slice, item, slice_pixels
from PIL import Image, ImageDraw, ImageFont
from pydicom.sequence import Sequence
from pydicom.uid import SecondaryCaptureImageStorage

from ichset.anonymize import instance
from ichset.anonymize.deidentify import Summary, deidentify_folder, private_folder
from ichset.anonymize.selfcheck import SelfCheck, Watchlist
from ichset.anonymize.settings import FolderSettings
from ichset.anonymize.tags import Deidentifier, Identity, Policy
from ichset.cli.deidentify import deidentify
from ichset.config import AnonymizeConfig, EngineConfig
from ichset.errors import ConfigError, NeedsAPerson, SourceUnreachable
from ichset.pseudonyms import Pseudonyms, new_key

KEY = b"f" * 32


def _save(dataset: pydicom.FileDataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _study(folder: Path, count: int = 4, patient: str = "77-481516", study: str = f"{ROOT}.1") -> None:
    for number in range(1, count + 1):
        uid = f"{study}.{patient[:2]}.{number}"
        _save(ct_slice(number, 48, 48, PatientID=patient, StudyInstanceUID=study, SOPInstanceUID=uid), folder / f"{patient}-{number}.dcm")


def _tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def _run(src: Path, dst: Path, **settings: object) -> Summary:
    return deidentify_folder(src, dst, KEY, FolderSettings.of(AnonymizeConfig(**settings)), EngineConfig(jobs=1), deface=False)  # type: ignore[arg-type]


def _with_text(number: int) -> pydicom.FileDataset:
    picture = Image.new("L", (256, 256))
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    draw.text((8, 8), "IVANOV P.S. 17.03.1948", fill=255, font=ImageFont.load_default(14))
    pixels = np.where(np.asarray(picture) > 0, 3000, slice_pixels(256, 256, number)).astype("<i2")
    return ct_slice(number, 256, 256, PixelData=pixels.tobytes(), SOPInstanceUID=f"{ROOT}.77.{number}")


def test_everything_is_accounted_for_and_names_are_pseudonyms(tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    _study(src)
    (src / "README.txt").write_text("no DICOM here")
    (src / "empty.dcm").write_bytes(b"")
    _save(ct_slice(8, SOPClassUID=SecondaryCaptureImageStorage, SOPInstanceUID=f"{ROOT}.81"), src / "sc.dcm")
    _save(ct_slice(9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID=f"{ROOT}.82"), src / "scout.dcm")
    _save(ct_slice(9, BurnedInAnnotation="YES", SOPInstanceUID=f"{ROOT}.83"), src / "flag.dcm")
    _save(ct_slice(9, SeriesDescription="Dose Report", SOPInstanceUID=f"{ROOT}.84"), src / "dose.dcm")
    _save(_with_text(3), src / "drawn.dcm")
    (src / "cut.dcm").write_bytes((src / "77-481516-1.dcm").read_bytes()[:-100])
    summary = _run(src, dst)
    assert (summary.files, summary.written, summary.quarantined) == (12, 4, 8)
    names = Pseudonyms(KEY)
    assert {path.parts[0] for path in (path.relative_to(dst) for path in dst.rglob("*.dcm"))} == {names.subject("77-481516")}
    assert all(path.stem.isdigit() for path in dst.rglob("*.dcm"))  # the place in the series; a file set aside leaves a gap
    private = private_folder(dst)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    rows = list(csv.DictReader((private / "quarantine" / "reasons.csv").open()))
    assert len(rows) == 8
    assert all(row["reason"] and (private / "quarantine" / row["file"]).is_file() for row in rows)
    drawn = next(row for row in rows if row["source"].endswith("drawn.dcm"))
    assert drawn["reason"] == "text may be drawn in the pixels"
    assert (private / "quarantine" / drawn["file"].replace(".dcm", ".png")).is_file()
    walk = list(csv.DictReader((private / "crosswalk.csv").open()))
    assert [(row["patient_id"], row["subject"]) for row in walk] == [("77-481516", names.subject("77-481516"))]


def test_marks_tell_the_truth(tmp_path: Path) -> None:
    _study(tmp_path / "src", 1)
    _run(tmp_path / "src", tmp_path / "dst")
    shown = pydicom.dcmread(next((tmp_path / "dst").rglob("*.dcm")))
    assert shown.PatientIdentityRemoved == "YES"
    assert shown.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [code.CodeValue for code in shown.DeidentificationMethodCodeSequence] == ["113100", "113105", "113107", "113108"]
    assert "RecognizableVisualFeatures" not in shown
    assert str(shown.StudyDescription) == "КТ головного мозга"
    assert shown.SpecificCharacterSet == "ISO_IR 192"
    _run(tmp_path / "src", tmp_path / "dst", options=["patient"])
    shown = pydicom.dcmread(next((tmp_path / "dst").rglob("*.dcm")))
    assert shown.LongitudinalTemporalInformationModified == "REMOVED"
    assert not shown.StudyDate
    assert "AcquisitionDate" not in shown
    assert "StudyDescription" not in shown


def test_references_between_objects_still_resolve(tmp_path: Path) -> None:
    one, two = ct_slice(1), ct_slice(2)
    two.ReferencedImageSequence = Sequence([item(ReferencedSOPClassUID=one.SOPClassUID, ReferencedSOPInstanceUID=one.SOPInstanceUID)])
    for number, dataset in enumerate((one, two)):
        _save(dataset, tmp_path / "src" / f"{number}.dcm")
    _run(tmp_path / "src", tmp_path / "dst")
    first, second = (pydicom.dcmread(path) for path in sorted((tmp_path / "dst").rglob("*.dcm")))
    assert second.ReferencedImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_jobs_runs_and_file_names_do_not_change_a_byte(tmp_path: Path) -> None:
    for patient in ("11", "22", "33"):
        _study(tmp_path / "one", 3, patient, f"{ROOT}.1.{patient}")
    for number, path in enumerate(sorted((tmp_path / "one").iterdir(), reverse=True)):
        target = tmp_path / "two" / f"{number % 2}" / f"{number}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    _run(tmp_path / "one", tmp_path / "a")
    deidentify_folder(tmp_path / "two", tmp_path / "b", KEY, FolderSettings(), EngineConfig(jobs=2), deface=False)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert len(_tree(tmp_path / "a")) == 9


def test_a_second_run_writes_nothing_and_a_changed_source_is_done_again(tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    _study(src)
    _run(src, dst)
    before = {path: path.stat().st_mtime_ns for path in dst.rglob("*.dcm")}
    assert _run(src, dst).written == 4
    assert before == {path: path.stat().st_mtime_ns for path in dst.rglob("*.dcm")}
    (src / "77-481516-4.dcm").unlink()
    assert _run(src, dst).written == 3
    assert len(list(dst.rglob("*.dcm"))) == 3


def _files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))  # patient with folders that are renamed meanwhile


_CLI = "from ichset.cli.deidentify import deidentify\nif __name__ == '__main__':\n    deidentify()\n"


def test_killed_at_any_point_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    src = tmp_path / "src"
    for patient in ("11", "22", "33", "44"):
        _study(src, 12, patient, f"{ROOT}.1.{patient}")
    key, script = tmp_path / "k", tmp_path / "run.py"
    new_key(key)
    script.write_text(_CLI)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def command(dst: str) -> list[str]:
        return [sys.executable, str(script), str(src), str(tmp_path / dst), "--key", str(key), "--no-deface", "--jobs", "1"]

    subprocess.run(command("whole"), check=True, env=environment, capture_output=True)
    for turn in range(4):
        running = subprocess.Popen(command("killed"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while _files(tmp_path / "killed") < 8 * turn + 3 and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        running.wait()
        whole = [path for path in (tmp_path / "killed").rglob("*.dcm") if not any(part.endswith(".part") for part in path.parts)]
        for path in whole:
            assert path.read_bytes() == (tmp_path / "whole" / path.relative_to(tmp_path / "killed")).read_bytes()
    subprocess.run(command("killed"), check=True, env=environment, capture_output=True)
    assert _tree(tmp_path / "killed") == _tree(tmp_path / "whole")


def test_the_command_exits_3_when_something_is_set_aside_and_writes_the_census(tmp_path: Path) -> None:
    src = tmp_path / "src"
    _study(src)
    key = tmp_path / "k"
    new_key(key)
    arguments = [str(src), str(tmp_path / "dst"), "--key", str(key), "--no-deface", "--jobs", "1", "--report", str(tmp_path / "census.json")]
    done = CliRunner().invoke(deidentify, arguments)
    assert done.exit_code == 0, done.output
    assert "4 files: 4 written" in done.output
    report = json.loads((tmp_path / "census.json").read_text("utf-8"))
    rows = {row["tag"]: row for row in report["census"]}
    assert rows["(0018,0060)"]["distinct"] == 1
    assert rows["(0008,0018)"]["distinct"] == 4
    assert rows["(0008,0090)"]["action"] == "emptied"
    assert "Белозерцева" not in (tmp_path / "census.json").read_text("utf-8")
    (src / "notes.txt").write_text("x")
    done = CliRunner().invoke(deidentify, arguments)
    assert isinstance(done.exception, NeedsAPerson)
    assert done.exception.exit_code == 3
    assert str(src) not in done.output


def test_own_subject_ids(tmp_path: Path) -> None:
    _study(tmp_path / "src", 2, "11", f"{ROOT}.1.11")
    _study(tmp_path / "src", 2, "22", f"{ROOT}.1.22")
    table = tmp_path / "subjects.csv"
    table.write_text("patient_id,subject\n11,ICH-0001\n", "utf-8")
    summary = _run(tmp_path / "src", tmp_path / "dst", subjects=table)
    assert (summary.written, summary.quarantined) == (2, 2)
    assert [path.name for path in (tmp_path / "dst").iterdir()] == ["ICH-0001"]
    assert pydicom.dcmread(next((tmp_path / "dst").rglob("*.dcm"))).PatientID == "ICH-0001"


@pytest.mark.parametrize(
    "rows",
    [
        "patient_id,subject\n",
        "a,b\n1,2\n",
        "patient_id,subject\n1,../x\n",
        "patient_id,subject\n1,A\n1,B\n",
        "patient_id,subject\n1,A\n2,A\n",
        "patient_id,subject\n11,11\n",
    ],
)
def test_a_bad_table_of_subject_ids_is_refused(tmp_path: Path, rows: str) -> None:
    _study(tmp_path / "src", 1, "11")
    (tmp_path / "subjects.csv").write_text(rows)
    with pytest.raises(ConfigError, match=r"anonymize\.subjects"):
        _run(tmp_path / "src", tmp_path / "dst", subjects=tmp_path / "subjects.csv")


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with pytest.raises(ConfigError, match="no files"):
        _run(tmp_path / "src", tmp_path / "dst")
    with pytest.raises(ConfigError, match="in each other"):
        _run(tmp_path / "src", tmp_path / "src" / "out")
    with pytest.raises(SourceUnreachable):
        _run(tmp_path / "nowhere", tmp_path / "dst")


@pytest.mark.parametrize(
    ("tag", "vr", "text"),
    [
        (0x0008103E, b"LO", "Белозерцева"),
        (0x0008103E, b"LO", "x 77-481516 y"),
        (0x00180015, b"CS", "19480317"),
        (0x00200012, b"IS", "481516"),
        (0x00080021, b"DA", "19480317"),
        (0x0020000E, b"UI", f"{ROOT}.2"),
        (0x00081030, b"LO", "17.03.1948"),
        (0x00081090, b"LO", "ACC7781234"),
    ],
)
def test_the_search_of_what_was_written_finds_a_mistake_of_any_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: int, vr: bytes, text: str
) -> None:
    _save(ct_slice(PatientID="77-481516" if tag != 0x00200012 else "481516"), tmp_path / "in.dcm")
    source, watchlist = instance.read(tmp_path / "in.dcm"), Watchlist()
    watchlist.add_file(source.file)
    deidentifier = Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(KEY))
    written = instance.write(tmp_path / "clean.dcm", source, deidentifier)
    assert SelfCheck(watchlist).check((tmp_path / "clean.dcm").read_bytes(), written.sop_class, written.sop_uid) is None
    honest = Deidentifier._value

    def leaking(self: Deidentifier, rule: object, at: int, *rest: object) -> bytes | None:
        return text.encode("utf-8") if at == tag else honest(self, rule, at, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Deidentifier, "_value", leaking)
    leaked = instance.write(tmp_path / "leak.dcm", source, Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(KEY)))
    assert SelfCheck(watchlist).check((tmp_path / "leak.dcm").read_bytes(), leaked.sop_class, leaked.sop_uid) is not None
