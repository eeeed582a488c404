"""Retrieval in one run: the folder index against `cat`, and WADO-RS against dicomweb-client and dcmtk's getscu on one Orthanc.

Slices of 512x512. Peers and servers that are not installed are left out by name. dicomweb-client may live in another
environment: --peer-python names its interpreter.

    python scripts/bench_pacs.py [--slices 400] [--files 4000] [--rounds 3] [--peer-python PYTHON]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests")]

_DICOMWEB_CLIENT = """
import sys, time
from dicomweb_client.api import DICOMwebClient
from requests.auth import HTTPBasicAuth
import requests
session = requests.Session(); session.auth = HTTPBasicAuth("ichset", sys.argv[2])
client = DICOMwebClient(sys.argv[1], session=session)
began = time.perf_counter()
got = client.retrieve_series(sys.argv[3], sys.argv[4])
for number, dataset in enumerate(got):
    dataset.save_as(f"{sys.argv[5]}/{number}.dcm")
print(len(got), time.perf_counter() - began)
"""


def timed(call: Callable[[], object]) -> float:
    """Seconds of the call, or those it says itself: of a peer in an interpreter of its own the transfer alone."""
    began = time.perf_counter()
    told = call()
    return told if isinstance(told, float) else time.perf_counter() - began


def series_of(folder: Path, count: int) -> tuple[str, str]:
    """A series of `count` slices of half a megabyte; (study UID, series UID)."""
    import numpy as np

    from imaging.ct import ct, picture, uid

    hu = np.kron(picture(0), np.ones((8, 8)))
    noise = np.random.default_rng(1).normal(0, 5, hu.shape)
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        slice_ = ct(number, number * 0.6, hu + np.roll(noise, number), "bench", PixelSpacing=[0.45, 0.45])
        slice_.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)
    return uid("study", "bench"), uid("series", "bench", 1)


def index_against_cat(scratch: Path, files: int, rounds: int) -> None:
    from ichset.config import EngineConfig
    from ichset.imaging.index import update_index

    archive = scratch / "many"
    series_of(archive, 40)
    stored = sorted(archive.iterdir())
    for number in range(files - len(stored)):
        shutil.copyfile(stored[number % len(stored)], archive / f"copy{number:06}")
    for jobs in (1, 2):
        ours, cat, again = [], [], []
        for turn in range(rounds):
            place = scratch / f"index{jobs}{turn}.parquet"
            ours.append(timed(lambda: update_index(archive, place, EngineConfig(jobs=jobs))))  # noqa: B023
            again.append(timed(lambda: update_index(archive, place, EngineConfig(jobs=jobs))))  # noqa: B023
            command = f"find {archive} -type f -print0 | xargs -0 cat > /dev/null"
            cat.append(timed(lambda: subprocess.run(command, shell=True, check=True)))  # noqa: B023
        mine, floor = statistics.median(ours), statistics.median(cat)
        print(f"index, {jobs} worker(s)  {files / mine:9.0f} files/s   {mine / floor:5.2f} x cat of the same bytes ({floor:.2f} s)"
              f"   unchanged again: {files / statistics.median(again):.0f} files/s")
    shutil.rmtree(archive)


def pull_against_peers(scratch: Path, slices: int, rounds: int, peer: str | None) -> None:
    from pacs import Orthanc, free_port

    from ichset.config import CourtesyConfig, DicomwebConfig, DimseConfig, SecretConfig
    from ichset.imaging.sources.courtesy import Courtesy
    from ichset.imaging.sources.dicomweb import DicomwebSource
    from ichset.imaging.sources.dimse import DimseSource

    executable = shutil.which("Orthanc")
    if executable is None:
        print("no Orthanc on PATH (Debian: orthanc orthanc-dicomweb): transfers not measured")
        return
    study, series = series_of(scratch / "series", slices)
    server = Orthanc(executable, scratch / "orthanc", free_port(), free_port())
    server.start()
    password = scratch / "password"
    password.touch(0o600)
    password.write_text(server.password)
    try:
        server.load(scratch / "series")
        courtesy = Courtesy(CourtesyConfig(connections=1), scratch)
        web = DicomwebSource(
            DicomwebConfig(url=f"{server.url}/dicom-web", user="ichset", password=SecretConfig(file=password)), "accession", courtesy
        )
        dimse = DimseSource(DimseConfig(host="127.0.0.1", port=server.dicom, called="ORTHANC"), "accession", courtesy)
        header = [{"study_uid": study, "series_uid": series}] * slices
        target, spool = scratch / "pulled", scratch / "spool"

        def through(source: DicomwebSource | DimseSource) -> Callable[[], None]:
            def pull() -> None:
                shutil.rmtree(spool, ignore_errors=True)
                spool.mkdir()
                for number, arrived in enumerate(source.fetch(header, spool, True)):
                    place = target / f"{number}.dcm"
                    if isinstance(arrived, bytes):
                        place.write_bytes(arrived)
                    else:
                        arrived.rename(place)

            return pull

        ways: dict[str, Callable[[], object]] = {"ichset WADO-RS": through(web), "ichset C-GET": through(dimse)}
        if shutil.which("getscu"):
            keys = ["-k", "QueryRetrieveLevel=SERIES", "-k", f"StudyInstanceUID={study}", "-k", f"SeriesInstanceUID={series}"]
            command = ["getscu", "-S", "-od", str(target), *keys, "-aet", "ICHSET", "-aec", "ORTHANC", "127.0.0.1", str(server.dicom)]
            ways["dcmtk getscu"] = lambda: subprocess.run(command, check=True, capture_output=True)
        else:
            print("dcmtk getscu: not installed (Debian: dcmtk)")
        python = peer or sys.executable
        if subprocess.run([python, "-c", "import dicomweb_client"], capture_output=True, check=False).returncode == 0:
            arguments = [f"{server.url}/dicom-web", server.password, study, series, str(target)]
            command_line = [python, "-c", _DICOMWEB_CLIENT, *arguments]
            ways["dicomweb-client"] = lambda: float(subprocess.run(command_line, check=True, capture_output=True, text=True).stdout.split()[1])
        else:
            print("dicomweb-client: not installed")
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, call in ways.items():
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir()
                took[name].append(timed(call))
                assert len(list(target.iterdir())) == slices, name
        ours = statistics.median(took["ichset WADO-RS"])
        for name, seconds in took.items():
            one = statistics.median(seconds)
            print(f"{name:<20} {slices / one:7.0f} slices/s   {one / ours:5.2f} x the time of ichset WADO-RS")
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", help="an interpreter that has dicomweb-client")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        index_against_cat(Path(scratch), options.files, options.rounds)
        pull_against_peers(Path(scratch), options.slices, options.rounds, options.peer_python)


if __name__ == "__main__":
    main()
