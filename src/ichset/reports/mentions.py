"""Mentions: every hit of a keyword with what the clause around it asserts.

A clause is the reach of a negation or a doubt: a sentence, cut at contrasting words (но, однако, but) and where a new
finding is stated. All phrases are data; here are only the ways in which they act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ichset.contracts import COMPARTMENTS
from ichset.reports.compartments import (
    BLEEDS,
    BLOOD,
    OUTSIDE,
    OUTSIDE_BRAIN,
    Hit,
    Marks,
    blood_findings,
    fracture_finding,
    is_adverb,
    tumour_elsewhere,
)
from ichset.reports.normalize import normalize
from ichset.reports.phrases import PhraseBook
from ichset.reports.scope import ABSENT, PRESENT, Scope
from ichset.reports.sentences import sentences

NO_BLEEDING = "not_blood"
OTHER_FINDINGS = ("fracture", "tumour", "vascular")
KINDS = (*BLEEDS, BLOOD, *OTHER_FINDINGS)
_SIDE = (
    ("bilateral", re.compile(r"двуст|двухст|билатер|с обеих сторон|с двух сторон|с 2-?х? ?сторон|обеих|обоих|bilat|\bb/l\b|both")),
    ("left", re.compile(r"слева|\b(?:лев|сл)\.|\bлев(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|\bлевосторон|\bлевополушар|\bleft")),
    ("right", re.compile(r"справа|\b(?:прав|спр)\.|\bправ(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|\bправосторон|\bправополушар|\bright")),
)

_LEFT, _RIGHT = r"(?:слева|лев(?:ой|ого|ом|ых)|left)", r"(?:справа|прав(?:ой|ого|ом|ых)|right)"
# в левой лобной и в правой височной долях: both sides, with no shift or other structure between
_AND_SIDE = r"(?:(?!смещ|дислок|shift|,)[^.]){0,45}\b(?:и|and)\b(?:(?!смещ|дислок|shift|,)[^.]){0,25}"
_BRACKETS = re.compile(r"\([^()]*\)\s?")
_BOTH_SIDES = re.compile(rf"\b{_LEFT}\b{_AND_SIDE}\b{_RIGHT}\b|\b{_RIGHT}\b{_AND_SIDE}\b{_LEFT}\b")
# субдуральные гематомы, геморрагиями: more than one by their ending, where the word is not a genitive of one
_PLURAL = re.compile(
    r"(?:(?:ые|[кгхшщж]ие|ыми|[кгхшщж]ими)\s+[а-я-]*(?:гематомы|геморрагии|кровоизлияния|ушибы|контузии)|(?:гематом|геморраги|кровоизлияни|очаг|ушиб|контузи)[ая]ми)$"
)
_NUMBER = re.compile(r"\b(?:два|две|двух|двумя|три|трех|четыре|two|three|four)\s+(?!недел|сут|дн|час|мес|нед|week|day|hour|month)[а-яa-z -]{0,45}$")
_FOCI = re.compile(
    r"\b(?:два|две|двух|три|трех|четыре|[2-9])\s+(?:(?!мм|см|мл|mm|cm|ml)[а-яa-z]+\s+)?(?:очаг|фокус|кровоизл|гематом|foci\b|haemat|hemat|haemorr|hemorr)"
    r"|геморрагическ(?:ие|их)\s+(?:очаг|метастаз|ушиб|контуз|узл)|ha?emorrhagic\s+(?:[a-z]+\s+)?(?:metastases|contusions|lesions|foci|nodules|deposits)"
)
_KIND = r"(?:эпи-|эпидуральн\w*|эдг|субдуральн\w*|сдг|субарахноидальн\w*|сак|внутримозгов\w*|epidural|extradural|edh|subdural|sdh|subarachnoid|sah)"
_ONE_OF = re.compile(
    rf"\b{_KIND}\s*(?:или|либо|or)\s+{_KIND}|\b(?:дифференц|разгранич|отличить)\w*\s+(?:между\s+)?{_KIND}\s*(?:и|от)\s+{_KIND}"
)
_MAY_BE_ONE_OF = ("или", "либо", " or ", "дифференц", "разгранич", "отличить")
_INFARCT = re.compile("инфаркт|ишеми|infarct|ischem|ischaem")
_STRETCH = re.compile(r",(?!\d)")
# гематома с гиподенсными очагами: the foci are within it
_LUCENT = re.compile(r"\b(?:with|с|со)\s+(?:[\w-]+\s+){0,3}(?:low[- ]attenuation|low[- ]density|hypodense|hypoattenuating|гиподенсн\w+)\s+\w+")
# an adjective that stands for its noun: a left subdural, 8 mm; not the subdural space
_BARE = ("subdural", "epidural", "extradural", "subarachnoid")
_NOUN_ENDS = re.compile(
    r"(?!\s*\([^)]*\)\s*(?:[a-z]+\s+){0,3}(?:aneurysm|segment|portion|mass|lesion|meningioma))"
    r"\s*(?:$|[.,;:()?/\d–—-]|(?:is|are|was|were|has|have|of|in|on|at|and|or|nor|along|over|overlying|with|without|measur\w*|up|now|layering|extend\w*"
    r"|unchanged|stable|component|from|due|causing|seen|noted|identified|bleed\w*|remains?|again|cannot|can|could|may|might|must|should|which|that|appears?|shows?"
    r"|persists?|resolved|evacuat\w*|drained|by|near|beneath|under|above|below|vs|versus|possible|suspected|excluded|than|as|but|after|maximal|approximately"
    r"|present|absent|has|tends?|halved|being|not|following|secondary|requiring|compressing|displacing|effacing|exerting|tracking|spreading|involving|decreas\w+"
    r"|increas\w+|enlarg\w+|evolv\w+|regress\w+|reach\w+|mostly|mainly|also|still|since|during|between|towards?|into|to|for|per|front\w*|tempor\w*|pariet\w*|occipit\w*|left|right|bilat\w*)\b)(?![^.;]{0,40}\b(?:spaces?|windows?|compartments?|planes?)\b)"
)
# слева 8 мм, справа 5 мм
_EACH_SIDE = re.compile(
    r"(?:слева|left)[^;]{0,30}\d\s*(?:мм|мл|mm|ml)[^;]{0,20}(?:справа|right)[^;]{0,30}\d|(?:справа|right)[^;]{0,30}\d\s*(?:мм|мл|mm|ml)[^;]{0,20}(?:слева|left)[^;]{0,30}\d"
)


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
    either: bool = False  # one of two compartments, and not said which


def find_mentions(section: str, raw: str, book: PhraseBook) -> list[Mention]:
    """Every mention in a section's text, in order."""
    text = normalize(raw)
    found: list[Mention] = []
    for start, end in _telling(text.text, book.raised):
        for one in _said(text.text[start:end], book):
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
        if hit.end() <= end or (hit.start() < end and raised.search(text, start, end)):
            yield start, end


