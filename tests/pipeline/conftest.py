"""A small demo hospital and the means to run the command line on it as an operator would."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital nobody has run yet; copy it before use."""
    hospital = tmp_path_factory.mktemp("source") / "hospital"
    ichset("demo", "init", hospital, "--size", "small", "--seed", "3")
    smaller(hospital / "demo.toml")
    return hospital


def copy_of(source: Path, to: Path) -> Path:
    shutil.copytree(source, to)
    return to


@pytest.fixture(scope="session")
def released(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The hospital after one whole run, and what the run printed."""
    hospital = copy_of(source, tmp_path_factory.mktemp("released") / "hospital")
    return hospital, ichset("run", "--config", hospital / "demo.toml")
