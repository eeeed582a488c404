"""De-identification against `cp -r` of the same files, in one run, beside the tools that are installed.

240 uncompressed 512x512 slices of about 150 header elements, each job a fresh process with start-up, synced once at its
end; medians of interleaved rounds, one round for a tool that takes more than five seconds. Peers that are not installed are
named. Python peers may live in another environment, so that their dependencies stay out of this one:

    python -m venv PEERS && PEERS/bin/pip install dicom-anonymizer dicognito deid
    python scripts/bench_deid.py [--slices 240] [--rounds 3] [--peers PEERS/bin/python]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "anonymize"))

_DICOM_ANONYMIZER = (
    "import sys, pathlib\nfrom dicomanonymizer import anonymize_dicom_file\n"
    "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n    anonymize_dicom_file(str(path), sys.argv[2] + '/' + path.name)\n"
)


def write_series(folder: Path, count: int) -> int:
    """The measured series; answers the number of top-level elements of a header."""
    import numpy as np
    from ct_files import ROOT, ct_slice, sequence, slice_pixels
    from pydicom.uid import CTImageStorage

    rng, elements = np.random.default_rng(1), 0
    for number in range(1, count + 1):
        dataset = ct_slice(
            number,
            512,
            512,
            InstitutionName="ГКБ 67",
            StationName="CT99",
            DeviceSerialNumber="SN-004417",
            SoftwareVersions="syngo CT VA48A",
            ScanOptions="SPI",
            RotationDirection="CW",
            DistanceSourceToDetector="1085.6",
            DistanceSourceToPatient="595",
            TableHeight="150",
            FocalSpots="1.2",
            FilterType="FLAT",
            GeneratorPower="40",
            Exposure="300",
            SpiralPitchFactor=0.55,
            CTDIvol=60.1,
            InstanceCreationDate="20230405",
            InstanceCreationTime="153030",
            TimeOfLastCalibration="120000",
            DateOfLastCalibration="20230401",
            PatientComments="no",
            OtherPatientIDs="1234567",
            RequestedProcedureDescription="КТ",
            IrradiationEventUID=f"{ROOT}.7.{number}",
            AcquisitionDateTime=f"20230405153021.{number:06d}",
            SingleCollimationWidth=0.6,
            TotalCollimationWidth=38.4,
            TableSpeed=10.0,
            TableFeedPerRotation=19.2,
            SmallestImagePixelValue=0,
            LargestImagePixelValue=3000,
            ExposureModulationType="XYZ_EC",
            RequestAttributesSequence=sequence(RequestedProcedureID="1", ScheduledProcedureStepDescription="Head"),
            ReferencedImageSequence=sequence(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=f"{ROOT}.8"),
            SourceImageSequence=sequence(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=f"{ROOT}.18.{number}"),
            CTDIPhantomTypeCodeSequence=sequence(CodeValue="113690", CodingSchemeDesignator="DCM", CodeMeaning="IEC Head Dosimetry Phantom"),
            ProcedureCodeSequence=sequence(CodeValue="CTHEAD", CodingSchemeDesignator="99RIS", CodeMeaning="КТ головы"),
            OperatorsName="Op^One",
            PerformingPhysicianName="Ph^One",
            PatientSize="1.7",
            PatientWeight="70",
            AdditionalPatientHistory="trauma",
        )
        for group, creator in ((0x0019, "SIEMENS CT VA0  COAD"), (0x0021, "SIEMENS MED"), (0x0029, "SIEMENS CSA HEADER")):
            block = dataset.private_block(group, creator, create=True)
            for place in range(14):
                block.add_new(place + 1, "LO" if place % 2 else "DS", str(number * place))
        noise = rng.integers(-50, 50, (512, 512)).astype("<i2")
        dataset.PixelData = (slice_pixels(512, 512, number % 4) + noise).astype("<i2").tobytes()
        dataset.save_as(folder / f"IM{number:04d}.dcm", enforce_file_format=True)
        elements = len(dataset)
    return elements


_DEID = (
    "import sys, pathlib\nfrom deid.dicom import get_files, get_identifiers, replace_identifiers\n"
    "files = list(get_files(sys.argv[1]))\n"
    "replace_identifiers(dicom_files=files, ids=get_identifiers(files), save=True, output_folder=sys.argv[2], remove_private=True)\n"
)
SLOW = 5.0  # seconds: one round of such a tool is enough


def jobs(folder: Path, peers: str) -> dict[str, list[str]]:
    """Name -> command with SRC and DST to be filled in; an empty command for a tool that is not installed."""
    key = folder / "bench.key"
    key.write_text(os.urandom(32).hex())
    key.chmod(0o600)
    for name, text in (("anonymizer.py", _DICOM_ANONYMIZER), ("deid_all.py", _DEID)):
        (folder / name).write_text(text)
    found = {
        "cp -r": ["cp", "-r", "SRC/.", "DST"],
        "ichset deidentify --no-deface": [
            sys.executable,
            "-m",
            "ichset",
            "deidentify",
            "SRC",
            "DST",
            "--key",
            str(key),
            "--no-deface",
            "--jobs",
            "1",
        ],
    }
    commands = {
        "dicom-anonymizer": ("dicomanonymizer", [peers, str(folder / "anonymizer.py"), "SRC", "DST"]),
        "dicognito": ("dicognito", [peers, "-m", "dicognito", "-o", "DST", "SRC"]),
        "deid": ("deid", [peers, str(folder / "deid_all.py"), "SRC", "DST"]),
    }
    for name, (module, command) in commands.items():
        there = subprocess.run([peers, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
        found[name] = command if there else []
    found["gdcmanon"] = ["gdcmanon", "--dumb", "--empty", "10,10", "--empty", "10,20", "-i", "SRC", "-o", "DST"] if shutil.which("gdcmanon") else []
    return found


def run(command: list[str], source: Path, target: Path) -> tuple[float, float, int]:
    """Wall seconds with the sync, CPU seconds, and peak memory in MiB."""
    for stale in (target, target.with_name(target.name + ".private")):
        shutil.rmtree(stale, ignore_errors=True)
    target.mkdir()
    os.sync()
    filled = [part.replace("SRC", str(source)).replace("DST", str(target)) for part in command]
    start = time.perf_counter()
    child = subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    os.sync()
    if status:
        print(f"  {command[0]} ended with status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--slices", type=int, default=240)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--peers", default=sys.executable, help="a Python that has the peers installed")
    options.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.write:
        print(write_series(chosen.write, chosen.slices))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        source.mkdir()
        writing = [
            sys.executable,
            __file__,
            "--write",
            str(source),
            "--slices",
            str(chosen.slices),
        ]  # a small parent: its memory counts for its children
        elements = int(subprocess.run(writing, check=True, capture_output=True, text=True).stdout)
        commands = jobs(folder, chosen.peers)
        times: dict[str, list[tuple[float, float, int]]] = {job: [] for job, command in commands.items() if command}
        for _ in range(chosen.rounds):
            for job, found in times.items():
                if not found or found[0][0] < SLOW:
                    found.append(run(commands[job], source, folder / "target"))
        floor = statistics.median(found[0] for found in times["cp -r"])
        print(f"{chosen.slices} slices of 512x512, {elements} elements each; median of {chosen.rounds} rounds")
        print(f"{'job':34}{'s':>8}{'files/s':>9}{'x cp':>7}{'CPU s':>8}{'MiB':>6}")
        for job, found in times.items():
            seconds = statistics.median(one[0] for one in found)
            cpu, memory = statistics.median(one[1] for one in found), max(one[2] for one in found)
            print(f"{job:34}{seconds:8.3f}{chosen.slices / seconds:9.0f}{seconds / floor:7.2f}{cpu:8.2f}{memory:6d}")
        for job in sorted(commands.keys() - times.keys()):
            print(f"{job:34}not installed")


if __name__ == "__main__":
    main()
