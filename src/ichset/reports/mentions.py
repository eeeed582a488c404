"""Mentions: every hit of a keyword with what the clause around it asserts.

A clause is the reach of a negation or a doubt: a sentence, cut at contrasting words (но, однако, but) and where a new
finding is stated. All phrases are data; here are only the ways in which they act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ichset.reports.normalize import Text, normalize
from ichset.reports.phrases import PhraseBook

COMPARTMENT_FINDINGS = ("epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular")
OTHER_FINDINGS = ("fracture", "tumour", "vascular")
BLOOD = "haemorrhage"
PRESENT, ABSENT, HISTORICAL, RESOLVED, UNCERTAIN, HYPOTHETICAL = "present", "absent", "historical", "resolved", "uncertain", "hypothetical"
_SENTENCE = re.compile(r"(?<!\d)[.!?](?=\s|$|[а-яa-z])|(?<=\d)[.!?](?=\s+[а-яa-z]|\s*$)|[;\n]\s*(?:[-•*–]\s*)?|[!?]")
_ABBREVIATED = re.compile(r"(?:\b(?:т\.\s?[енк]|т|г|гг|др|пр|см|рис|стр|напр|ул|dr|vs|e\.g|i\.e|approx|д|с|э|в|п|о|ok)|\b[а-яa-z])$")
_MEASURE = re.compile(r"\d\s*(?:[xх×*]\s*\d+\s*)*(?:мм|см|мл|mm|cm|ml|cc)\b")
_SIDE = (
    ("bilateral", re.compile(r"двусторонн|двухсторонн|билатеральн|с обеих сторон|с двух сторон|обеих|обоих|bilateral|both")),
    ("left", re.compile(r"слева|лев(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|левосторон|левополушар|\bleft")),
    ("right", re.compile(r"справа|прав(?:ой|ого|ая|ом|ую|ый|ых|ые|о-)|правосторон|правополушар|\bright")),
)
_AND = re.compile(r"\s*-?\s*(?:,|и|/|and)\s*")
_WITHIN = re.compile(r"(?:\bв|\bво|\bпо|\bwithin|\bin|\balong|\binto)\s+(?:the\s+)?(?:[\w-]+\s+){0,2}$")
NEAR = 90  # characters: how far a place may stand from its blood word


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


def find_mentions(section: str, raw: str, book: PhraseBook) -> list[Mention]:
    """Every mention in a section's text, in order."""
    text = normalize(raw)
    found: list[Mention] = []
    for start, end in sentences(text.text):
        sentence = Sentence(text.text[start:end], book)
        for hit in sentence.hits():
            found.append(_mention(section, raw, text, start, sentence, hit))
    return found


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence: not broken at decimals, abbreviations, initials."""
    start = 0
    for mark in _SENTENCE.finditer(text):
        if text[mark.start()] == "." and _ABBREVIATED.search(text[max(start, mark.start() - 8) : mark.start()]):
            continue
        if mark.start() > start:
            yield start, mark.start()
        start = mark.end()
    if start < len(text):
        yield start, len(text)


@dataclass(frozen=True)
class Hit:
    start: int
    end: int
    kind: str  # a finding, or BLOOD for a word that needs a place


def _mention(section: str, raw: str, text: Text, base: int, sentence: Sentence, hit: Hit) -> Mention:
    low, high = sentence.clause(hit)
    findings, place = sentence.findings(hit, low, high)
    assertion, cue, new = sentence.assertion(hit, low, high)
    start, last = text.source(base + hit.start), text.source(base + hit.end - 1) + 1
    around = sentence.text[low:high]
    side = next((name for name, pattern in _SIDE if pattern.search(around)), "")
    many = bool(sentence.book.keywords["many"].search(around))
    return Mention(section, start, last, findings, assertion, side, place, raw[start:last], cue, many, new)


class Sentence:
    """One normalised sentence with its phrase book."""

    def __init__(self, text: str, book: PhraseBook) -> None:
        self.text, self.book = text, book

    def hits(self) -> list[Hit]:
        """Keyword hits, the longer of overlapping ones, in order."""
        found = [Hit(m.start(), m.end(), name) for name in (*COMPARTMENT_FINDINGS, BLOOD, *OTHER_FINDINGS) for m in self._find(name)]
        found.sort(key=lambda hit: (hit.start, -(hit.end - hit.start)))
        kept: list[Hit] = []
        for hit in found:
            blood = hit.kind not in OTHER_FINDINGS
            if any(one.start <= hit.start and hit.end <= one.end and (one.kind not in OTHER_FINDINGS) == blood for one in kept):
                continue
            kept.append(hit)
        return kept

    def _find(self, name: str) -> Iterator[re.Match[str]]:
        return self.book.keywords[name].finditer(self.text)

    def clause(self, hit: Hit) -> tuple[int, int]:
        """The part of the sentence around the hit, between clause words; a clause word belongs to what follows it."""
        low, high = 0, len(self.text)
        for mark in self._marks("clause"):
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
        return [mark for mark in self.book.cues[name].finditer(self.text) if name != "clause" or not self._negated_word(mark.start())]

    # --- where --------------------------------------------------------------------------------------
    def findings(self, hit: Hit, low: int, high: int) -> tuple[tuple[str, ...], str]:
        """The findings of a hit by the places of its clause, and the place's own words."""
        if hit.kind == "fracture":
            return self._fracture(hit, low, high)
        if hit.kind in OTHER_FINDINGS:
            return (hit.kind,), ""
        places = self._places(hit, low, high)
        outside = [place for place in places if place[1] == "extracranial"]
        inside = [place for place in places if place[1] != "extracranial"]
        if hit.kind != BLOOD:
            joined = [place[1] for place in inside if place[3]]
            return tuple(dict.fromkeys((hit.kind, *joined, *self._extension(hit, low, high)))), inside[0][2] if inside else ""
        if outside and (not inside or outside[0][0] < inside[0][0]):
            return ("extracranial",), outside[0][2]
        named = [
            place[1]
            for place in inside
            if re.match(r"эпи|экстрад|субд|субар|внутримозг|внутрижел|паренхимат|вентрик|epid|extrad|subd|subar|intra", place[2])
        ]
        chosen = named or [place[1] for place in inside[:1]]
        chosen += [place[1] for place in inside if place[3]]
        chosen += self._extension(hit, low, high)
        return tuple(dict.fromkeys(chosen)) or (BLOOD,), inside[0][2] if inside else ""

    def _places(self, hit: Hit, low: int, high: int) -> list[tuple[int, str, str, bool]]:
        """(distance, place, words, joined) in the clause, nearest first; `joined`: named beside the hit's own place."""
        found = []
        for place in (*COMPARTMENT_FINDINGS, "extracranial"):
            for mark in self.book.keywords[f"where/{place}"].finditer(self.text, low, high):
                far = mark.start() - hit.end if mark.start() >= hit.end else hit.start - mark.end()
                if far <= NEAR and not (hit.start <= mark.start() and mark.end() <= hit.end and hit.kind != BLOOD):
                    found.append((max(far, 0), place, mark[0], self._joined(hit, mark)))
        return sorted(found)

    def _joined(self, hit: Hit, mark: re.Match[str]) -> bool:
        """эпи- и субдуральные гематомы; кровь в рогах желудочков, по бороздам: a further place of the same blood."""
        if mark.end() <= hit.start:
            return bool(_AND.fullmatch(self.text[mark.end() : hit.start]))
        return bool(_WITHIN.search(self.text[max(hit.end - 1, mark.start() - 40) : mark.start()]))

    def _extension(self, hit: Hit, low: int, high: int) -> list[str]:
        """Blood that broke into the ventricles, said beside the bleeding's own place."""
        found = [m for m in self.book.keywords["intraventricular"].finditer(self.text, low, high)]
        near = [m for m in found if not re.search(r"(?:без|нет|без признаков|without|no)\s+(?:\w+\s+)?$", self.text[low : m.start()])]
        return ["intraventricular"] if near else []

    def _fracture(self, hit: Hit, low: int, high: int) -> tuple[tuple[str, ...], str]:
        ranked = []
        for place in ("skull", "face"):
            for mark in self.book.keywords[f"where/{place}"].finditer(self.text, low, high):
                far = mark.start() - hit.end if mark.start() >= hit.end else hit.start - mark.end()
                ranked.append((max(far, 0), place, mark[0]))
        ranked.sort()
        if ranked and all(place == "face" for _, place, _ in ranked):
            return ("facial fracture",), ranked[0][2]
        return ("fracture",), ranked[0][2] if ranked else ""

    # --- what is asserted ---------------------------------------------------------------------------
    def assertion(self, hit: Hit, low: int, high: int) -> tuple[str, str, bool]:
        """(assertion, the cue's words, whether only something new is denied)."""
        clause = _masked(self.text[low:high], self.book.cues["not_negation"])
        before, after = clause[: hit.start - low], clause[hit.end - low :]
        still = self._cue("still", clause)
        # нельзя исключить, cannot be excluded: doubt, whose words are no denial and no advice
        firm_before, firm_after = (_masked(part, self.book.cues["uncertain"]) for part in (before, after))
        if cue := self._negation(firm_before, firm_after):
            if self._objected(before):
                return PRESENT, "", False
            near = before[-60:]
            return ABSENT, cue, bool(self._cue("new", near))
        if cue := self._last("hypothetical", firm_before):
            return HYPOTHETICAL, cue, False
        if cue := self._doubt(clause, before):
            return UNCERTAIN, cue, False
        if not still:
            if cue := self._cue("resolved", clause):
                return RESOLVED, cue, False
            if cue := self._last("history", before):
                return HISTORICAL, cue, False
        return PRESENT, still, False

    def _negation(self, before: str, after: str) -> str:
        if cue := self._last("negation_before", before):
            return cue
        mark = self.book.cues["negation_after"].search(after)
        if mark is None:
            return ""
        between = after[: mark.start()]
        own = between.split(",")[0] if "," in between else ""
        own_before = before.rsplit(",", 1)[-1]
        # a measured finding, or one with a predicate of its own, is not part of the list that is denied
        if "," in between and (_MEASURE.search(own) or _MEASURE.search(own_before) or re.search(r"слева|справа|\bleft\b|\bright\b", own)):
            return ""
        return mark[0] if not _MEASURE.search(between) else ""

    def _objected(self, before: str) -> bool:
        """The denial or doubt is of the nature or change of the finding: нет увеличения гематомы."""
        return bool(self._cue("object", before[-45:]))

    def _doubt(self, clause: str, before: str) -> str:
        if self._cue("probable", clause):
            return ""
        for mark in self.book.cues["uncertain"].finditer(clause):
            if mark[0] in ("или", "либо", "vs", "vs.", "versus", "or"):
                other = self._cue("mimic", clause) or self._other(clause) or re.search(r"ишеми|инфаркт|ischemi|infarct", clause)
                if not other:
                    continue
            if self._objected(before):
                continue
            return mark[0]
        return "?" if "?" in clause else ""

    def _other(self, clause: str) -> str:
        mark = self.book.keywords["tumour"].search(clause)
        return mark[0] if mark else ""

    def _cue(self, name: str, text: str) -> str:
        mark = self.book.cues[name].search(text)
        return mark[0] if mark else ""

    def _last(self, name: str, text: str) -> str:
        found = ""
        for mark in self.book.cues[name].finditer(text):
            found = mark[0]
        return found


def _masked(text: str, pattern: re.Pattern[str]) -> str:
    """Blank out what looks like a cue and is none, in place."""
    return pattern.sub(lambda found: "·" * len(found[0]), text)
