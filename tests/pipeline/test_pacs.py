"""The whole pipeline against a real PACS gives the release that the folder gave, byte for byte."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .conftest import copy_of, ichset, tree_hash

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from pacs import Orthanc, free_port


def test_the_release_is_the_folders(source: Path, released: tuple[Path, str], orthanc_executable: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "hospital")
    server = Orthanc(str(orthanc_executable), tmp_path / "orthanc", free_port(), free_port())
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(server.password)
    text = (hospital / "demo.toml").read_text("utf-8")
    place = f'url = "{server.url}/dicom-web"\nuser = "ichset"\npassword = {{ file = "{password}" }}\n'
    text, changed = re.subn(r'source = "folder"\npath = ".*"\n(.*\n)', rf'source = "dicomweb"\n\1[retrieve.dicomweb]\n{place}', text)
    assert changed == 1
    (hospital / "demo.toml").write_text(text, "utf-8")
    server.start()
    try:
        server.load(hospital / "archive")
        ichset("run", "--config", hospital / "demo.toml")
    finally:
        server.stop()
    assert tree_hash(hospital / "release") == tree_hash(released[0] / "release")


def test_a_pacs_that_is_not_there_is_one_line(source: Path, tmp_path: Path) -> None:
    hospital = copy_of(source, tmp_path / "hospital")
    text = (hospital / "demo.toml").read_text("utf-8")
    place = f'url = "http://127.0.0.1:{free_port()}/dicom-web"\n[retrieve.courtesy]\nretries = 1\nbackoff_seconds = 0\n'
    text = re.sub(r'source = "folder"\npath = ".*"\n(.*\n)', rf'source = "dicomweb"\n\1[retrieve.dicomweb]\n{place}', text)
    (hospital / "demo.toml").write_text(text, "utf-8")
    done = ichset("run", "--config", hospital / "demo.toml", code=6)
    assert done.stderr.splitlines()[-1].startswith("ichset: http://127.0.0.1:")
    assert "no connection" in done.stderr.splitlines()[-1]
