"""A small demo hospital and the means to run the command line on it as an operator would."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ICHSET = [sys.executable, "-c", "from ichset.cli import main; main()"]
Command = Callable[..., subprocess.CompletedProcess[str]]


def ichset(*arguments: str | Path, code: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; fail unless it ends with `code` (None: any)."""
    done = subprocess.run([*ICHSET, *map(str, arguments)], capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def smaller(config: Path, arm: int = 2) -> None:
    """Cut the demo's config down to a cohort that a test can wait for."""
    text = config.read_text("utf-8")
    text = re.sub(r"target = \{.*\}", f"target = {{ ich = {arm}, normal = {arm} }}", text)
    text = re.sub(r"margin = [\d.]+", "margin = 0.5", text)
    config.write_text(text + '\n[audit]\nrequire_dciodvfy = true\n', "utf-8")


def tree_hash(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of several test processes makes and the others wait for."""
    folder = (factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".made")
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def copy_of(source: Path, to: Path) -> Path:
    shutil.copytree(source, to)
    return to


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital nobody has run yet; copy it before use."""

    def make(folder: Path) -> None:
        ichset("demo", "init", folder / "hospital", "--size", "small", "--seed", "3")
        smaller(folder / "hospital" / "demo.toml")

    return made_once(tmp_path_factory, "source", make) / "hospital"


@pytest.fixture(scope="session")
def released(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The hospital after one whole run by one worker, and what the run printed."""

    def make(folder: Path) -> None:
        copy_of(source, folder / "hospital")
        done = ichset("run", "--config", folder / "hospital" / "demo.toml", "--jobs", "1", PYTHONHASHSEED="1")
        (folder / "printed.txt").write_text(done.stdout + done.stderr, "utf-8")

    folder = made_once(tmp_path_factory, "released", make)
    return folder / "hospital", (folder / "printed.txt").read_text("utf-8")
