"""Many byte strings searched at once, and which of the places where one stands are no words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

PREFIX = 4
TELLING = 12  # characters: shorter letters and digits occur by chance in digests and base64
NOTHING: dict[int, dict[bytes, str]] = {}
RUN = 32  # letters and digits in one piece: no word
_RUN = re.compile(rb"[0-9A-Za-z+/]*")
_TIME = re.compile(rb"\d{6}(?!\d)")  # after a date: DICOM's DT
_MIX = np.uint32(2654435761)  # Knuth's multiplicative hash
STRONG_BITS, WEAK_BITS = 24, 16  # size of the first table: many patterns for all files, few for each study's own


class PatternIndex:
    """Many byte strings searched at once: a table over their first four bytes, then an exact look."""

    def __init__(self, patterns: Iterable[tuple[bytes, str]], bits: int = WEAK_BITS) -> None:
        self._shift = np.uint32(32 - bits)
        self._table = np.zeros(1 << bits, bool)
        # prefix -> length -> pattern -> kind: thousands of UIDs of one root are one look a length
        self._by_prefix: dict[bytes, dict[int, dict[bytes, str]]] = defaultdict(lambda: defaultdict(dict))
        for pattern, kind in sorted(set(patterns), reverse=True):
            self._by_prefix[pattern[:PREFIX]][len(pattern)][pattern] = kind
        if self._by_prefix:
            firsts = np.frombuffer(b"".join(self._by_prefix), "<u4")
            self._table[(firsts * _MIX) >> self._shift] = True

    def __bool__(self) -> bool:
        return bool(self._by_prefix)

    def find(self, data: bytes) -> Iterator[tuple[str, int, bytes]]:
        """Yield (kind, offset, pattern) of every true hit."""
        if not self._by_prefix or len(data) < PREFIX:
            return
        raw = np.frombuffer(data, np.uint8)
        for start in range(PREFIX):  # four interleaved views instead of one unaligned one
            words = raw[start : start + (raw.size - start) // PREFIX * PREFIX].view("<u4")
            for hit in np.flatnonzero(self._table[(words * _MIX) >> self._shift]):
                offset = start + PREFIX * int(hit)
                for length, known in self._by_prefix.get(data[offset : offset + PREFIX], NOTHING).items():
                    pattern = data[offset : offset + length]
                    if pattern in known and not _inside_a_word(data, offset, pattern, known[pattern]):
                        yield known[pattern], offset, pattern


def _inside_a_word(data: bytes, offset: int, pattern: bytes, kind: str) -> bool:
    """Whether the hit is a piece of a longer number (a UID, a count, a decimal), of a longer Latin word, or of packed characters."""
    end = offset + len(pattern)
    before, after = data[max(offset - 2, 0) : offset], data[end : end + 2]
    if pattern[:1].isdigit() and (before[-1:].isdigit() or (before[-1:] == b"." and before[:1].isdigit() and pattern.isdigit())):
        return True
    # `2\0` after a number is the next DICOM tag (group 0032), not a digit of text
    if pattern[-1:].isdigit() and after[:1].isdigit() and after[1:] != b"\0":
        return not (kind.endswith("date") and _TIME.match(data, end))
    if pattern.isalpha() and (before[-1:].isalpha() or after[:1].isalpha()):
        return True
    return len(pattern) < TELLING and pattern.isalnum() and _in_a_long_run(data, offset, end)


def _in_a_long_run(data: bytes, start: int, end: int) -> bool:
    """Whether letters and digits go on around it for longer than any word: a digest in hexadecimal, a picture in base64."""
    before, after = _RUN.match(data[max(start - RUN, 0) : start][::-1]), _RUN.match(data, end, end + RUN)
    return (before.end() if before else 0) + (after.end() - end if after else 0) + end - start >= RUN
