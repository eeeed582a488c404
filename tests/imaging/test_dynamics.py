"""What the expert is told of a patient's other studies: intervals, numbers to find them by, in order of time, of nobody else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from ichset.contracts import SCREENED
from ichset.imaging.dynamics import COLUMNS, other_studies


def screened(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(SCREENED.schema.names) | row for row in rows], SCREENED.schema).select(list(COLUMNS))


def report(study: str, subject: str, day: date | None, **more: Any) -> dict[str, Any]:
    return {
        "report": f"r{study}",
        "study": study,
        "subject": subject,
        "study_date": day,
        "accession": f"A{study}",
        "conclusion": f"of {study}",
    } | more


TABLE = screened(
    report("S2", "P1", date(2022, 3, 10)),
    report("S4", "P1", None, accession=None),
    report("S3", "P1", date(2022, 4, 1), conclusion=None),
    report("S1", "P1", date(2022, 3, 1)),
    report("S5", "P1", date(2022, 3, 10)),
    report("S9", "P2", date(2022, 3, 9)),
    report("S8", "P3", date(2022, 3, 9)),
)


def test_earlier_and_later_studies_with_their_intervals() -> None:
    found = other_studies(lambda: iter(TABLE.to_batches(max_chunksize=2)), ["S2", "S9"])
    assert found["S2"].splitlines() == [
        "date unknown: no number (S4): of S4",
        "9 days earlier: AS1 (S1): of S1",
        "the same day: AS5 (S5): of S5",
        "22 days later: AS3 (S3): no conclusion",
    ]
    assert found["S9"] == ""


def test_without_a_subject_nobody_is_related() -> None:
    table = screened(report("S1", None, date(2022, 1, 1)), report("S2", None, date(2022, 1, 2)))  # type: ignore[arg-type]
    assert other_studies(lambda: iter(table.to_batches()), ["S1"]) == {"S1": ""}
