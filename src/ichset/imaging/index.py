"""The folder archive's index: one row a file in Parquet, header only, unchanged files not read again.

Files are walked and indexed in one order (by the bytes of each path's components), so that last time's rows and today's
files are merged as two streams: memory holds one directory and a few chunks, whatever the archive's size.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ichset.config import EngineConfig
from ichset.dicomfile import Outlines
from ichset.engine import WorkerDied, run_each
from ichset.errors import SourceUnreachable
from ichset.imaging.header import SCHEMA, read_header

CHUNK = 256  # files a task
GROUP = 16_384  # rows a row group
NOT_READ = -1  # no file's modification time: the next update reads it again
NIFTI = "NIfTI file"
VERSION = {b"ichset_index": b"4"}  # of the columns: an index of another version is built anew
Found = tuple[bytes, int, int]  # path relative to the archive, size, modification time in ns


def update_index(archive: Path, index: Path, engine: EngineConfig) -> Path:
    """Bring `index` up to date with the files below `archive`; rows in the order of the walk. Raises SourceUnreachable."""
    if not archive.is_dir():
        raise SourceUnreachable(f"{archive}: no such archive folder; set retrieve.path")
    index.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = index.with_name(index.name + ".part")
    waiting: list[dict[str, Any]] = []
    jobs = 1 if _is_little(archive, index) else None
    with pq.ParquetWriter(part, SCHEMA.with_metadata(VERSION), compression="lz4") as writer:
        for files, rows in run_each(partial(_read, archive), _chunks(_with_known(walk(archive), index)), engine, jobs, title="index"):
            if isinstance(rows, WorkerDied):
                rows = [_row((path, size, NOT_READ), {"fault": rows.detail}) for (path, size, _), _ in files]
            waiting += rows
            if len(waiting) >= GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(index)
    return index


def _is_little(archive: Path, index: Path) -> bool:
    """Whether so few files are new that workers would only cost their start."""
    new = (file for file, before in _with_known(walk(archive), index) if before is None)
    return sum(1 for _ in islice(new, CHUNK)) < CHUNK


def walk(archive: Path) -> Iterator[Found]:
    """Everything below `archive` that is no folder; links to folders are not followed, what is no file has size -1."""
    pending: list[Iterator[os.DirEntry[bytes]]] = [_entries(os.fsencode(archive))]
    root = len(os.fsencode(archive).rstrip(b"/")) + 1
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif entry.is_dir(follow_symlinks=False):
            pending.append(_entries(entry.path))
        else:
            yield (entry.path[root:], *_size(entry))


def _entries(folder: bytes) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            return iter(sorted(entries, key=lambda entry: entry.name))
    except OSError as error:
        raise SourceUnreachable(f"{os.fsdecode(folder)}: this folder of the archive cannot be read ({error.strerror})") from None


def _size(entry: os.DirEntry[bytes]) -> tuple[int, int]:
    try:
        found = entry.stat()
    except OSError:  # a broken link, or a file that has just gone
        return -1, NOT_READ
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else (-1, NOT_READ)


def _with_known(files: Iterable[Found], index: Path) -> Iterator[tuple[Found, dict[str, Any] | None]]:
    """Each file with its row of the last index when size and time are unchanged."""
    rows = _rows(index)
    row = next(rows, None)
    for file in files:
        place = file[0].split(b"/")
        while row is not None and row["path"].split(b"/") < place:
            row = next(rows, None)
        same = row is not None and (row["path"], row["size"], row["modified"]) == file
        yield file, row if same else None


def _rows(index: Path) -> Iterator[dict[str, Any]]:
    if not index.exists():
        return
    try:
        file = pq.ParquetFile(index)
    except (pa.ArrowInvalid, OSError):  # a damaged index is only slower: everything is read again
        return
    with file:
        if (file.schema_arrow.metadata or {}).get(b"ichset_index") == VERSION[b"ichset_index"]:
            for batch in file.iter_batches(CHUNK):
                yield from batch.to_pylist()


def _chunks(files: Iterator[tuple[Found, dict[str, Any] | None]]) -> Iterator[list[tuple[Found, dict[str, Any] | None]]]:
    while chunk := list(islice(files, CHUNK)):
        yield chunk


def _read(archive: Path, files: list[tuple[Found, dict[str, Any] | None]]) -> list[dict[str, Any]]:
    outlines = Outlines()
    return [before or _row(file, _attributes(archive, file, outlines)) for file, before in files]


def _attributes(archive: Path, file: Found, outlines: Outlines) -> dict[str, Any]:
    if file[1] < 0:
        return {"fault": "not a regular file"}
    if file[0].lower().endswith((b".nii", b".nii.gz")):
        return {"fault": NIFTI}
    return read_header(archive / os.fsdecode(file[0]), outlines) if file[1] else {"fault": "empty file"}


def _row(file: Found, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"path": file[0], "size": file[1], "modified": file[2], **attributes}
