"""The append-only log of decisions: JSON lines, each carrying the hash of the line before it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ichset.errors import GateFailed
from ichset.readings.decision import Decision

_FIRST = "0" * 64


@dataclass(frozen=True)
class Entry:
    sequence: int  # from 1
    decision: Decision
    recorded: str  # UTC time, for the private trail only


class DecisionLog:
    """`append` returns after the line is on the disk; a torn last line (power cut) is cut off, an altered one refused."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """Every entry, the hash chain checked. Raises GateFailed naming the first altered line."""
        if not self.path.exists():
            return []
        return list(_read(self.path, self.path.read_bytes())[0])

    def append(self, decisions: list[Decision], check: Callable[[list[Entry]], None] = lambda _: None) -> list[Entry]:
        """Record decisions under a file lock; `check` sees the log as it is and may refuse by raising."""
        with self._locked() as file:
            entries, end, previous = _read(self.path, file.read())
            check(entries)
            os.ftruncate(file.fileno(), end)
            file.seek(end)
            added = []
            for number, decision in enumerate(decisions, len(entries) + 1):
                body = {"sequence": number, "recorded": datetime.now(UTC).isoformat(timespec="seconds"), **decision.as_json()}
                line, previous = _line(body, previous)
                file.write(line)
                added.append(Entry(number, decision, body["recorded"]))
            file.flush()
            os.fsync(file.fileno())
        return added

    @contextmanager
    def _locked(self) -> Iterator:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _line(body: dict[str, object], previous: str) -> tuple[bytes, str]:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256((previous + text).encode()).hexdigest()
    return f"{digest} {text}\n".encode(), digest


def _read(path: Path, data: bytes) -> tuple[list[Entry], int, str]:
    """Entries, the offset after the last whole line, and that line's hash."""
    entries: list[Entry] = []
    previous, end = _FIRST, 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break  # never acknowledged: the write was cut off
        digest, _, text = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
        if digest != hashlib.sha256((previous + text).encode()).hexdigest():
            raise GateFailed(f"{path}: line {number} was altered after it was recorded; restore the file from a backup")
        body = json.loads(text)
        entries.append(Entry(body["sequence"], Decision.from_json(body), body["recorded"]))
        previous, end = digest, end + len(line)
    return entries, end, previous
