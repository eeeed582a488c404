"""Free-text de-identification of Russian and English reports, for the release of their text.

What can be recognised is replaced by a typed placeholder (`[NAME]`, `[PHONE]` ...), whole dates are
shifted by the patient's own offset, and the patient's known values go wherever they stand. What
is left and looks odd is listed for a person on the private side: no rule finds everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from ichset.contracts import RELEASED_TEXT
from ichset.pseudonyms import Pseudonyms
from ichset.reports.scrub_contacts import find_contacts
from ichset.reports.scrub_dates import find_ages, find_dates
from ichset.reports.scrub_known import KnownValues, find_known
from ichset.reports.scrub_names import find_names, is_eponym, is_given_name, looks_like_surname
from ichset.reports.scrub_spans import Span, cleaned, for_matching, merged, replaced

__all__ = ["KnownValues", "Residual", "Scrubbed", "known_of", "scrub", "scrub_reports"]

RESIDUAL_SCHEMA = pa.schema([
    ("study", pa.string()), ("section", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    ("why", pa.string()), ("quote", pa.string()),
])  # fmt: skip


@dataclass(frozen=True)
class Residual:
    """Something left in the scrubbed text that a person should look at: offsets into it, and why."""

    start: int
    end: int
    why: str


@dataclass(frozen=True)
class Scrubbed:
    """The released text, what was replaced (spans of the cleaned source text) and what is left in doubt."""

    text: str
    removed: tuple[Span, ...]
    residual: tuple[Residual, ...]


def scrub(text: str, known: KnownValues, shift_days: int) -> Scrubbed:
    """De-identify one text. Pure: the same text, values and offset give the same answer."""
    source = cleaned(text)
    plain = for_matching(source)
    spans = [
        *find_known(plain, known),
        *find_names(plain),
        *find_contacts(plain),
        *find_dates(plain, shift_days, known.dates),
        *find_ages(plain),
    ]
    if plain != source:  # names in Latin letters only may have been turned into Cyrillic: compare them as written, too
        spans += find_known(source, known)
    removed = merged(spans)
    released = replaced(source, removed)
    return Scrubbed(released, tuple(removed), tuple(_residual(released)))


_PLACEHOLDER = re.compile(r"\[[A-Z]+\]")
_LONG_NUMBER = re.compile(r"(?<![\w.,])\d{5,}(?![\w]|[.,]\d)")
_AT = re.compile(r"@|\bhttps?:|(?<!\w)\+\d")
_CAPITALISED = re.compile(r"(?<![\w.])(?:[А-ЯЁ][а-яё]{2,}|[A-Z][a-z]{2,})(?:-[А-ЯЁA-Z][а-яёa-z]+)?(?!\w)")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n\]•–—-])\s*[\"«(]?$")


def _residual(text: str) -> Iterator[Residual]:
    for match in _LONG_NUMBER.finditer(text):
        yield Residual(match.start(), match.end(), "long number")
    for match in _AT.finditer(text):
        yield Residual(match.start(), match.end(), "contact sign")
    for match in _CAPITALISED.finditer(text):
        word = match[0]
        if is_eponym(word):
            continue
        if is_given_name(word):
            yield Residual(match.start(), match.end(), "given name")
        elif not _SENTENCE_START.search(text[max(0, match.start() - 6) : match.start()]):
            yield Residual(match.start(), match.end(), "surname-like word" if looks_like_surname(word) else "capital within a sentence")


def known_of(row: Mapping[str, object]) -> KnownValues:
    """The known values of one SCREENED row."""
    text = {name: str(row[name]) for name in ("patient_name", "patient_id", "accession", "study_uid") if row.get(name)}
    birth = row.get("birth_date")
    return KnownValues(
        names=(text["patient_name"],) if "patient_name" in text else (),
        numbers=tuple(text[name] for name in ("patient_id", "accession", "study_uid") if name in text),
        dates=(birth,) if isinstance(birth, date) else (),
    )


def scrub_reports(
    screened: pa.Table, pseudonyms: Pseudonyms, further: Mapping[str, KnownValues] | None = None
) -> tuple[pa.Table, pa.Table]:
    """(RELEASED_TEXT, the residual-risk report of the private side) of SCREENED rows.

    `further`: known values by study from elsewhere, as DICOM's names of patient, physicians and institution.
    """
    texts: list[dict[str, object]] = []
    left: list[dict[str, object]] = []
    for row in screened.sort_by("study").to_pylist():
        known = known_of(row) | (further or {}).get(row["study"], KnownValues())
        shift = pseudonyms.date_shift(row["patient_id"] or row["subject"])
        released: dict[str, object] = {"study": row["study"]}
        for section in ("indication", "description", "conclusion"):
            if row[section] is None:
                released[section] = None
                continue
            found = scrub(row[section], known, shift)
            released[section] = found.text
            left += [
                {
                    "study": row["study"],
                    "section": section,
                    "start": each.start,
                    "end": each.end,
                    "why": each.why,
                    "quote": found.text[each.start : each.end],
                }
                for each in found.residual
            ]
        texts.append(released)
    return pa.Table.from_pylist(texts, RELEASED_TEXT.schema), pa.Table.from_pylist(left, RESIDUAL_SCHEMA)
