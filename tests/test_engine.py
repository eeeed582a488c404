"""Order, bounds and survival of the map over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ichset.config import EngineConfig
from ichset.engine import AHEAD, WorkerDied, run_each

LOCAL = EngineConfig()


def square(number: int) -> int:
    return number * number


def die_on_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs: int) -> None:
    assert list(run_each(square, range(40), LOCAL, jobs)) == [(n, n * n) for n in range(40)]


def test_a_killed_worker_fails_its_own_item_alone() -> None:
    results = dict(run_each(die_on_seven, range(20), LOCAL, 2))
    assert isinstance(results.pop(7), WorkerDied)
    assert results == {n: n for n in range(20) if n != 7}


def test_an_exception_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="three"):
        list(run_each(fail_on_three, range(10), LOCAL, 2))


def test_items_are_taken_as_they_are_needed() -> None:
    taken = []

    def source():
        for number in range(1000):
            taken.append(number)
            yield number

    results = run_each(square, source(), LOCAL, 2)
    next(results)
    assert len(taken) <= 2 * AHEAD + 1
    results.close()


def test_workers_are_born_with_the_modules_that_were_asked_for(tmp_path: Path) -> None:
    script = """
import sys
from ichset.config import EngineConfig
from ichset.engine import run_each, warm

def loaded(name):
    return name in sys.modules

if __name__ == "__main__":
    warm(["colorsys"], EngineConfig(jobs=2))
    print(dict(run_each(loaded, ["colorsys", "chunk"], EngineConfig(jobs=2))))
"""
    path = tmp_path / "born.py"
    path.write_text(script, "utf-8")
    told = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "{'colorsys': True, 'chunk': False}"
