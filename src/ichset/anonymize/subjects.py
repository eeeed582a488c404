"""A hospital's own subject IDs, from a CSV `patient_id,subject`; without one the keyed pseudonym stands."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ichset.anonymize.tags import Doubt
from ichset.dicomfile import DicomFile
from ichset.errors import ConfigError

_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def patient_id_of(file: DicomFile) -> str:
    """The source's patient ID; a file without one stands for its study alone."""
    raw = (file.raw(0x00100020) or b"").decode("utf-8", "surrogateescape").strip(" \0")
    return raw or "study " + file.text(0x0020000D)


@dataclass(frozen=True)
class Subjects:
    """Pre-assigned subject IDs by source patient ID."""

    by_patient: Mapping[str, str]

    @staticmethod
    @cache
    def load(path: Path) -> Subjects:
        """Read and check the CSV: one row a patient, subject IDs short, plain and unique."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"anonymize.subjects: {path.name} cannot be read as UTF-8 CSV ({type(error).__name__})") from None
        if not rows or not {"patient_id", "subject"} <= rows[0].keys():
            raise ConfigError(f"anonymize.subjects: {path.name} needs the columns patient_id,subject and at least one row")
        found: dict[str, str] = {}
        for number, row in enumerate(rows, start=2):
            patient, subject = (row["patient_id"] or "").strip(), (row["subject"] or "").strip()
            if not patient or not _SUBJECT.fullmatch(subject):
                raise ConfigError(f"anonymize.subjects: {path.name} line {number}: give a patient_id and a subject of letters, digits, - or _")
            if patient in found or subject in found.values():
                raise ConfigError(f"anonymize.subjects: {path.name} line {number}: a patient or a subject occurs twice")
            if subject == patient:
                raise ConfigError(f"anonymize.subjects: {path.name} line {number}: the subject is the patient's own ID")
            found[patient] = subject
        return Subjects(found)

    def subject(self, patient_id: str) -> str:
        """The assigned ID. A patient who has none is not released: mixing two kinds of ID would tell them apart."""
        try:
            return self.by_patient[patient_id.strip()]
        except KeyError:
            raise Doubt("no subject ID is assigned to this patient", "NO_SUBJECT_ID") from None
