"""Faulty input: one clear line that names file, key and remedy; the right exit code; nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    ],
)
def test_a_faulty_config(source: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    hospital = changed(source, tmp_path, old, new)
    done = ichset("run", "--config", hospital / "demo.toml", code=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


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
