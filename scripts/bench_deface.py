"""Defacing against reading and writing the same study with pydicom, in one run: ratios, since machines differ.

Pixels are the demo's head phantom enlarged to 512x512. CPU seconds (user and system) of one process, best of the rounds.
The last line is the whole pass: read, tags, pseudonyms, deface, write, read again, search for identifiers, measure.

    python scripts/bench_deface.py [--slices 200] [--rounds 2]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ichset.volume import Volume

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "anonymize"))


def study(slices: int) -> Volume:
    """A head of `slices` 512x512 slices over 160 mm."""
    import numpy as np

    from ichset.demo.phantom import Grid, draw_head, random_anatomy, random_pose
    from ichset.volume import Volume

    rng = np.random.default_rng(3)
    grid = Grid.axial(slices, 256, 0.94, 160 / slices)
    phantom = draw_head(random_anatomy(rng), random_pose(rng), grid, 3)
    hu = phantom.hu.repeat(2, 1).repeat(2, 2)
    return Volume(hu, grid.positions, grid.row_direction, grid.column_direction, (0.47, 0.47), np.arange(slices))


def write_files(folder: Path, volume: Volume) -> None:
    from ct_files import ct_slice

    for number, (hu, position) in enumerate(zip(volume.hu, volume.positions, strict=True), 1):
        dataset = ct_slice(number, 512, 512)
        dataset.PixelData = (hu.astype("i4") + 1024).clip(0, 4095).astype("<u2").tobytes()
        dataset.PixelSpacing = list(volume.spacing)
        dataset.ImagePositionPatient = [round(float(value), 4) for value in position]
        dataset.save_as(folder / f"{number:04}.dcm")


def whole_pass(folder: Path, target: Path) -> None:
    """One study from its retrieved files to its final folder."""
    import shutil

    from ichset.anonymize.study import StudyTask, anonymize_study
    from ichset.config import AnonymizeConfig

    shutil.rmtree(target, ignore_errors=True)
    (target / "anonymized").mkdir(parents=True)
    task = StudyTask("S1", "P1", folder, (1,), target / "anonymized" / "S1", "bench-patient", (), 60)
    result = anonymize_study(task, AnonymizeConfig(), bytes(range(32)), target)
    if result.study is None:
        raise SystemExit(f"the study was not released: {result.reason} {result.detail}")


def read_and_write(source: Path, target: Path) -> None:
    """What any tool must do: parse, decode, encode, write."""
    from pydicom import dcmread

    for path in sorted(source.iterdir()):
        dataset = dcmread(path)
        dataset.PixelData = dataset.pixel_array.tobytes()
        dataset.save_as(target / path.name)


def best(rounds: int, job: Callable[[], Any]) -> float:
    """CPU seconds of the fastest round."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    from ichset.anonymize.deface import deface_study
    from ichset.anonymize.measure import measure
    from ichset.anonymize.preview import write_preview
    from ichset.config import DefaceConfig, DefaceLimits

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    volume = study(options.slices)
    paper = DefaceConfig(method="paper", limits=DefaceLimits(exposed=1, relief=1, median_attack=1, brain=1))
    (hidden,) = deface_study([volume], DefaceConfig(), 1)
    written = replace(volume, hu=hidden.hu)
    with tempfile.TemporaryDirectory() as folder:
        source, target, work = (Path(folder) / name for name in ("in/01", "out", "work"))
        source.mkdir(parents=True)
        target.mkdir()
        write_files(source, volume)
        base = best(options.rounds, lambda: read_and_write(source, target))
        jobs: dict[str, Callable[[], Any]] = {
            "paper method": lambda: deface_study([volume], paper, 1),
            "guarded method": lambda: deface_study([volume], DefaceConfig(), 1),
            "measuring": lambda: measure(volume, written, hidden.pose),
            "preview picture": lambda: write_preview(Path(folder) / "preview.png", volume, written, hidden.pose),
            "whole pass": lambda: whole_pass(source.parent, work),
        }
        print(f"{options.slices} slices; reading and writing them with pydicom: {base:.2f} CPU s")
        for name, job in jobs.items():
            seconds = best(options.rounds, job)
            print(f"{name:15} {seconds:6.2f} s  {1000 * seconds / options.slices:6.1f} ms a slice  {seconds / base:5.1f} x reading and writing")


if __name__ == "__main__":
    main()
