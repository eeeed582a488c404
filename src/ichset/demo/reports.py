"""The report system of the demo hospital: report number i of N, made on demand, so that any N fits in memory.

Most rows are of other body parts. Each study of the archive has one report; the other brain CT reports are those that a
run must turn away (duplicates, ages, dates, missing sections, doubt) or whose study lies in no archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from ichset.contracts import LABELS
from ichset.demo.cases import FIRST_DAY, LAST_DAY, NEGATIVE, POSITIVE, Case, labels_of
from ichset.demo.people import INSTITUTIONS, Person, person, physician
from ichset.demo.wording import Text, doubtful, language, say, write

BRAIN_SHARE = 0.06  # of all reports, as in the paper's export
# What becomes of a brain CT report without images, in turn; the last is out of the run's dates.
EXTRAS = (
    "duplicate", "second report", "under age", "over age", "age missing", "no description", "no conclusion", "doubt", "absent study",
    "no identifier", "impossible date", "out of dates",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """One row of an export. `labels`: the hidden truth, None where it cannot be told."""

    number: int
    kind: str  # archive, other, or one of EXTRAS
    lang: str
    person: Person
    accession: str
    uid: str
    day: str  # ISO, or whatever the row holds instead of a date
    age: str
    modality: str
    body_part: str
    text: Text
    institution: str
    radiologist: str
    brain_ct: bool
    labels: dict[str, int | None] = field(default_factory=dict)


class Reports:
    """All reports of one hospital, by number."""

    def __init__(self, seed: int, count: int, cases: tuple[Case, ...]) -> None:
        self.count = max(count, 2 * len(cases))
        self._seed, self._cases = seed, cases
        # every study's report lies in the middle of its own stretch of numbers
        self._places = {int((case.number + 0.5) * self.count / max(len(cases), 1)): case for case in cases}
        self._extra_every = max(round(1 / BRAIN_SHARE), 2)

    def __iter__(self) -> Iterator[Report]:
        return (self[number] for number in range(self.count))

    def __getitem__(self, number: int) -> Report:
        if number in self._places:
            return archive_report(self._seed, number, self._places[number])
        rng = Random(f"{self._seed}/report/{number}")
        if number % self._extra_every == 1:
            turn = number // self._extra_every
            # in a large export most brain CT reports are older than the archive
            kind = EXTRAS[turn % len(EXTRAS)] if turn < 10 * len(EXTRAS) else "out of dates"
            return self._extra(rng, number, kind)
        return _other(rng, number)

    def _extra(self, rng: Random, number: int, kind: str) -> Report:
        before = self._before(number)
        if kind in ("duplicate", "second report") and before is None:
            kind = "absent study"
        if kind in ("duplicate", "second report") and before is not None:
            same = archive_report(self._seed, before[0], before[1])
            if kind == "duplicate":
                return replace(same, number=number, kind=kind)
            again = replace(same.text, indication="Повторное описание" if same.lang == "ru" else "Second reading")
            return replace(same, number=number, kind=kind, text=again, radiologist=physician(rng))
        return brain_report(rng, number, kind)

    def _before(self, number: int) -> tuple[int, Case] | None:
        """The nearest report of an archive study before this one that a run would keep."""
        found = [(place, case) for place, case in self._places.items() if place < number and not case.lost]
        return found[-1] if found else None


def archive_report(seed: int, number: int, case: Case) -> Report:
    """The report of a study in the archive: same patient, numbers and date; it describes what is drawn."""
    rng = Random(f"{seed}/report of/{case.number}")
    lang = "en" if case.person.english else "ru"
    finding, lesions, fractures = case.finding, case.lesions, case.fractures
    if case.kind == "misreported":
        finding, make = NEGATIVE[0] if case.labels["ich"] else POSITIVE[1]
        lesions, fractures = make(rng)[0], ()
    text = write(rng, lang, finding, lesions, fractures, case.scanner.thick[case.number // 5 % len(case.scanner.thick)])
    text = _with_names(rng, text, case.person, case.radiologist, lang)
    return Report(
        number, "archive", lang, case.person, case.accession, case.uid, case.day.isoformat(), str(case.age), "CT",
        "Головной мозг" if lang == "ru" else "Head", text, INSTITUTIONS[case.institution][0], case.radiologist, True, dict(case.reported),
    )  # fmt: skip


def _with_names(rng: Random, text: Text, who: Person, radiologist: str, lang: str) -> Text:
    """Some radiologists write names, dates and phones into the text, where de-identification must find them."""
    style = rng.randrange(6)
    if style == 0:
        return replace(text, conclusion=f"{text.conclusion} {'Врач' if lang == 'ru' else 'Radiologist:'} {radiologist}")
    if style == 1 and lang == "ru":
        return replace(text, description=f"Пациент {who.short}, {who.birth:%d.%m.%Y} г.р. {text.description}")
    if style == 2 and lang == "ru":
        return replace(text, conclusion=f"{text.conclusion} Лечащий врач оповещён, тел. {who.phone}.")
    return text


def brain_report(rng: Random, number: int, kind: str) -> Report:
    english = rng.random() < 0.15
    lang = "en" if english else "ru"
    day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
    if kind == "out of dates":
        day = date(2016, 1, 1) + timedelta(days=rng.randrange(1400))
    age = {"under age": rng.randrange(1, 17), "over age": 102}.get(kind, min(max(round(rng.gauss(57, 18)), 19), 95))
    who = person(rng, day, age, english, 20_000_000 + number)
    positive = rng.random() < 0.35
    finding, make = rng.choice(POSITIVE if positive else NEGATIVE)
    lesions, fractures = make(rng)
    labels: dict[str, int | None] = dict(labels_of(lesions, fractures))
    text = write(rng, lang, finding, lesions, fractures, 5.0)
    if kind == "doubt":
        text, labels = doubtful(rng, lang, 5.0), {**dict.fromkeys(LABELS), "fracture": 0}
    if kind == "no description":
        text = replace(text, description="")
    if kind == "no conclusion":
        text = replace(text, conclusion=rng.choice(("", "-", " ")))
    stated = {"over age": rng.choice(("127", "102", "-3")), "age missing": rng.choice(("", "н/д", "999"))}.get(kind, str(age))
    if kind == "age missing":
        who = replace(who, birth=date(1, 1, 1))
    accession, uid = f"RG{day:%y}{30_000_000 + number}", f"1.2.643.5.1.13.13.12.2.{day:%Y%m%d}.{30_000_000 + number}"
    if kind == "no identifier":
        accession, uid, who = "", "", replace(who, patient_id="")
    shown = rng.choice(("31.02.2021", "00.00.0000", "2021-13-45")) if kind == "impossible date" else day.isoformat()
    return Report(
        number, kind, lang, who, accession, uid, shown, stated, rng.choice(("CT", "КТ", "CT", "МСКТ")),
        "Head" if english else "Головной мозг",
        text, INSTITUTIONS[3 if english else rng.randrange(3)][0], physician(rng, english), True, labels,
    )  # fmt: skip


def _other(rng: Random, number: int) -> Report:
    english = rng.random() < 0.1
    lang = "en" if english else "ru"
    day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
    age = min(max(round(rng.gauss(52, 20)), 0), 96)
    modality, part, title, described, concluded = rng.choice(language(lang)["other"]["parts"])
    text = Text(say(rng, [title]), "", say(rng, [described]), say(rng, [concluded]))
    return Report(
        number, "other", lang, person(rng, day, age, english, 50_000_000 + number), f"RG{day:%y}{60_000_000 + number}",
        f"1.2.643.5.1.13.13.12.3.{day:%Y%m%d}.{number}", day.isoformat(), str(age), modality, part, text,
        INSTITUTIONS[3 if english else rng.randrange(3)][0], physician(rng, english), False, dict.fromkeys(LABELS, 0),
    )  # fmt: skip