def _mention(section: str, raw: str, low: int, high: int, sentence: int, one: Statement) -> Mention:
    return Mention(
        section, low, high, one.findings, one.assertion, one.laterality, one.location, raw[low:high], one.cue, one.many, one.new, sentence,
        one.either,
    )  # fmt: skip


def density_places(raw: str, book: PhraseBook) -> set[str]:
    """The compartments in which a text sees a spot of high density."""
    text, dense = normalize(raw).text, book.keywords["density"]
    found: set[str] = set()
    for start, end in sentences(text) if dense.search(text) else ():
        sentence = Sentence(text[start:end], book)
        for mark in dense.finditer(sentence.text):
            hit = Hit(mark.start(), mark.end(), BLOOD)
            low, high = sentence.clause(hit)
            said, _, _ = Scope(sentence.text[low : hit.start], mark[0], sentence.text[hit.end : high], book).assertion()
            found |= set(blood_findings(sentence.marks, hit, [hit])[0]) & set(COMPARTMENTS) if said == PRESENT else set()
    return found


MOST_MENTIONS = 200  # in one section; a long report has a dozen


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
    either: bool


def _said(text: str, book: PhraseBook) -> tuple[Statement, ...]:
    """What one normalised sentence says. Sentences that differ in their measures alone say the same of theirs."""
    alike = book.alike(text)
    said = _statements(alike, book)
    if alike != text and any(book.figure in one.cue or book.figure in one.location for one in said):
        return _statements(text, book)  # words that are quoted are quoted as they stand
    return said


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
    elif hit.kind == "tumour":
        findings = (OUTSIDE,) if tumour_elsewhere(sentence.marks, hit) else findings
    elif hit.kind not in OTHER_FINDINGS:
        findings, place = blood_findings(sentence.marks, hit, hits)
    before, after = sentence.less_exceptions(low, hit.start), sentence.less_exceptions(hit.end, high)
    assertion, cue, new = Scope(before, words[hit.start : hit.end], after, book).assertion()
    if assertion == ABSENT and findings == (BLOOD,) and OUTSIDE_BRAIN.search(words, low, high):
        findings = ("epidural", "subdural")  # оболочечных гематом нет: of blood in the brain nothing is said
    around = _of_the_hit(words, low, high, hit, book)
    many = bool(book.keywords["many"].search(around) or _counted(words[max(low, hit.end - 80) : hit.end], around))
    side = _side(_own_stretch(words, low, high, hit)) or _side(around)
    if side in ("left", "right") and "," in around and _EACH_SIDE.search(around):
        side = "bilateral"
    return Statement(hit.start, hit.end, findings, assertion, side, place, cue, many, new, _which(words[low:high]))


