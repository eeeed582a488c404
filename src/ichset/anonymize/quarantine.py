"""Set aside what is in doubt, on the private side, for a person: the source files, why, and a picture where pixels are the doubt."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ichset.contracts import Reason


def set_aside_study(source: Path, target: Path, reason: Reason, detail: str) -> None:
    """Link or copy a study's source folder to `target` (0700) with `reason.json`; an earlier one is replaced."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700, parents=True)
    target.parent.chmod(0o700)
    for path in sorted(source.rglob("*.dcm")):
        place = target / path.relative_to(source)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(path, place)
    (target / "reason.json").write_text(json.dumps({"reason": str(reason), "detail": detail}, sort_keys=True) + "\n", "utf-8")
    if reason is Reason.BURNED_IN_TEXT:
        _previews(target)


def set_aside_file(source: Path, target: Path) -> None:
    """Link or copy one source file to `target`."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if source.is_file():
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _previews(folder: Path) -> None:
    for path in sorted(folder.rglob("*.dcm")):
        preview(path, path.with_suffix(".png"))


def preview(source: Path, target: Path) -> None:
    """A grey picture of the frame in which text is suspected, over its whole range of values; nothing when it cannot be decoded."""
    from PIL import Image

    from ichset.anonymize import instance
    from ichset.anonymize.lettering import drawn_text

    try:
        found = instance.read(source)
        frames: NDArray = instance.frames_of(found)
    except Exception:
        return  # a file that cannot be shown is still set aside
    for frame in frames:
        if drawn_text(frame, found.slope):
            low, high = float(frame.min()), float(frame.max())
            grey = ((frame.astype(np.float32) - low) * (255.0 / max(high - low, 1.0))).astype(np.uint8)
            Image.fromarray(grey).save(target)
            return
