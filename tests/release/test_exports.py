"""Exports say what the release says: geometry to 1e-3 mm in two readers, labels, reads, masks, tagged text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pyarrow as pa
import pydicom
import pytest
import SimpleITK
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ichset.cli.entities import evaluate_entities
from ichset.release.dataset import Dataset
from ichset.release.exports import bio, masks, nifti, rsna
from ichset.release.records import gather
from ichset.volume import Volume

from .conftest import Built


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _dicom(release: Path, study: str, series: int) -> list[pydicom.Dataset]:
    slices = [pydicom.dcmread(path) for path in (release / "data/dicom").glob(f"*/{study}/{series:02d}/*.dcm")]
    return sorted(
        slices,
        key=lambda d: float(np.cross(d.ImageOrientationPatient[:3], d.ImageOrientationPatient[3:]) @ np.array(d.ImagePositionPatient)),
    )


def test_nifti_lies_where_the_dicom_lies_and_holds_the_same_values(built: Built) -> None:
    tilted = 0
    rows = _rows(built.release / "data/exports/nifti/parts.csv")
    for row in rows:
        slices = _dicom(built.release, row["study"], int(row["series"]))
        image = nibabel.load(built.release / row["file"])
        voxels = np.asarray(image.dataobj)
        assert voxels.shape == (slices[0].Columns, slices[0].Rows, len(slices))
        tilted += float(slices[0].GantryDetectorTilt) != 0
        for index, d in enumerate(slices):
            for column, line in ((0, 0), (d.Columns - 1, 0), (0, d.Rows - 1), (13, 7)):
                along, down = np.array(d.ImageOrientationPatient, float).reshape(2, 3)
                wanted = np.array(d.ImagePositionPatient, float) + along * column * float(d.PixelSpacing[1]) + down * line * float(d.PixelSpacing[0])
                found = image.affine @ [column, line, index, 1]
                assert np.abs(found[:3] * (-1, -1, 1) - wanted).max() < 1e-3
            assert np.array_equal(voxels[:, :, index].T, d.pixel_array)
    assert tilted and len(rows) == len({(row["study"], row["series"]) for row in rows})


def test_simpleitk_reads_the_same_geometry(built: Built) -> None:
    checked = 0
    for row in _rows(built.release / "data/exports/nifti/parts.csv"):
        slices = _dicom(built.release, row["study"], int(row["series"]))
        if float(slices[0].GantryDetectorTilt):
            continue  # ITK holds no shear; nibabel reads these above
        image = SimpleITK.ReadImage(str(built.release / row["file"]))
        first, last = slices[0], slices[-1]
        assert np.allclose(image.TransformIndexToPhysicalPoint((0, 0, 0)), np.array(first.ImagePositionPatient, float), atol=1e-3)
        assert np.allclose(image.TransformIndexToPhysicalPoint((0, 0, len(slices) - 1)), np.array(last.ImagePositionPatient, float), atol=1e-3)
        assert np.array_equal(SimpleITK.GetArrayFromImage(image)[0], first.pixel_array)
        checked += 1
    assert checked >= 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([2.5, 5.0, 1.25]), min_size=1, max_size=25), st.floats(-25, 25))
def test_uneven_series_are_split_into_even_parts_never_resampled(gaps: list[float], tilt: float) -> None:
    angle = np.deg2rad(tilt)
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    positions = np.stack([np.full(along.size, -100.0), along * 0 - 90.0, along], axis=1)
    volume = Volume(
        np.zeros((along.size, 2, 2), np.int16), positions, np.array([1.0, 0, 0]), np.array([0, np.cos(angle), np.sin(angle)]), (0.5, 0.4),
        np.arange(along.size),
    )  # fmt: skip
    parts = nifti.even_parts(positions)
    assert [start for start, _ in parts[1:]] == [stop for _, stop in parts[:-1]] and parts[0][0] == 0 and parts[-1][1] == along.size
    for start, stop in parts:
        matrix = nifti.affine(volume, start, stop)
        for index in range(stop - start):
            assert np.abs((matrix @ [0, 0, index, 1])[:3] * (-1, -1, 1) - positions[start + index]).max() < 0.011


def test_rsna_rows_are_six_an_image_and_any_is_their_highest(built: Built) -> None:
    rows = _rows(built.release / "data/exports/rsna/labels.csv")
    images: dict[str, dict[str, int]] = {}
    for row in rows:
        image, _, name = row["ID"].removeprefix("ID_").rpartition("_")
        images.setdefault(image, {})[name] = int(row["Label"])
    instances = _rows(built.release / "data/tables/instances.csv")
    assert set(images) == {row["sop_uid"] for row in instances} and len(rows) == 6 * len(instances)
    where = {row["sop_uid"]: row for row in instances}
    labels = {row["study"]: row for row in _rows(built.release / "data/tables/labels.csv")}
    for image, own in images.items():
        row = where[image]
        assert own["any"] >= max(value for name, value in own.items() if name != "any")
        if labels[row["study"]]["ich"] == "1":  # the readers of the test hospital marked slice 3 of series 1
            assert own["any"] == 1 if (row["series"], row["instance"]) == ("1", "3") else True
        else:
            assert not any(own.values())
    levels = _rows(built.release / "data/exports/rsna/level.csv")
    assert {row["level"] for row in levels} == {"slice", "study"}


def test_cq500_reads_are_those_before_adjudication(built: Built) -> None:
    rows = {row["name"]: row for row in _rows(built.release / "data/exports/cq500/reads.csv")}
    odd = next(case for case in built.hospital.cases if case.number % 7 == 3)
    assert rows[odd.study]["R1:Fracture"] != rows[odd.study]["R2:Fracture"]
    assert rows[odd.study]["R1:ICH"] == str(odd.labels["ich"]) and "expert" not in "".join(rows[odd.study].values())


def test_masks_keep_voxels_and_geometry_and_lose_every_word(built: Built) -> None:
    study = built.hospital.cases[0].study
    (row,) = [row for row in _rows(built.release / "data/exports/masks/masks.csv") if row["study"] == study]
    assert row["kind"] == "haematoma" and row["voxels"] == "27"
    before = nibabel.load(next((built.work / "masks").rglob("*.nii.gz")))
    after = nibabel.load(built.release / row["file"])
    assert np.array_equal(np.asarray(before.dataobj), np.asarray(after.dataobj)) and after.get_data_dtype() == np.uint8
    assert np.array_equal(before.header["pixdim"][1:4], after.header["pixdim"][1:4])
    for name in ("sform", "qform"):
        one, two = getattr(before, f"get_{name}")(coded=True), getattr(after, f"get_{name}")(coded=True)
        assert one[1] == two[1] and (one[0] is two[0] is None or np.allclose(one[0], two[0], atol=1e-5))
    assert after.header["descrip"].item() == b"" and after.header["db_name"].item() == b"" and not after.header.extensions


def test_mask_that_retrieval_took_in_is_the_same_in_both_readers(built: Built) -> None:
    study = built.hospital.cases[1].study
    (row,) = [row for row in _rows(built.release / "data/exports/masks/masks.csv") if row["study"] == study]
    source, carried = built.work / "retrieved" / study / "masks/left-ventricle-1.nii", built.release / row["file"]
    assert row["kind"] == "left-ventricle" and row["values"] == "0, 3"
    assert np.array_equal(nibabel.load(source).get_fdata(), nibabel.load(carried).get_fdata())
    one, two = SimpleITK.ReadImage(str(source)), SimpleITK.ReadImage(str(carried))
    assert np.array_equal(SimpleITK.GetArrayFromImage(one), SimpleITK.GetArrayFromImage(two))
    for asked in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert np.allclose(getattr(one, asked)(), getattr(two, asked)(), atol=1e-3)


@pytest.mark.parametrize(("name", "kind"), [
    ("hematoma.nii.gz", "haematoma"), ("ICH_mask.nii", "haematoma"), ("case1-midline.nii.gz", "midline"), ("Гематома.nii", "haematoma"),
    ("left_lateral_ventricle.nii.gz", "left-ventricle"), ("seg_right-ventricle.nii.gz", "right-ventricle"), ("Ivanov.nii.gz", "mask"),
])  # fmt: skip
def test_what_a_mask_shows_is_told_from_its_name(name: str, kind: str) -> None:
    assert masks.kind_of(name) == kind


def test_tagged_text_reslices_to_its_spans(built: Built) -> None:
    folder = built.release / "data/exports/bio"
    texts = {row["study"]: row for row in _rows(built.release / "data/tables/studies.csv")}
    documents = [json.loads(line) for line in (folder / "spans.jsonl").read_text("utf-8").splitlines()]
    assert documents and all(texts[each["study"]][each["section"]] == each["text"] for each in documents)
    spans = [(each["text"], span) for each in documents for span in each["entities"]]
    assert spans and all(text[span["start"] : span["end"]] == span["text"] for text, span in spans)
    assert {span["text"] for _, span in spans} == {"Субдуральная гематома"}
    lines = (folder / "reports.bio").read_text("utf-8").splitlines()
    assert lines.count("Субдуральная\tB-SUBDURAL") == lines.count("гематома\tI-SUBDURAL") == len(spans)
    assert json.loads((folder / "counts.json").read_text()) == {"spans": len(spans), "left_out": 0}


def test_the_two_forms_are_scored_as_the_same(built: Built) -> None:
    folder = built.release / "data/exports/bio"
    done = CliRunner().invoke(evaluate_entities, [str(folder / "reports.bio"), str(folder / "spans.jsonl")])
    assert done.exit_code == 0, done.exception
    rows = {line.split()[0]: line.split()[1:] for line in done.output.splitlines() if line.strip()}
    assert rows["B-SUBDURAL"][:3] == rows["I-SUBDURAL"][:3] == ["1.0000"] * 3 and rows["accuracy"][0] == "1.0000"


def test_a_mention_that_de_identification_touched_is_left_out() -> None:
    raw, clean = "Ранее у Петрова гематома Иванова. Сейчас гематома слева.", "Ранее у [ИМЯ] гематома [ИМЯ]. Сейчас гематома слева."
    at = raw.index("гематома Иванова")
    later = raw.index("гематома слева")
    mentions = [
        {"start": at, "end": at + 16, "finding": "subdural", "assertion": "present"},
        {"start": later, "end": later + 8, "finding": "subdural", "assertion": "absent"},
    ]
    spans = bio.carry(raw, clean, mentions)
    assert [(clean[start:end], assertion) for start, end, _, assertion in spans] == [("гематома", "absent")]
    assert ("гематома", "B-NOT-SUBDURAL") in bio.tagged(clean, spans)


def test_marks_of_slices_that_are_not_released_leave_the_study_its_label(built: Built, tmp_path: Path) -> None:
    """A reader may have marked a series that was set aside later: then the label is the study's, not nobody's."""
    tables = built.hospital.tables
    marks = [{**row, "key_slices": json.dumps({"ich": ["9:1"], "subdural": ["1:3", "9:2"]})} for row in tables["reads"].to_pylist()]
    records = gather({**tables, "reads": pa.Table.from_pylist(marks, tables["reads"].schema)}, report_text=False)
    rsna.write(Dataset(records, {}, built.config, tmp_path, built.work, {}, None))
    levels = {(row["study"], row["subtype"]): row["level"] for row in _rows(tmp_path / "data/exports/rsna/level.csv")}
    labels = {row["study"]: row for row in records.labels.to_pylist()}
    for (study, name), level in levels.items():
        assert level == ("slice" if name == "subdural" and labels[study]["subdural"] == 1 else "study")
    values = {row["ID"]: row["Label"] for row in _rows(tmp_path / "data/exports/rsna/labels.csv")}
    assert all(values[f"ID_{row['sop_uid']}_any"] == str(labels[row["study"]]["ich"]) for row in records.files.to_pylist())
