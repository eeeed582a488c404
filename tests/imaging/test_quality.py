"""Artefacts, phases and corrupted rescale values, on heads made with known damage and on the real head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ichset.config import RetrieveConfig
from ichset.imaging.quality import Quality, quality_of
from ichset.imaging.repair import UNREPAIRABLE, repair
from ichset.volume import GeometryError, from_datasets

from .ct import PIXEL, SIZE, ct, head, picture, save
from .hospital import asked, reasons, retrieve

RNG = np.random.default_rng(5)


def scored(change: Callable[[np.ndarray, int], np.ndarray] | None = None, size: int = 64, **more: Any) -> Quality:
    slices = []
    for index in range(24):
        hu = picture(2 * index / 23 - 1, size=size, pixel=PIXEL * SIZE / size, **more) + RNG.normal(0, 4, (size, size))
        spacing = [PIXEL * SIZE / size] * 2
        slices.append(ct(index + 1, index * 5.0, change(hu, index) if change else hu, PixelSpacing=spacing))
    return quality_of(from_datasets(slices))


def noisy(sigma: float) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda hu, index: hu + RNG.normal(0, sigma, hu.shape)


def bled(hu: np.ndarray, index: int) -> np.ndarray:
    """Clotted blood under the noise of a thin slice."""
    y, x = (np.mgrid[: len(hu), : len(hu)] - (len(hu) - 1) / 2) * PIXEL * SIZE / len(hu)
    hu[(np.hypot(x - 25, y) < 30) & (hu < 100)] = 85
    return noisy(30)(hu, index)


@pytest.mark.parametrize("change", [noisy(20), noisy(60), noisy(120), noisy(200), bled], ids=["20", "60", "120", "200", "clot"])
def test_noise_and_clots_are_no_contrast(change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """A bone kernel's thin slices have noise of 100 HU and more; such a native series is released, not doubted."""
    assert scored(change, size=128).phase in ("native", "unclear")


@pytest.mark.parametrize("vessels", [130, 180, 300, 450])
def test_vessels_are_seen_up_to_the_arterial_peak(vessels: int) -> None:
    assert scored(noisy(20), size=128, vessels=vessels).phase == "contrast"


def test_a_sound_head_has_nothing() -> None:
    found = scored()
    assert (found.phase, found.head) == ("native", True)
    assert max(found.motion, found.metal, found.detector, found.truncated) < 0.2


def moved(hu: np.ndarray, index: int) -> np.ndarray:
    return np.roll(hu, 3 * (index % 2), axis=1)


def with_metal(hu: np.ndarray, index: int) -> np.ndarray:
    if 6 < index < 14:
        hu[30:34, 30:34] = 3071
    return hu


def with_rings(hu: np.ndarray, index: int) -> np.ndarray:
    y, x = np.mgrid[: len(hu), : len(hu)] - (len(hu) - 1) / 2
    return hu + 60 * (np.rint(np.hypot(y, x)) % 5 == 0)


def cut(hu: np.ndarray, index: int) -> np.ndarray:
    return np.roll(hu, -18, axis=1)


@pytest.mark.parametrize(("name", "change"), [("motion", moved), ("metal", with_metal), ("detector", with_rings), ("truncated", cut)])
def test_damage_is_scored_by_its_name(name: str, change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    size = 160 if name == "detector" else 64  # rings need radii to be told from
    assert getattr(scored(change, size), name) > 0.4
    assert getattr(scored(None, size), name) < 0.2


def test_a_series_beyond_the_configured_limit_is_left(tmp_path: Path) -> None:
    series = [ct(index + 1, index * 5.0, moved(picture(2 * index / 23 - 1), index), "q") for index in range(24)]
    save(series, tmp_path / "archive")
    assert not reasons(retrieve(asked("q"), RetrieveConfig(path=tmp_path / "archive"), tmp_path / "all"))
    strict = RetrieveConfig(path=tmp_path / "archive", max_motion=0.5)
    assert reasons(retrieve(asked("q"), strict, tmp_path / "strict")) == {"Sq": "artefacts beyond the limits"}


def test_vessels_in_hu_tell_the_phase() -> None:
    assert scored(vessels=200).phase == "contrast"
    assert scored(blood=True).phase != "contrast"


def test_the_real_head_is_native_and_a_head(real_data: Path) -> None:
    paths = sorted((real_data / "head_ct/unc_cthead").iterdir())
    found = quality_of(from_datasets([dcmread(path) for path in paths]))
    assert found.head is True
    assert found.phase != "contrast"


def stack(count: int = 24) -> list[Dataset]:
    pictures = (picture(2 * index / (count - 1) - 1, size=128, pixel=1.8) for index in range(count))
    return [ct(index + 1, index * 5.0, hu, PixelSpacing=[1.8, 1.8]) for index, hu in enumerate(pictures)]


@pytest.mark.parametrize(("slope", "intercept"), [("1", "0"), ("1", "-8192"), ("1", "1024"), ("0", "-1024"), ("2", "-1024"), ("-1", "-1024")])
@pytest.mark.parametrize("some", [True, False], ids=["three slices", "all slices"])
def test_corrupted_rescale_is_mended_with_a_record(slope: str, intercept: str, some: bool) -> None:
    series = stack()
    truth = from_datasets(series).hu.copy()
    hurt = series[5:8] if some else series
    for one in hurt:
        one.RescaleSlope, one.RescaleIntercept = slope, intercept
    said = repair(series)
    assert said is not None
    assert f"in {len(hurt)} of 24 slices" in said
    assert np.array_equal(from_datasets(series).hu, truth)


def test_sound_rescale_is_left_alone(real_data: Path) -> None:
    assert repair(stack()) is None
    assert repair([dcmread(path) for path in sorted((real_data / "head_ct/unc_cthead").iterdir())]) is None
    assert repair([dcmread(path) for path in sorted((real_data / "head_ct/philips_phantom/S21610_tilt_axial").glob("I*"))]) is None


def test_padding_outside_the_circle_is_no_air() -> None:
    series = stack()
    y, x = np.mgrid[:128, :128] - 63.5
    for one in series:
        stored = one.pixel_array.copy()
        stored[np.hypot(y, x) > 63] = -2000
        one.PixelData = stored.astype("<i2").tobytes()
        one.PixelPaddingValue = 63536  # -2000 as unsigned, as scanners write it
    assert repair(series) is None


def test_what_cannot_be_mended_is_left_by_name() -> None:
    series = stack()
    for one in series:
        stored = (one.pixel_array.astype(int) // 7 + 300).astype("<i2")  # no slope of 1 puts air and brain in their places
        one.PixelData = stored.tobytes()
        one.RescaleSlope, one.RescaleIntercept = "1", "500"
    with pytest.raises(GeometryError, match=UNREPAIRABLE):
        repair(series)


def test_the_repair_reaches_the_files_and_the_table(tmp_path: Path) -> None:
    series = head("r")
    for one in series[3:6]:
        one.RescaleIntercept = "0"
    save(series, tmp_path / "archive")
    output = retrieve(asked("r"), RetrieveConfig(path=tmp_path / "archive"), tmp_path / "work")
    assert output.tables["series"]["repaired"].to_pylist() == ["rescale slope/intercept 1/0 -> 1/-1024 in 3 of 24 slices"]
    files = sorted((tmp_path / "work/retrieved/Sr/01").iterdir())
    assert {float(dcmread(path).RescaleIntercept) for path in files} == {-1024.0}
    assert {float(dcmread(path).RescaleIntercept) for path in (tmp_path / "archive").iterdir()} == {0.0, -1024.0}  # the source is not touched
