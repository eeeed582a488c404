"""The search for identifiers finds what is there, and does not take digests, decimals, pictures and times for someone's number."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.identifiers import IdentifierSearch
from ichset.release.audit.patterns import PatternIndex

from .conftest import Built

DIGEST = b"9f3cd6c1956ce64f6472792dbf98b8176a9dff3f34e8b5c91e6b07c9608eb0c8"
PLACES = [
    (b"patient 4719203358 seen", b"4719203358", "source patient_id", True), (b"ID=AB1234;", b"AB1234", "source accession", True),
    (b"x 1.4719203358 mm", b"4719203358", "source patient_id", False), (b"14719203358", b"4719203358", "source patient_id", False),
    (DIGEST[:20] + b"AB1234" + DIGEST[26:], b"AB1234", "source accession", False),
    (b"iVBORw0KGgoAAAANSUhEUgAAAB1234abcdefGHIJ", b"AB1234", "source accession", False),
    (b"20190312094500.000", b"20190312", "source study_date", True), (b"201903120", b"20190312", "source study_date", False),
    (b"\x10\x00\x32\x00 47192033582\x00", b"4719203358", "source patient_id", True),
    (b"IVANOVA^A", b"IVANOV", "part of the patient name", False), (b"IVANOV^A", b"IVANOV", "part of the patient name", True),
]  # fmt: skip


@pytest.mark.parametrize(("data", "pattern", "kind", "found"), PLACES)
def test_a_hit_is_a_word_of_its_own(data: bytes, pattern: bytes, kind: str, found: bool) -> None:
    assert bool(list(PatternIndex([(pattern, kind)]).find(data))) is found


def _private(folder: Path, studies: list[str], numbers: list[str], strangers: int = 0) -> Path:
    """A private side whose patients have these numbers; `strangers` were screened and not released."""
    (folder / "tables").mkdir(parents=True)
    own = [{"study": study, "patient_id": number, "accession": number[::-1], "patient_name": "", "study_date": date(2031, 5, 4)}
           for study, number in zip(studies, numbers, strict=False)]  # fmt: skip
    other = [{**own[0], "study": f"SX{place}", "patient_id": number} for place, number in enumerate(numbers[len(studies) :][:strangers])]
    pq.write_table(pa.Table.from_pylist([*own, *other]), folder / "tables/screened.parquet")
    return folder


def _search(release: Path, private: Path) -> list[str]:
    evidence = Evidence.of(release)
    search = IdentifierSearch(evidence, private)
    for name in evidence.files:
        search.look(name, evidence.bytes_of(name))
    return search.check.faults


def _false_alarms(lean: Path, folder: Path, seeds: range) -> list[int]:
    """Seeds whose random numbers, a thousand strangers' among them, are found in a release that holds none of them."""
    studies = [row["study"] for row in pq.read_table(lean / "data/tables/studies.parquet").to_pylist()]
    found = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 5])
        digits = (4, 5, 6, 7, 8, 10)[seed % 6]
        numbers = [str(number) for number in rng.integers(10 ** (digits - 1), 10**digits, len(studies) + 1000)]
        if _search(lean, _private(folder / str(seed), studies, numbers, 1000)):
            found.append(seed)
        shutil.rmtree(folder / str(seed))
    return found


def test_random_numbers_are_not_found_where_they_are_not(lean: Path, tmp_path: Path) -> None:
    assert _false_alarms(lean, tmp_path, range(6)) == []


@pytest.mark.stress
def test_two_hundred_hospitals_of_random_numbers_raise_no_alarm(lean: Path, tmp_path: Path) -> None:
    """A four-digit number is a word of a header by chance in about one study in 10,000; two alarms in 200 small releases would be many."""
    assert len(_false_alarms(lean, tmp_path, range(200))) <= 1


@pytest.mark.parametrize(("number", "where", "found"), [
    ("4711", "PixelData", False), ("471193", "PixelData", False), ("4711930255", "PixelData", True), ("AB47119", "PixelData", False),
    ("4711", "SeriesDescription", True), ("471193", "SeriesDescription", True), ("114711", "AcquisitionTime", False),
    ("4711", "ExposureTime", False), ("AB47119", "SeriesDescription", True),
])  # fmt: skip
def test_short_numbers_count_among_words_alone(built: Built, tmp_path: Path, number: str, where: str, found: bool) -> None:
    """In pixels and times a short number is there by chance; ten digits are not."""
    release = tmp_path / "release"
    place = next(iter(sorted((built.release / "data/dicom").rglob("*.dcm"))))
    name = place.relative_to(built.release)
    (release / name).parent.mkdir(parents=True)
    shutil.copytree(built.release / "data/tables", release / "data/tables")
    d = pydicom.dcmread(place)
    if where == "PixelData":
        d.PixelData = d.PixelData[:400] + number.encode() + d.PixelData[400 + len(number) :]
    else:
        setattr(d, where, number)
    d.save_as(release / name)
    assert bool(_search(release, _private(tmp_path / "private", [name.parts[3]], [number]))) is found
