"""A stage is up to date while its inputs and outputs are as it left them, however their folder is spelled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ichset.manifest import Manifests


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "data/work"
    (work / "retrieved/1").mkdir(parents=True)
    (work / "retrieved/1/a.dcm").write_bytes(b"slice")
    (work / "table.parquet").write_bytes(b"rows")
    Manifests(work).record("retrieve", {"x": "1"}, [work / "table.parquet"], [work / "retrieved"])
    return work


def test_a_folder_has_several_spellings(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.parent / "configs").mkdir()
    other = work.parent / "configs/../work"  # as configs/demo.toml names it
    assert Manifests(other).is_current("retrieve", {"x": "1"})
    Manifests(other).record("retrieve", {"x": "2"}, [other / "table.parquet"], [other / "retrieved"])
    monkeypatch.chdir(work.parent)
    for spelled in (work, other, Path("work"), Path("configs/../work")):
        assert Manifests(spelled).is_current("retrieve", {"x": "2"}), spelled


def test_a_moved_work_folder_stands_for_itself(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work, tmp_path / "elsewhere/work", copy_function=shutil.copy2)
    assert Manifests(tmp_path / "elsewhere/work").is_current("retrieve", {"x": "1"})


@pytest.mark.parametrize("name", ["retrieved/1/a.dcm", "retrieved/1/b.dcm", "table.parquet"])
def test_what_was_changed_or_added_is_seen(work: Path, name: str) -> None:
    (work / name).write_bytes(b"other bytes")
    assert not Manifests(work).is_current("retrieve", {"x": "1"})


def test_what_was_renamed_is_seen(work: Path) -> None:
    (work / "retrieved/1").rename(work / "retrieved/2")
    assert not Manifests(work).is_current("retrieve", {"x": "1"})
