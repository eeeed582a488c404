"""Mentions: every hit of a keyword with what the clause around it asserts.

A clause is the reach of a negation or a doubt: a sentence, cut at contrasting words (но, однако, but) and where a new
finding is stated. All phrases are data; here are only the ways in which they act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ichset.reports.compartments import BLEEDS, BLOOD, Hit, Marks, blood_findings, fracture_finding
from ichset.reports.normalize import normalize
from ichset.reports.phrases import PhraseBook
from ichset.reports.scope import Scope

OTHER_FINDINGS = ("fracture", "tumour", "vascular")
# every branch begins with its sign, not with what stands before it: such a pattern is found twenty times as fast
_SENTENCE = re.compile(r"[!?]|\.(?:(?<!\d\.)(?=\s|$|[а-яa-z])|(?<=\d\.)(?=\s+[а-яa-z]|\s*$))|[;\n]\s*(?:[-•*–]\s*)?")
_ABBREVIATED = re.compile(r"(?:\b(?:т\.\s?[енк]|т|г|гг|др|пр|см|рис|стр|напр|ул|dr|vs|e\.g|i\.e|approx|д|с|э|в|п|о|ok)|\b[а-яa-z])$")
_SIDE = (
    ("bilateral", re.compile(r"двусторонн|двухсторонн|билатеральн|с обеих сторон|с двух сторон|обеих|обоих|bilateral|both")),
    ("left", re.compile(r"слева|лев(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|левосторон|левополушар|\bleft")),
    ("right", re.compile(r"справа|прав(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|правосторон|правополушар|\bright")),
)

_LEFT, _RIGHT = r"(?:слева|лев(?:ой|ого|ом|ых)|left)", r"(?:справа|прав(?:ой|ого|ом|ых)|right)"
# в левой лобной и в правой височной долях: both sides, with no shift or other structure between
_AND_SIDE = r"(?:(?!смещ|дислок|shift|,)[^.]){0,45}\b(?:и|and)\b(?:(?!смещ|дислок|shift|,)[^.]){0,25}"
_BOTH_SIDES = re.compile(rf"\b{_LEFT}\b{_AND_SIDE}\b{_RIGHT}\b|\b{_RIGHT}\b{_AND_SIDE}\b{_LEFT}\b")


@dataclass(frozen=True)
class Mention:
    """One hit. `start`, `end` are characters of the section's own text; `findings` more than one for blood in two places."""

    section: str
    start: int
    end: int
    findings: tuple[str, ...]
    assertion: str
    laterality: str
    location: str
    quote: str
    cue: str
    many: bool = False
    new: bool = False  # only something new is denied
    sentence: int = 0  # where its sentence begins in the normalised section


def find_mentions(section: str, raw: str, book: PhraseBook) -> list[Mention]:
    """Every mention in a section's text, in order."""
    text = normalize(raw)
    found: list[Mention] = []
    for start, end in _telling(text.text, book.raised):
        for one in _statements(text.text[start:end], book):
            low, high = text.source(start + one.start), text.source(start + one.end - 1) + 1
            found.append(_mention(section, raw, low, high, start, one))
        if len(found) > MOST_MENTIONS:
            break
    return found


