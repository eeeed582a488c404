"""The audit passes a good release and names every planted fault in the right check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ichset.config import AuditConfig
from ichset.errors import ConfigError
from ichset.release.audit import audit_release

from .conftest import Built
from .faults import FAULTS
from .forgeries import FORGERIES, WITH_PNG
from .inventions import INVENTIONS

ALL = {**FAULTS, **FORGERIES, **INVENTIONS}


def test_good_release_passes_every_check_and_none_is_skipped(built: Built) -> None:
    report = audit_release(built.release, built.work, AuditConfig())
    assert report.ok, report.text()
    assert [check.name for check in report.checks if check.skipped] == ["versions"]  # it is the first
    assert all(check.looked_at for check in report.checks)


def test_audit_changes_nothing(built: Built) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(built.release.rglob("*"))}

    before = state()
    audit_release(built.release, built.work, AuditConfig(dciodvfy=False))
    assert state() == before


def _plant(lean: Path, built: Built, name: str, seed: int, folder: Path) -> None:
    planter, wanted = ALL[name]
    release = Path(shutil.copytree(built.release if name == WITH_PNG else lean, folder / f"release{seed}"))
    planter(release, built.hospital, np.random.default_rng([seed, 77]))
    # the slow conformance check runs only where it is the one that must speak
    report = audit_release(release, built.work, AuditConfig(dciodvfy=wanted == "conformance"))
    assert not report.ok, f"{name}, seed {seed}: not found"
    assert wanted in [check.name for check in report.failed], f"{name}, seed {seed}: found by others only\n{report.text()}"
    shutil.rmtree(release)


@pytest.mark.parametrize("name", ALL)
def test_planted_fault_is_found(lean: Path, built: Built, name: str, tmp_path: Path) -> None:
    _plant(lean, built, name, 0, tmp_path)


@pytest.mark.stress
@pytest.mark.parametrize("name", ALL)
def test_ten_planted_faults_of_a_class_are_found(lean: Path, built: Built, name: str, tmp_path: Path) -> None:
    for seed in range(1, 11):
        _plant(lean, built, name, seed, tmp_path)


def test_report_never_repeats_an_identifier(built: Built, copy: Path) -> None:
    planter, _ = FAULTS["identifier in DICOM"]
    planter(copy, built.hospital, np.random.default_rng(5))
    report = audit_release(copy, built.work, AuditConfig(dciodvfy=False))
    words = report.text() + report.json()
    assert not report.ok
    for case in built.hospital.cases:
        for secret in (case.patient_id, case.accession, case.uid, case.name, case.name.split("^")[0]):
            assert secret not in words


def test_report_is_written_beside_the_release_in_both_forms(built: Built, copy: Path) -> None:
    report = audit_release(copy, None, AuditConfig(dciodvfy=False))
    as_json, as_text = report.write(copy)
    body = json.loads(as_json.read_text())
    assert body["passed"] is True and body["bag_sha256"] == report.bag and len(report.bag) == 64
    assert "PASSED" in as_text.read_text()
    assert not list(copy.rglob("*audit*"))
    skipped = {check["name"]: check["skipped"] for check in body["checks"] if check["skipped"]}
    assert set(skipped) == {"conformance", "identifiers", "sources", "versions"}


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bagit\.txt is missing"):
        audit_release(tmp_path, None, AuditConfig())


def test_private_side_without_identifiers_is_a_fault_not_a_pass(built: Built, tmp_path: Path) -> None:
    report = audit_release(built.release, tmp_path, AuditConfig(dciodvfy=False))
    assert [check.name for check in report.failed] == ["sources", "identifiers"]
    notes = [note for check in report.checks for note in check.notes]
    assert len(notes) == 3 and all(note in report.text() for note in notes)
    assert [words for words in ("masks cannot", "reads.csv cannot", "flow.csv cannot") if any(words in note for note in notes)] == [
        "masks cannot", "reads.csv cannot", "flow.csv cannot",
    ]  # fmt: skip
