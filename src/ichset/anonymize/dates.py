"""Shift DICOM dates by whole days: intervals and times of day survive; an impossible date becomes empty."""

from __future__ import annotations

import re
from datetime import date

FIRST_YEAR, LAST_YEAR = 1880, 2100  # dates outside are placeholders or faults, not dates
_DA = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)")  # the dotted form is the retired ACR-NEMA one (PS3.5 6.2)
_TM = re.compile(r"([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?")
_DT = re.compile(r"(\d{4})(\d\d)?(\d\d)?((?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?([+-](?:0\d|1[0-4])[0-5]\d)?")


def read_date(text: str) -> date | None:
    """A DA value as a date; None when it is no possible day."""
    match = _DA.fullmatch(text.strip(" \0"))
    return _day(*match.group(1, 3, 4)) if match else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def shift_date(text: str, days: int) -> str | None:
    """A DA value moved by `days`; None when it is impossible."""
    found = read_date(text)
    return date.fromordinal(found.toordinal() + days).strftime("%Y%m%d") if found else None


def shift_datetime(text: str, days: int) -> str | None:
    """A DT value with its day moved; precision and time stay, the offset from UTC (a place) goes. A lone year or month moves from its middle."""
    match = _DT.fullmatch(text.strip(" \0"))
    if not match:
        return None
    year, month, day, time, _ = match.groups()
    if time and not day:
        return None
    found = _day(year, month or "07", day or "15")
    if found is None:
        return None
    moved = date.fromordinal(found.toordinal() + days)
    stem = moved.strftime("%Y%m%d")[: 4 + 2 * bool(month) + 2 * bool(day)]
    return stem + (time or "")


def check_time(text: str) -> str | None:
    """A TM value as it stands; None when it is no time of day."""
    text = text.strip(" \0")
    return text if _TM.fullmatch(text) else None
