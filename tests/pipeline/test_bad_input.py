"""Faulty input: one clear line that names file, key and remedy; the right exit code; nothing lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ichset.config import ScreenConfig

from .conftest import copy_of, ichset


def changed(source: Path, to: Path, old: str, new: str) -> Path:
    hospital = copy_of(source, to / "hospital")
    config = hospital / "demo.toml"
    text = config.read_text("utf-8")
    assert old in text
    config.write_text(text.replace(old, new), "utf-8")
    return hospital


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[screen]", "[screen]\nminimum_age = 18", "screen.minimum_age: unknown key"),
        ("seed = 7", 'seed = "seven"', "project.seed"),
        ("[ingest]", "[ingest", "not valid TOML"),
        ('key = "ichset.key"', 'key = "nowhere.key"', "ichset keys new"),
        ('release = "release"', 'release = "reports"', "project.release and ingest.path lie in one another"),
        ('release = "release"', 'release = "work/release"', "project.work and project.release lie in one another"),
        ('work = "work"', 'work = "archive/work"', "project.work and retrieve.path lie in one another"),
        ("[ingest]", '[ingest]\ndelimiter = "ab"', "ingest: delimiter"),
        ("[ingest]", '[ingest]\ndate_format = "%Q"', "ingest: date_format"),
    ],
)
def test_a_faulty_config(source: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    hospital = changed(source, tmp_path, old, new)
    done = ichset("run", "--config", hospital / "demo.toml", code=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_ranges_that_hold_nothing() -> None:
    with pytest.raises(ValueError, match="min_age is above max_age"):
        ScreenConfig(min_age=60, max_age=40)
    with pytest.raises(ValueError, match="first_date is after last_date"):
        ScreenConfig(first_date=date(2024, 1, 1), last_date=date(2020, 1, 1))


def test_a_missing_config(tmp_path: Path) -> None:
    assert "no such config" in ichset("run", "--config", tmp_path / "none.toml", code=2).stderr


def test_a_key_that_others_can_read(source: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "hospital")
    (hospital / "ichset.key").chmod(0o644)
    assert "chmod 600" in ichset("run", "--config", hospital / "demo.toml", code=2).stderr


def test_a_key_inside_the_work_folder(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'key = "ichset.key"', 'key = "work/ichset.key"')
    (hospital / "work").mkdir()
    (hospital / "ichset.key").rename(hospital / "work/ichset.key")
    assert "outside" in ichset("run", "--config", hospital / "demo.toml", code=2).stderr


def test_a_folder_of_the_users_own_is_never_replaced_by_a_release(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'release = "release"', 'release = "mine"')
    (hospital / "mine").mkdir()
    (hospital / "mine" / "thesis.txt").write_text("ten years", "utf-8")
    assert "no release" in ichset("run", "--config", hospital / "demo.toml", code=2).stderr
    assert (hospital / "mine" / "thesis.txt").read_text("utf-8") == "ten years"


def test_an_export_without_headings_is_not_repeated_in_the_error(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "reports"', 'path = "bare.csv"')
    (hospital / "bare.csv").write_text("Иванов Иван,RG123456,12.03.1961\nПетров Пётр,RG123457,01.02.1950\n", "utf-8")
    said = ichset("run", "--until", "ingest", "--config", hospital / "demo.toml", code=2).stderr
    assert "looks like data" in said
    assert "Иванов" not in said
    assert "RG123456" not in said


def test_columns_under_other_headings_are_asked_for(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "reports"', 'path = "own.csv"')
    (hospital / "own.csv").write_text("accession,Сколько лет,описание,заключение\nA1,40,Норма,Норма\n", "utf-8")
    said = ichset("run", "--until", "screen", "--config", hospital / "demo.toml").stderr
    assert "age or birth_date" in said
    assert "no report is left" in said


def test_an_archive_that_is_not_there_is_told_before_the_reading(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "archive"', 'path = "nowhere"')
    assert "nowhere" in ichset("run", "--config", hospital / "demo.toml", code=6).stderr
    assert not list((hospital / "work").rglob("*.parquet"))


def test_a_work_folder_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'work = "work"', 'work = "/proc/work"')
    assert "cannot be written" in ichset("run", "--config", hospital / "demo.toml", code=2).stderr


def test_a_dry_run_writes_nothing(source: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "hospital")
    ichset("run", "--dry-run", "--config", hospital / "demo.toml")
    assert not [path for path in (hospital / "work").rglob("*") if path.is_file() and path.name != ".lock"]


def test_no_exports_at_all(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "reports"', 'path = "no-reports"')
    assert "no-reports" in ichset("run", "--config", hospital / "demo.toml", code=6).stderr


def test_an_empty_export(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "reports"', 'path = "empty.csv"')
    (hospital / "empty.csv").write_text("", "utf-8")
    done = ichset("run", "--until", "ingest", "--config", hospital / "demo.toml", code=2)
    assert "empty.csv" in done.stderr


def test_a_missing_column(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'path = "reports"', 'path = "short.csv"')
    (hospital / "short.csv").write_text("accession,age\nA1,40\n", "utf-8")
    done = ichset("run", "--until", "ingest", "--config", hospital / "demo.toml", code=2)
    assert "short.csv" in done.stderr


def test_without_readers_the_run_waits(source: Path, tmp_path: Path) -> None:
    hospital = changed(source, tmp_path, 'decisions = "decisions/text.csv"', "")
    done = ichset("run", "--config", hospital / "demo.toml", code=8)
    assert "wait for readers" in done.stderr
    lists = sorted(path.name for path in (hospital / "work/worklists").iterdir())
    assert "text-reader-1.csv" in lists
    assert "text-reader-1.xlsx" in lists


def test_a_folder_in_cyrillic_under_a_locale_that_cannot_spell_it(source: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "больница")
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ichset("run", "--until", "screen", "--config", hospital / "demo.toml", **old)
    assert list((hospital / "work").rglob("*.parquet"))
