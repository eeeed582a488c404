"""The same patient's earlier and later studies, with intervals, for the expert's difficult cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ("study", "subject", "study_date", "accession", "study_uid", "conclusion")
Batches = Callable[[], Iterator[pa.RecordBatch]]  # of SCREENED, these columns, from its start at every call


def other_studies(screened: Batches, studies: Iterable[str]) -> dict[str, str]:
    """Study -> a line each of the patient's other studies in order of time: interval, numbers to find it by, conclusion.

    In two passes, so that only these patients' reports are in memory.
    """
    wanted = pa.array(sorted(studies), pa.string())
    own: dict[str, dict[str, Any]] = {}
    for batch in screened():
        for row in batch.filter(pc.is_in(batch["study"], wanted)).to_pylist():
            own.setdefault(row["study"], row)
    subjects = pa.array(sorted({row["subject"] for row in own.values() if row["subject"]}), pa.string())
    history: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for batch in screened():
        for row in batch.filter(pc.is_in(batch["subject"], subjects)).to_pylist():
            history[row["subject"]].append(row)
    return {study: "\n".join(_lines(row, history[row["subject"]])) for study, row in own.items()}


def _lines(own: dict[str, Any], history: list[dict[str, Any]]) -> Iterator[str]:
    for row in sorted(history, key=lambda row: (row["study_date"] or date.min, row["study"])):
        if row["study"] != own["study"]:
            number = row["accession"] or row["study_uid"] or "no number"
            yield f"{_interval(own['study_date'], row['study_date'])}: {number} ({row['study']}): {row['conclusion'] or 'no conclusion'}"


def _interval(own: date | None, other: date | None) -> str:
    if own is None or other is None:
        return "date unknown"
    days = (other - own).days
    return "the same day" if days == 0 else f"{abs(days)} days {'earlier' if days < 0 else 'later'}"
