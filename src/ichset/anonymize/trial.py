"""Decode in a process of its own what a decoder may die of: GDCM ends the process on some damaged JPEG frames.

A file that passes here decodes in the caller's process as well: the same bytes, the same decoder. `python -m` runs the child.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ichset.anonymize.tags import Doubt

SECONDS_A_FILE = 20  # a frame takes 0.01 s; beyond this the decoder hangs


def pixel_faults(paths: Iterable[Path]) -> Mapping[Path, Doubt]:
    """The files whose pixels cannot be decoded, kill or stop the decoder, or seem to hold drawn text."""
    waiting, faults = list(paths), {}
    while waiting:
        lines = _run(waiting)
        for path, line in zip(waiting, lines, strict=False):
            if line != "ok":
                faults[path] = Doubt(line, "BURNED_IN_TEXT" if "drawn" in line or "overlay" in line else "UNREADABLE_FILE")
        if len(lines) < len(waiting):
            faults[waiting[len(lines)]] = Doubt("the pixels cannot be decoded: the decoder gave up", "UNREADABLE_FILE")
        waiting = waiting[len(lines) + 1 :]
    return faults


def _run(paths: Sequence[Path]) -> list[str]:
    command = [sys.executable, "-m", "ichset.anonymize.trial"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    names = b"\0".join(os.fsencode(path) for path in paths)
    try:
        done = subprocess.run(command, input=names, capture_output=True, timeout=10 + SECONDS_A_FILE * len(paths), env=environment, check=False)
        output = done.stdout
    except subprocess.TimeoutExpired as stopped:
        output = stopped.stdout or b""
    return output.decode("utf-8").split("\n")[:-1]


def _main() -> None:
    from ichset.anonymize import instance
    from ichset.anonymize.faults import explain

    for name in sys.stdin.buffer.read().split(b"\0"):
        try:
            instance.check_pixels(instance.read(Path(os.fsdecode(name))))
            line = "ok"
        except Exception as error:
            line = explain(error)[1]
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