def _which(clause: str) -> bool:
    """эпи- или субдуральная: one of the two, not both."""
    return any(word in clause for word in _MAY_BE_ONE_OF) and bool(_ONE_OF.search(clause))


def _of_the_hit(words: str, low: int, high: int, hit: Hit, book: PhraseBook) -> str:
    """The clause less the stretches between commas that speak of something else: слева СДГ, гигромы с двух сторон."""
    clause = words[low:high]
    if "hypo" in clause or "low" in clause or "гиподенс" in clause:
        clause = _LUCENT.sub(lambda found: " " * len(found[0]), clause)
    if "," not in clause or not book.cues["other"].search(clause):
        return clause
    parts, at = [], low
    for part in _STRETCH.split(clause):
        if at <= hit.start <= at + len(part) or not book.cues["other"].search(part):
            parts.append(part)
        at += len(part) + 1
    return ",".join(parts)


def _own_stretch(words: str, low: int, high: int, hit: Hit) -> str:
    """Between the commas around the hit."""
    start = max((mark.end() for mark in _STRETCH.finditer(words, low, hit.start)), default=low)
    stop = _STRETCH.search(words, hit.end, high)
    return words[start : stop.start() if stop else high]


def _counted(said: str, around: str) -> bool:
    """More than one by the word's ending or its number. Petechiae of an infarct are one focus."""
    plural = said.endswith(("ы", "и", "я")) and _PLURAL.search(said) and not _INFARCT.search(around)
    return bool(plural or _NUMBER.search(said) or _FOCI.search(around))


def _side(clause: str) -> str:
    if _BOTH_SIDES.search(_BRACKETS.sub("", clause) if "(" in clause else clause):
        return "bilateral"
    return next((name for name, pattern in _SIDE if pattern.search(clause)), "")


_EXCEPT = re.compile(
    r"(?:,|^)\s*(?:кроме|за исключением|помимо|исключая|не считая|except(?:\s+for)?|other than|apart from|aside from)\s[^,;()]{3,120}(?:,(?=\s)|$)"
)
_WITHOUT = re.compile(r"\b(?:без|не|нет|without|no|non)\b")  # ишемия без кровяного пропитывания
_COMPOUND = re.compile(r"\w+(?:-\w+)*-$")


