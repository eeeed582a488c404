"""The folder index at any number of files: files a second, against `cat` of the same bytes in the same run, and peak memory.

Every file is its own small CT slice (own UIDs, 16x16 pixels, a header of a real slice's elements) in folders of 40, five a study.

    python scripts/bench_index.py [--files 50000] [--jobs 2] [--folder PLACE]
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "tests")]
SERIES, STUDY = 40, 200  # files
MARK = {"SOPInstanceUID": "1.2.3.10000000001", "SeriesInstanceUID": "1.2.3.20000000001", "StudyInstanceUID": "1.2.3.30000000001"}

_INDEX = """
import resource, sys, time
from pathlib import Path
from ichset.config import EngineConfig
from ichset.imaging.index import update_index
if __name__ == "__main__":
    began = time.perf_counter()
    update_index(Path(sys.argv[1]), Path(sys.argv[2]), EngineConfig(jobs=int(sys.argv[3])))
    took = time.perf_counter() - began
    most = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(took, sum(one.ru_utime + one.ru_stime for one in most), *(one.ru_maxrss // 1024 for one in most))
"""


def template() -> bytes:
    from imaging.ct import ct, picture

    data = ct(1, 0, picture(0, size=16), PixelSpacing=[14.4, 14.4], **MARK)
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def write_archive(folder: Path, files: int) -> int:
    """Bytes written."""
    whole = template()
    places = {name: [found.start() for found in re.finditer(re.escape(uid.encode()), whole)] for name, uid in MARK.items()}
    for number in range(files):
        data = bytearray(whole)
        for name, owner in (("SOPInstanceUID", number), ("SeriesInstanceUID", number // SERIES), ("StudyInstanceUID", number // STUDY)):
            for at in places[name]:
                data[at + 7 : at + 17] = b"%010d" % owner
        place = folder / f"{number // STUDY:06}" / f"{number // SERIES % (STUDY // SERIES)}"
        if number % SERIES == 0:
            place.mkdir(parents=True)
        (place / f"{number % SERIES:04}").write_bytes(data)
    return files * len(whole)


def measured(name: str, files: int, command: list[str]) -> float:
    began = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    took, cpu, own, workers = map(float, said) if len(said) == 4 else (time.perf_counter() - began, 0, 0, 0)
    print(f"{name:<22} {files / took:9.0f} files/s {took:8.1f} s   CPU {cpu:.0f} s   peak {own:.0f} MB, a worker {workers:.0f} MB", flush=True)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the archive is made; default: the system's temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        archive, table = Path(scratch) / "archive", Path(scratch) / "index.parquet"
        print(f"{options.files:,} files, {write_archive(archive, options.files) / 1e6:,.0f} MB", flush=True)
        python = [sys.executable, "-c", _INDEX, str(archive), str(table), str(options.jobs)]
        cat = ["sh", "-c", f"find {archive} -type f -print0 | xargs -0 cat > /dev/null"]
        measured("cat, once to warm", options.files, cat)
        first = measured(f"index, {options.jobs} worker(s)", options.files, python)
        floor = measured("cat", options.files, cat)
        measured("unchanged again", options.files, python)
        print(f"index / cat of the same bytes: {first / floor:.2f}; table {table.stat().st_size / 1e6:.0f} MB")
        for command in ("index", "series"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            began = time.perf_counter()
            arguments = [sys.executable, "-m", "ichset", command, str(archive), "--jobs", str(options.jobs)]
            lines = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines()
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            print(f"ichset {command}: {len(lines):,} lines, {time.perf_counter() - began:.1f} s, CPU {used:.0f} s; last: {lines[-1]}", flush=True)


if __name__ == "__main__":
    main()
