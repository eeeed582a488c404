"""Splits: no person in two, shares kept for labels and techniques, earlier splits kept, leaks stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ichset.contracts import LABELS
from ichset.errors import GateFailed
from ichset.release import splits
from ichset.release.records import Records

from . import hospital


def records(subjects: list[str], seed: int = 0, pixels: dict[int, str] | None = None) -> Records:
    """One series and two slices a study; labels and techniques by chance."""
    rng = np.random.default_rng(seed)
    names = [f"S{number:04d}" for number in range(len(subjects))]
    ich = rng.random(len(names)) < 0.5
    studies = pa.table({
        "study": names, "subject": subjects, "study_uid": [f"2.25.{n}" for n in range(len(names))],
        "accession": [f"A{n}" for n in range(len(names))],
        "arm": ["ich" if mark else "normal" for mark in ich], "age": [str(int(a)) for a in rng.integers(18, 99, len(names))],
        "sex": [("F", "M", None)[int(s)] for s in rng.integers(0, 3, len(names))],
    })  # fmt: skip
    labels = pa.table(
        {
            "study": names,
            **{label: pa.array((ich & (rng.random(len(names)) < 0.3)).astype(int) if label != "ich" else ich.astype(int)) for label in LABELS},
        }
    )
    series = pa.table({
        "study": names, "manufacturer": [("GE", "Philips", "Rare")[int(m)] for m in np.minimum(rng.integers(0, 20, len(names)) // 9, 2)],
        "kernel": [f"K{int(k)}" for k in rng.integers(0, 5, len(names))], "slice_thickness": rng.choice([1.0, 2.5, 5.0], len(names)),
        "kvp": rng.choice([100.0, 120.0], len(names)),
    })  # fmt: skip
    files = pa.table({
        "study": [name for name in names for _ in range(2)], "source": [f"{name}/{slot}" for name in names for slot in range(2)],
        "pixels": [(pixels or {}).get(number * 2 + slot, f"p{number}-{slot}") for number in range(len(names)) for slot in range(2)],
    })  # fmt: skip
    return Records(studies, labels, series, files, pa.table({}))


def split(found: Records, share: float = 0.7, seed: int = 1, fixed: dict[str, str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    clusters = splits.people(found.studies, found.files)
    return splits.assign(found, clusters, share, seed, fixed or {}), clusters


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(0, 5), st.floats(0.2, 0.9))
def test_no_person_lies_in_two_splits(patients: list[int], seed: int, share: float) -> None:
    found = records([f"P{patient}" for patient in patients], seed)
    assigned, clusters = split(found, share, seed)
    splits.leakage_gate(assigned, clusters)
    assert set(assigned) == set(found.studies["study"].to_pylist())
    by_subject: dict[str, set[str]] = {}
    for study, subject in zip(found.studies["study"].to_pylist(), found.studies["subject"].to_pylist(), strict=True):
        by_subject.setdefault(subject, set()).add(assigned[study])
    assert all(len(found) == 1 for found in by_subject.values())


def test_shares_hold_for_arms_labels_and_techniques() -> None:
    found = records([f"P{number // 2}" for number in range(800)])
    assigned, _ = split(found)
    in_train = np.array([assigned[study] == "train" for study in found.studies["study"].to_pylist()])
    assert abs(in_train.mean() - 0.7) < 0.01
    for table, columns in (
        (found.labels, LABELS),
        (found.studies, ("arm", "sex")),
        (found.series, ("manufacturer", "kernel", "slice_thickness", "kvp")),
    ):
        for column in columns:
            values = np.array([str(value) for value in table[column].to_pylist()])
            for value in set(values.tolist()):
                own = in_train[values == value]
                assert abs(own.mean() - 0.7) < 0.5 / np.sqrt(len(own)) + 0.02, (column, value)


def test_links_by_uid_accession_and_pixels_hold_people_together() -> None:
    found = records(["P0", "P1", "P2", "P3"], pixels={0: "same", 6: "same"})
    clusters = splits.people(found.studies, found.files)
    assert clusters["S0000"] == clusters["S0003"] != clusters["S0001"]
    twice = found.studies.set_column(found.studies.column_names.index("study_uid"), "study_uid", pa.array(["2.25.1", "2.25.1", "2.25.2", "2.25.3"]))
    clusters = splits.people(twice, found.files)
    assert clusters["S0000"] == clusters["S0001"] and clusters["S0002"] == "S0002"


def test_blank_slices_link_nobody() -> None:
    found = records(["P0", "P1"], pixels={0: "blank", 2: "blank"})
    assert len(set(splits.people(found.studies, found.files, lambda source: True).values())) == 2
    assert len(set(splits.people(found.studies, found.files, lambda source: False).values())) == 1


def test_gate_names_a_leak() -> None:
    with pytest.raises(GateFailed, match="1 persons lie in more than one split") as caught:
        splits.leakage_gate({"S1": "train", "S2": "test"}, {"S1": "S1", "S2": "S1"})
    assert caught.value.exit_code == 4


def test_earlier_splits_stay_and_their_people_follow() -> None:
    found = records([f"P{number // 3}" for number in range(60)])
    fixed = {f"S{number:04d}": ("train", "test")[number // 3 % 2] for number in range(0, 30, 3)}
    assigned, clusters = split(found, fixed=fixed)
    assert all(assigned[study] == where for study, where in fixed.items())
    splits.leakage_gate(assigned, clusters)
    with pytest.raises(GateFailed, match="different splits of the earlier release"):
        split(found, fixed={"S0000": "train", "S0001": "test"})


def test_same_seed_same_split_another_seed_another() -> None:
    found = records([f"P{number}" for number in range(100)])
    assert split(found)[0] == split(found)[0] != split(found, seed=2)[0]


def test_same_pixels_in_two_studies_hold_them_together_unless_blank(tmp_path: Path) -> None:
    """On real files: a second patient's row that hashes to the first one's picture; then a picture of one value."""
    from ichset.release.pixels import is_blank
    from ichset.release.records import gather

    made = hospital.build(tmp_path / "work", 4, slices=3, size=32, two_series=False)
    rows = made.tables["instances"].to_pylist()
    rows[-1]["pixels"] = rows[0]["pixels"]
    tables = {**made.tables, "instances": pa.Table.from_pylist(rows, made.tables["instances"].schema)}
    found = gather(tables, report_text=False)

    def clusters() -> dict[str, str]:
        return splits.people(found.studies, found.files, lambda source: is_blank(made.work / "anonymized" / source))

    assert clusters()[rows[0]["study"]] == clusters()[rows[-1]["study"]]
    for row in (rows[0], rows[-1]):
        path = made.work / "anonymized" / row["study"] / row["file"]
        d = pydicom.dcmread(path)
        d.PixelData = bytes(len(d.PixelData))
        d.save_as(path)
    assert clusters()[rows[0]["study"]] != clusters()[rows[-1]["study"]]
