"""Not to hurt an archive in clinical use: a shared rate, a daily window, pauses, and retries that wait longer each time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ichset.config import CourtesyConfig
from ichset.errors import SourceUnreachable
from ichset.imaging.sources import TransferFault

Answer = TypeVar("Answer")
LONGEST = 60.0  # s between two attempts
LOOK = 30.0  # s between two looks at the clock or the pause file


class Courtesy:
    """Holds no state but a file, so that all workers of a run keep one rate together.

    While `<work>/PAUSE` exists nothing new is asked of the archive: what has begun is finished, the run waits.
    """

    def __init__(
        self,
        config: CourtesyConfig,
        work: Path,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config
        self._slots, self._pause = work / "courtesy.slots", work / "PAUSE"
        self._clock, self._sleep = clock, sleep

    def wait_for_window(self) -> None:
        """Return when the daily window is open and nobody asked for a pause."""
        while self._pause.exists() or not self.is_open():
            self._sleep(LOOK)

    def is_open(self) -> bool:
        if self.config.window is None:
            return True
        start, end = self.config.window.split("-")
        now = datetime.fromtimestamp(self._clock()).strftime("%H:%M")  # the hospital's local time is meant
        return start <= now < end if start <= end else now >= start or now < end

    def pause(self) -> None:
        """Between two studies."""
        self._sleep(self.config.pause_seconds)

    def take(self, instances: int = 1) -> None:
        """Wait for the turn of so many instances under the shared rate."""
        if self.config.per_second is None:
            return
        with self._slots.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            now = self._clock()
            text = file.read()
            free = max(now, min(float(text or 0), now + 3600))  # a slot far ahead is a clock that was set back
            file.truncate(0)
            file.write(repr(free + instances / self.config.per_second))
        self._sleep(max(free - now, 0))

    def backoff(self, attempt: int, fault: TransferFault) -> None:
        """Wait before attempt `attempt` + 1, at least as long as the server asked for."""
        delay = min(self.config.backoff_seconds * 2**attempt, LONGEST)
        self._sleep(max(delay, min(fault.wait or 0.0, LONGEST)))

    def retrying(self, ask: Callable[[], Answer]) -> Answer:
        """The answer of `ask`, asked again after faults that may pass. Raises the last TransferFault, or SourceUnreachable."""
        for attempt in range(self.config.retries + 1):
            self.wait_for_window()
            try:
                return ask()
            except TransferFault as fault:
                if fault.permanent or attempt == self.config.retries:
                    raise
                self.backoff(attempt, fault)
        raise AssertionError("unreachable")

    def reach(self, ask: Callable[[], Answer], place: str) -> Answer:
        """As `retrying`, for what decides whether the source is there at all. Raises SourceUnreachable."""
        try:
            return self.retrying(ask)
        except TransferFault as fault:
            raise SourceUnreachable(f"{place}: {fault.words}") from None
