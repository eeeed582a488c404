"""The audit of a second version: what it says of the first must be so, beside the first or without it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.versions import check_versions
from ichset.release.build import build_release

from . import hospital
from .faults import edit


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with version 1.1.0 under `release` and version 1.0.0 beside it; pages and tables alone."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ichset.release.build.write_figures", lambda dataset: (dataset.bag / "data/figures").mkdir())
        for count, version in ((6, "1.0.0"), (8, "1.1.0")):
            made = hospital.build(folder / "work", count, slices=3, size=32, two_series=False, patients=6)
            config = hospital.config(folder, version=version, examples=0)
            build_release(made.tables, made.funnel, config, made.work)
    return folder


def _other_split(found: list[dict]) -> list[dict]:
    found[0]["split"] = {"train": "test", "test": "train"}[found[0]["split"]]
    return found


def _other_label(found: list[dict]) -> list[dict]:
    found[1]["fracture"] = 1 - found[1]["fracture"]
    return found


FAULTS: dict[str, tuple[str, Callable[[list[dict]], list[dict]]]] = {
    "a study that was added is not told": ("changes", lambda found: found[1:]),
    "a study is said to be withdrawn that is there": ("changes", lambda found: [{**found[0], "change": "withdrawn"}, *found[1:]]),
    "a label is said to have changed": ("changes", lambda found: [{**found[0], "change": "fracture: 0 to 1"}, *found]),
    "a study changed its split": ("studies", _other_split),
    "a label changed and nothing tells": ("labels", _other_label),
    "a study was withdrawn and nothing tells": ("studies", lambda found: found[1:]),
    "another person": ("studies", lambda found: [{**found[0], "subject": "PX"}, *found[1:]]),
}


def test_two_true_versions_pass_and_a_first_version_has_nothing_to_compare(two: Path, tmp_path: Path) -> None:
    check = check_versions(Evidence.of(two / "release"))
    assert check.passed and not check.skipped and not check.notes and check.looked_at
    assert check_versions(Evidence.of(two / "release-1.0.0")).skipped
    alone = Path(shutil.copytree(two / "release", tmp_path / "release"))
    check = check_versions(Evidence.of(alone))
    assert check.passed and len(check.notes) == 1
    assert "2 studies were added, 0 withdrawn, 0 labels changed" in (alone / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_so_is_found(two: Path, tmp_path: Path, name: str) -> None:
    for version in ("release", "release-1.0.0"):
        shutil.copytree(two / version, tmp_path / version, ignore=shutil.ignore_patterns("*.dcm"))
    table, change = FAULTS[name]
    edit(tmp_path / "release", table, change)
    assert not check_versions(Evidence.of(tmp_path / "release")).passed


def test_other_bytes_under_an_old_name_are_found(two: Path, tmp_path: Path) -> None:
    for version in ("release", "release-1.0.0"):
        shutil.copytree(two / version, tmp_path / version, ignore=shutil.ignore_patterns("*.dcm"))
    path = tmp_path / "release/manifest-sha256.txt"
    kept = {line for line in (tmp_path / "release-1.0.0/manifest-sha256.txt").read_text().splitlines() if "data/dicom/" in line}
    path.write_text("".join(f"{'0' * 64 + line[64:] if line in kept else line}\n" for line in path.read_text().splitlines()))
    assert check_versions(Evidence.of(tmp_path / "release")).count == len(kept)
