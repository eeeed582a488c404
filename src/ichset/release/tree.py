"""The DICOM tree of a release: each file is copied (or hard-linked) once and hashed while it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ichset.errors import GateFailed

CHUNK = 1 << 20


def copy_tree(files: pa.Table, anonymized: Path, bag: Path) -> Iterator[tuple[str, str]]:
    """Yield (path in the bag, sha256) of every released file.

    Raises GateFailed when a file is missing or is not the one that was anonymized.
    """
    made: set[Path] = set()
    for batch in files.select(["file", "source", "sha256", "bytes"]).to_batches(4096):
        for row in batch.to_pylist():
            source, target = anonymized / row["source"], bag / row["file"]
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            if not source.is_file():
                raise GateFailed(f"{row['file']}: the anonymized file is gone; run the anonymize stage again")
            if (found := _copy(source, target)) != row["sha256"]:
                raise GateFailed(f"{row['file']}: not the bytes that were anonymized; run the anonymize stage again")
            yield row["file"], found


def _copy(source: Path, target: Path) -> str:
    """A copy, not a link: what the owner of the release does to it never reaches the work folder. mtime is not kept."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()