class Sentence:
    """One normalised sentence with its phrase book."""

    def __init__(self, text: str, book: PhraseBook) -> None:
        self.text, self.book = text, book
        self.marks = Marks(text, book)

    def hits(self) -> list[Hit]:
        """Keyword hits, the longer of overlapping ones, in order; less what is no bleeding: blood pressure, subdural hygroma."""
        found = [Hit(*mark.span(), NO_BLEEDING) for mark in self.book.keywords[NO_BLEEDING].finditer(self.text)]
        found += [self._whole(Hit(start, end, name)) for name, start, end in self.book.spans(KINDS, self.book.raised, self.text)]
        found.sort(key=lambda hit: (hit.start, -(hit.end - hit.start)))
        kept: list[Hit] = []
        for hit in found:
            if self.text[hit.start : hit.end] in _BARE and not _NOUN_ENDS.match(self.text, hit.end):
                continue
            blood = hit.kind not in OTHER_FINDINGS
            if any(one.start <= hit.start and hit.end <= one.end and one.kind == NO_BLEEDING for one in kept):
                continue
            if any(one.start <= hit.start and hit.end <= one.end and (one.kind not in OTHER_FINDINGS) == blood for one in kept):
                continue
            kept.append(hit)
        return [hit for hit in kept if hit.kind != NO_BLEEDING and not (hit.kind == "vascular" and _WITHOUT.search(self.text, hit.start, hit.end))]

    def _whole(self, hit: Hit) -> Hit:
        """субарахноидально-вентрикулярное кровоизлияние: the last part of a compound says not all of where it is."""
        if hit.kind not in BLEEDS or self.text[hit.start - 1 : hit.start] != "-":
            return hit
        compound = _COMPOUND.search(self.text, 0, hit.start)
        return Hit(compound.start(), hit.end, BLOOD) if compound and compound[0] != "non-" else hit

    def clause(self, hit: Hit) -> tuple[int, int]:
        """The part of the sentence around the hit, between clause words; a clause word belongs to what follows it."""
        low, high = 0, len(self.text)
        for start, end in self.exceptions:
            if start <= hit.start < end:
                return start, end
        for mark in sorted((*self._marks("contrast"), *self._marks("stated")), key=lambda mark: mark.start()):
            if mark.end() <= hit.start:
                low = mark.start()
            elif (
                mark.start() >= hit.end
                and not is_adverb(self.text, hit, *mark.span())
                and not self._negated_word(mark.start())
                and not self._verb_of(hit, mark)
            ):
                high = mark.start()
                break
        return low, high

    def _verb_of(self, hit: Hit, mark: re.Match[str]) -> bool:
        """САК сохраняется: the verb of this finding, not of the next one."""
        between = self.text[hit.end : mark.start()]
        stated = self.book.cues["stated"].match(self.text, mark.start())
        return stated is not None and not _STRETCH.search(between) and len(between) < 40 and not self.book.cues["negation_after"].search(between)

    def _negated_word(self, at: int) -> bool:
        """не определяется: the verb belongs to the negation before it."""
        return bool(re.search(r"(?:\bне|\bnot|\bno|\bif|\bunless|\bесли)\s+$", self.text[:at]))

    @cached_property
    def exceptions(self) -> list[tuple[int, int]]:
        """Кровоизлияний, за исключением субдуральной гематомы слева, не выявлено: what stands apart from the statement around it."""
        return [mark.span() for mark in _EXCEPT.finditer(self.text)] if "," in self.text else []

    def less_exceptions(self, low: int, high: int) -> str:
        text = self.text[low:high]
        for start, end in self.exceptions:
            if low <= start and end <= high and (start, end) != (low, high):
                text = text[: start - low] + " " * (end - start) + text[end - low :]
        return text

    def _marks(self, name: str) -> list[re.Match[str]]:
        found = self.book.cues[name].finditer(self.text)
        apart = self.exceptions
        return [m for m in found if not (name == "stated" and self._negated_word(m.start())) and not any(a <= m.start() < b for a, b in apart)]
