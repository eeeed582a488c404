"""The append-only log of decisions: JSON lines, each carrying the hash of the line before it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ichset.errors import GateFailed
from ichset.readings.decision import Decision

_FIRST = "0" * 64


@dataclass(frozen=True)
class Entry:
    sequence: int  # from 1
    decision: Decision
    recorded: str  # UTC time, for the private trail only


@dataclass(frozen=True)
class Chain:
    """A verified beginning of the log: its entries, its length in bytes, its last line's hash, the running hash of all its bytes."""

    entries: tuple[Entry, ...] = ()
    end: int = 0
    last: str = _FIRST
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def followed_by(self, path: Path, data: bytes) -> Chain:
        """The chain over the whole file `data`, of which only what is new is parsed. Raises GateFailed naming an altered line."""
        known = hashlib.sha256(memoryview(data)[: self.end])
        if known.digest() != self.hash.digest():
            Chain().followed_by(path, data)  # names the line
            raise GateFailed(f"{path}: recorded lines were exchanged while this program ran; restore the file from a backup and start again")
        entries, last, end = list(self.entries), self.last, self.end
        for line in data[self.end :].splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break  # never acknowledged: the write was cut off
            digest, _, text = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
            if digest != hashlib.sha256((last + text).encode()).hexdigest():
                raise GateFailed(f"{path}: line {len(entries) + 1} was altered after it was recorded; restore the file from a backup")
            body = json.loads(text)
            entries.append(Entry(body["sequence"], Decision.from_json(body), body["recorded"]))
            last, end = digest, end + len(line)
        known.update(memoryview(data)[self.end : end])
        return Chain(tuple(entries), end, last, known)

    def grown(self, added: Sequence[Entry], lines: bytes, last: str) -> Chain:
        """The chain after lines that this program has just written itself behind it."""
        known = self.hash.copy()
        known.update(lines)
        return Chain((*self.entries, *added), self.end + len(lines), last, known)


class DecisionLog:
    """`append` returns after the line is on the disk; a torn last line (power cut) is cut off, an altered one refused.

    What was verified once is remembered: an unchanged file is not read again, neither after an own append; where another
    program has appended, the old bytes are hashed in one go and only the new lines are parsed. Threads may share a log,
    and processes its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._chain = Chain()
        self._stamp: tuple[int, ...] | None = None  # of the file as `_chain` knows it
        self._turn = threading.Lock()

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, the hash chain checked; the same object until something is added. Raises GateFailed."""
        with self._turn:
            try:
                file = self.path.open("rb")
            except FileNotFoundError:
                self._chain = self._chain.followed_by(self.path, b"")
                return self._chain.entries
            with file:
                return self._verified(file).entries

    def append(self, decisions: list[Decision], check: Callable[[Sequence[Entry]], None] = lambda _: None) -> list[Entry]:
        """Record decisions under a file lock; `check` sees the log as it is and may refuse by raising."""
        with self._turn, self._locked() as file:
            chain = self._verified(file)
            check(chain.entries)
            lines, added, last = [], list[Entry](), chain.last
            for number, decision in enumerate(decisions, len(chain.entries) + 1):
                body = {"sequence": number, "recorded": datetime.now(UTC).isoformat(timespec="seconds"), **decision.as_json()}
                line, last = _line(body, last)
                lines.append(line)
                added.append(Entry(number, decision, body["recorded"]))
            written = b"".join(lines)
            self._write(file, chain.end, written)
            self._chain, self._stamp = chain.grown(added, written, last), _stamp(file)
        return added

    def _verified(self, file: IO[bytes]) -> Chain:
        """The chain of the file as it stands; what was read before counts as long as nobody touched the file."""
        stamp = _stamp(file)
        if stamp != self._stamp:
            file.seek(0)
            self._chain = self._chain.followed_by(self.path, file.read())
            self._stamp = stamp
        return self._chain

    def _write(self, file: IO[bytes], end: int, lines: bytes) -> None:
        """All lines or none, on the disk on return."""
        done = 0
        try:
            os.ftruncate(file.fileno(), end)
            while done < len(lines):
                done += os.pwrite(file.fileno(), lines[done:], end + done)
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), end)
            raise
        if end == 0:
            sync_folder(self.path.parent)  # the file's own name has to last as well

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _stamp(file: IO[bytes]) -> tuple[int, ...]:
    """Changes whenever somebody writes to the file."""
    stat = os.fstat(file.fileno())
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def sync_folder(folder: Path) -> None:
    """Make names in the folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(body: dict[str, object], previous: str) -> tuple[bytes, str]:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256((previous + text).encode()).hexdigest()
    return f"{digest} {text}\n".encode(), digest
