"""The release depends on inputs, config and key only: not on workers, hash seed, folder order, nor on a run that was killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import ICHSET, copy_of, ichset, tree_hash


@pytest.fixture(scope="module")
def expected(source: Path, released: tuple[Path, str]) -> tuple[Path, dict[str, str]]:
    """(a hospital as it is before any run, the release that one worker made of it)."""
    return source, tree_hash(released[0] / "release")


def test_two_workers_another_hash_seed_and_a_shuffled_archive(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    source, release = expected
    hospital = tmp_path / "hospital"
    files = [path for path in source.rglob("*") if path.is_file()]
    random.Random(1).shuffle(files)
    for path in files:
        target = hospital / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    ichset("run", "--config", hospital / "demo.toml", "--jobs", "2", PYTHONHASHSEED="2", LC_ALL="C")
    assert tree_hash(hospital / "release") == release


def killed(hospital: Path, after: float) -> bool:
    """Start a run, SIGKILL it with its workers after some seconds; whether it was still running."""
    run = subprocess.Popen(
        [*ICHSET, "run", "--config", str(hospital / "demo.toml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def survives(source: Path, release: dict[str, str], hospital: Path, pauses: list[float]) -> None:
    copy_of(source, hospital)
    for pause in pauses:
        if not killed(hospital, pause):
            break
    ichset("run", "--config", hospital / "demo.toml")
    assert tree_hash(hospital / "release") == release
    left = [path for path in hospital.rglob("*.part") if "quarantine" not in path.parts]
    assert not left


def test_killed_several_times_then_run_again(expected: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    source, release = expected
    survives(source, release, tmp_path / "hospital", [4.0, 9.0, 6.0, 11.0])


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(25))
def test_killed_anywhere(expected: tuple[Path, dict[str, str]], tmp_path: Path, seed: int) -> None:
    source, release = expected
    rng = random.Random(seed)
    survives(source, release, tmp_path / "hospital", [rng.uniform(1, 40), rng.uniform(1, 20)])


def test_two_runs_at_once(source: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "hospital")
    first = subprocess.Popen([*ICHSET, "run", "--until", "classify", "--config", str(hospital / "demo.toml")], stderr=subprocess.DEVNULL)
    for _ in range(100):
        if (hospital / "work/.lock").exists():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    second = ichset("run", "--config", hospital / "demo.toml", code=5)
    assert "another run holds this work folder" in second.stderr
    first.kill()
    first.wait()
