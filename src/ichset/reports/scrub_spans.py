"""What free-text de-identification finds: spans with a kind, merged where they overlap, replaced by typed placeholders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("name", "institution", "address", "email", "phone", "insurance", "number", "date", "age")


@dataclass(frozen=True)
class Span:
    """Characters [start, end) to be replaced: by `[KIND]`, or by `text` where a shifted date takes the place."""

    start: int
    end: int
    kind: str
    text: str | None = None

    @property
    def replacement(self) -> str:
        return self.text if self.text is not None else f"[{self.kind.upper()}]"


_LATIN_TO_CYRILLIC = str.maketrans("aceopxykmtbhABCEHKMOPTXY", "асеорхукмтвнАВСЕНКМОРТХУ")
_MIXED = re.compile(r"\w*(?:[А-Яа-яЁё]\w*[A-Za-z]|[A-Za-z]\w*[А-Яа-яЁё])\w*")
_SPACES = str.maketrans("\u00a0\u2007\u2009\u202f\t‐‑‒–—−", " " * 5 + "-" * 6)


def cleaned(text: str) -> str:
    """Composed letters, and none of the invisible signs and stress marks that could split a name."""
    return "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) not in ("Cf", "Mn"))


def for_matching(text: str) -> str:
    """Same length as `text`: plain blanks and hyphens, and Cyrillic where Latin look-alikes stand inside a Cyrillic word."""
    plain = text.translate(_SPACES)
    return _MIXED.sub(lambda match: match[0].translate(_LATIN_TO_CYRILLIC), plain)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order. Of overlapping ones the union is taken, under the kind of the longest; a union shows no date."""
    done: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end, KINDS.index(each.kind))):
        if not done or span.start >= done[-1].end:
            done.append(span)
            continue
        last = done[-1]
        if span.end <= last.end:
            continue
        longest = last if last.end - last.start >= span.end - span.start else span
        done[-1] = Span(last.start, span.end, longest.kind)
    return done


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text with its disjoint, ordered spans replaced."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], span.replacement]
        at = span.end
    return "".join([*pieces, text[at:]])
