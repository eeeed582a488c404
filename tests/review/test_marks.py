"""A key slice lands on the very picture that was on screen, whatever the geometry, the files' order and the key."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pydicom import dcmread
from ward import write_slices

from ichset.anonymize import hiding, study
from ichset.anonymize.tags import Deidentifier, Identity, Policy
from ichset.config import AnonymizeConfig
from ichset.pseudonyms import Pseudonyms
from ichset.release.exports import rsna
from ichset.review.pictures import encode_series, series_folders
from ichset.volume import from_datasets, to_hu


def odd_series(rng: np.random.Generator, folder: Path) -> None:
    """A stack of noise: tilted, turned over, unevenly spaced or stored in any order, as chance will have it."""
    count, tilt = int(rng.integers(3, 8)), np.radians(rng.choice([0.0, 0.0, -18.0, 16.0]))
    row, column = np.array([rng.choice([1.0, -1.0]), 0.0, 0.0]), np.array([0.0, np.cos(tilt), np.sin(tilt)]) * rng.choice([1.0, -1.0])
    steps = np.cumsum(rng.uniform(1, 7, count) if rng.random() < 0.5 else np.full(count, rng.choice([0.625, 2.5, 4.806, 5.0])))
    places = rng.uniform(-90, 90, 3) + steps[:, None] * np.array([0.0, 0.0, rng.choice([1.0, -1.0])])
    hu = rng.integers(-900, 1900, (count, 48, 48)).astype(np.int16)
    write_slices(folder, hu, places, list(rng.permutation(count) + 1), [*row, *column])


def shown(folder: Path) -> np.ndarray:
    """The slices as the page gets them."""
    data = encode_series(folder)
    length = struct.unpack("<I", data[:4])[0]
    header = json.loads(data[4 : 4 + length])
    return np.frombuffer(data, "<i2", offset=4 + length).reshape(header["slices"], header["rows"], header["columns"])


def released(source: Path, ordinals: list[int], target: Path, key: bytes) -> list[dict[str, object]]:
    """The instance rows of the study as anonymization writes it, faces left alone."""
    pseudonyms, config = Pseudonyms(key), AnonymizeConfig()
    deidentifier = Deidentifier(Policy(frozenset(config.options), config.age_cap), Identity("P1", pseudonyms.date_shift("P1")), pseudonyms)
    rows: list[dict[str, object]] = []
    target.mkdir()
    for ordinal in ordinals:
        members = study._read_series(source, ordinal)
        face = hiding.Face(from_datasets([one.dataset() for one in members]), {}, "none")
        written = hiding.write_series(target, ordinal, members, face, deidentifier, config)
        rows += study._instance_rows("S1", ordinal, written, face.original)
    return rows


def exported(bag: Path, rows: list[dict[str, object]], marks: list[str]) -> set[str]:
    """Instances that carry the label in the RSNA export when a reader marked these slices."""
    label = {"study": "S1", "ich": 1, "epidural": 0, "subarachnoid": 0, "subdural": 1, "intracerebral": 0, "intraventricular": 0}
    reads = [{"study": "S1", "round": "image", "key_slices": json.dumps({"subdural": marks})}]
    files = [{key: row[key] for key in ("study", "series", "instance", "sop_uid")} for row in rows]
    records = SimpleNamespace(labels=pa.Table.from_pylist([label]), reads=pa.Table.from_pylist(reads), files=pa.Table.from_pylist(files))
    rsna.write(SimpleNamespace(bag=bag, records=records))
    lines = [line.split(",") for line in (bag / "data/exports/rsna/labels.csv").read_text().splitlines()]
    return {name.split("_")[1] for name, value in lines if name.endswith("_subdural") and value == "1"}


def check_marks(seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    ordinals = sorted(int(one) for one in rng.choice(np.arange(1, 14), int(rng.integers(1, 4)), replace=False))
    for ordinal in ordinals:
        odd_series(rng, folder / "source" / f"{ordinal:02d}")
    rows = released(folder / "source", ordinals, folder / "target", rng.bytes(32))
    stacks = {ordinal: shown(path) for ordinal, path in series_folders(folder, "source").items()}
    pictures = {f"{ordinal}:{place}": picture for ordinal, stack in stacks.items() for place, picture in enumerate(stack, 1)}
    assert len(pictures) == len(rows)
    marks = [str(one) for one in rng.choice(sorted(pictures), int(rng.integers(1, len(pictures))), replace=False)]
    found = exported(folder / "bag", rows, marks)
    files = {row["sop_uid"]: dcmread(folder / "target" / str(row["file"])) for row in rows}
    assert all(file.SOPInstanceUID == uid for uid, file in files.items())
    labelled = {to_hu(files[uid]).tobytes() for uid in found}
    assert labelled == {pictures[mark].tobytes() for mark in marks}


@pytest.mark.parametrize("seed", range(6))
def test_a_mark_lands_on_the_picture_on_screen(seed: int, tmp_path: Path) -> None:
    check_marks(seed, tmp_path)


@pytest.mark.stress
def test_two_hundred_marks_land_on_the_picture_on_screen(tmp_path: Path) -> None:
    for seed in range(200):
        check_marks(1000 + seed, tmp_path / str(seed))
