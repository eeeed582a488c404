"""A clinical archive is not hurt: rates, windows, pauses, longer waits; one pull for two reports; a report that proves it."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ichset.config import CourtesyConfig, DicomwebConfig, RetrieveConfig
from ichset.imaging.sources import TransferFault
from ichset.imaging.sources.courtesy import LONGEST, Courtesy

from .ct import head, save
from .hospital import asked, files, reasons, retrieve
from .web import Web, instead, serving, status


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self, at: str = "2024-03-05 12:00") -> None:
        self.now, self.slept = datetime.fromisoformat(at).timestamp(), list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def courtesy(self, work: Path, **config: Any) -> Courtesy:
        return Courtesy(CourtesyConfig(**config), work, lambda: self.now, self.sleep)


def test_the_rate_is_one_for_all_workers(tmp_path: Path) -> None:
    clock = Clock()
    workers = [clock.courtesy(tmp_path, per_second=5) for _ in range(2)]
    for turn in range(11):
        workers[turn % 2].take()
    assert sum(clock.slept) == pytest.approx(2.0, abs=1e-4)
    workers[0].take(10)
    workers[1].take()
    assert sum(clock.slept) == pytest.approx(4.2, abs=1e-4)  # ten at once take their two seconds of the others' time too


@pytest.mark.parametrize(
    ("window", "at", "opens"),
    [
        ("20:00-06:30", "2024-03-05 12:00", "20:00"), ("20:00-06:30", "2024-03-05 23:00", "23:00"), ("20:00-06:30", "2024-03-05 06:29", "06:29"),
        ("20:00-06:30", "2024-03-05 06:30", "20:00"), ("01:00-05:00", "2024-03-05 05:00", "01:00"), ("01:00-05:00", "2024-03-05 01:00", "01:00"),
    ],
)  # fmt: skip
def test_the_daily_window_is_waited_for(tmp_path: Path, window: str, at: str, opens: str) -> None:
    clock = Clock(at)
    clock.courtesy(tmp_path, window=window).wait_for_window()
    assert datetime.fromtimestamp(clock.now).strftime("%H:%M") == opens


@pytest.mark.parametrize("window", ["20-6", "25:00-06:00", "20:00", "20:00-06:60"])
def test_a_window_that_is_none_is_refused(window: str) -> None:
    with pytest.raises(ValidationError):
        CourtesyConfig(window=window)


def test_while_the_pause_file_is_there_nothing_is_asked(tmp_path: Path) -> None:
    clock, answers = Clock(), []
    (tmp_path / "PAUSE").touch()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        assert not answers
        if len(clock.slept) == 3:
            (tmp_path / "PAUSE").unlink()

    courtesy = Courtesy(CourtesyConfig(), tmp_path, lambda: clock.now, sleep)
    courtesy.retrying(lambda: answers.append("asked"))
    assert (len(clock.slept), answers) == (3, ["asked"])


def test_retries_wait_longer_each_time_and_as_long_as_the_server_says(tmp_path: Path) -> None:
    clock, faults = Clock(), [TransferFault("busy"), TransferFault("busy"), TransferFault("busy", wait=30), TransferFault("busy", wait=9999)]
    courtesy = clock.courtesy(tmp_path, retries=4, backoff_seconds=1)

    def ask() -> str:
        if faults:
            raise faults.pop(0)
        return "answer"

    assert courtesy.retrying(ask) == "answer"
    assert clock.slept == [1, 2, 30, LONGEST]
    clock.slept.clear()
    faults[:] = [TransferFault("gone", permanent=True)]
    with pytest.raises(TransferFault, match="gone"):
        courtesy.retrying(ask)
    assert clock.slept == []


def completeness(work: Path) -> dict[str, dict[str, str]]:
    with (work / "retrieved/completeness.csv").open(encoding="utf-8", newline="") as file:
        return {row["study"]: row for row in csv.DictReader(file)}


def config_of(web: Web, **more: Any) -> RetrieveConfig:
    courtesy = CourtesyConfig(connections=1, retries=1, backoff_seconds=0, timeout_seconds=5)
    return RetrieveConfig(source="dicomweb", dicomweb=DicomwebConfig(url=web.url), courtesy=courtesy, **more)


def test_a_study_that_two_reports_ask_for_is_pulled_once(tmp_path: Path) -> None:
    again = asked("a")[0] | {"study": "Sa2", "report": "r-a2", "accession": "A-other"}
    with serving(Web(head("a"))) as web:
        output = retrieve([*asked("a"), again], config_of(web, lookup="patient_date"), tmp_path / "web")
        assert (web.asked["series"], set(web.sent.values())) == (1, {1})
    save(head("a"), tmp_path / "archive")
    assert reasons(output) == {"Sa2": "another report of the same study"}
    folder = retrieve([*asked("a"), again], RetrieveConfig(path=tmp_path / "archive", lookup="patient_date"), tmp_path / "folder")
    assert reasons(folder) == reasons(output)


def test_the_completeness_report_proves_each_study(tmp_path: Path) -> None:
    scout = head("a", 9, slices=2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    with serving(Web([*head("a"), *scout, *head("b")])) as web:
        web.ever["series"] = instead(lambda chosen: (chosen if str(chosen[0].PatientID) == "Pa" else chosen[:-3], []))
        web.ever["instance"] = status(404)
        output = retrieve(asked("a", "b", "nowhere"), config_of(web), tmp_path)
    report = completeness(tmp_path)
    assert [report["Sa"][name] for name in ("asked", "found", "pulled", "missing", "reason")] == ["24", "26", "24", "0", ""]
    assert [report["Sb"][name] for name in ("asked", "found", "pulled", "missing")] == ["24", "24", "21", "3"]
    assert report["Sb"]["reason"] == reasons(output)["Sb"] == "study incomplete"
    assert "3 of 24 instances did not come" in report["Sb"]["detail"]
    assert report["Snowhere"]["reason"] == "study not in the archive"
    assert not [name for name in files(tmp_path) if name.startswith("Sb/")]
    assert not {"Pa", "Aa"} & set((tmp_path / "retrieved/completeness.csv").read_text("utf-8").replace("\n", ",").split(","))


@pytest.mark.parametrize("lookup", ["study_uid", "accession", "patient_date"])
def test_each_key_of_the_reports_finds_the_study_in_a_folder(tmp_path: Path, lookup: str) -> None:
    save([*head("a"), *head("b")], tmp_path / "archive")
    output = retrieve(asked("a"), RetrieveConfig(path=tmp_path / "archive", lookup=lookup), tmp_path / "work")  # type: ignore[arg-type]
    assert output.kept["study"].to_pylist() == ["Sa"]
