"""Which 128-bit digests were seen before, in 16 bytes a digest.

Digests wait in sorted runs; runs of like size are merged, so there are never more than a few
dozen. A set of the same digests would take five times the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

DIGEST_BYTES = 16


def digest(data: bytes) -> bytes:
    """blake2b-128."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


class SeenDigests:
    """Answers which of the next digests are new; the first occurrence of each is."""

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []  # (high halves ascending, low halves)

    def first_time(self, digests: Sequence[bytes]) -> np.ndarray:
        """Boolean, one a digest: not seen before, neither in earlier calls nor earlier in this one."""
        halves = np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        high, low = halves[:, 0], halves[:, 1]
        order = np.lexsort((np.arange(len(high)), low, high))
        high, low = high[order], low[order]
        new = np.ones(len(high), bool)
        new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        for run in self._runs:
            new &= ~_contains(run, high, low)
        self._add((high[new], low[new]))
        answer = np.empty(len(high), bool)
        answer[order] = new
        return answer

    def _add(self, run: tuple[np.ndarray, np.ndarray]) -> None:
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            other = self._runs.pop()
            high, low = np.concatenate([other[0], run[0]]), np.concatenate([other[1], run[1]])
            order = np.lexsort((low, high))
            run = high[order], low[order]
        if len(run[0]):
            self._runs.append(run)


def _contains(run: tuple[np.ndarray, np.ndarray], high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Which pairs the run holds. Equal high halves with unlike low halves are walked one by one: they all but never occur."""
    at = np.searchsorted(run[0], high, side="left")
    found = np.zeros(len(high), bool)
    waiting = np.flatnonzero(at < len(run[0]))
    while len(waiting):
        place = at[waiting]
        waiting = waiting[run[0][place] == high[waiting]]
        place = at[waiting]
        found[waiting] |= run[1][place] == low[waiting]
        at[waiting] += 1
        waiting = waiting[~found[waiting] & (at[waiting] < len(run[0]))]
    return found
