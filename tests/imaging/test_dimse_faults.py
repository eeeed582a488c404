"""Faults of a DIMSE archive, played by a small provider that needs no Orthanc."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from ichset.config import CourtesyConfig, DimseConfig, RetrieveConfig
from ichset.contracts import StageOutput
from ichset.errors import SourceUnreachable
from ichset.imaging.sources.dimse import FIND, GET

from .ct import small
from .hospital import asked, files, reasons, retrieve

STUDIES = asked("a", "b")
SLICES = 12
KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber", "PatientID")
Fault = Callable[[Any, list[Dataset]], list[Dataset] | int]


class Archive:
    """Answers C-FIND and C-GET from memory; `faults[service]` are used up one a request, `ever` stays."""

    def __init__(self) -> None:
        self.datasets = [*small("a"), *small("b")]
        self.faults: dict[str, list[Fault]] = {}
        self.ever: dict[str, Fault] = {}
        self.sent: Counter[str] = Counter()
        self.port = 0

    def _chosen(self, event: Any, service: str) -> list[Dataset] | int:
        query = event.identifier
        chosen = self.datasets
        for keyword in (*KEYS, "SOPInstanceUID"):
            if value := query.get(keyword):
                wanted = set(value) if not isinstance(value, str) else {value}
                chosen = [one for one in chosen if one[keyword].value in wanted]
        waiting = self.faults.get(service, [])
        fault = waiting.pop(0) if waiting else self.ever.get(service)
        return fault(event, chosen) if fault else chosen

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        chosen = self._chosen(event, "find")
        if isinstance(chosen, int):
            yield chosen, None
            return
        level = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}[event.identifier.QueryRetrieveLevel]
        for one in {one[level].value: one for one in chosen}.values():
            answer = Dataset()
            for element in event.identifier:
                if element.tag in one:
                    answer[element.tag] = one[element.tag]
            answer.StudyInstanceUID = one.StudyInstanceUID
            answer.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
            yield 0xFF00, answer

    def get(self, event: Any) -> Iterator[Any]:
        chosen = self._chosen(event, "get")
        if isinstance(chosen, int):
            yield 1
            yield chosen, None
            return
        yield len(chosen)
        for one in chosen:
            if event.is_cancelled or not event.assoc.is_established:
                return
            self.sent[str(one.SOPInstanceUID)] += 1
            yield 0xFF00, one


@pytest.fixture
def archive() -> Iterator[Archive]:
    served = Archive()
    entity = AE("ARCHIVE")
    entity.add_supported_context(FIND)
    entity.add_supported_context(GET)
    entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, served.find), (evt.EVT_C_GET, served.get)])
    served.port = server.socket.getsockname()[1]
    yield served
    server.shutdown()


def pull(archive: Archive, work: Path, **courtesy: Any) -> StageOutput:
    place = DimseConfig(host="127.0.0.1", port=archive.port, called="ARCHIVE")
    settings = {"connections": 1, "retries": 2, "backoff_seconds": 0, "timeout_seconds": 5, **courtesy}
    return retrieve(STUDIES, RetrieveConfig(source="dimse", dimse=place, courtesy=CourtesyConfig(**settings)), work)


def aborts(event: Any, chosen: list[Dataset]) -> int:
    event.assoc.abort()
    return 0xC000


def half(_: Any, chosen: list[Dataset]) -> list[Dataset]:
    return chosen[: len(chosen) // 2]


def twice(_: Any, chosen: list[Dataset]) -> list[Dataset]:
    return [*chosen, *chosen[:3]]


def other_series(_: Any, chosen: list[Dataset]) -> list[Dataset]:
    return small("a", 5)


PASSING = {
    "the archive cannot answer": ("find", lambda event, chosen: 0xC000),
    "abort during the question": ("find", aborts),
    "out of resources": ("get", lambda event, chosen: 0xA702),
    "abort before the first instance": ("get", aborts),
    "half of the instances": ("get", half),
    "some instances twice": ("get", twice),
    "another series": ("get", other_series),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_costs_nothing_but_time(archive: Archive, tmp_path: Path, name: str) -> None:
    service, fault = PASSING[name]
    archive.faults[service] = [fault]
    output = pull(archive, tmp_path)
    assert output.kept["study"].to_pylist() == ["Sa", "Sb"]
    assert len(files(tmp_path)) == 2 * SLICES
    assert name == "some instances twice" or max(archive.sent.values()) == 1, "a good instance was pulled again"


def test_an_abort_amid_the_instances_keeps_what_came(archive: Archive, tmp_path: Path) -> None:
    stored = archive.get
    count = [0]

    def breaking(event: Any) -> Iterator[Any]:
        for answer in stored(event):
            yield answer
            count[0] += 1
            if count[0] == 5:
                event.assoc.abort()
                return

    archive.get = breaking  # type: ignore[method-assign]
    entity = AE("ARCHIVE")
    for context in (FIND, GET):
        entity.add_supported_context(context)
    entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, archive.find), (evt.EVT_C_GET, breaking)])
    archive.port = server.socket.getsockname()[1]
    try:
        assert pull(archive, tmp_path).kept["study"].to_pylist() == ["Sa", "Sb"]
    finally:
        server.shutdown()
    again = sum(sent - 1 for sent in archive.sent.values())
    assert again <= 1  # the one that was under way when the association broke


LASTING = {
    "half of the instances": ("get", half, "study incomplete"),
    "every transfer fails": ("get", lambda event, chosen: 0xA702, "study incomplete"),
    "always another series": ("get", other_series, "study incomplete"),
    "no study answers": ("find", lambda event, chosen: [], "study not in the archive"),
    "other patients answer": ("find", lambda event, chosen: small("zzz"), "study not in the archive"),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_stays_keeps_the_study_out(archive: Archive, tmp_path: Path, name: str) -> None:
    service, fault, reason = LASTING[name]
    archive.ever[service] = fault
    if name == "half of the instances":  # of what is still asked for, until one is left that never comes
        archive.ever["get"] = lambda event, chosen: [one for one in chosen if one.InstanceNumber != 7]
    output = pull(archive, tmp_path, retries=1)
    assert output.kept.num_rows == 0
    assert set(reasons(output).values()) == {reason}
    archive.ever.clear()
    archive.sent.clear()
    assert pull(archive, tmp_path).kept["study"].to_pylist() == ["Sa", "Sb"]
    assert name != "half of the instances" or sum(archive.sent.values()) == 2  # one missing slice a study, nothing else


def test_no_server_and_a_refusal_are_one_clear_line(archive: Archive, tmp_path: Path) -> None:
    archive.ever["find"] = lambda event, chosen: 0xA700
    with pytest.raises(SourceUnreachable, match="status 0xA700"):
        pull(archive, tmp_path, retries=0)
    archive.port = 1
    with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1:1: no connection"):
        pull(archive, tmp_path, retries=0)


def test_an_archive_that_does_not_know_us(tmp_path: Path) -> None:
    entity = AE("ARCHIVE")
    entity.require_calling_aet = ["SOMEBODY"]
    entity.add_supported_context(FIND)
    server: Any = entity.start_server(("127.0.0.1", 0), block=False)
    stranger = Archive()
    stranger.port = server.socket.getsockname()[1]
    try:
        with pytest.raises(SourceUnreachable, match=r"refused the association .called ARCHIVE, calling ICHSET."):
            pull(stranger, tmp_path, retries=0)
    finally:
        server.shutdown()
