"""Fixtures for components that may be absent: skipped with a reason, or failed when ICHSET_REQUIRE names them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# the same examples every time, and no test that fails because the machine was busy
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def _absent(component: str, why: str) -> None:
    if component in os.environ.get("ICHSET_REQUIRE", "").split(","):
        pytest.fail(f"{component} is required by ICHSET_REQUIRE: {why}")
    pytest.skip(f"{component}: {why}")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real CT heads and odd files (ICHSET_REAL_DATA)."""
    value = os.environ.get("ICHSET_REAL_DATA")
    if not value or not (Path(value) / "head_ct").is_dir():
        _absent("realdata", "ICHSET_REAL_DATA names no folder with head_ct/ in it")
    return Path(str(value)).resolve()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's executable."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        _absent("chromium", "no chromium on PATH; Debian: apt-get install chromium")
    return Path(str(found))


@pytest.fixture(scope="session")
def orthanc_executable() -> Path:
    """The Orthanc server's executable (Debian: apt-get install orthanc orthanc-dicomweb)."""
    found = shutil.which("Orthanc")
    if not found:
        _absent("orthanc", "no Orthanc on PATH; Debian: apt-get install orthanc orthanc-dicomweb")
    return Path(str(found))
