"""A real PACS on this machine: Orthanc with DICOMweb, loaded with a folder of DICOM files (Debian: orthanc, orthanc-dicomweb).

    python scripts/pacs.py data/demo/archive                  serve the demo hospital until Ctrl-C, for configs/pacs-demo.toml
    python scripts/pacs.py /archive/ct --http 8043 --dicom 4243

The tests start the same server on free ports.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

PLUGINS = ("libOrthancDicomWeb.so", "libOrthancGdcm.so")
PLUGIN_FOLDERS = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc/plugins"))
USER = "ichset"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Orthanc:
    """One server with its own database below `folder`; `start` and `kill` may be called again and again."""

    def __init__(self, executable: str, folder: Path, http: int, dicom: int, peer: tuple[str, int] = ("ICHSET", 11112), password: str = "") -> None:
        self._executable, self.folder, self.http, self.dicom = executable, folder, http, dicom
        self.password = password or secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{http}"
        self._name = f"ichset-{secrets.token_hex(4)}"  # a server left over on the same port does not answer for this one
        folder.mkdir(parents=True, exist_ok=True)
        plugins = [str(place / name) for place in PLUGIN_FOLDERS for name in PLUGINS if (place / name).exists()]
        settings = {
            "Name": self._name, "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "Plugins": plugins,
            "HttpPort": http, "DicomPort": dicom, "DicomAet": "ORTHANC", "RemoteAccessAllowed": False, "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: self.password}, "DefaultEncoding": "Utf8", "StableAge": 5, "OverwriteInstances": False,
            "DicomModalities": {"peer": [peer[0], "127.0.0.1", peer[1]]}, "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }  # fmt: skip
        self._config = folder / "orthanc.json"
        self._config.write_text(json.dumps(settings), "utf-8")
        self._config.chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, patience: float = 30.0) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._executable, str(self._config)], stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + patience
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if json.loads(self.rest("/system"))["Name"] == self._name:
                    return
            except (urllib.error.URLError, OSError, ValueError):
                time.sleep(0.05)
        self.kill()
        raise SystemExit(f"Orthanc does not start on ports {self.http} and {self.dicom}; its log: {self.folder / 'log'}")

    def rest(self, path: str, data: bytes | None = None) -> bytes:
        token = b64encode(f"{USER}:{self.password}".encode()).decode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def load(self, archive: Path) -> tuple[int, int]:
        """Store every file below `archive`; how many were taken, how many refused (no DICOM, damaged)."""
        taken = refused = 0
        for path in sorted(path for path in archive.rglob("*") if path.is_file()):
            try:
                self.rest("/instances", path.read_bytes())
                taken += 1
            except urllib.error.HTTPError:
                refused += 1
        return taken, refused

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--http", type=int, default=8042)
    parser.add_argument("--dicom", type=int, default=4242)
    parser.add_argument("--password-file", type=Path, default=Path("data/pacs.password"), help="written here, mode 0600, for the config")
    options = parser.parse_args()
    executable = shutil.which("Orthanc")
    if executable is None:
        raise SystemExit("no Orthanc on PATH; Debian: apt-get install orthanc orthanc-dicomweb orthanc-gdcm")
    if not options.archive.is_dir():
        raise SystemExit(f"{options.archive}: no such folder; make the demo hospital first: ichset demo init data/demo")
    with tempfile.TemporaryDirectory(prefix="ichset-pacs-") as scratch:
        server = Orthanc(executable, Path(scratch), options.http, options.dicom)
        options.password_file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(options.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(server.password + "\n")
        options.password_file.chmod(0o600)
        server.start()
        try:
            taken, refused = server.load(options.archive)
            print(f"{taken} instances stored, {refused} files refused; user {USER}, password in {options.password_file}")
            print(f"DICOMweb: {server.url}/dicom-web   DIMSE: ORTHANC at 127.0.0.1:{server.dicom}")
            print("run the pipeline against it: ichset run --config configs/pacs-demo.toml      stop: Ctrl-C", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            pass
        finally:
            server.stop()


if __name__ == "__main__":
    main()
