"""One built release for all tests of this folder; a test that plants a fault works on its own copy."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ichset.config import Config
from ichset.release.build import build_release

from . import hospital
from .faults import close_again

ALL_EXPORTS = ["bio", "cq500", "masks", "nifti", "rsna"]


@dataclass(frozen=True)
class Built:
    folder: Path
    hospital: hospital.Hospital
    config: Config

    @property
    def release(self) -> Path:
        return self.config.project.release

    @property
    def work(self) -> Path:
        return self.hospital.work


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Ten studies of eight patients, every export, report text, one mask."""
    folder = tmp_path_factory.mktemp("built")
    made = hospital.build(folder / "work", 10, size=48, patients=8)
    hospital.add_mask(made)
    config = hospital.config(folder, report_text=True, exports=ALL_EXPORTS, examples=2)
    build_release(made.tables, made.funnel, config, made.work)
    return Built(folder, made, config)


@pytest.fixture(scope="session")
def lean(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same release without its many PNG slices, closed again: quick to copy and to audit."""
    leave = shutil.ignore_patterns("*_png")
    release = Path(shutil.copytree(built.release, tmp_path_factory.mktemp("lean") / "release", ignore=leave))
    parts = release / "data/exports/nifti/parts.csv"
    parts.write_text(re.sub(r"data/exports/nifti/\w+/\d+_png", "", parts.read_text()))
    close_again(release)
    return release


@pytest.fixture
def copy(built: Built, tmp_path: Path) -> Path:
    """A copy of the release to spoil."""
    return Path(shutil.copytree(built.release, tmp_path / "release"))


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For builds whose pictures nobody looks at: drawing is most of a small build's time."""
    monkeypatch.setattr("ichset.release.build.write_figures", lambda dataset: (dataset.bag / "data/figures").mkdir())
