"""Which reader has opened the hidden report of which study: from then on that read is closed to corrections."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path


class OpenedReports:
    """An append-only list (round, reader, study) on disk; a line counts once it is synced."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "opened-reports.jsonl"
        self._lock = threading.Lock()
        self._size = -1
        self._known: frozenset[tuple[str, str, str]] = frozenset()

    def __contains__(self, item: tuple[str, str, str]) -> bool:
        return item in self._current()

    def add(self, item: tuple[str, str, str]) -> None:
        """On return it is on the disk."""
        if item in self:
            return
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            whole = file.read().endswith(b"\n") or file.tell() == 0
            file.write((b"" if whole else b"\n") + json.dumps(item, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _current(self) -> frozenset[tuple[str, str, str]]:
        with self._lock:
            size = self._path.stat().st_size if self._path.exists() else 0
            if size != self._size:
                lines = self._path.read_bytes().splitlines() if size else []
                self._known = frozenset(item for line in lines if (item := _parse(line)) is not None)
                self._size = size
            return self._known


def _parse(line: bytes) -> tuple[str, str, str] | None:
    try:
        name, reader, study = json.loads(line)
    except ValueError:
        return None  # a line that was cut off by a kill: its report was never shown
    return name, reader, study
