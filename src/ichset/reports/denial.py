"""Whether a clause denies its finding, before it, behind it or in the word itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ichset.reports.clause import COMMA, IT, MEASURE, NEAREST, SIDED, STRETCH, Clause, masked
from ichset.reports.sentences import ANSWER, NO

_EARLIER = re.compile(
    r"\b(?:на|в|при)\s+(?:прошл|предыдущ|предшеств|исходн|первичн|поступлен)"
    r"|\bon\s+(?:the\s+)?(?:prior|previous|earlier|initial|old|outside|admission|baseline|first|presenting)\b"
)
_IMPERFECT = re.compile(r"л(?:ся|ась|ось|ись)$")
_OPENS = re.compile(r"\s*(?:на|при|в|во|по|со|с|из|у|at|on|in|within|the)\s")
_GENITIVE = re.compile(r"без|нет|отсутств|ни$|no$|without")
_PLURAL_GENITIVE = re.compile(r"(?:гематом|кровоизлияний|геморрагий|контузий|ушибов|переломов|сгустков|скоплений)$")
_OF_SUCH = re.compile(r"^(?:\W|\b(?:и|тоже|также|\w+ых|\w+их)\b)*$")
# не кровоизлиянием, not a haemorrhage, pseudo-SAH: the word itself is denied
_DIRECTLY = re.compile(
    r"\b(?:не(?:\s+[а-я]+(?:ым|ой|ая|ое|ый|ого|ом))?|not(?:\s+an?)?"
    r"(?:\s+(?:parenchymal|intracranial|acute|chronic|left|right|true|real|fresh|intra-?axial|extra-?axial|brain|cerebral))?)\s+$|\bnon-?\s?$"
)
_FALSE_WORDS = ("псевдо", "ложн", "pseudo", "false")
_FALSE = re.compile(r"\b(?:псевдо|ложн|pseudo|false)[\w-]*\s?[^.,;:()]*$")
# a form that is filled in: кровь: 0; кровь (-)
_FORM = re.compile(
    r"^[^,;:]{0,40}(?:(?:[:=]|\s[–—-])\s*(?:0|-|отр\w*|neg\w*|none|nil|no|absent)(?=\s*$|[,;.])|\(\s*[–—-]\s*\))"
    r"|^[^.;\[]{0,60}(?:\[[xхv+]\]|☑|☒)\s*(?:нет|no)\b"
)
_EMPTY = re.compile(r"^[^;:]{0,40}:\s*[–—_-]+\s*$")  # объем гематомы, мл: —
_UNTICKED = re.compile(r"(?:\[\s?\]|\(\s\)|☐|□)\s*(?:[\w-]+\s+){0,2}$")  # [ ] САК
_CLOSES = re.compile(r"[^()]*\)\s*(?:[\w-]+\s+){0,2}")  # противопоказаний (кровоизлияние, опухоль) не выявлено
_ANSWERED = re.compile(rf"[^.,;?]*\?{ANSWER}(?:{NO})\b")
# на настоящем исследовании не видны: what is left of the words of this study
_STUDY = re.compile(
    r"\b(?:на|при|в|во|on|the|this|to|от|исследовани\w*|кт|мскт|томограмм\w*|снимк\w*|скан\w*|контрол\w*"
    r"|study|scan|ct|exam\w*|imaging|\d\d\.\d\d(?:\.\d+)?)\b"
)
_NOT_GOT = re.compile(r"\b(?:не\s(?:получен|выявл|обнаруж|определ|найден|имеет|установл)\w*|нет)\s*(?:$|[.;])")
_SAID_NO = re.compile(r"\b(?:нет|не\s\w+)\s*,")
_PLACES = re.compile(r"\s*(?:в|во|по|под)\s+[\w -]+(?:,\s*(?:(?:в|во|по|под|на|и)\s+)?[\w-]+(?:ах|ях|ме|де|ле|не|ре|ке|ми)\b(?:\s+и\s+[\w ]+)?\s*)+")
_PLURAL_VERB = re.compile(r"(?:ют|ют?ся|ны|not seen|absent|excluded)$")


@dataclass(frozen=True)
class Denial(Clause):
    """What denies the finding."""

    def denial(self) -> str:
        """The words that deny the finding, or ''."""
        plain = self.book.cues["not_negation"]
        before, after = masked(self.before, plain), masked(self.after, plain)
        if own := self._denied_itself(before):
            return own
        for mark in reversed(list(self.book.cues["negation_before"].finditer(before))[-NEAREST:]):
            if self._denied_after(mark, before):
                return mark[0]
        for mark in self.book.cues["negation_after"].finditer(after):
            if self._earlier(after, mark):
                continue  # СДГ слева, на прошлом КТ не определялась: it is new
            return mark[0] if self._denied_before(mark, after) and not self._objected(COMMA.split(before)[-1]) else ""
        return ""

    def _earlier(self, after: str, mark: re.Match[str]) -> bool:
        """Whether a denial behind the finding is of an earlier study: the words of one stand in its own stretch, and none of this one's."""
        low = max((comma.end() for comma in STRETCH.finditer(after, 0, mark.start())), default=0)
        stop = STRETCH.search(after, mark.end())
        part = after[low : stop.start() if stop else len(after)]
        told = _EARLIER.search(part)
        then = told and (mark.start() - low <= told.start() or _IMPERFECT.search(mark[0]))
        return bool(then) and not self.book.cues["now"].search(part)

    def _denied_itself(self, before: str) -> str:
        """The word itself is denied or called false, or a form is filled in."""
        near = before[-40:]
        direct = _DIRECTLY.search(near) if "не " in near or "not " in near or "non" in near else None
        if not direct and any(word in near or word in self.hit for word in _FALSE_WORDS):
            direct = _FALSE.search(near[-30:] + self.hit)
        direct = direct or _UNTICKED.search(near) or _FORM.match(self.after) or _EMPTY.match(self.after)
        if not direct and "?" in self.after:
            direct = _ANSWERED.match(self.after)
        return direct[0].strip() if direct else ""

    def _denied_after(self, mark: re.Match[str], before: str) -> bool:
        between = before[mark.end() :]
        if self._objected(between):
            return False
        crossing = bool(COMMA.search(between))
        if mark[0].startswith("отсутству") and not crossing:
            return True  # отсутствует кровоизлияние: its subject
        if _GENITIVE.match(mark[0]) and "основан" not in mark[0] and ":" not in between and self._subject():
            return False
        if not crossing:
            return True
        if mark[0].endswith("данных за") and _SAID_NO.search(between):
            return False  # данных за гематому нет, САК исключить нельзя
        if mark[0].endswith("данных за") and _NOT_GOT.search(self.after) and not MEASURE.search(between + self.hit):
            return True  # данных за острую патологию, кровоизлияние, перелом не получено: its case is that of a subject
        if _PLURAL_GENITIVE.search(self.hit) and _OF_SUCH.match(COMMA.split(between)[-1]):
            return True  # свежей крови не видно, старых геморрагий тоже
        ahead = COMMA.split(before[: mark.start()])[-1]
        owns = bool(re.search(r"\w", ahead)) and not _OPENS.match(ahead) and mark[0].startswith(("не ", "нет"))
        return not owns and not self.alone()

    def _denied_before(self, mark: re.Match[str], after: str) -> bool:
        between = after[: mark.start()]
        if self.aside and _CLOSES.fullmatch(between):
            return True
        parts = COMMA.split(between)
        if len(parts) > 1 and not re.search(r"\w", _STUDY.sub("", self.book.cues["now"].sub("", IT.sub("", parts[-1])))):
            return True  # гематома слева 9 мм, сейчас не видна; кровь, ее нет
        if any(MEASURE.search(part) for part in parts[:-1] or parts):
            return False
        if len(parts) == 1:
            return True
        if self._of_something_else(between, parts):
            return False
        if self.book.keywords["vascular"].search(parts[-1]) and not self.book.keywords["vascular"].search(self.hit):
            return False  # САК, аневризмы не найдено: one looks for the source of blood that is there
        if _PLURAL_VERB.search(mark[0]) and not any(re.search(r"\d|\w+\s+\w+\s+\w+", part) for part in parts):
            return True  # кровь, воздух, отек отсутствуют
        if _PLACES.fullmatch(between):
            return True  # кровь в желудочках, паренхиме и под оболочками не определяется
        if any(SIDED.search(part) for part in parts[:-1]):
            return False
        return not (self.alone() and re.search(r"\w{3}", parts[-1]))

    def _of_something_else(self, between: str, parts: list[str]) -> bool:
        """САК, дислокации нет; SDH, midline shift absent: behind a word without cases and one comma, what a haemorrhage may do."""
        if len(parts) != 2 or " or " in between or not self.book.cues["object"].search(parts[-1]):
            return False
        return self.hit.isascii() or not (re.search(r"[а-я]{5}", self.hit) or re.search(r"\w", self.before))
