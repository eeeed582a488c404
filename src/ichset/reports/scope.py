"""What a clause asserts of a finding: how far a denial, a doubt, a history reach, and what stands on its own.

Russian marks the reach itself: what is denied stands in the genitive ("смещения нет"), what is stated is a subject in the
nominative ("субдуральная гематома слева"). A cue therefore crosses a comma only to a word that is no statement of its own: not
a nominative, not measured, not on a side. English has no cases; there size, side and measure tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ichset.reports.phrases import PhraseBook

PRESENT, ABSENT, HISTORICAL, RESOLVED, UNCERTAIN, HYPOTHETICAL = "present", "absent", "historical", "resolved", "uncertain", "hypothetical"
MEASURE = re.compile(r"\d\s*(?:[xх×*]\s*\d+\s*)*(?:мм|см|мл|ед|mm|cm|ml|cc|hu)\b")
NEAREST = 6  # cues before a finding that are weighed
_COMMA = re.compile(r",(?!\d)|\s[–—-]\s")
_STRETCH = re.compile(r",(?!\d)")
_LED = re.compile(r"^\s*[:–—-]\s")  # the diagnosis of the referral - SAH: the dash leads on
_EARLIER = re.compile(r"\b(?:на|в|при)\s+(?:прошл|предыдущ|предшеств|исходн|первичн|поступлен)|\bon\s+(?:the\s+)?(?:prior|previous|earlier|initial|old|outside|admission|baseline|first|presenting)\b")
_IMPERFECT = re.compile(r"л(?:ся|ась|ось|ись)$")
_BEFORE_NOW = re.compile(r"\b(?:ранее|раньше|прежде|вчера|накануне|previously|formerly)\s*[–—-]?\s*$")
_ENDS = re.compile(r"\s*(?:$|[.,;)])")
_OPENS = re.compile(r"\s*(?:на|при|в|во|по|со|с|из|у|at|on|in|within|the)\s")
_NOMINATIVE = re.compile(r"(?:ая|яя|ое|щее|днее|жее|ый|ые|кровоизлияние|гематома|кровь|полоска|скопление|слой|участок)$")
_SIDED = re.compile(r"\b(?:слева|справа|лев(?:ой|ого|ом)|прав(?:ой|ого|ом)|left|right|small|tiny|thin|large|trace|known|stable|unchanged)\b")
_GENITIVE = re.compile(r"без|нет|отсутств|ни$|no$|without")
_GOVERNS = re.compile(r"после|состояние после|последстви|исход|after|status post")
_DONE = re.compile(r"(?:нная|нное|нные|или|ся|сь|на|но|ны|ла|ло|ли|resolved|cleared|seen|present|identified|visualized)$")
_SUBJECT = re.compile(r"\b\w{3,}(?:ция|сия|лия|мия|ние|тие|tion|sion)\b")
_DENIED_WORD = re.compile(r"\b(?:без|нет|не|no|without|not)\s+(?:признаков\s+)?$")
_NOT_QUITE = re.compile(_DENIED_WORD.pattern + r"|\b(?:почти|практически|near|nearly|almost)[\s-]+$")
_NOT_DONE = re.compile(r"\b(?:не|not|n't)\s+(?:(?:полностью|до конца|окончательно|совсем|была?|было|были|been|be|fully|completely|yet)\s+)*$")
_IT = re.compile(r"\b(?:он|она|оно|они|его|ее|их|котор\w+|тоже|также|больше|более|уже|it|which|that|they|is|are|has|have|been)\b")
# nouns of a statement of its own; adverbs in -о and words that only lead to what is denied are none
_CONTENT = re.compile(r"\b(?!признак|данны|убедител|достовер|таков|исследован|момент|картин)[а-яa-z-]{3,}(?<!о)\b")
_PLURAL_GENITIVE = re.compile(r"(?:гематом|кровоизлияний|геморрагий|контузий|ушибов|переломов|сгустков|скоплений)$")
_OF_SUCH = re.compile(r"^(?:\W|\b(?:и|тоже|также|\w+ых|\w+их)\b)*$")
_EITHER = ("или", "либо", "vs", "vs.", "versus", "or")
_CERTAIN_OTHER = re.compile(r"ишеми|инфаркт|артефакт|\bшов|ischemi|infarct|suture")


# в представленном объеме, по размерам: said of the study, not of the finding
_GOVERNED = re.compile(r"[,:;·]|\b(?:и|или|ни|and|or|nor)\b")  # без отека, кровоизлияния: two things denied, not one of the other
_CIRCUMSTANCE = re.compile(r"\b(?:в|во|при|по)\s+(?:[а-я]+\s+)?$")
_BREAKS_IN = re.compile(r"прорыв\w*\s+$")
_DENIED_NEXT = re.compile(r"\s+(?:не\b|нет\b|отсутств|is not\b|are not\b|not\b|is absent|absent)")

# how old blood is says nothing of when it was seen
_STAGE = re.compile(r"хроническ|подостр|лизир|организ|subacute|chronic|acute on")
# не кровоизлиянием, not a haemorrhage, pseudo-SAH: the word itself is denied
_DIRECTLY = re.compile(r"\b(?:не(?:\s+[а-я]+(?:ым|ой|ая|ое|ый|ого|ом))?|not(?:\s+an?)?)\s+$")
_FALSE_WORDS = ("псевдо", "ложн", "pseudo", "false")
_FALSE = re.compile(r"\b(?:псевдо|ложн|pseudo|false)[\w-]*\s?[^.,;:()]*$")
# a form that is filled in: кровь: 0; кровь (-)
_FORM = re.compile(r"^[^,;:]{0,40}(?:(?:[:=]|\s[–—-])\s*(?:0|-|отр\w*|neg\w*|none|no|absent)(?=\s*$|[,;.])|\(\s*[–—-]\s*\))")
_ANSWERED = re.compile(
    r"[^.,;?]*\?\s*(?:[–—-]\s*)?(?:(?:патологии|изменений|данных|признаков|таковых)\s+(?:[а-я]+\s+)?)?(?:нет|не|отсутств\w*|no|not|none)\b"
)
_WITH = re.compile(r"\b(?:с|со|with)\s+(?:[\w-]+\s+){0,3}$")
_INTO_IT = re.compile(r"\s+(?:в|во|in|into|within)\s+(?:[\w-]+\s+)?(?:кист|cyst|a cyst|cavit)")
_EXCLUDE = ("исключ", "для исключ", "с целью исключ", "вопрос", "question", "to exclude", "to rule", "rule out", "exclu")
_ANAMNESIS = ("анамнез", "history")
_UNSURE = re.compile(r"неясн|дифф|сложно|трудно|затрудн|сомнит|unclear|indeterm|differen|questionable|uncertain")
_LISTING = ("дифф", "диф.", "differential")  # what follows is a list of what it may be
_PLURAL_VERB = re.compile(r"(?:ют|ют?ся|ны|not seen|absent|excluded)$")
_ASIDE = re.compile(r"\([^()]*\)|\([^()]*\?$")  # a sentence ends at its question mark, within the brackets

# a participle between commas, as in "the haematoma, described on 1 February, is no longer seen": what follows is said of the finding
_INSERT = re.compile(
    r",\s*(?:ранее |прежде |previously |as )?(?:описанн|выявленн|обнаруженн|определявш|визуализировавш|отмеченн|отмечавш|имевш|"
    r"бывш|described|seen|noted|reported|demonstrated)\w*[^,;]{0,60},"
)


@dataclass(frozen=True)
class Scope:
    """One clause around one hit, in normalised text."""

    before: str
    hit: str
    after: str
    book: PhraseBook

    def assertion(self) -> tuple[str, str, bool]:
        """(assertion, the cue's words, whether only something new is denied)."""
        sure = self.book.cues["not_uncertain"]
        if sure.search(self.before) or sure.search(self.after):
            return Scope(masked(self.before, sure), self.hit, masked(self.after, sure), self.book).assertion()
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
        names = (self.book.cues["mimic"], self.book.keywords["haemorrhage"], self.book.keywords["tumour"], _CERTAIN_OTHER)
        of_source = re.search(r"\w{4}\W*\?", said) and not any(name.search(said) for name in names) and not self._another(said)
        return " " * len(said) if of_source or self.book.cues["prior"].search(said) or self._own_statement(said) else said

    def _own_statement(self, aside: str) -> bool:
        """A denial or an end that has its own subject within the brackets: (отека нет), not (не определяется)."""
        names = ("negation_before", "negation_after", "resolved", "history")
        cue = next((self.book.cues[name] for name in names if self.book.cues[name].search(aside)), None)
        if cue is None:
            return False
        return bool(_CONTENT.search(self.book.cues["now"].sub(" ", _IT.sub(" ", cue.sub(" ", aside)))))

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
        if (not still or old) and (cue := self.reached("history") or self._first("history_after", self._own_after)):
            return HISTORICAL, cue, False
        return PRESENT, still, False

    def _still(self) -> str:
        """Words that say the finding is there yet, unless they are denied themselves: no residual blood."""
        text = masked(self.before + self.hit + self.after, self.book.cues["not_still"])
        marks = self.book.cues["still"].finditer(text)
        return next((mark[0] for mark in marks if not (_DENIED_WORD.search(text[: mark.start()]) or _DENIED_NEXT.match(text, mark.end()))), "")

    def _planned(self) -> str:
        """Advice or a heading whose words hold those of a doubt: при подозрении на САК - КТ, за возможным развитием."""
        doubts = [mark.span() for mark in list(self.book.cues["uncertain"].finditer(self.before))[-NEAREST:]]
        marks = [mark for mark in self.book.cues["hypothetical"].finditer(self.before) if doubts]
        around = [mark for mark in marks if any(mark.start() <= low < mark.end() and mark.span() != (low, high) for low, high in doubts)]
        return around[-1][0] if around and not _COMMA.search(self.before, around[-1].end()) else ""

    def _not_excluded(self) -> str:
        """Исключить САК невозможно: what stands behind the finding makes a doubt of the advice before it."""
        after = self._first("cannot", self._own_after)
        return after if after and self.reached("hypothetical").startswith(_EXCLUDE) else ""

    def _supposed(self) -> str:
        """при кровоизлиянии - к нейрохирургу: a circumstance that may come."""
        return "при" if self.before.endswith((" при ", "(при ")) and self.hit.endswith(("ии", "е", "ах", "ях")) else ""

    def prior(self) -> str:
        """The words that place the finding in an earlier study, unless the same clause goes on with what is seen now."""
        prior, now, own = self.book.cues["prior"], self.book.cues["now"], self._own_after
        behind = self.book.cues["prior_after"].search(own)
        if (then := _BEFORE_NOW.search(self.before)) and not now.search(self.after):
            return then[0].strip()
        if not behind and not prior.search(self.before):
            return ""
        if any(MEASURE.search(self.after, mark.end()) for mark in now.finditer(self.after)):
            return ""
        for mark in reversed(list(prior.finditer(self.before))[-NEAREST:]):
            if not _DENIED_WORD.search(self.before[: mark.start()]) and not now.search(self.before, mark.end()):
                return mark[0]
        return behind[0] if behind and not _DENIED_WORD.search(own[: behind.start()]) else ""

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
            return mark[0] if self._denied_before(mark, after) and not self._objected(_COMMA.split(before)[-1]) else ""
        return ""

    def _earlier(self, after: str, mark: re.Match[str]) -> bool:
        """Whether a denial behind the finding is of an earlier study: the words of one stand in its own stretch, and none of this one's."""
        low = max((comma.end() for comma in _STRETCH.finditer(after, 0, mark.start())), default=0)
        stop = _STRETCH.search(after, mark.end())
        part = after[low : stop.start() if stop else len(after)]
        told = _EARLIER.search(part)
        then = told and (mark.start() - low <= told.start() or _IMPERFECT.search(mark[0]))
        return bool(then) and not self.book.cues["now"].search(part)

    def _denied_itself(self, before: str) -> str:
        """The word itself is denied or called false, or a form is filled in."""
        near = before[-40:]
        direct = _DIRECTLY.search(near) if "не " in near or "not " in near else None
        if not direct and any(word in near or word in self.hit for word in _FALSE_WORDS):
            direct = _FALSE.search(near[-30:] + self.hit)
        direct = direct or _FORM.match(self.after) or ("?" in self.after and _ANSWERED.match(self.after)) or None
        return direct[0].strip() if direct else ""

    def _denied_after(self, mark: re.Match[str], before: str) -> bool:
        between = before[mark.end() :]
        if self._objected(between):
            return False
        crossing = bool(_COMMA.search(between))
        if _GENITIVE.match(mark[0]) and ":" not in between and self._subject():
            return False
        if not crossing:
            return True
        if _PLURAL_GENITIVE.search(self.hit) and _OF_SUCH.match(_COMMA.split(between)[-1]):
            return True  # свежей крови не видно, старых геморрагий тоже
        ahead = _COMMA.split(before[: mark.start()])[-1]
        owns = bool(re.search(r"\w", ahead)) and not _OPENS.match(ahead) and mark[0].startswith(("не ", "нет"))
        return not owns and not self.alone()

    def _denied_before(self, mark: re.Match[str], after: str) -> bool:
        between = after[: mark.start()]
        parts = _COMMA.split(between)
        if len(parts) > 1 and not re.search(r"\w", self.book.cues["now"].sub("", _IT.sub("", parts[-1]))):
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
        if any(_SIDED.search(part) for part in parts[:-1]):
            return False
        return not (self.alone() and re.search(r"\w{3}", parts[-1]))

    def _of_something_else(self, between: str, parts: list[str]) -> bool:
        """САК, дислокации нет; SDH, midline shift absent: behind a word without cases and one comma, what a haemorrhage may do."""
        if len(parts) != 2 or " or " in between or not self.book.cues["object"].search(parts[-1]):
            return False
        return self.hit.isascii() or not (re.search(r"[а-я]{5}", self.hit) or re.search(r"\w", self.before))

    def doubt(self) -> str:
        """The words that leave the finding open, or ''."""
        for mark in list(self.book.cues["uncertain"].finditer(self.before))[-NEAREST:]:
            between = self.before[mark.end() :]
            if self._objected(between) or (_COMMA.search(between) and not mark[0].startswith(_LISTING) and self.alone()):
                continue
            if (mark[0] not in _EITHER or self._alternative()) and not self._probable():
                return mark[0]
        slash = " / " in self._own_before[-40:] + "·" + self._own_after[:40] and self._alternative() and not self._probable()
        return self.doubt_after() or ("?" if "?" in self._own_after else "/" if slash else "")

    def doubt_after(self) -> str:
        """The words behind the finding that leave it open, and no other finding: САК не исключено."""
        own = self._own_after
        led = _LED.match(self.after)
        alone = self.book.cues["uncertain"].match(self.after, led.end()) if led else None
        if alone and _ENDS.match(self.after, alone.end()):
            return alone[0]  # САК - под вопросом
        for mark in list(self.book.cues["uncertain"].finditer(own))[:NEAREST]:
            if _UNSURE.match(mark[0]) and self.book.cues["object"].search(own[: mark.end() + 45]):
                continue  # неясного генеза, локализацию дифференцировать: that it is there is not in doubt
            if mark[0] in _EITHER:
                if self._alternative() and not self._probable():
                    return mark[0]
            elif not self.book.keywords["haemorrhage"].search(own, mark.end()) and not self._another(own[mark.end() :]):
                return mark[0]
        return ""

    def gone(self) -> str:
        """The words that say all of it is gone, across a dash too: хроническая гематома - полный регресс."""
        own = self._own_before + self.hit + self.after
        return next((mark[0] for mark in self.book.cues["gone"].finditer(own) if not _NOT_QUITE.search(own[: mark.start()])), "")

    def resolved(self) -> str:
        # киста с кровоизлиянием: what the blood is with says nothing of it; (кровь) ends with its bracket
        lead = "" if _WITH.search(self.before) else self._own_before
        behind = _STRETCH.split(self.after)[0]  # a dash only joins: СДГ слева - полный регресс
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
        part = _STRETCH.split(between)[-1]
        if part != between and (_SUBJECT.search(part) or self.book.raised.search(part)):
            return False
        return not (_NOT_DONE.search(between) or self.book.cues["other"].search(part) or self.book.cues["object"].search(part))

    def _done_with(self, text: str) -> str:
        """The first word of this stretch that says it is gone, and is not denied itself: не лизировалась."""
        return next((mark[0] for mark in self.book.cues["resolved"].finditer(text) if not _NOT_DONE.search(text[: mark.start()])), "")

    def reached(self, name: str) -> str:
        """The last cue of this kind before the finding whose reach is not ended by a comma."""
        for mark in reversed(list(self.book.cues[name].finditer(self.before))[-NEAREST:]):
            between = _LED.sub("", self.before[mark.end() :])
            if _COMMA.search(between) and self.alone():
                continue
            if name == "history" and ((":" in self.before[mark.end() :] and not mark[0].startswith(_ANAMNESIS)) or (_GOVERNS.match(mark[0]) and self._subject())):
                continue
            return mark[0]
        return ""

    def alone(self) -> bool:
        """Whether the finding is a statement of its own: a subject, measured, or on a side."""
        own = self._own_before + self.hit + self._own_after
        return self._subject() or bool(MEASURE.search(own) or _SIDED.search(own))

    def _stretch(self) -> str:
        return self._own_before + self.hit + _STRETCH.split(self.after)[0]

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
        own = self._own_before + self.hit + self._own_after
        return bool(self.book.cues["mimic"].search(own) or self.book.keywords["tumour"].search(own) or _CERTAIN_OTHER.search(own))

    def _probable(self) -> bool:
        marks = list(self.book.cues["probable"].finditer(self.before))
        if marks:
            return not self.book.cues["mimic"].search(self.before, marks[-1].end())
        return bool(self.book.cues["probable"].search(self._own_after))

    def _another(self, text: str) -> bool:
        names = ("subdural", "epidural", "subarachnoid", "intracerebral", "intraventricular", "tumour", "vascular")
        return any(self.book.keywords[name].search(text) for name in names)

    @cached_property
    def _own_before(self) -> str:
        return _COMMA.split(self.before)[-1]

    @cached_property
    def _own_after(self) -> str:
        return _COMMA.split(self.after)[0]

    def _first(self, name: str, text: str) -> str:
        mark = self.book.cues[name].search(text)
        return mark[0] if mark else ""


def masked(text: str, pattern: re.Pattern[str]) -> str:
    """Blank out what looks like a cue and is none, in place."""
    return pattern.sub(lambda found: "·" * len(found[0]), text)
