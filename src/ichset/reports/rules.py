"""The rule engine: a report's text in, mentions and labels out; in the paper's way on request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ichset.config import RulesConfig
from ichset.contracts import COMPARTMENTS, REPORT_LABELS
from ichset.reports.body import of_the_head
from ichset.reports.compartments import BLEEDS, BLOOD, OUTSIDE
from ichset.reports.labels import BLEEDING, label_mentions
from ichset.reports.mentions import MOST_MENTIONS, Mention, density_places, find_mentions
from ichset.reports.normalize import normalize
from ichset.reports.phrases import PhraseBook, load_books
from ichset.reports.region import is_brain_ct_report, is_other_study
from ichset.reports.scope import ABSENT, HYPOTHETICAL, PRESENT, UNCERTAIN
from ichset.reports.sentences import sentences

_CYRILLIC = re.compile("[а-яА-ЯёЁ]")
_HEADINGS = re.compile(
    r"(?im)(?:^|(?<=[.!?]\s))[ \t•*–-]{0,20}(?P<indication>показани\w*|повод|направ\w+ диагноз|направительн\w{1,4}|диагноз при направлении|при направлении|(?<!диф\. )(?<!дифф\. )диагноз[^:\n]{0,40}|(?:клинич|предварит|направит)\w* (?:диагноз|данные)[^:\n]{0,20}|направлен\w?|цель(?: исследования)?|вопр(?:ос|\.)|запрос|жалобы|анамнез(?: заболевания)?|clinical(?: (?:history|information|indication))?|indications?|history|reason(?: for [a-z ]{3,20})?|pmh|hx|background|past medical history|clinical details?|question|query|request|purpose|referral(?: \w+)?|referred for)[ \t]*:"
    r"|(?:^|\n|(?<=[.!?]\s))[ \t•*–-]{0,20}(?P<conclusion>заключение(?!\s+(?:предыдущ|прошл|первичн|от\s|невро|нейро|консульт|окулист|специалист|врач|скор|аппарат|искус|программ|систем|мрт|рентген|выписк))|вывод\w*(?!\s+(?:аппарат|искус|програм|систем))|impression|conclusion|opinion)[ \t]*:?"
    r"|(?:^|\n|(?<=[.!?]\s))[ \t•*–-]{0,20}(?P<description>описание|протокол|findings|technique|техника\w*|report)[ \t]*:"
)
# how a heading begins that needs no colon, and with them how any does: a text without these words is not searched for headings
_BARE_HEADINGS = ("заключ", "вывод", "impr", "conc", "opin")
_COLON_HEADINGS = (
    *_BARE_HEADINGS, "показани", "повод", "направ", "диагноз", "клинич", "предварит", "цель", "вопр", "запрос", "жалобы", "анамнез", "описание", "протокол", "техника",
    "clinical", "indication", "question", "referral", "referred", "query", "request", "purpose", "history", "reason", "pmh", "hx", "background", "past medical", "findings", "technique", "report",
)  # fmt: skip
_INDICATION_ENDS = re.compile(r"\n|\.\s+(?=[А-ЯA-Z\d])|\?\s+(?=[А-ЯA-Z][^?.!\n]*\.)")
# "no acute pathology" says nothing of what is old
_QUALIFIED = re.compile(r"(?:остр|свеж|нов|дополнительн|acute|new)\w*\s*$")
_ACUTE = re.compile("остр|acute")
SAID = (PRESENT, UNCERTAIN)
LONGEST = 200_000  # characters of a section that are read: ten times the longest report


@dataclass(frozen=True)
class Reading:
    """What the rules make of one report."""

    labels: dict[str, int | None]
    mentions: tuple[Mention, ...]
    doubt: bool


@dataclass(frozen=True)
class Rules:
    """Compiled phrase files of every language; picklable, so that workers get their own."""

    config: RulesConfig
    books: dict[str, PhraseBook] = field(repr=False)

    def read(self, description: str, conclusion: str, lang: str | None = None, title: str = "", brain_ct: int | None = None) -> Reading:
        """Read one report. `lang` is ru or en, else told by its letters. Text of an indication never raises a finding.

        `brain_ct`: what is already known of the study; None to tell it from title and text.
        """
        sections = _sections(description or "", conclusion or "")
        lang = lang if lang in self.books else "ru" if _in_cyrillic("".join(sections.values())) else "en"
        if self.config.method == "paper":
            return self._paper(sections, lang, title)
        book = self.books[lang]
        mentions = [mention for name, text in sections.items() for mention in self._mentions(name, text, lang)]
        brain = self._brain(title, sections, lang) if brain_ct is None else brain_ct
        if not brain:
            other = is_other_study(" ".join(sections.values()))
            mentions = [_elsewhere(one, other) for one in mentions]
        said = normalize(sections["conclusion"]).text
        calm = list(book.cues["normal"].finditer(said))
        normal = any(not (_ACUTE.search(mark[0]) or _QUALIFIED.search(said, max(0, mark.start() - 200), mark.start())) for mark in calm)
        broken = bool(book.cues["nondiagnostic"].search(said or sections["description"].lower()))
        labels, doubt = label_mentions(mentions, normal, broken, bool(calm))
        if labels["ich"] != 0 and labels["epidural"] is None and not any(one.findings[0] in BLEEDS for one in mentions if one.assertion in SAID):
            labels |= self._by_density(sections["description"], lang, labels["ich"])
        cut = max(len(description or ""), len(conclusion or "")) > LONGEST or len(mentions) >= MOST_MENTIONS
        return Reading({"brain_ct": brain, **labels}, tuple(mentions), doubt or cut)

    def _by_density(self, description: str, lang: str, ich: int | None) -> dict[str, int | None]:
        """The compartments of blood that has no place of its own: where the description sees high density."""
        places = density_places(description, self.books[lang])
        if not places:
            return {}
        labels: dict[str, int | None] = {name: ich if name in places else 0 for name in COMPARTMENTS}
        return labels if ich else labels | {"intraventricular": 0, "multiple": 0}

    def _mentions(self, name: str, text: str, lang: str) -> list[Mention]:
        if not text:
            return []
        found = find_mentions(name, of_the_head(text), self.books[lang])
        if name != "indication":
            return found
        return [Mention(**{**one.__dict__, "assertion": HYPOTHETICAL, "cue": "indication"}) for one in found]

    def _brain(self, title: str, sections: dict[str, str], lang: str) -> int:
        return int(is_brain_ct_report("", "", title, *(normalize(sections[name]).text for name in ("description", "conclusion"))))

    # --- the paper's rule -----------------------------------------------------------------------------
    def _paper(self, sections: dict[str, str], lang: str, title: str) -> Reading:
        """Keywords, less those that a stop phrase contains or touches; a report with no keyword left is absent."""
        book = self.books[lang]
        mentions = []
        for name in ("description", "conclusion"):
            text = normalize(sections[name])
            for start, end in sentences(text.text):
                part = text.text[start:end]
                stops = [(m.start(), m.end()) for m in book.cues["paper"].finditer(part)]
                for hit in book.keywords["paper"].finditer(part):
                    stopped = any(low <= hit.end() + 1 and hit.start() <= high + 1 for low, high in stops)
                    low, high = text.source(start + hit.start()), text.source(start + hit.end() - 1) + 1
                    said = ABSENT if stopped else PRESENT
                    mentions.append(Mention(name, low, high, _paper_findings(hit[0]), said, "", "", sections[name][low:high], ""))
        ich = int(any(one.assertion == PRESENT for one in mentions))
        labels: dict[str, int | None] = {**dict.fromkeys(REPORT_LABELS[1:], 0 if not ich else None), "ich": ich}
        for one in mentions:
            if one.assertion == PRESENT and one.findings[0] in labels:
                labels[one.findings[0]] = 1
        return Reading({"brain_ct": self._brain(title, sections, lang), **labels}, tuple(mentions), False)


def _in_cyrillic(text: str) -> bool:
    return not text.isascii() and _CYRILLIC.search(text) is not None


_OF_THE_HEAD = ("intraventricular", "subarachnoid")  # whatever the text opens as


def _elsewhere(one: Mention, other: bool) -> Mention:
    """Blood or a fracture without a place is not in the head where the study is of no brain; in a study of another part, none is."""
    if one.findings == (BLOOD,) or (other and one.findings[0] in BLEEDING and one.findings[0] not in _OF_THE_HEAD):
        return replace(one, findings=(OUTSIDE,))
    return replace(one, findings=("facial fracture",)) if one.findings == ("fracture",) and (other or not one.location) else one


_PAPER = (
    ("epidural", r"эпид|эдг|epid|edh"), ("subdural", r"субд|сдг|subd|sdh"), ("subarachnoid", r"сак|sah"),
    ("intraventricular", r"внутриж|вжк|intrav|ivh"), ("intracerebral", r"внутрим|вмг|intrap|iph"),
)  # fmt: skip


def _paper_findings(word: str) -> tuple[str, ...]:
    return next(((name,) for name, pattern in _PAPER if re.search(pattern, word)), ("haemorrhage",))


def load_rules(config: RulesConfig) -> Rules:
    """Compile the phrase files. Raises ConfigError naming the file and line of a faulty phrase."""
    return Rules(config, load_books(config))


def _sections(description: str, conclusion: str) -> dict[str, str]:
    """Indication, description, conclusion. A text that carries its own headings is cut at them when it has no conclusion beside it.

    Offsets of mentions stay right: what belongs elsewhere is blanked out, never cut away.
    """
    description, conclusion = description[:LONGEST], conclusion[:LONGEST]
    parts = {"indication": "", "description": description, "conclusion": conclusion}
    lower = description.lower()
    may_head = any(word in lower for word in (_COLON_HEADINGS if ":" in lower else _BARE_HEADINGS))
    marks = list(_HEADINGS.finditer(description)) if may_head else []
    if not marks:
        return parts
    spans: dict[str, list[tuple[int, int]]] = {"indication": [], "description": [(0, marks[0].start())], "conclusion": []}
    for mark, end in zip(marks, [*(m.start() for m in marks[1:]), len(description)], strict=True):
        start = mark.end()
        if mark.lastgroup == "indication":  # an indication ends with its line or sentence
            stop = _INDICATION_ENDS.search(description[start:end])
            cut = start + stop.end() if stop else end
            spans["indication"].append((start, cut))
            spans["description"].append((cut, end))
        else:
            spans[str(mark.lastgroup)].append((start, end))
    if conclusion:
        spans["description"] += spans["conclusion"]
        spans["conclusion"] = []
    parts = {name: _only(description, kept) for name, kept in spans.items()}
    return parts | ({"conclusion": conclusion} if conclusion else {})


def _only(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with everything outside the spans turned into line breaks: characters keep their places."""
    kept, at = [], 0
    for start, end in sorted(spans):
        kept += ["\n" * (start - at), text[start:end]]
        at = max(end, at)
    whole = "".join(kept)
    return whole if whole.strip() else ""
