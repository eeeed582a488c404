"""Volumes against geometry worked out by hand, and HU there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from ichset.volume import GeometryError, from_datasets, hu_to_stored, to_hu


def _slice(z: float, value: int = 1, **changes: object) -> Dataset:
    data = Dataset()
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    values = {
        "Rows": 2, "Columns": 3, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "PixelSpacing": [0.5, 0.6], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, z], "RescaleSlope": 1, "RescaleIntercept": -1024, **changes,
    }  # fmt: skip
    for keyword, one in values.items():
        if one is not None:
            setattr(data, keyword, one)
    data.PixelData = np.full((2, 3), value, "<u2").tobytes()
    return data


@given(st.permutations(range(7)))
def test_slices_come_in_the_order_of_the_normal_whatever_their_order(order: list[int]) -> None:
    volume = from_datasets([_slice(2.5 * index, index) for index in order])
    assert volume.hu[:, 0, 0].tolist() == [index - 1024 for index in range(7)]
    assert np.allclose(volume.offsets, 2.5 * np.arange(7))
    assert [order[index] for index in volume.order] == list(range(7))
    assert volume.spacing == (0.5, 0.6)


def test_a_tilted_gantry_keeps_its_distance_along_the_normal() -> None:
    angle = np.radians(18.5)
    plane = [1, 0, 0, 0, np.cos(angle), -np.sin(angle)]
    volume = from_datasets([_slice(2.5 * index, ImageOrientationPatient=plane) for index in range(4)])
    assert np.allclose(np.diff(volume.offsets), 2.5 * np.cos(angle))


def test_slices_of_two_origins_are_no_volume() -> None:
    with pytest.raises(GeometryError, match="several frames of reference"):
        from_datasets([_slice(2.5 * index, FrameOfReferenceUID=f"1.2.{index // 2}") for index in range(4)])
    from_datasets([_slice(2.5 * index, FrameOfReferenceUID="1.2.3" if index else None) for index in range(4)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ImagePositionPatient": None}, "ImagePositionPatient missing"),
        ({"ImagePositionPatient": [0, 0]}, "ImagePositionPatient missing"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "mixed orientations"),
        ({"PixelSpacing": [0.5, 0.7]}, "different pixel spacing"),
        ({"RescaleSlope": 0}, "rescale slope"),
        ({"NumberOfFrames": 3}, "single-frame"),
        ({"Rows": 3}, "different pixel spacing or size"),
        ({"ImagePositionPatient": [0, 0, 0.001]}, "one position"),
    ],
)
def test_what_is_no_volume_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(GeometryError, match=words):
        from_datasets([_slice(0), _slice(3, **changes), _slice(6)])


@settings(max_examples=50)
@given(
    st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([-1024.0, -1000.0, 0.0, -1024.5]), st.sampled_from([0, 1]), st.integers(0, 2**31)
)  # fmt: skip
def test_hu_survive_the_way_to_stored_values_and_back(slope: float, intercept: float, signed: int, seed: int) -> None:
    data = _slice(0, RescaleSlope=slope, RescaleIntercept=intercept, PixelRepresentation=signed)
    low, high = (-2048, 2047) if signed else (0, 4095)
    stored = np.random.default_rng(seed).integers(low, high, (2, 3), endpoint=True).astype("<i2" if signed else "<u2")
    data.PixelData = stored.tobytes()
    again = hu_to_stored(to_hu(data), data)
    assert again.dtype == stored.dtype
    assert np.abs(again.astype(int) - stored).max() <= (0 if slope >= 1 and intercept.is_integer() else 1)


def test_stored_values_are_held_within_their_bits() -> None:
    assert hu_to_stored(np.array([[-32768, 32767]], np.int16), _slice(0)).tolist() == [[0, 4095]]


def test_the_philips_study_lies_237_hundredths_apart(real_data: Path) -> None:
    paths = sorted((real_data / "head_ct/philips_phantom/S21610_tilt_axial").glob("I*"))
    volume = from_datasets([dcmread(path) for path in paths])
    assert volume.hu.shape == (54, 512, 512)
    assert np.allclose(np.diff(volume.offsets), 2.37, atol=0.005)
