"""The demo hospital's files against an answer key, and what dciodvfy says before and after."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from answer_key import AnswerKey

from ichset.anonymize import faults, instance
from ichset.anonymize.deidentify import deidentify_folder
from ichset.anonymize.settings import FolderSettings
from ichset.anonymize.tags import Deidentifier, Identity, Policy
from ichset.config import EngineConfig
from ichset.demo.archive import SCANS, Task, stranger_of, write_case
from ichset.demo.cases import plan_cases
from ichset.pseudonyms import Pseudonyms

KEY = b"a" * 32
DCIODVFY = Path(sys.executable).with_name("dciodvfy")
_RETAINED = ("tag_retained", "text_retained", "pixels_retained", "text_notnull")
_IDENTIFIERS = ("text_removed", "uid_changed", "uid_consistent", "patid_consistent", "date_shifted", "tag_removed")


def _hospital(folder: Path, numbers: range, seed: int) -> None:
    cases = plan_cases(seed, numbers.stop)
    for number in numbers:
        write_case(Task(cases[number], stranger_of(cases[number], cases, seed), SCANS["small"], folder, seed))


def _compare(folder: Path, out: Path) -> AnswerKey:
    names, key = Pseudonyms(KEY), AnswerKey()
    released = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in sorted(out.rglob("*.dcm"))}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        head = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=["SOPInstanceUID", "PatientID"])
        found = released.get(names.uid(str(head.get("SOPInstanceUID", ""))))
        if found is not None and found.relative_to(out).parts[0] == names.subject(str(head.get("PatientID", ""))):
            key.compare(path, found)
    return key


def _run(tmp_path: Path, numbers: range, seed: int) -> tuple[AnswerKey, Path]:
    source, out = tmp_path / "archive", tmp_path / "out"
    source.mkdir()
    _hospital(source, numbers, seed)
    summary = deidentify_folder(source, out, KEY, FolderSettings(), EngineConfig(jobs=1), deface=False)
    assert summary.files == sum(path.is_file() for path in source.rglob("*"))
    assert summary.written + summary.quarantined == summary.files
    return _compare(source, out), out


def _hold(key: AnswerKey, at_least: int) -> None:
    assert key.actions >= at_least
    assert len(key.wrong) <= key.actions * 0.001, Counter((kind, place) for kind, place, _ in key.wrong)
    assert key.share(_IDENTIFIERS) == 1.0, [entry[:2] for entry in key.wrong if entry[0] in _IDENTIFIERS][:5]
    assert key.share(_RETAINED) >= 0.99


def _errors(path: Path) -> Counter[str]:
    done = subprocess.run([str(DCIODVFY), str(path)], capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode("latin-1").splitlines()
    return Counter(re.sub(r"<[^>]*>", "<>", line) for line in lines if line.startswith("Error"))


def test_answer_key_on_five_makers_files_and_no_conformance_errors(tmp_path: Path) -> None:
    key, out = _run(tmp_path, range(4), seed=20230405)
    _hold(key, 10_000)
    firsts = [sorted(folder.glob("*.dcm"))[0] for folder in sorted({path.parent for path in out.rglob("*.dcm")})]
    assert len(firsts) >= 4
    assert {str(path.name): dict(_errors(path)) for path in firsts if _errors(path)} == {}


@pytest.mark.stress
def test_answer_key_on_a_larger_hospital(tmp_path: Path) -> None:
    key, _ = _run(tmp_path, range(60), seed=77)
    _hold(key, 100_000)


def _added(path: Path, target: Path) -> Counter[str]:
    """Errors that our output has and the source had not; nothing when the file is refused."""
    try:
        source = instance.read(path)
        instance.write(target, source, Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(KEY)))
    except Exception as error:
        faults.explain(error)
        return Counter()
    found = _errors(target)
    return found and found - _errors(path)


def test_no_conformance_error_is_added_to_pydicom_s_ct_samples(tmp_path: Path) -> None:
    samples = [Path(str(name)) for name in pydicom.data.get_testdata_files("*CT*")]
    assert samples
    for number, path in enumerate(samples):
        assert not _added(path, tmp_path / f"{number}.dcm"), path.name


def test_no_conformance_error_is_added_to_real_files(real_data: Path, tmp_path: Path) -> None:
    files = sorted(path for path in (real_data / "edge").rglob("*") if path.is_file() and not re.search(r"IM-0001-000[2-9]", path.name))
    folders = [folder for folder in sorted((real_data / "head_ct").rglob("*")) if folder.is_dir()]
    files += [min(path for path in folder.iterdir() if path.is_file()) for folder in folders if any(path.is_file() for path in folder.iterdir())]
    written = 0
    for number, path in enumerate(files):
        target = tmp_path / f"{number}.dcm"
        assert not _added(path, target), path.name
        written += target.exists()
    assert written > 25


def test_pixels_are_the_same_in_every_real_transfer_syntax(real_data: Path, tmp_path: Path) -> None:
    seen = set()
    for number, path in enumerate(sorted((real_data / "edge" / "transfer_syntax_ct").iterdir())):
        target = tmp_path / f"{number}.dcm"
        source = instance.read(path)
        instance.write(target, source, Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(KEY)))
        before, after = pydicom.dcmread(path), pydicom.dcmread(target)
        assert before.PixelData == after.PixelData, path.name
        seen.add(before.file_meta.TransferSyntaxUID)
        try:
            shown = before.pixel_array
        except (NotImplementedError, RuntimeError):
            continue  # no decoder here: its bytes are the same
        assert np.array_equal(shown, after.pixel_array), path.name
    assert len(seen) >= 14
