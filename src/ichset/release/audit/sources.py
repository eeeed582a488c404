"""The release against the private side it was made from: the tables of the run, and the header that each file had at its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check
from ichset.release.audit.tables import same
from ichset.release.audit.telling import Path as Place
from ichset.release.audit.telling import keyword, telling
from ichset.release.audit.trail import check_trail

# table of the run -> released table, key, columns that must be the same
TABLES = (
    ("selected", "labels", ("study",), ("arm", *LABELS, "judged_by")),
    ("selected", "studies", ("study",), ("subject", "arm", "judged_by", "source_prevalence", "weight")),
    ("anonymized", "studies", ("study",), ("study_uid", "accession", "series", "instances")),
    ("anonymized_series", "series", ("study", "series"), (
        "series_uid", "instances", "description", "manufacturer", "model", "kernel", "slice_thickness", "slice_spacing", "pixel_spacing", "kvp",
        "tube_current", "tilt", "rows", "columns", "deface_method", "exposed", "relief", "brain_changed", "voxels_changed")),
    ("instances", "instances", ("study", "series", "instance"), ("sop_uid", "position", "bytes", "sha256", "pixels")),
)  # fmt: skip


def check_sources(evidence: Evidence, private: Path | None) -> Check:
    """Every row of studies, labels, series, instances, reads and flow is what the run had."""
    check = Check("sources", "labels, reads, studies, series, files and funnel are those of the run that made the release")
    if private is None:
        check.skipped = "no private side given: ichset audit RELEASE --private WORK"
        return check
    released = {row["study"] for row in evidence.rows("studies")}
    for name, table, key, columns in TABLES:
        path = private / "tables" / f"{name}.parquet"
        if not path.is_file():
            check.fault(f"the private side holds no table {name}: nothing to compare {table}.csv with")
            continue
        found = {tuple(row[part] for part in key): row for row in evidence.rows(table)}
        for number, wanted in enumerate(_rows(path)):
            if name == "selected" or wanted["study"] in released:
                _compare(check, f"{table}.csv", found.pop(tuple(str(wanted[part]) for part in key), None), wanted, columns, number)
        for extra in list(found)[:20]:
            check.fault(f"{table}.csv: {'/'.join(extra)} is not of this run")
    check_trail(check, evidence, private)
    return check


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(16_384):
            yield from batch.to_pylist()


def _compare(check: Check, table: str, found: Row | None, wanted: dict[str, Any], columns: tuple[str, ...], number: int) -> None:
    if found is None:
        check.fault(f"{table}: row {number + 1} of the run's table is missing")
        return
    pairs = [(column, wanted.get(column)) for column in columns]
    if "shifted_date" in wanted:
        age, sex = str(wanted["age"] or "").removesuffix("Y").lstrip("0"), wanted["sex"]
        pairs += [("age", age), ("sex", sex if sex in ("F", "M") else None), ("study_date", wanted["shifted_date"])]
    for column, value in pairs:
        check.looked_at += 1
        if not same(found.get(column, ""), value):
            check.fault(f"{table}, {found['study']}, {column}: another value than in the run")


class SourceHeaders:
    """What the first file of each series said before it was anonymized, where the retrieved files are still kept."""

    def __init__(self, private: Path | None) -> None:
        self._folder = private / "retrieved" if private is not None else None
        self._known: dict[str, dict[Place, str]] = {}

    def left(self, name: str, values: Iterable[tuple[Place, str, str]]) -> list[str]:
        """Keywords of elements whose date, UID, name or number is still the source's."""
        folder = "/".join(name.split("/")[3:5])
        if folder not in self._known:
            self._known[folder] = self._read(folder)
        known = self._known[folder]
        return sorted({keyword(where[-1]) for where, _, value in values if known.get(where) == value})

    def _read(self, folder: str) -> dict[Place, str]:
        import pydicom

        first = min((self._folder / folder).glob("*.dcm"), default=None) if self._folder is not None else None
        if first is None:
            return {}
        try:
            return {where: value for where, _, value in telling(pydicom.dcmread(first, stop_before_pixels=True, force=True))}
        except Exception:  # a broken source tells nothing; what it became is judged by the other checks
            return {}
