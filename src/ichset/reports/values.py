"""Dates, ages, sexes and numbers as exports write them. Anything else becomes null: screening counts it with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

_PLAIN_DATES = (
    (re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T\s].*)?", re.DOTALL), (1, 2, 3)),  # ISO
    (re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})(?:[T\s,].*)?", re.DOTALL), (3, 2, 1)),  # DD.MM.YYYY: day first, as in Russia
    (re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{6}.*|[T\s].*)?", re.DOTALL), (1, 2, 3)),  # DICOM DA, DT
)
_EXCEL_EPOCH = date(1899, 12, 30)
_EMPTY = frozenset({"", "-", "—", "null", "none", "nan", "nat", "n/a", "<na>", "нет данных"})
_AGE = re.compile(r"(-?\d{1,5})(?:[.,]\d+)?\s*([a-zа-я]*)\.?", re.IGNORECASE)
_MONTHS, _SHORT = ("m", "м", "mo"), ("w", "н", "d", "д")  # months; weeks and days count as year 0
_FEMALE = ("f", "ж", "w")
_AGE_LIMIT = 32767  # int16; far beyond what screening accepts


@lru_cache(maxsize=200_000)
def parse_date(text: str, form: str = "auto") -> date | None:
    """A calendar date between 1850 and 2200, or None. `form` is "auto" or a strptime pattern."""
    try:
        if form != "auto":
            return _plausible(datetime.strptime(text.strip(), form).date())
        for pattern, (year, month, day) in _PLAIN_DATES:
            if match := pattern.fullmatch(text.strip()):
                return _plausible(date(int(match[year]), int(match[month]), int(match[day])))
        if re.fullmatch(r"[2-6]\d{4}(?:\.\d+)?", text.strip()):  # a day number as spreadsheets keep it: 1954 to 2064
            return _EXCEL_EPOCH + timedelta(days=int(float(text)))
    except ValueError:
        return None
    return None


def _plausible(value: date) -> date | None:
    return value if 1850 <= value.year <= 2200 else None


@lru_cache(maxsize=20_000)
def parse_age(text: str) -> int | None:
    """Whole years from "45", "45 лет", "045Y", "7 мес."; None where no number stands. Out of range stays out of range."""
    match = _AGE.match(text.strip())
    if match is None:
        return None
    number, unit = int(match[1]), match[2].lower()
    if unit.startswith(_SHORT) and not unit.startswith("до"):
        return 0
    if unit.startswith(_MONTHS):
        return number // 12
    return max(-1, min(number, _AGE_LIMIT))


@lru_cache(maxsize=1000)
def parse_sex(text: str) -> str | None:
    """ "M", "F" or None."""
    word = text.strip().lower()
    if word.startswith(_FEMALE):
        return "F"
    return "M" if word.startswith(("m", "м")) else None


def cleaned(values: pa.Array) -> pa.Array:
    """Strings without surrounding blanks; the ways of saying "nothing" become null."""
    trimmed = pc.utf8_trim_whitespace(values)
    empty = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(sorted(_EMPTY)))
    return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)


def to_dates(values: pa.Array, form: str) -> pa.Array:
    """date32 from strings, timestamps or dates."""
    if pa.types.is_temporal(values.type):
        return pc.cast(values, pa.timestamp("s"), safe=False).cast(pa.date32(), safe=False)
    return _by_value(values, lambda text: parse_date(text, form), pa.date32())


def to_ages(values: pa.Array) -> pa.Array:
    """int16 years."""
    return _by_value(values, parse_age, pa.int16())


def to_sexes(values: pa.Array) -> pa.Array:
    """ "M", "F" or null."""
    return _by_value(values, parse_sex, pa.string())


def ages_at(birth: pa.Array, study: pa.Array) -> pa.Array:
    """Completed years between two date32 columns; null where either is missing or the order is wrong."""
    years = pc.subtract(pc.year(study), pc.year(birth))
    day_of_year = [pc.add(pc.multiply(pc.month(each), 32), pc.day(each)) for each in (study, birth)]
    ages = pc.subtract(years, pc.cast(pc.less(*day_of_year), pa.int64()))
    return pc.if_else(pc.less(ages, 0), pa.scalar(None, pa.int16()), pc.cast(ages, pa.int16(), safe=False))


def _by_value(values: pa.Array, parse: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """Parse each distinct value once: dates and ages repeat thousands of times in a batch."""
    encoded = values.dictionary_encode()
    parsed = pa.array([None if text is None else parse(text) for text in encoded.dictionary.to_pylist()], kind)
    return pc.take(parsed, encoded.indices)
