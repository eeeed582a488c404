"""One clause around one hit: its own stretch, whether the hit stands as a statement of its own, and what cues reach it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ichset.reports.phrases import PhraseBook

MEASURE = re.compile(r"\d\s*(?:[xх×*]\s*\d+\s*)*(?:мм|см|мл|ед|mm|cm|ml|cc|hu)\b")
NEAREST = 6  # cues before a finding that are weighed
COMMA = re.compile(r",(?!\d)|\s[–—-]\s")
STRETCH = re.compile(r",(?!\d)")
ENDS = re.compile(r"\s*(?:$|[.,;)])")
LED = re.compile(r"^\s*[:–—-]\s")  # the diagnosis of the referral - SAH: the dash leads on
_NOMINATIVE = re.compile(r"(?:ая|яя|ский|ое|щее|днее|жее|ый|ые|кровоизлияние|гематома|кровь|полоска|скопление|слой|участок)$")
SIDED = re.compile(r"\b(?:слева|справа|лев(?:ой|ого|ом)|прав(?:ой|ого|ом)|left|right|small|tiny|thin|large|trace|known|stable|unchanged)\b")
_GOVERNS = re.compile(r"после|состояние после|последстви|исход|after|status post")
IT = re.compile(r"\b(?:он|она|оно|они|его|ее|их|котор\w+|тоже|также|больше|более|уже|it|which|that|they|is|are|has|have|been)\b")
CERTAIN_OTHER = re.compile(r"ишеми|инфаркт|артефакт|\bшов|ischemi|infarct|suture")
_GOVERNED = re.compile(r"[,:;·]|\b(?:и|или|ни|and|or|nor)\b")  # без отека, кровоизлияния: two things denied, not one of the other
# в представленном объеме, по размерам: said of the study, not of the finding
_CIRCUMSTANCE = re.compile(r"\b(?:в|во|при|по)\s+(?:[а-я]+\s+)?$")
_BREAKS_IN = re.compile(r"прорыв\w*\s+$")
_TREATED = ("status post", "s/p", "состояние после")
_ANAMNESIS = ("анамнез", "history")


@dataclass(frozen=True)
class Clause:
    """One clause around one hit, in normalised text."""

    before: str
    hit: str
    after: str
    book: PhraseBook

    @property
    def aside(self) -> bool:
        """Whether the finding itself stands within brackets."""
        return self.before.rfind("(") > self.before.rfind(")")

    def alone(self) -> bool:
        """Whether the finding is a statement of its own: a subject, measured, or on a side."""
        own = self._own_before + self.hit + self._own_after
        return self._subject() or bool(MEASURE.search(own) or SIDED.search(own))

    def _stretch(self) -> str:
        return self._own_before + self.hit + STRETCH.split(self.after)[0]

    def _measured(self) -> bool:
        return bool(MEASURE.search(self._own_before + self.hit + self.after))

    def _subject(self) -> bool:
        words = re.findall(r"[а-я]+", " ".join(self._own_before.split()[-2:]) + " " + self.hit)
        return any(_NOMINATIVE.search(word) for word in words[-4:])

    def _objected(self, between: str) -> bool:
        """The cue is of the nature or change of the finding: нет увеличения гематомы."""
        if self.hit.startswith("кров") and _BREAKS_IN.search(between):
            return False  # нет данных за прорыв крови: the blood is denied where it would have come to
        said = _GOVERNED.split(between[-45:])[-1]
        return any(not _CIRCUMSTANCE.search(said[: mark.start()]) for mark in self.book.cues["object"].finditer(said))

    def _alternative(self) -> bool:
        own = (self._own_before + self.hit + self._own_after).replace("mass effect", "effect")
        return bool(self.book.cues["mimic"].search(own) or self.book.keywords["tumour"].search(own) or CERTAIN_OTHER.search(own))

    def _another(self, text: str) -> bool:
        names = ("subdural", "epidural", "subarachnoid", "intracerebral", "intraventricular", "tumour", "vascular")
        return any(self.book.keywords[name].search(text) for name in names)

    def _probable(self) -> bool:
        marks = list(self.book.cues["probable"].finditer(self.before))
        if marks:
            return not self.book.cues["mimic"].search(self.before, marks[-1].end())
        return bool(self.book.cues["probable"].search(self._own_after))

    def reached(self, name: str) -> str:
        """The last cue of this kind before the finding whose reach is not ended by a comma."""
        for mark in reversed(list(self.book.cues[name].finditer(self.before))[-NEAREST:]):
            between = LED.sub("", self.before[mark.end() :])
            told_aside = name == "hypothetical" and self.aside and "(" in between  # повторная КТ (отсроченная гематома)
            if (COMMA.search(between) and self.alone() and not told_aside) or (told_aside and self._measured()):
                continue
            if name == "history" and COMMA.search(between) and mark[0].startswith(_TREATED):
                continue  # status post clipping, SAH
            if name == "history" and (
                (":" in self.before[mark.end() :] and not mark[0].startswith(_ANAMNESIS)) or (_GOVERNS.match(mark[0]) and self._subject())
            ):
                continue
            return mark[0]
        return ""

    def _first(self, name: str, text: str) -> str:
        mark = self.book.cues[name].search(text)
        return mark[0] if mark else ""

    @cached_property
    def _own_before(self) -> str:
        return COMMA.split(self.before)[-1]

    @cached_property
    def _own_after(self) -> str:
        return COMMA.split(self.after)[0]


def masked(text: str, pattern: re.Pattern[str]) -> str:
    """Blank out what looks like a cue and is none, in place."""
    return pattern.sub(lambda found: "·" * len(found[0]), text)
