"""Search what was written for the patient's own values: a second, independent look that knows the source and no rule.

It re-reads the bytes from the disk, and finds what any mistake in the tables or the cleaning would have let through.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ichset.anonymize import charsets, dates, profile, values, vocabulary
from ichset.anonymize.marks import METHOD, METHOD_DEFACED
from ichset.anonymize.tags import Doubt
from ichset.dicomfile import PIXEL_DATA, DicomFile, Element, NotReadable, Outlines, Syntax, file_meta, items, load

if TYPE_CHECKING:
    from ichset.anonymize.instance import Written

ENCODINGS = ("utf-8", "iso8859-5", "cp1251", "koi8-r", "cp866", "utf-16-le", "utf-16-be", "latin-1")
_NAMES = (0x00080090, 0x0008009C, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00100010, 0x00101001, 0x00101005, 0x00101060,
          0x00321032, 0x00102297, 0x00400006)  # fmt: skip
_TEXTS = (0x00080050, 0x00080080, 0x00080081, 0x00081010, 0x00081040, 0x00100020, 0x00100021, 0x00101000, 0x00101040, 0x00102154, 0x00102155,
          0x00181000, 0x00200010, 0x00400253, 0x00401001, 0x00402016, 0x00402017, 0x00380010, 0x00321033, 0x00080092, 0x00080094)  # fmt: skip
_DATES = (0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00100030, 0x00181200, 0x00181012, 0x00400002, 0x00400244)
_UIDS = (0x00080014, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052, 0x00083010, 0x00080017, 0x00181002, 0x00020003)
_SHORTEST, _SUBSTRING = 3, 5  # letters: below, not looked for; from here on, found inside other words too
_LONG_NUMBER = 9  # digits: so many are in another number's digits by no chance
_OURS = re.compile(r"2\.25\.[1-9]\d{20,38}")
# what we write ourselves into every file: a patient named "Table" or "Long" is not in it
_OWN_WORDS = re.compile("|".join(re.escape(text) for text in (*METHOD, METHOD_DEFACED, *(meaning for _, meaning in profile.ALL_CODES))))


@dataclass
class Watchlist:
    """One patient's own values, in the forms they could be left in."""

    words: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)  # YYYYMMDD
    uids: set[str] = field(default_factory=set)
    _seen: set[tuple[int, bytes]] = field(default_factory=set)
    _encoded: tuple[int, tuple[bytes, ...]] = (-1, ())

    def add_file(self, file: DicomFile) -> None:
        """Take up the values of one source file; values seen before cost nothing."""
        wanted, seen = _WANTED, self._seen
        codecs = None
        for element in file.elements:
            if element.tag not in wanted:
                continue
            raw = file.data[element.value : element.end]
            if (element.tag, raw) in seen or len(raw) > 4096:
                continue
            seen.add((element.tag, raw))
            codecs = codecs or charsets.codecs_of(file.raw(0x00080005) or b"")
            for text in charsets.readings(raw, codecs):
                self.add(wanted[element.tag], text)

    def add(self, kind: str, text: str) -> None:
        """Add one value: `name`, `text` (an identifier, place or phone), `day` (starting YYYYMMDD) or `uid`."""
        for part in text.strip(" \0").split("\\"):
            part = part.strip(" \0")
            if kind == "uid":
                if part and not values.standard(part):
                    self.uids.add(part)
            elif kind == "day":
                if dates.read_date(part[:8]):
                    self.days.add(part[:8])
            else:
                self._add_words(part, split=kind == "name")

    def _add_words(self, text: str, split: bool) -> None:
        pieces = re.split(r"[\s^=,.;]+", text) if split else [text]
        if not split:
            pieces += [piece for piece in re.split(r"[\s,;^]+", text) if len(piece) > 5 and not piece.isalpha()]
        for piece in pieces:
            piece = piece.casefold().strip()
            if len(piece) < (5 if piece.isdigit() else _SHORTEST) or vocabulary.is_known(piece):
                continue
            self.words.add(piece)

    def hit(self, text: str) -> bool:
        """Whether this kept text holds one of the words, or a UID, or a day."""
        text = _OWN_WORDS.sub(" ", _OURS.sub(" ", text)).casefold()
        if any(word in text and (len(word) >= _SUBSTRING or _stands_alone(word, text)) for word in self.words):
            return True
        return any(uid in text for uid in self.uids) or any(day in text or _written_out(day, text) for day in self.days)

    def numbers(self) -> set[str]:
        """Words that are numbers of six digits or more, without leading zeros and marks between the digits."""
        bare = {re.sub(r"[\s()+-]", "", word).lstrip("0") for word in self.words}
        return {word for word in bare if word.isdigit() and len(word) >= 6}

    def encoded(self) -> tuple[bytes, ...]:
        """Every word of six letters or more in every encoding, for values that are no text."""
        if self._encoded[0] != len(self.words):
            forms = {
                form.encode(codec, "ignore")
                for word in self.words
                if len(word) > 5
                for form in (word, word.upper(), word.title())
                for codec in ENCODINGS
            }
            self._encoded = (len(self.words), tuple(sorted(form for form in forms if len(form) > 5)))
        return self._encoded[1]


