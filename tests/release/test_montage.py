"""The montage shows what readers marked, in the series where they marked it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pydicom
import pytest

from ichset.release.dataset import Dataset
from ichset.release.figures import montage
from ichset.release.formats import word
from ichset.release.records import gather
from ichset.volume import Volume

from .conftest import Built


def _dataset(built: Built, marks: dict[str, list[str]]) -> Dataset:
    rows = built.hospital.tables["reads"].to_pylist()
    reads = [{**row, "key_slices": json.dumps(marks)} for row in rows]
    two = [row["study"] for row in built.hospital.tables["anonymized"].to_pylist() if row["series"] == 2]
    selected = built.hospital.tables["selected"]
    selected = selected.filter(pc.is_in(selected["study"], pa.array(two)))
    tables = {**built.hospital.tables, "selected": selected, "reads": pa.Table.from_pylist(reads, built.hospital.tables["reads"].schema)}
    return Dataset(gather(tables, report_text=False), {}, built.config, built.release, built.work, {}, None)


@pytest.mark.parametrize("label", ["ich", "fracture"])
def test_the_slice_comes_from_the_series_that_was_marked(built: Built, label: str) -> None:
    dataset = _dataset(built, {label: ["1:1", "2:2", "2:4", "2:5"], "subdural": ["1:6"]})
    pictures = {name: hu for name, hu, _ in montage._examples(dataset)}
    marked = [row["file"] for row in dataset.records.files.to_pylist() if (row["series"], row["instance"]) == (2, 4)]
    wanted = [pydicom.dcmread(built.release / name) for name in marked]
    assert any(np.array_equal(pictures[word(label)], d.pixel_array) for d in wanted)


def test_a_mark_that_no_file_answers_is_passed_over(built: Built) -> None:
    marked, plain = ([hu for _, hu, _ in montage._examples(_dataset(built, marks))] for marks in ({"ich": ["9:1", "1:99", "x", ""]}, {}))
    assert len(marked) == len(plain) and all(np.array_equal(one, two) for one, two in zip(marked, plain, strict=True))


def _head(gap: bool, blood: tuple[int, int], seed: int = 0) -> Volume:
    """Twelve slices of an egg of brain (36 HU, noise 6) in bone, cerebellum brighter by 8 in the lower third; blood in some slices, at the bone."""
    y, x = np.mgrid[-64:64, -64:64]
    slices = []
    for place in range(12):
        radius = np.hypot(x, y * 0.9) - (52 - abs(place - 6) * 1.5)
        hu = np.where(radius < 0, 36 + 8 * (place < 4), -1000) + np.random.default_rng(seed + place).normal(0, 6, x.shape)
        if blood[0] <= place < blood[1]:
            hu[(np.hypot(x - 40, y) < 12) & (radius < 0)] = 62
        hu[(radius >= 0) & (radius < 6)] = 1100
        if gap and 5 <= place < 9:
            hu[(np.abs(y) < 1) & (x > 0) & (radius >= -1)] = 30
        slices.append(hu.astype(np.int16))
    across, down, up = np.eye(3)
    return Volume(np.stack(slices), 5 * np.outer(np.arange(12), up), across, down, (1.5, 1.5), np.arange(12))


def test_blood_is_shown_beside_a_fracture_and_not_the_cerebellum() -> None:
    assert montage._telling(_head(True, (7, 9)), "epidural") in (7, 8)
    assert montage._telling(_head(False, (8, 9)), "subdural") == 8


def test_a_fracture_is_shown_where_bone_has_a_gap() -> None:
    assert montage._telling(_head(True, (0, 0)), "fracture") in (5, 6, 7, 8)


def test_without_a_sign_most_brain_is_shown() -> None:
    assert montage._telling(_head(False, (0, 0)), "subdural") == montage._telling(_head(False, (0, 0)), "") == 6
