"""`ichset index` and `ichset series` as a person reads them: counts, decisions, nothing that a terminal obeys, bounded pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ichset.cli.imaging import index, series
from ichset.config import EngineConfig, RetrieveConfig
from ichset.errors import CurationError
from ichset.imaging import listing

from .ct import ct, head, picture, save


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    save(head("l"), folder / "Ivanov" / "a")
    save([ct(1, 0, picture(0), "l", 2, SeriesDescription="Dose\x1b[2J \u202eReport")], folder / "Ivanov" / "b")
    save(head("m", slices=5), folder / "m")
    (folder / "notes.txt").write_text("x")
    return folder


def said(command: object, *arguments: object) -> list[str]:
    done = CliRunner().invoke(command, [str(one) for one in (*arguments, "--jobs", 1)])  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_index_counts_what_is_there(archive: Path, tmp_path: Path) -> None:
    lines = said(index, archive, "--output", tmp_path / "kept.parquet")
    assert [" ".join(line.split()) for line in lines] == [
        "31 files: 2 studies, 3 series, 30 instances", "30 CT", "1 files are of no use:", "1 no DICOM file",
    ]  # fmt: skip
    assert said(index, archive, "--output", tmp_path / "kept.parquet") == lines


def test_series_names_every_decision_and_no_folder_unasked(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(series, archive)
    decisions = [line.split("  ")[-1] for line in lines]
    assert decisions.count("taken") == 1
    assert {"left: dose report or screen page", "left: too few slices"} <= set(decisions)
    assert lines[-1] == "2 studies: 1 with series to take, 1 without"
    assert all(character.isprintable() for line in lines for character in line)
    assert "Ivanov" not in "".join(lines)
    assert "Ivanov/a" in "".join(said(series, archive, "--paths"))
    monkeypatch.setattr(listing, "AT_ONCE", 1)  # a study at a time
    assert said(series, archive) == lines


def test_one_study_of_the_source_by_its_numbers(archive: Path, tmp_path: Path) -> None:
    config, engine = RetrieveConfig(path=archive), EngineConfig(jobs=1)
    by_number = list(listing.study_lines("Al", None, config, engine, tmp_path / "work"))
    uid = head("l")[0].StudyInstanceUID
    assert list(listing.study_lines(uid, None, config, engine, tmp_path / "work")) == by_number
    assert sum("taken" in line for line in by_number) == 1
    with pytest.raises(CurationError, match="no such study"):
        list(listing.study_lines("A9", None, config, engine, tmp_path / "work"))


def test_what_is_no_folder_needs_a_run() -> None:
    done = CliRunner().invoke(series, ["A1"])
    assert done.exit_code == 2
    assert "name the run by --config" in done.output
