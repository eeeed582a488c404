"""A folder archive: any tree of DICOM files, whatever their names, found through its index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichset.imaging.sources import Header, Request


class FolderSource:
    """Looks studies up by one key column of the index; the rows of the asked studies are read once."""

    def __init__(self, archive: Path, index: Path, lookup: str, requests: Sequence[Request]) -> None:
        self._archive, self._lookup = archive, lookup
        self._rows: dict[str, list[Header]] = {}
        wanted = pa.array(sorted({_asked(request, lookup) for request in requests}), pa.string())
        with pq.ParquetFile(index) as file:
            for batch in file.iter_batches(16_384):
                table = pa.Table.from_batches([batch])
                column = table["patient_id"] if lookup == "patient_date" else table[lookup]
                if lookup == "patient_date":
                    column = pc.binary_join_element_wise(column, table["study_date"], "/")
                for row in table.filter(pc.is_in(column, wanted)).to_pylist():
                    key = f"{row['patient_id']}/{row['study_date']}" if lookup == "patient_date" else row[lookup]
                    self._rows.setdefault(key, []).append(row)

    def __getstate__(self) -> dict[str, object]:
        """What a worker needs to fetch: not the rows, which its tasks carry."""
        return self.__dict__ | {"_rows": {}}

    def find(self, request: Request) -> list[Header]:
        return self._rows.get(_asked(request, self._lookup), [])

    def fetch(self, headers: Sequence[Header]) -> Iterator[tuple[Header, bytes | Path]]:
        for header in headers:
            yield header, self._archive / header["path"]


def _asked(request: Request, lookup: str) -> str:
    if lookup == "patient_date":
        return f"{request.patient_id}/{request.study_date}"
    return request.study_uid if lookup == "study_uid" else request.accession
