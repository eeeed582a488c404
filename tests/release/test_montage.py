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
