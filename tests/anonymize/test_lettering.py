"""Drawn letters are found whatever their font, size and edges; metal, wires, anatomy and noise are no letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ct_files import slice_pixels
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ichset.anonymize import instance
from ichset.anonymize.lettering import drawn_text

TEXTS = ("IVANOV IVAN 12.03.1956", "ID 4481-77", "Hospital No. 67")


def _hu(seed: int = 0, side: int = 256) -> NDArray:
    """A disc of tissue in air, HU, with a scanner's noise."""
    return slice_pixels(side, side, seed).astype(float) - 1024


def _drawn(text: str, size: int, smooth: bool, contrast: float, inside: bool, seed: int) -> NDArray[np.int16]:
    hu = _hu(seed)
    canvas = Image.new("L", hu.shape)
    draw = ImageDraw.Draw(canvas)
    draw.fontmode = "L" if smooth else "1"
    draw.text((40, 100 + seed) if inside else (4, 4), text, fill=255, font=ImageFont.load_default(size))
    share = np.asarray(canvas) / 255
    level = np.median(hu[share > 0]) + contrast
    return (hu * (1 - share) + level * share).round().astype(np.int16)


def _found(smooth: bool, sizes: tuple[int, ...], contrasts: tuple[float, ...]) -> list[bool]:
    cases = [(text, size, contrast, inside) for text in TEXTS for size in sizes for contrast in contrasts for inside in (True, False)]
    return [drawn_text(_drawn(text, size, smooth, contrast, inside, seed)) for seed, (text, size, contrast, inside) in enumerate(cases)]


@pytest.mark.parametrize(("smooth", "share"), [(False, 0.95), (True, 0.9)])
def test_letters_of_twelve_pixels_and_more_are_found(smooth: bool, share: float) -> None:
    found = _found(smooth, (13, 16, 20, 26), (600, 1500, 3000))
    assert np.mean(found) >= share


def test_dark_letters_and_stored_units_of_another_slope_are_found() -> None:
    white = _drawn(TEXTS[0], 16, True, 2000, True, 0)
    assert drawn_text(-white)
    assert drawn_text((white + 1024).astype(np.uint16) * 2, slope=0.5)
    assert drawn_text(white.astype(">i2"))


def _metal(kind: str, seed: int) -> NDArray[np.int16]:
    rng, hu = np.random.default_rng(seed), _hu(seed)
    y, x = np.mgrid[: hu.shape[0], : hu.shape[1]]
    for number in range(count := int(rng.integers(2, 12))):
        if kind == "fillings":
            turn = np.pi * (number + 0.5) / count
            shape = np.hypot(y - 120 + 50 * np.sin(turn), x - 128 - 50 * np.cos(turn)) < rng.uniform(2, 7)
        elif kind == "electrodes":
            turn = rng.uniform(0, 2 * np.pi)
            shape = np.hypot(y - 128 - 106 * np.sin(turn), x - 128 - 106 * np.cos(turn)) < rng.uniform(1, 4)
        else:
            turn = rng.uniform(0, np.pi)
            shape = np.abs((x - 128) * np.sin(turn) - (y - 128) * np.cos(turn)) < rng.uniform(0.5, 2)
        hu[shape] = 9000
    streaks = 3000 * np.cos(np.arctan2(y - 120, x - 128) * rng.integers(3, 12)) / (3 + np.hypot(y - 120, x - 128))
    return np.clip(ndimage.gaussian_filter(hu, rng.uniform(0, 1)) + streaks, -1024, 3071).astype(np.int16)


@pytest.mark.parametrize("kind", ["fillings", "electrodes", "wires"])
def test_metal_is_hardly_ever_taken_for_letters(kind: str) -> None:
    assert sum(drawn_text(_metal(kind, seed)) for seed in range(40)) <= 1


def test_noise_and_head_rests_are_no_letters() -> None:
    rng = np.random.default_rng(2)
    for spread in (0, 5, 60, 300):
        hu = _hu() + rng.normal(0, spread, (256, 256))
        hu[200:203, 30:226] = 400  # the shell of a head rest
        assert not drawn_text(hu.round().astype(np.int16))
    assert not drawn_text(np.full((16, 16), -1024, np.int16))


def test_no_frame_of_the_real_heads_holds_letters(real_data: Path) -> None:
    frames = 0
    for path in sorted((real_data / "head_ct").rglob("*.dcm"))[::4]:
        source = instance.read(path)
        instance.check_pixels(source)
        frames += source.shape.frames
    assert frames > 25


# --- small letters --------------------------------------------------------------------------------
def _small(size: int, face: str, number: int, kind: str) -> NDArray[np.int16]:
    """Anti-aliased letters of `size` pixels, in an air corner or over the tissue, bright or dark against what is there."""
    hu = _hu(number)
    font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{face}.ttf", size)
    canvas = Image.new("L", hu.shape)
    ImageDraw.Draw(canvas).text((4, 4) if kind == "corner" else (50, 90 + 9 * number), TEXTS[number % 3], fill=255, font=font)
    share = np.asarray(canvas) / 255
    level = np.median(hu[share > 0]) + (-600 if kind == "dark" else (600, 1500, 3000)[number % 3])
    return (hu * (1 - share) + level * share).round().astype(np.int16)


@pytest.mark.parametrize(("size", "least"), [(8, 0.45), (9, 0.75), (10, 0.75), (12, 0.85)])
def test_small_smooth_letters_are_found_too(size: int, least: float) -> None:
    faces = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "DejaVuSans-Bold")
    found = [drawn_text(_small(size, face, number, kind)) for face in faces for number in range(3) for kind in ("corner", "tissue", "dark")]
    assert np.mean(found) >= least


@pytest.mark.parametrize("enlarged", [False, True])
@pytest.mark.parametrize("spread", [0, 60, 120])
def test_real_heads_with_noise_or_enlarged_hold_no_letters(real_data: Path, enlarged: bool, spread: int) -> None:
    rng = np.random.default_rng(spread)
    for path in sorted((real_data / "head_ct" / "unc_cthead").rglob("*.dcm"))[::12]:
        source = instance.read(path)
        hu = instance.frames_of(source)[0].astype(float) - 1024
        hu = ndimage.zoom(hu, 2, order=1) if enlarged else hu
        assert not drawn_text(np.clip(hu + rng.normal(0, spread, hu.shape), -1024, 3071).round().astype(np.int16))