def _telling(text: str, raised: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The sentences that hold a keyword. Most texts are searched once, and not cut up behind their last hit."""
    hit = raised.search(text)
    for start, end in sentences(text) if hit else ():
        if hit and hit.start() < start:
            hit = raised.search(text, start)
        if hit is None:
            return
        if hit.start() < end and raised.search(text, start, end):
            yield start, end


def _mention(section: str, raw: str, low: int, high: int, sentence: int, one: Statement) -> Mention:
    return Mention(
        section, low, high, one.findings, one.assertion, one.laterality, one.location, raw[low:high], one.cue, one.many, one.new, sentence
    )


MOST_MENTIONS = 200  # in one section; a long report has a dozen
LONGEST_SENTENCE = 1500  # characters: what runs on without an end is cut at a space, so that no text takes long


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence: not broken at decimals, abbreviations, initials."""
    for start, end in _sentences(text):
        while end - start > LONGEST_SENTENCE:
            space = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
            cut = space if space > start else start + LONGEST_SENTENCE
            yield start, cut
            start = cut
        yield start, end


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _SENTENCE.finditer(text):
        if mark[0] == "." and _is_abbreviated(text[max(start, mark.start() - 8) : mark.start()]):
            continue
        stop = mark.end() if mark[0].startswith("?") else mark.start()  # a question mark is a doubt
        if stop > start:
            yield start, stop
        start = mark.end()
    if start < len(text):
        yield start, len(text)


@lru_cache(50_000)
def _is_abbreviated(ending: str) -> bool:
    return _ABBREVIATED.search(ending) is not None


@dataclass(frozen=True)
class Statement:
    """What a sentence says of one hit; `start`, `end` are characters of the normalised sentence."""

    start: int
    end: int
    findings: tuple[str, ...]
    assertion: str
    laterality: str
    location: str
    cue: str
    many: bool
    new: bool


@lru_cache(20_000)
def _statements(text: str, book: PhraseBook) -> tuple[Statement, ...]:
    """What one normalised sentence says; reports are made of sentences that come again and again."""
    sentence = Sentence(text, book)
    hits = sentence.hits()
    return tuple(_statement(sentence, hits, hit) for hit in hits)


def _statement(sentence: Sentence, hits: list[Hit], hit: Hit) -> Statement:
    low, high = sentence.clause(hit)
    words, book = sentence.text, sentence.book
    findings: tuple[str, ...] = (hit.kind,)
    place = ""
    if hit.kind == "fracture":
        findings, place = fracture_finding(sentence.marks, low, high, hit)
    elif hit.kind not in OTHER_FINDINGS:
        findings, place = blood_findings(sentence.marks, hit, hits)
    assertion, cue, new = Scope(words[low : hit.start], words[hit.start : hit.end], words[hit.end : high], book).assertion()
    around = words[low:high]
    many = bool(book.keywords["many"].search(around))
    return Statement(hit.start, hit.end, findings, assertion, _side(around), place, cue, many, new)


def _side(clause: str) -> str:
    if _BOTH_SIDES.search(clause):
        return "bilateral"
    return next((name for name, pattern in _SIDE if pattern.search(clause)), "")


_COMPOUND = re.compile(r"\w+(?:-\w+)*-$")


class Sentence:
    """One normalised sentence with its phrase book."""

    def __init__(self, text: str, book: PhraseBook) -> None:
        self.text, self.book = text, book
        self.marks = Marks(text, book)

    def hits(self) -> list[Hit]:
        """Keyword hits, the longer of overlapping ones, in order."""
        found = [self._whole(Hit(m.start(), m.end(), name)) for name in (*BLEEDS, BLOOD, *OTHER_FINDINGS) for m in self._find(name)]
        found.sort(key=lambda hit: (hit.start, -(hit.end - hit.start)))
        kept: list[Hit] = []
        for hit in found:
            blood = hit.kind not in OTHER_FINDINGS
            if any(one.start <= hit.start and hit.end <= one.end and (one.kind not in OTHER_FINDINGS) == blood for one in kept):
                continue
            kept.append(hit)
        return kept

    def _whole(self, hit: Hit) -> Hit:
        """субарахноидально-вентрикулярное кровоизлияние: the last part of a compound says not all of where it is."""
        if hit.kind not in BLEEDS or self.text[hit.start - 1 : hit.start] != "-":
            return hit
        compound = _COMPOUND.search(self.text, 0, hit.start)
        return Hit(compound.start(), hit.end, BLOOD) if compound else hit

    def _find(self, name: str) -> Iterator[re.Match[str]]:
        return self.book.keywords[name].finditer(self.text)

    def clause(self, hit: Hit) -> tuple[int, int]:
        """The part of the sentence around the hit, between clause words; a clause word belongs to what follows it."""
        low, high = 0, len(self.text)
        for mark in sorted((*self._marks("contrast"), *self._marks("stated")), key=lambda mark: mark.start()):
            if mark.end() <= hit.start:
                low = mark.start()
            elif mark.start() >= hit.end and not self._negated_word(mark.start()):
                high = mark.start()
                break
        return low, high

    def _negated_word(self, at: int) -> bool:
        """не определяется: the verb belongs to the negation before it."""
        return bool(re.search(r"(?:\bне|\bnot|\bno)\s+$", self.text[:at]))

    def _marks(self, name: str) -> list[re.Match[str]]:
        return [mark for mark in self.book.cues[name].finditer(self.text) if name != "stated" or not self._negated_word(mark.start())]
