"""The append-only log: what is remembered between reads of it, what is refused, what a full disk leaves."""

from __future__ import annotations

import resource
import signal
import threading
from pathlib import Path

import pytest

from ichset.errors import GateFailed
from ichset.readings import Decision
from ichset.readings.log import DecisionLog


def read(number: int, ich: int = 1, comment: str = "") -> Decision:
    return Decision(f"S{number}", "reader-1", {"ich": ich}, comment=comment)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies whose lines were parsed, in order."""
    seen: list[str] = []
    original = Decision.from_json.__func__

    def counted(cls: type[Decision], data: dict[str, object]) -> Decision:
        seen.append(str(data["study"]))
        return original(cls, data)

    monkeypatch.setattr(Decision, "from_json", classmethod(counted))
    return seen


def test_only_what_is_new_is_parsed(tmp_path: Path, parsed: list[str]) -> None:
    mine, other = DecisionLog(tmp_path / "image.jsonl"), DecisionLog(tmp_path / "image.jsonl")
    mine.append([read(n) for n in range(5)])
    before = mine.entries()
    assert mine.entries() is before and parsed == []  # what one wrote oneself need not be read
    other.append([read(5)])  # another process, as far as `mine` knows
    parsed.clear()
    assert [entry.decision.study for entry in mine.entries()] == [f"S{n}" for n in range(6)] and parsed == ["S5"]
    mine.append([read(6)])
    assert parsed == ["S5"] and [entry.sequence for entry in mine.entries()] == list(range(1, 8))
    assert DecisionLog(mine.path).entries() == mine.entries()  # as a new program verifies it, line by line
    assert other.entries() == mine.entries()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.replace(b'"ich": 1', b'"ich": 0', 1), "line 1 was altered"),
        (lambda data: data.replace(b'"study": "S3"', b'"study": "S9"'), "line 4 was altered"),
        (lambda data: data[: data.rstrip(b"\n").rindex(b"\n") + 1], "exchanged while this program ran"),
        (lambda data: b"", "exchanged while this program ran"),
    ],
)  # fmt: skip
def test_a_remembered_log_is_still_held_to_its_bytes(tmp_path: Path, change: object, said: str) -> None:
    log = DecisionLog(tmp_path / "image.jsonl")
    log.append([read(n) for n in range(5)])
    log.path.write_bytes(change(log.path.read_bytes()))  # type: ignore[operator]
    for _ in range(2):  # and it stays refused
        with pytest.raises(GateFailed, match=said):
            log.entries()
        with pytest.raises(GateFailed, match=said):
            log.append([read(7)])


def test_a_log_that_disappeared_is_refused_not_begun_anew(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "image.jsonl")
    log.append([read(1)])
    log.path.unlink()
    with pytest.raises(GateFailed, match="exchanged"):
        log.entries()


def test_threads_and_two_logs_lose_and_double_nothing(tmp_path: Path) -> None:
    logs = [DecisionLog(tmp_path / "image.jsonl") for _ in range(2)]
    threads = [threading.Thread(target=lambda n=n: logs[n % 2].append([read(n)])) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = DecisionLog(tmp_path / "image.jsonl").entries()
    assert [entry.sequence for entry in entries] == list(range(1, 25))
    assert {entry.decision.study for entry in entries} == {f"S{n}" for n in range(24)}
    assert all(log.entries() == entries for log in logs)


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "image.jsonl")
    log.append([read(1)])
    before = log.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for room in (1, 900, 2500):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                log.append([read(n, comment="x" * 300) for n in range(10, 20)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert log.path.read_bytes() == before
    signal.signal(signal.SIGXFSZ, handler)
    assert log.append([read(2)])[0].sequence == 2


def test_what_was_not_synced_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = DecisionLog(tmp_path / "image.jsonl")
    log.append([read(1)])

    def fail(_: int) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="disk is gone"):
            log.append([read(2)])
    assert [entry.decision.study for entry in log.entries()] == ["S1"]
