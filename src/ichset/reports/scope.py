"""What a clause asserts of a finding: how far a denial, a doubt, a history reach, and what stands on its own.

Russian marks the reach itself: what is denied stands in the genitive ("смещения нет"), what is stated is a subject in the
nominative ("субдуральная гематома слева"). A cue therefore crosses a comma only to a word that is no statement of its own: not
a nominative, not measured, not on a side. English has no cases; there size, side and measure tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ichset.reports.clause import CERTAIN_OTHER, IT, masked
from ichset.reports.denial import Denial
from ichset.reports.doubt import Doubt
from ichset.reports.past import Past

PRESENT, ABSENT, HISTORICAL, RESOLVED, UNCERTAIN, HYPOTHETICAL = "present", "absent", "historical", "resolved", "uncertain", "hypothetical"
# nouns of a statement of its own; adverbs in -о and words that only lead to what is denied are none
_CONTENT = re.compile(r"\b(?!признак|данны|убедител|достовер|таков|исследован|момент|картин)[а-яa-z-]{3,}(?<!о)\b")
# how old blood is says nothing of when it was seen
_STAGE = re.compile(r"хроническ|подостр|лизир|организ|subacute|chronic|acute on")
_UNTICKED = re.compile(r"(?:\[\s?\]|☐|□)\s*[\w-]+")  # [x] да [ ] нет
_ASIDE = re.compile(r"\([^()]*\)|\([^()]*\?$")  # a sentence ends at its question mark, within the brackets
# a participle between commas, as in "the haematoma, described on 1 February, is no longer seen": what follows is said of the finding
_INSERT = re.compile(
    r",\s*(?:ранее |прежде |previously |as )?(?:описанн|выявленн|обнаруженн|определявш|визуализировавш|отмеченн|отмечавш|имевш|"
    r"бывш|described|seen|noted|reported|demonstrated)\w*[^,;]{0,60},"
)


@dataclass(frozen=True)
class Scope(Denial, Doubt, Past):
    """What one clause asserts of one hit."""

    def assertion(self) -> tuple[str, str, bool]:
        """(assertion, the cue's words, whether only something new is denied)."""
        sure = self.book.cues["not_uncertain"]
        if sure.search(self.before) or sure.search(self.after):
            return Scope(masked(self.before, sure), self.hit, masked(self.after, sure), self.book).assertion()
        if _UNTICKED.search(self.after):
            return Scope(self.before, self.hit, _UNTICKED.sub(" ", self.after), self.book).assertion()
        if (after := masked(self.after, _INSERT)) != self.after:
            return Scope(self.before, self.hit, after.replace("·", " "), self.book).assertion()
        if "(" not in self.before and "(" not in self.after:
            return self.plain()
        without = Scope(self.before, self.hit, _INSERT.sub(" ", _ASIDE.sub(" ", self.after)), self.book)
        if ")" in self.after and (cue := without.firm().denial()):
            return ABSENT, cue, False  # гематома (эпидуральная, справа) не определяется
        return self._beside_asides().plain()

    def _beside_asides(self) -> Scope:
        """Less what brackets say of an earlier study, or of where the blood comes from: (ранее 14 мм), (аневризматическое?)."""
        return Scope(_ASIDE.sub(self._aside, self.before), self.hit, _ASIDE.sub(self._aside, self.after), self.book)

    def _aside(self, found: re.Match[str]) -> str:
        said = found[0]
        names = (self.book.cues["mimic"], self.book.keywords["haemorrhage"], self.book.keywords["tumour"], CERTAIN_OTHER)
        of_source = re.search(r"\w{4}\W*\?", said) and not any(name.search(said) for name in names) and not self._another(said)
        return " " * len(said) if of_source or self.book.cues["prior"].search(said) or self._own_statement(said) else said

    def _own_statement(self, aside: str) -> bool:
        """A denial or an end that has its own subject within the brackets: (отека нет), not (не определяется)."""
        names = ("negation_before", "negation_after", "resolved", "history")
        cue = next((self.book.cues[name] for name in names if self.book.cues[name].search(aside)), None)
        if cue is None:
            return False
        return bool(_CONTENT.search(self.book.cues["now"].sub(" ", IT.sub(" ", cue.sub(" ", aside)))))

    def firm(self) -> Scope:
        """Less the words of doubt, which may hold those of a denial: не исключается."""
        doubt = self.book.cues["uncertain"]
        return Scope(masked(self.before, doubt), self.hit, masked(self.after, doubt), self.book)

    def plain(self) -> tuple[str, str, bool]:
        """The assertion, brackets and inserted participles aside."""
        firm = self.firm()
        if cue := self._not_excluded():
            return UNCERTAIN, cue, False
        if cue := firm.denial():
            fresh = self.book.cues["new"].search(self.before[-60:])
            return ABSENT, cue, bool(fresh)
        if cue := self._planned():
            return HYPOTHETICAL, cue, False
        if cue := self.doubt_after():
            return UNCERTAIN, cue, False
        if cue := firm.reached("hypothetical") or self._first("hypothetical_after", self._own_after) or self._supposed():
            return HYPOTHETICAL, cue, False
        if cue := self.doubt():
            return UNCERTAIN, cue, False
        still = self._still()
        if cue := self.gone():
            return RESOLVED, cue, False
        if still and still not in self._stretch() and (cue := self._done_with(self._stretch())):
            return RESOLVED, cue, False  # уменьшение СДГ слева, лизис СДГ справа
        if (not still or _STAGE.match(still)) and (cue := self.prior()):
            return HISTORICAL, cue, False
        if (not still or (_STAGE.match(still) and not self._measured())) and (cue := self.resolved()):
            return RESOLVED, cue, False
        old = _STAGE.match(still) and not self._measured()
        if (not still or old) and (cue := self.reached("history") or self._dated()):
            return HISTORICAL, cue, False
        return PRESENT, still, False
