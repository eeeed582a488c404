"""What the audit looks at: the files of the bag, its tables as text, and one pass over every file's bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ichset.release.audit.csvtable import CsvTable, Row

__all__ = ["Evidence", "Row"]


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

    def rows(self, table: str) -> CsvTable:
        """The rows of data/tables/<table>.csv."""
        if table not in self._tables:
            self._tables[table] = CsvTable.read(self.release / "data" / "tables" / f"{table}.csv")
        return self._tables[table]

    @cached_property
    def _tables(self) -> dict[str, CsvTable]:
        return {}