_WANTED = {
    **dict.fromkeys(_NAMES, "name"), **dict.fromkeys(_TEXTS, "text"), **dict.fromkeys(_DATES, "day"), **dict.fromkeys(_UIDS, "uid"),
}  # fmt: skip


def _stands_alone(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _written_out(day: str, text: str) -> bool:
    year, month, date = day[:4], day[4:6], day[6:]
    return any(f"{a}{mark}{month}{mark}{b}" in text for mark in ".-/" for a, b in ((year, date), (date, year)))


class SelfCheck:
    """Checks written files against one patient's watchlist; a value that passed once is not searched again."""

    def __init__(self, watchlist: Watchlist) -> None:
        self.watchlist = watchlist
        self._passed: set[tuple[int, bytes, bytes]] = set()
        self._size = -1
        self._numbers: set[str] = set()
        self._outlines = Outlines()

    def require(self, path: Path, written: Written) -> None:
        """Read a written file from the disk and check it. Raises Doubt on a hit."""
        if fault := self.check(load(path, mapped=True), written.sop_class, written.sop_uid):
            raise Doubt(fault, "IDENTIFIER_LEFT")

    def check(self, data: bytes | mmap.mmap, sop_class: str, sop_instance: str) -> str | None:
        """Why these written bytes must not be published, or None. They must be exactly a preamble, our own file meta, and
        elements that fill the file to its end."""
        size = len(self.watchlist.words) + len(self.watchlist.days) + len(self.watchlist.uids)
        if size != self._size:
            self._passed.clear()
            self._size = size
            self._numbers = self.watchlist.numbers()
        try:
            file = self._outlines.parse(data)
            head = file_meta(sop_class, sop_instance, file.syntax.uid)
            if data[: len(head)] != head or file.trailing:
                return "the file's head or end is not the one that was meant"
            return self._elements(data, file.elements, file.syntax)
        except NotReadable as error:
            return f"written bytes cannot be read back: {error}"

    def _elements(self, data: bytes | mmap.mmap, elements: Iterable[Element], syntax: Syntax) -> str | None:
        passed = self._passed
        for element in elements:
            if element.tag == PIXEL_DATA:
                continue
            raw = data[element.value : element.end]
            key = (element.tag, element.vr, raw)
            if key in passed:
                continue
            fault = self._element(element, raw, syntax)
            if fault:
                return f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}): {fault}"
            if len(raw) < 4096:
                passed.add(key)
        return None

    def _element(self, element: Element, raw: bytes, syntax: Syntax) -> str | None:
        vr = element.vr.decode("ascii") or profile.vrs().get(element.tag, "LO")
        if vr == "SQ":
            nested, _ = items(raw, 0, len(raw), Syntax("", syntax.explicit, syntax.little), 1, closed=True)
            return next((fault for item in nested if (fault := self._elements(raw, item, syntax))), None)
        if vr in values.WIDTHS:
            return None  # binary numbers
        try:
            text = raw.decode("utf-8").strip(" \0")
        except UnicodeDecodeError:
            return "text that is not UTF-8"
        if vr in ("DS", "IS"):
            return "an identifier" if any(self._is_number(part.strip()) for part in text.split("\\")) else None
        if vr in ("DA", "DT"):
            return "a date of the source" if any(part[:8] in self.watchlist.days for part in text.split("\\")) else None
        if vr == "TM":
            return None
        if vr == "UI":
            return None if all(_ours(part.strip(" \0"), self.watchlist.uids) for part in text.split("\\")) else "a UID that is not ours"
        if self.watchlist.hit(text):
            return "a value of the source"
        return "a value of the source" if any(form in raw for form in self.watchlist.encoded()) else None

    def _is_number(self, part: str) -> bool:
        """Whether a number is one of the patient's, or has a long one of them among its digits (a phone behind the point)."""
        numbers = self._numbers
        digits = re.sub(r"\D", "", part)
        return part.lstrip("0") in numbers or (len(digits) >= _LONG_NUMBER and any(len(n) >= _LONG_NUMBER and n in digits for n in numbers))


def _ours(uid: str, source: set[str]) -> bool:
    return not uid or bool(values.standard(uid)) or (bool(_OURS.fullmatch(uid)) and uid not in source)
