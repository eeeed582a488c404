"""How much work people may ask for at once: a crowd of requests waits its turn and never holds up somebody else's save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from anyio import CapacityLimiter

from ichset.errors import CurationError

SERIES_AT_ONCE = 4  # of one person: the page asks for the case on screen and the next one, and waits when told "busy"


class Busy(CurationError):
    """Too many series at once for one person; each holds its pixels in memory until it is sent."""

    code, status, detail = "busy", 429, ""


class Turns:
    """`decoding` and `hashing` are limits of their own, so that neither can use up the threads in which reads are saved."""

    def __init__(self) -> None:
        self.decoding = CapacityLimiter(2)  # series decoded at a time: bounds the memory
        self.hashing = CapacityLimiter(2)  # passwords checked at a time: each takes 64 MB
        self._open: Counter[str] = Counter()

    def take(self, user: str) -> Callable[[], None]:
        """Begin a series for this person; call the answer once when it is sent. Called in the event loop only. Raises Busy."""
        if self._open[user] >= SERIES_AT_ONCE:
            raise Busy("too many series at once")
        self._open[user] += 1

        def give_back() -> None:
            self._open[user] -= 1

        return give_back
