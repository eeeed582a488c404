"""Slices read from the file's elements make the volume that pydicom's data sets make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ct_files import ct_slice
from pydicom import dcmread

from ichset import volume
from ichset.anonymize import instance
from ichset.anonymize.slices import slices_of, volume_of
from ichset.anonymize.tags import Doubt
from ichset.dicomfile import NotReadable


def test_volumes_are_pydicoms(real_data: Path) -> None:
    for folder in ("unc_cthead", "philips_phantom/S21610_tilt_axial"):
        paths = [path for path in sorted((real_data / "head_ct" / folder).iterdir()) if path.name != "DIRFILE"][::4]
        ours = volume_of(slices_of(map(instance.read, paths)))
        theirs = volume.from_datasets([dcmread(path, force=True) for path in paths])
        for name in ("hu", "positions", "row_direction", "column_direction", "spacing", "order"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_every_syntax_gives_the_same_hounsfield_units(real_data: Path) -> None:
    compared = 0
    for path in sorted((real_data / "edge" / "transfer_syntax_ct").iterdir()):
        try:
            (ours,) = slices_of([instance.read(path)])
            theirs = volume.to_hu(dcmread(path, force=True))
        except (Doubt, NotReadable, RuntimeError, volume.GeometryError):  # neither kept nor decoded
            continue
        assert np.array_equal(volume.to_hu(ours, ours.pixel_array), theirs), path.name
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("intercept", ["", "-1024", "-8192", "0.5", "40000"])
@pytest.mark.parametrize("slope", ["1", "2", "0.5"])
def test_rescaling_is_the_same(tmp_path: Path, slope: str, intercept: str) -> None:
    dataset = ct_slice(1, 16, 16)
    dataset.PixelData = (np.arange(256) * 16).astype("<u2").tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.save_as(tmp_path / "1.dcm")
    (ours,) = slices_of([instance.read(tmp_path / "1.dcm")])
    stored = np.arange(256, dtype=float).reshape(16, 16) * 16
    expected = np.clip(np.rint(stored * float(slope) + float(intercept or 0)), -32768, 32767)
    assert np.array_equal(volume.to_hu(ours, ours.pixel_array), expected)
    assert np.array_equal(volume.to_hu(dcmread(tmp_path / "1.dcm")), expected)


def test_what_is_missing_is_told_as_for_pydicom(tmp_path: Path) -> None:
    for name, value in (("PixelSpacing", None), ("ImageOrientationPatient", [1, 0, 0]), ("ImagePositionPatient", None)):
        dataset = ct_slice(1, 16, 16)
        setattr(dataset, name, value)
        dataset.save_as(tmp_path / "1.dcm")
        with pytest.raises(volume.GeometryError) as ours:
            volume_of(slices_of([instance.read(tmp_path / "1.dcm")]))
        with pytest.raises(volume.GeometryError) as theirs:
            volume.from_datasets([dcmread(tmp_path / "1.dcm")])
        assert ours.value.reason == theirs.value.reason
