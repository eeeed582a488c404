"""Whether a clause places its finding in an earlier study, or says that it has gone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ichset.reports.clause import ENDS, MEASURE, NEAREST, STRETCH, Clause, masked

_BEFORE_NOW = re.compile(r"\b(?:ранее|раньше|прежде|вчера|накануне|previously|formerly)\s*[–—-]?\s*$")
_DONE = re.compile(r"(?:нная|нное|нные|или|ся|сь|на|но|ны|ла|ло|ли|resolved|cleared|seen|present|identified|visualized)$")
_SUBJECT = re.compile(r"\b\w{3,}(?:ция|сия|лия|мия|ние|тие|tion|sion)\b")
_DENIED_WORD = re.compile(r"\b(?:без|нет|не|no|without|not)\s+(?:признаков\s+)?$")
_NOT_QUITE = re.compile(_DENIED_WORD.pattern + r"|\b(?:почти|практически|near|nearly|almost)[\s-]+$")
_NOT_DONE = re.compile(r"\b(?:не|not|n't)\s+(?:(?:полностью|до конца|окончательно|совсем|была?|было|были|been|be|fully|completely|yet)\s+)*$")
_DENIED_NEXT = re.compile(r"\s+(?:не\b|нет\b|отсутств|is not\b|are not\b|not\b|is absent|absent)")
_WITH = re.compile(r"\b(?:с|со|with)\s+(?:[\w-]+\s+){0,3}$")
_INTO_IT = re.compile(r"\s+(?:в|во|in|into|within)\s+(?:[\w-]+\s+)?(?:кист|cyst|a cyst|cavit)")

# (7 сут. назад - САК); 2 weeks ago: SDH. Not: травма 3 дня назад, СДГ
_AGO_LED = re.compile(
    r"(?:^|[(,;:]|\b(?:кт|мскт|мрт|исследовани\w+|контрол\w+|снимк\w+|ct|scan|study|mri))\s*(?:\d+\s?|an?\s|one\s|two\s|three\s)?"
    r"(?:ч|час\w*|сут\w*|дн\w*|день|нед\w*|мес\w*|год\w*|лет|г|hours?|days?|weeks?|wks?|months?|years?)\.?\s+(?:назад|тому|ago|earlier|prior)"
    r"\s*(?:[:–—-]|(?:show|demonstrat|reveal|определял|выявл)\w*)"
)
_OPERATION = re.compile(r"\s*(?:evacuation|drainage|removal|washout|surgery|decompression|clearance)\b")
_PARTS_AGO = re.compile(r"\b\d+/(?:12|52)\s+(?:post|after|since|following)\b(?![^,;:]*[,;:])")  # 3/12 post SAH: three months
_AFTER = re.compile(r"\b(?:post|after|following|since|s/p|prior|previous)\b")
_YEAR_BEFORE = re.compile(r"(?<![\d.])(?:19|20)\d\d(?:\s?г\.?)?\s+[–—-]\s+(?=(?:\w+\s+){0,2}$)")
# not a measure (2000 мл), a date of the study (2023-05-01) or half a number
_YEAR = re.compile(r"\s*\(?(?:in\s+|от\s+|в\s+)?(?:19|20)\d\d(?:\s?г\w?)?(?![\d/-]|\.\d|\s*(?:мм|мл|см|ml|mm|cc|cm|hu|ед|[xх*]))")


@dataclass(frozen=True)
class Past(Clause):
    """What places the finding in the past."""

    def _dated(self) -> str:
        """The words behind the finding that date it back, in its own stretch or alone behind a comma: ушиб с кровью, 2 месяца назад."""
        if year := _YEAR.match(self.after) or _YEAR_BEFORE.search(self.before):
            return year[0].strip()  # SAH 2016; 2016 г. - САК
        if (done := _OPERATION.match(self.after)) and _AFTER.search(self.before):
            return done[0].strip()  # day 1 after SDH evacuation
        if ("/12" in self.before or "/52" in self.before) and (ago := _PARTS_AGO.search(self.before)) is not None:
            return ago[0].strip()
        own = self.book.cues["history_after"].search(self._own_after)
        apart = None if own else re.match(r",[\s\d-]*", self.after[len(self._own_after) :])
        at = len(self._own_after) + apart.end() if apart else 0
        found = own or (self.book.cues["history_after"].match(self.after, at) if apart else None)
        if found and not own and not ENDS.match(self.after, found.end()):
            return ""  # СДГ слева, в анамнезе инсульт
        return found[0] if found else ""

    def prior(self) -> str:
        """The words that place the finding in an earlier study, unless the same clause goes on with what is seen now."""
        prior, now, own = self.book.cues["prior"], self.book.cues["now"], self._own_after
        behind = self.book.cues["prior_after"].search(own)
        if (then := _BEFORE_NOW.search(self.before)) and not now.search(self.after):
            return then[0].strip()
        ago = _AGO_LED.search(self.before) if "ago" in self.before or "наза" in self.before or "earlier" in self.before else None
        if ago and not now.search(self.before, ago.end()):
            return ago[0].strip(" (,:-")
        if not behind and not prior.search(self.before):
            return ""
        if any(MEASURE.search(self.after, mark.end()) for mark in now.finditer(self.after)):
            return ""
        for mark in reversed(list(prior.finditer(self.before))[-NEAREST:]):
            if not _DENIED_WORD.search(self.before[: mark.start()]) and not now.search(self.before, mark.end()):
                return mark[0]
        return behind[0] if behind and not _DENIED_WORD.search(own[: behind.start()]) else ""

    def _still(self) -> str:
        """Words that say the finding is there yet, unless they are denied themselves: no residual blood."""
        text = masked(self.before + self.hit + self.after, self.book.cues["not_still"])
        marks = self.book.cues["still"].finditer(text)
        return next((mark[0] for mark in marks if not (_DENIED_WORD.search(text[: mark.start()]) or _DENIED_NEXT.match(text, mark.end()))), "")

    def gone(self) -> str:
        """The words that say all of it is gone, across a dash too: хроническая гематома - полный регресс."""
        own = self._own_before + self.hit + self.after
        return next((mark[0] for mark in self.book.cues["gone"].finditer(own) if not _NOT_QUITE.search(own[: mark.start()])), "")

    def resolved(self) -> str:
        # киста с кровоизлиянием: what the blood is with says nothing of it; (кровь) ends with its bracket
        lead = "" if _WITH.search(self.before) else self._own_before
        behind = STRETCH.split(self.after)[0]  # a dash only joins: СДГ слева - полный регресс
        if self.before.rfind("(") > self.before.rfind(")"):
            behind = behind.partition(")")[0]
        if cue := self._done_with(lead + self.hit + behind):
            return cue
        if not _INTO_IT.match(self.after) and (cue := self._first("resolved_after", behind)):
            return cue
        after = self.book.cues["resolved"].finditer(self.after)
        return next((mark[0] for mark in after if _DONE.search(mark[0]) and self._its_own(self.after[: mark.start()])), "")

    def _its_own(self, between: str) -> bool:
        """Whether a verb behind these words is of the finding: not denied, and without a subject of its own, as дислокация регрессировала."""
        part = STRETCH.split(between)[-1]
        if part != between and (_SUBJECT.search(part) or self.book.raised.search(part)):
            return False
        return not (_NOT_DONE.search(between) or self.book.cues["other"].search(part) or self.book.cues["object"].search(part))

    def _done_with(self, text: str) -> str:
        """The first word of this stretch that says it is gone, and is not denied itself: не лизировалась."""
        return next((mark[0] for mark in self.book.cues["resolved"].finditer(text) if not _NOT_DONE.search(text[: mark.start()])), "")
