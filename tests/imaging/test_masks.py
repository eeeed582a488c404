"""Masks that came with the studies are taken in unchanged, and nothing else is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ichset.config import RetrieveConfig
from ichset.imaging.masks import kind_of, named

from .ct import head, save
from .hospital import asked, retrieve

MASK = b"not looked into here"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hematoma.nii.gz", "haematoma"), ("ICH_mask.nii", "haematoma"), ("Гематома.nii.gz", "haematoma"), ("midline.nii.gz", "midline"),
        ("left_lateral_ventricle.nii.gz", "left-ventricle"), ("RV.nii.gz", "right-ventricle"), ("правый желудочек.nii", "right-ventricle"),
        ("seg1.nii.gz", "mask"),
    ],
)  # fmt: skip
def test_names_tell_what_a_mask_shows(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_masks_beside_the_series_and_named_in_the_report(tmp_path: Path) -> None:
    archive, work = tmp_path / "archive", tmp_path / "work"
    save(head("m"), archive / "one")
    save(head("n"), archive / "two")
    (archive / "one/hematoma.nii.gz").write_bytes(gzip.compress(MASK, mtime=0))
    (archive / "one/masks").mkdir()
    (archive / "one/masks/midline.nii").write_bytes(MASK)
    (archive / "segmentations").mkdir()
    (archive / "segmentations/n_left_ventricle.nii").write_bytes(MASK + b"2")
    (tmp_path / "outside.nii").write_bytes(b"secret")
    rows = asked("m") + asked("n", masks="segmentations/n_left_ventricle.nii; ../outside.nii|absent.nii")
    retrieve(rows, RetrieveConfig(path=archive), work)
    assert {path.name: path.read_bytes() for path in (work / "retrieved/Sm/masks").iterdir()} == {
        "haematoma-1.nii.gz": gzip.compress(MASK, mtime=0), "midline-1.nii": MASK
    }  # fmt: skip
    assert [path.name for path in (work / "retrieved/Sn/masks").iterdir()] == ["left-ventricle-1.nii"]
    records = json.loads((work / "retrieved/Sm/masks.json").read_text("utf-8"))
    assert [record["kind"] for record in records] == ["haematoma", "midline"]
    report = (work / "retrieved/completeness.csv").read_text("utf-8").splitlines()
    assert report[0].split(",")[7:9] == ["masks", "masks_missing"]
    assert report[1].split(",")[7:9] == ["2", "0"]
    assert report[2].split(",")[7:9] == ["1", "2"]


@pytest.mark.parametrize("name", ["../outside.nii", "/etc/passwd", "a\0b.nii", "x" * 300 + ".nii", "link.nii", "..\\outside.nii"])
def test_a_named_path_never_leaves_its_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.nii").write_bytes(b"secret")
    (root / "link.nii").symlink_to(tmp_path / "outside.nii")
    assert named(name, root) == ([], 1)
