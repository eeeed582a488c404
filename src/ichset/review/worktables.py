"""What the page needs of the work folder's tables, read when first asked for and again when a table changes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from ichset.contracts import CANDIDATES, COHORT, MENTIONS, RETRIEVED, SCREENED, SERIES, Contract
from ichset.store import Store

SECTIONS = ("indication", "description", "conclusion")
Known = TypeVar("Known")


@dataclass(frozen=True)
class Report:
    """One report as the page shows it: no name, no number, no date of birth."""

    key: str
    study: str
    subject: str
    when: date | None
    age: int | None
    sex: str
    title: str
    texts: dict[str, str]
    spans: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # section -> (start, end, finding), characters


@dataclass(frozen=True)
class Reports:
    """Reports of the studies in the rounds, and all others of the same patients."""

    by_study: dict[str, Report]
    by_subject: dict[str, list[Report]]  # in order of date

    def earlier_and_later(self, study: str) -> list[Report]:
        own = self.by_study.get(study)
        return [report for report in self.by_subject.get(own.subject, []) if report.study != study] if own else []


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file is replaced; None while it is not there."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class WorkTables:
    """Read-only; thread-safe; keeps only what concerns studies in a round."""

    def __init__(self, work: Path) -> None:
        self._store = Store(work)
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def has(self, contract: Contract) -> bool:
        return self._store.has(contract)

    def stamp(self, *contracts: Contract) -> tuple[Any, ...]:
        """Changes whenever one of the tables is replaced."""
        return tuple(stamp_of(self._store.path(contract)) for contract in contracts)

    def _fresh(self, name: str, contracts: tuple[Contract, ...], build: Callable[[], Known]) -> Known:
        with self._lock:
            stamp = self.stamp(*contracts)
            kept = self._kept.get(name)
            if kept is None or kept[0] != stamp:
                kept = self._kept[name] = (stamp, build())
            return kept[1]

    def candidates(self) -> list[str]:
        """Studies that were drawn for the text round."""
        return self._fresh("candidates", (CANDIDATES,), lambda: [row["study"] for row in self._rows(CANDIDATES, ["study"])])

    def retrieved(self) -> dict[str, str]:
        """Study of the image round -> its folder, relative to the work folder."""
        return self._fresh("retrieved", (RETRIEVED,), lambda: {r["study"]: r["folder"] for r in self._rows(RETRIEVED, ["study", "folder"])})

    def series(self) -> dict[str, list[dict[str, Any]]]:
        """Study -> its taken series in order of their ordinal."""

        def build() -> dict[str, list[dict[str, Any]]]:
            found = defaultdict(list)
            columns = ["study", "series", "taken", "instances", "kernel", "slice_thickness", "phase"]
            for row in sorted(self._rows(SERIES, columns), key=lambda row: (row["study"], row["series"])):
                if row["taken"]:
                    found[row["study"]].append(row)
            return dict(found)

        return self._fresh("series", (SERIES,), build)

    def cohort(self) -> dict[str, tuple[str, int]]:
        """Study -> (arm, rank)."""
        columns = ["study", "arm", "rank"]
        return self._fresh("cohort", (COHORT,), lambda: {r["study"]: (r["arm"], r["rank"]) for r in self._rows(COHORT, columns)})

    def reports(self) -> Reports:
        return self._fresh("reports", (SCREENED, MENTIONS, CANDIDATES, RETRIEVED), self._build_reports)

    def _rows(self, contract: Contract, columns: list[str]) -> list[dict[str, Any]]:
        return self._store.read(contract, columns).to_pylist() if self._store.has(contract) else []

    def _build_reports(self) -> Reports:
        if not self._store.has(SCREENED):
            return Reports({}, {})
        studies = pa.array(sorted({*self.candidates(), *self.retrieved()}), pa.string())
        subjects: set[str] = set()
        for batch in self._store.batches(SCREENED, ["study", "subject"]):
            subjects.update(batch.filter(pc.is_in(batch["study"], studies))["subject"].to_pylist())
        wanted = pa.array(sorted(subject for subject in subjects if subject is not None), pa.string())
        columns = ["report", "study", "subject", "study_date", "age", "sex", "title", *SECTIONS]
        found = [
            _report(row) for batch in self._store.batches(SCREENED, columns) for row in batch.filter(pc.is_in(batch["subject"], wanted)).to_pylist()
        ]
        self._add_mentions({report.key: report for report in found})
        by_subject: dict[str, list[Report]] = defaultdict(list)
        for report in sorted(found, key=lambda report: (report.when or date.min, report.key)):
            by_subject[report.subject].append(report)
        return Reports({report.study: report for report in found}, dict(by_subject))

    def _add_mentions(self, reports: dict[str, Report]) -> None:
        if not self._store.has(MENTIONS):
            return
        wanted = pa.array(sorted(reports), pa.string())
        for batch in self._store.batches(MENTIONS, ["report", "section", "start", "end", "finding"]):
            for row in batch.filter(pc.is_in(batch["report"], wanted)).to_pylist():
                reports[row["report"]].spans.setdefault(row["section"], []).append((row["start"], row["end"], row["finding"]))


def _report(row: dict[str, Any]) -> Report:
    texts = {section: row[section] for section in SECTIONS if row[section]}
    return Report(
        row["report"], row["study"], row["subject"], row["study_date"], row["age"], row["sex"] or "", row["title"] or "", texts
    )  # fmt: skip
