"""A folder archive: any tree of DICOM files, whatever their names, found through its index."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichset.errors import SourceUnreachable
from ichset.imaging.index import NIFTI
from ichset.imaging.sources import Header, Located, Request

BATCH = 16_384


class FolderSource:
    """The rows of the asked studies, read from the index in two passes: which studies, then all of their files."""

    remote = False

    def __init__(self, archive: Path, index: Path, lookup: str, requests: Sequence[Request]) -> None:
        self._archive, self._lookup = archive, lookup
        asked = pa.array(sorted({key for request in requests if (key := asked_for(request, lookup))}), pa.string())
        self._located: dict[str, set[str]] = defaultdict(set)  # asked key -> study UIDs
        for table in _tables(index, ["study_uid", "accession", "patient_id", "study_date"]):
            keys = _keys(table, lookup)
            found = table.append_column("key", keys).filter(pc.and_(pc.is_in(keys, asked), pc.is_valid(table["study_uid"])))
            for row in found.select(["key", "study_uid"]).group_by(["key", "study_uid"]).aggregate([]).to_pylist():
                self._located[row["key"]].add(row["study_uid"])
        self._rows: dict[str, list[Header]] = defaultdict(list)
        wanted = pa.array(sorted(set().union(*self._located.values())), pa.string())
        self._masks: dict[bytes, list[bytes]] = defaultdict(list)  # folder -> NIfTI files in it
        for table in _tables(index, None):
            for row in table.filter(pc.is_in(table["study_uid"], wanted)).to_pylist():
                self._rows[row["study_uid"]].append(row)
            for path in table.filter(pc.equal(table["fault"], NIFTI).fill_null(False))["path"].to_pylist():
                self._masks[os.path.dirname(path)].append(path)  # noqa: PTH120 - bytes

    def __getstate__(self) -> dict[str, Any]:
        """What a worker needs to fetch: not the rows, which its tasks carry."""
        return self.__dict__ | {"_rows": {}, "_located": {}, "_masks": {}}

    def locate(self, request: Request) -> list[Located]:
        found = {
            Located(uid, row["patient_id"] or "", row["accession"] or "", row["study_date"] or "")
            for uid in self._located.get(asked_for(request, self._lookup), ())
            for row in self._rows[uid]
        }
        return sorted(found)

    def headers(self, study_uid: str) -> list[Header]:
        return self._rows.get(study_uid, [])

    def fetch(self, headers: Sequence[Header], spool: Path, whole: bool) -> Iterator[bytes | Path]:
        for header in headers:
            yield self._archive / os.fsdecode(header["path"])

    def masks(self, study_uid: str) -> list[Path]:
        folders = {os.path.dirname(row["path"]) for row in self._rows.get(study_uid, [])}  # noqa: PTH120
        folders |= {os.path.join(folder, b"masks") for folder in folders}  # noqa: PTH118
        return [self._archive / os.fsdecode(path) for folder in sorted(folders) for path in self._masks.get(folder, [])]

    def check(self) -> None:
        if not self._archive.is_dir():
            raise SourceUnreachable(f"{self._archive}: the archive folder is gone; is it still mounted?")


def asked_for(request: Request, lookup: str) -> str:
    """The question as one string; empty when the report does not say."""
    if lookup == "patient_date":
        return f"{request.patient_id}/{request.study_date}" if request.patient_id and request.study_date else ""
    return request.study_uid if lookup == "study_uid" else request.accession


def _keys(table: pa.Table, lookup: str) -> pa.ChunkedArray:
    if lookup != "patient_date":
        return table[lookup]
    return pc.binary_join_element_wise(table["patient_id"], table["study_date"], "/")


def _tables(index: Path, columns: list[str] | None) -> Iterator[pa.Table]:
    with pq.ParquetFile(index) as file:
        for batch in file.iter_batches(BATCH, columns=columns):
            yield pa.Table.from_batches([batch])
