"""Faults of a DICOMweb archive: nothing incomplete goes on, nothing good is pulled twice, the error is one clear line."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ichset.config import CourtesyConfig, DicomwebConfig, RetrieveConfig
from ichset.contracts import StageOutput
from ichset.errors import SourceUnreachable

from .ct import small, uid
from .hospital import asked, files, reasons, retrieve
from .web import Fault, Web, body, cut, instead, part, serving, status, trickle, zipped

STUDIES = asked("a", "b")
SLICES = 12


@pytest.fixture
def web() -> Iterator[Web]:
    with serving(Web([*small("a"), *small("b")])) as server:
        yield server


def pull(web: Web, work: Path, **courtesy: Any) -> StageOutput:
    settings = {"connections": 1, "retries": 2, "backoff_seconds": 0, "timeout_seconds": 3, **courtesy}
    config = RetrieveConfig(source="dicomweb", dicomweb=DicomwebConfig(url=web.url), courtesy=CourtesyConfig(**settings))
    return retrieve(STUDIES, config, work)


def strangers(study: list[Dataset], **changes: str) -> list[Dataset]:
    found = copy.deepcopy(study)
    for one in found:
        for keyword, value in changes.items():
            setattr(one, keyword, value)
    return found


def without_boundary(made: Any, _: list[Dataset]) -> None:
    made.headers["Content-Type"] = "multipart/related"


def single(made: Any, chosen: list[Dataset]) -> None:
    made.body, made.headers = part(chosen[0]), {"Content-Type": "application/dicom"}


PASSING: dict[str, tuple[str, list[Fault | None]]] = {
    "HTTP 500 to the question": ("find", [status(500)]),
    "HTTP 503 to the listing, with Retry-After": ("metadata", [status(503, Retry_After="0")]),
    "HTTP 500 to the series": ("series", [status(500)]),
    "HTTP 429 to the series": ("series", [status(429)]),
    "the question's answer breaks off": ("find", [cut(0.5)]),
    "the listing breaks off": ("metadata", [cut(0.3)]),
    "nothing but a header line comes": ("series", [cut(0.0)]),
    "the series breaks off": ("series", [cut(0.6)]),
    "the series breaks off just before its end": ("series", [cut(0.9999)]),
    "the answer is compressed unasked": ("series", [zipped]),
    "transfer-syntax=* is not known": ("series", [status(406)]),
    "an answer has no boundary": ("series", [without_boundary]),
    "every instance comes twice": ("series", [instead(lambda chosen: ([*chosen, *chosen], []))]),
    "two instances are left out": ("series", [instead(lambda chosen: (chosen[:-2], []))]),
    "a part is no DICOM": ("series", [instead(lambda chosen: (chosen[1:], [b"not DICOM at all" * 90]))]),
    "a part is cut off": ("series", [instead(lambda chosen: (chosen[1:], [part(chosen[0])[:900]]))]),
    "another series comes": ("series", [instead(lambda chosen: (small("a", 7), []))]),
    "the right instances come under another series' number": ("series", [instead(lambda chosen: (strangers(chosen, SeriesInstanceUID="1.2.3"), []))]),
    "the right instances come under another study's number": ("series", [instead(lambda chosen: (strangers(chosen, StudyInstanceUID="1.2.3"), []))]),
    "another study comes": ("series", [instead(lambda chosen: (small("zzz"), []))]),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_costs_nothing_but_time(web: Web, tmp_path: Path, name: str) -> None:
    kind, faults = PASSING[name]
    web.faults[kind] = list(faults)
    output = pull(web, tmp_path)
    assert output.kept["study"].to_pylist() == ["Sa", "Sb"]
    assert len(files(tmp_path)) == 2 * SLICES
    brought = [dcmread(tmp_path / "retrieved" / name, stop_before_pixels=True) for name in files(tmp_path)]
    assert {(one.StudyInstanceUID, one.SeriesInstanceUID) for one in brought} == {(uid("study", name), uid("series", name, 1)) for name in "ab"}
    assert max(web.sent.values()) == 1, "a good instance was pulled again"


LASTING: dict[str, tuple[str, Fault, str]] = {
    "HTTP 500 to every series": ("series", status(500), "study incomplete"),
    "HTTP 404 to every series": ("series", status(404), "study incomplete"),
    "a byte a moment": ("series", trickle(0.02), "study incomplete"),
    "a listing without instances": ("metadata", body(b"[]", "application/dicom+json"), "study not in the archive"),
    "a listing that is no JSON": ("metadata", body(b"<html>", "application/dicom+json"), "study incomplete"),
    "the archive ignores the question": (
        "find", body(b'[{"0020000D": {"vr": "UI", "Value": ["1.2.3.4"]}, "00080050": {"vr": "SH", "Value": ["A999"]}}]', "application/dicom+json"),
        "study not in the archive",
    ),
    "nobody answers the question": ("find", status(204), "study not in the archive"),
}  # fmt: skip


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_stays_keeps_the_study_out(web: Web, tmp_path: Path, name: str) -> None:
    kind, fault, reason = LASTING[name]
    web.ever[kind] = fault
    output = pull(web, tmp_path, timeout_seconds=1, retries=1, slowest_bytes=4096)
    assert output.kept.num_rows == 0
    assert set(reasons(output).values()) == {reason}
    assert not files(tmp_path) or all(".part" in name for name in files(tmp_path))
    web.ever.clear()
    assert pull(web, tmp_path).kept["study"].to_pylist() == ["Sa", "Sb"]


def test_what_came_before_a_lasting_fault_is_not_pulled_again(web: Web, tmp_path: Path) -> None:
    web.faults["series"] = [instead(lambda chosen: (chosen[:7], []))]
    web.ever["instance"] = status(500)
    assert reasons(pull(web, tmp_path)) == {"Sa": "study incomplete"}
    web.ever.clear()
    before = web.asked["instance"]
    assert pull(web, tmp_path).kept["study"].to_pylist() == ["Sa", "Sb"]
    assert web.asked["instance"] - before == SLICES - 7
    assert web.asked["series"] == 2  # one for each study, over both runs


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"PatientID": "Pzzz"}, "study belongs to another patient"), ({"AccessionNumber": "A999"}, None)],
    ids=["patient", "accession"],
)
def test_another_patient_under_the_right_numbers(web: Web, tmp_path: Path, changes: dict[str, str], reason: str | None) -> None:
    web.ever["series"] = instead(lambda chosen: (strangers(chosen, **changes), []))
    output = pull(web, tmp_path)
    assert output.kept.num_rows == 0
    assert len(reasons(output)) == 2
    assert reason is None or set(reasons(output).values()) == {reason}
    assert not files(tmp_path)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(401), "HTTP 401: the server refuses our credentials"),
        (status(403), "HTTP 403: the server refuses our credentials"),
        (status(302, Location="http://elsewhere/"), "HTTP 302: the server sends us elsewhere"),
        (body(b"<html>please log in</html>"), "no JSON; is the URL the root"),
        (status(500), "HTTP 500"),
        (cut(0.1), "broke off"),
    ],
    ids=["401", "403", "redirect", "login page", "500", "cut"],
)
def test_an_archive_that_cannot_be_asked_is_one_clear_line(web: Web, tmp_path: Path, fault: Fault, words: str) -> None:
    web.ever["find"] = fault
    with pytest.raises(SourceUnreachable, match=words) as error:
        pull(web, tmp_path)
    line = str(error.value)
    assert "\n" not in line
    assert not any(private in line for private in ("Aa", "Pa", uid("study", "a"))), line


@pytest.mark.parametrize("number", ["A*", "A?", "*", "Aa\\Ab", "Aa,Ab", "", " "])
def test_what_would_match_more_than_itself_is_never_asked(web: Web, tmp_path: Path, number: str) -> None:
    settings = CourtesyConfig(connections=1, retries=0, backoff_seconds=0)
    config = RetrieveConfig(source="dicomweb", dicomweb=DicomwebConfig(url=web.url), courtesy=settings)
    output = retrieve([asked("a")[0] | {"accession": number}], config, tmp_path)
    assert reasons(output) == {"Sa": "study not in the archive"}
    assert web.asked["find"] == 0


def test_two_studies_under_one_number_are_for_a_person(tmp_path: Path) -> None:
    twins = strangers(small("c"), AccessionNumber="Aa", PatientID="Pa")
    with serving(Web([*small("a"), *twins, *small("b")])) as web:
        assert reasons(pull(web, tmp_path)) == {"Sa": "several studies under one number"}
