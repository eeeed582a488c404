"""What spoils a scan: motion, metal, drawn text. Arrays are (slices, rows, columns) HU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.int16]


def with_motion(hu: Volume, rng: np.random.Generator, worst: float) -> Volume:
    """Each slice doubled with itself moved by up to `worst` pixels, and streaked, as when the head moves in the turn."""
    out = hu.astype(np.float32)
    for index in range(len(out)):
        moved = np.roll(out[index], np.rint(rng.uniform(-worst, worst, 2)).astype(int), (0, 1))
        rows = np.arange(out.shape[1])[:, None] + rng.uniform(0, 9)
        out[index] = 0.55 * out[index] + 0.45 * moved + 14 * np.sin(rows * 0.9 + np.arange(out.shape[2]) * 0.35)
    return np.clip(out, -1024, 3071).astype(np.int16)


def with_metal(hu: Volume, rng: np.random.Generator, slices: slice, strength: float, centre: tuple[float, float]) -> Volume:
    """A clip of 6 pixels at `centre` (row, column shares) and its star of dark and bright streaks."""
    out = hu.astype(np.float32)
    rows, columns = hu.shape[1:]
    y, x = np.mgrid[:rows, :columns]
    dy, dx = y - centre[0] * rows, x - centre[1] * columns
    distance = np.hypot(dy, dx)
    star = np.sin(np.arctan2(dy, dx) * 14 + rng.uniform(0, 6)) * strength / (1 + distance / 25)
    out[slices] += np.where(distance < 0.45 * columns, star, 0)
    out[slices][:, distance < 3] = 3071
    return np.clip(out, -1024, 3071).astype(np.int16)


def write_text(picture: NDArray, lines: list[str], value: int, top: int = 4) -> None:
    """Draw lines of Latin text into (rows, columns), in place, as a capture or a workstation does."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (picture.shape[1], picture.shape[0]))
    ImageDraw.Draw(canvas).multiline_text((4, top), "\n".join(lines), fill=255, font=ImageFont.load_default())
    picture[np.asarray(canvas) > 96] = value
