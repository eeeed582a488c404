"""What the audit looks at: the files of the bag, its tables as text, and one pass over every file's bytes."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Row = dict[str, str]


@dataclass
class Evidence:
    """A release as found on the disk. Tables are rows of text exactly as the CSV has them (formula guard taken off)."""

    release: Path
    files: dict[str, os.stat_result] = field(default_factory=dict)  # every regular file by POSIX path
    odd: list[str] = field(default_factory=list)  # links, empty folders, sockets and the like
    digests: dict[str, str] = field(default_factory=dict)  # sha256, filled by the one pass

    @classmethod
    def of(cls, release: Path) -> Evidence:
        evidence = cls(release)
        for path in sorted(release.rglob("*")):
            name = path.relative_to(release).as_posix()
            if path.is_symlink():
                evidence.odd.append(name)
            elif path.is_file():
                evidence.files[name] = path.stat()
            elif not path.is_dir() or not any(path.iterdir()):  # a folder's name speaks even when nothing is in it
                evidence.odd.append(name)
        return evidence

    def bytes_of(self, name: str) -> bytes:
        """The bytes of one file; its hash is kept."""
        data = (self.release / name).read_bytes()
        self.digests[name] = hashlib.sha256(data).hexdigest()
        return data

    def text(self, name: str) -> str:
        """A text file, or nothing when it is missing or not UTF-8 (the bag check names it)."""
        try:
            return (self.release / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def rows(self, table: str) -> list[Row]:
        """The rows of data/tables/<table>.csv."""
        if table not in self._tables:
            self._tables[table] = list(_read_csv(self.release / "data" / "tables" / f"{table}.csv"))
        return self._tables[table]

    def header(self, table: str) -> list[str]:
        """The column names of data/tables/<table>.csv."""
        first = self.text(f"data/tables/{table}.csv").split("\n", 1)[0]
        return next(csv.reader([first]), [])

    @cached_property
    def _tables(self) -> dict[str, list[Row]]:
        return {}


def _read_csv(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {str(name): _bare(value or "") for name, value in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error):
        return


def _bare(value: str) -> str:
    # the writer's guard is an apostrophe before a formula sign
    return value[1:] if value[:1] == "'" and value.lstrip("'")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠") else value
