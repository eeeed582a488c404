from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from pacs import Orthanc, free_port


@pytest.fixture(scope="session")
def orthanc(orthanc_executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A running server with nothing in it; `orthanc.peer` is the port where C-MOVE finds us."""
    peer = free_port()
    server = Orthanc(str(orthanc_executable), tmp_path_factory.mktemp("orthanc"), free_port(), free_port(), ("ICHSET", peer))
    server.peer = peer  # type: ignore[attr-defined]
    server.start()
    yield server
    server.stop()
