"""Every identifier planted in the demo hospital, for the test that none of them leaves it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from ichset.demo.cases import Case
from ichset.demo.people import INSTITUTIONS, Person
from ichset.demo.reports import Report

OTHERS = 2000  # patients without a study in the archive whose identifiers are listed: those of the first so many reports


class Identifiers:
    """Collects values by kind; `patients` lists each patient's own, with the studies' accessions."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = defaultdict(set)
        self._patients: dict[str, dict[str, Any]] = {}
        for name, latin, address in INSTITUTIONS:
            self._kinds["institutions"] |= {name, latin}
            self._kinds["addresses"].add(address)

    def add_case(self, case: Case) -> None:
        own = self._person(case.person)
        own["accessions"].add(case.accession)
        own["dates"] |= {f"{case.day:%Y%m%d}", f"{case.day:%d.%m.%Y}", case.day.isoformat()}
        self._kinds["uids"].add(case.uid)
        self._kinds["ids"].add(case.accession)
        self._kinds["physicians"] |= {case.radiologist, case.referrer}
        self._kinds["stations"].add(f"SN{case.scanner.station}{4711 + case.institution}")

    def add_report(self, report: Report) -> None:
        if report.number < OTHERS or report.kind == "archive":
            self._person(report.person)
            self._kinds["ids"] |= {report.accession} - {""}
            self._kinds["uids"] |= {report.uid} - {""}
            self._kinds["physicians"].add(report.radiologist)

    def _person(self, who: Person) -> dict[str, Any]:
        self._kinds["names"] |= {who.full, who.short, who.dicom, who.latin}
        self._kinds["surnames"].add(who.surname)
        self._kinds["ids"] |= {who.patient_id, who.insurance} - {""}
        self._kinds["phones"].add(who.phone)
        self._kinds["addresses"].add(who.address)
        own = self._patients.setdefault(who.patient_id, {"names": set(), "dates": set(), "accessions": set()})
        own["names"] |= {who.full, who.dicom, who.latin}
        if who.birth.year > 1:
            dates = {f"{who.birth:%Y%m%d}", f"{who.birth:%d.%m.%Y}", who.birth.isoformat()}
            own["dates"] |= dates
            self._kinds["dates"] |= dates
        return own

    def write(self, path: Path) -> None:
        """kind -> sorted values; `patients`: patient ID -> its names, dates and accessions."""
        patients = {key: {kind: sorted(found) for kind, found in own.items()} for key, own in sorted(self._patients.items()) if key}
        kinds = {kind: sorted(found) for kind, found in sorted(self._kinds.items())}
        path.write_text(json.dumps(kinds | {"patients": patients}, ensure_ascii=False, indent=1) + "\n", "utf-8")
