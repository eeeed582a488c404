"""The folder archive's index: one row a file in Parquet, header only, unchanged files not read again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ichset.config import EngineConfig
from ichset.engine import WorkerDied, run_each
from ichset.errors import SourceUnreachable
from ichset.imaging.header import SCHEMA, read_header

CHUNK = 256  # files a task
NOT_READ = -1  # no file's modification time: the next update reads it again
Found = tuple[str, int, int]  # path relative to the archive, size, modification time in ns


def update_index(archive: Path, index: Path, engine: EngineConfig) -> Path:
    """Bring `index` up to date with the files below `archive`; rows are sorted by path. Raises SourceUnreachable."""
    if not archive.is_dir():
        raise SourceUnreachable(f"{archive}: no such archive folder; set retrieve.path")
    part = index.with_name(index.name + ".part")
    index.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with pq.ParquetWriter(part, SCHEMA, compression="lz4", store_schema=False) as writer:
        tasks = _chunks(_with_known(walk(archive), index))
        for files, rows in run_each(partial(_read, archive), tasks, engine, title="index"):
            if isinstance(rows, WorkerDied):
                rows = [_row((path, size, NOT_READ), {"fault": rows.detail}) for (path, size, _), _ in files]
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(index)
    return index


def walk(archive: Path) -> Iterator[Found]:
    """Every regular file below `archive` in the order of its path; links to folders are not followed."""
    found: list[Found] = []
    for folder, folders, names in os.walk(archive, onerror=_unreadable):
        folders.sort()
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - a million files: plain strings
            if os.path.isfile(path):  # noqa: PTH113
                stat = os.stat(path)  # noqa: PTH116
                found.append((os.path.relpath(path, archive), stat.st_size, stat.st_mtime_ns))
    found.sort()
    yield from found


def _unreadable(error: OSError) -> None:
    raise SourceUnreachable(f"{error.filename}: this folder of the archive cannot be read ({error.strerror})")


def _with_known(files: Iterable[Found], index: Path) -> Iterator[tuple[Found, dict[str, Any] | None]]:
    """Each file with its row of the last index when size and time are unchanged: both come in the order of paths."""
    rows = _rows(index)
    row = next(rows, None)
    for file in files:
        while row is not None and row["path"] < file[0]:
            row = next(rows, None)
        same = row is not None and (row["path"], row["size"], row["modified"]) == file
        yield file, row if same else None


def _rows(index: Path) -> Iterator[dict[str, Any]]:
    if index.exists():
        with pq.ParquetFile(index) as file:
            for batch in file.iter_batches(CHUNK):
                yield from batch.to_pylist()


def _chunks(files: Iterator[tuple[Found, dict[str, Any] | None]]) -> Iterator[list[tuple[Found, dict[str, Any] | None]]]:
    while chunk := list(islice(files, CHUNK)):
        yield chunk


def _read(archive: Path, files: list[tuple[Found, dict[str, Any] | None]]) -> list[dict[str, Any]]:
    return [before or _row(file, read_header(archive / file[0])) for file, before in files]


def _row(file: Found, attributes: dict[str, Any]) -> dict[str, Any]:
    path = file[0].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {"path": path, "size": file[1], "modified": file[2], **attributes}
