"""Is this value what its attribute says it is? Kept values pass the grammar of their VR and the check of their attribute."""

from __future__ import annotations

import re
from collections.abc import Callable

from ichset.anonymize import vocabulary

# PS3.5 Table 6.2-1, with our own tighter bounds
_IS = re.compile(r"[+-]?\d{1,10}")
_DS = re.compile(r"[+-]?(\d{1,9}(\.\d{0,14})?|\.\d{1,14})([eE][+-]?\d{1,2})?")
_CS = re.compile(r"[A-Z0-9 _]{1,16}")
_UI = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_STANDARD = re.compile(r"1\.2\.840\.10008(\.(0|[1-9]\d{0,3})){1,9}")
_AS = re.compile(r"(\d{3})([DWMY])")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]*")
MAX_LENGTH = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "PN": 64, "UI": 64, "ST": 1024, "LT": 10240, "UT": 10240, "UC": 1024}
WIDTHS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "OW": 2, "AT": 4, "UV": 8, "SV": 8, "US or SS": 2}
DECIMALS = 6  # of a measured setting: finer digits are no measurement and could be a number of somebody's; geometry keeps all of its

Check = Callable[[str], str | None]


def check(kind: str, vr: str, text: str, age_cap: int | None = None) -> str | None:
    """`text` (all components) as it may be kept, which may be less than it was; None when nothing may."""
    if not text.isprintable():
        return None
    name, _, argument = kind.partition(":")
    single: Check
    if name == "terms":
        return terms(text, frozenset(argument.split("|")))
    if name == "imagetype":
        return image_type(text, frozenset(argument.split("|")))
    if name in ("range", "measure"):
        low, high = (float(bound) for bound in argument.split(":"))
        return every(text, lambda value: _number(value, vr, low, high, DECIMALS if name == "measure" else None))
    if name == "age":
        return age(text, age_cap)
    single = _SINGLE.get(name, _plain)
    if name in ("standard", "uid", "date"):
        return every(text, single)
    if name == "text":
        return every(text, lambda value: _plain(value) if len(value) <= MAX_LENGTH.get(vr, 64) else None)
    kept = [found for part in text.split("\\") if (found := single(part.strip(" \0")))]
    return "\\".join(kept)[: MAX_LENGTH.get(vr, 64)] or None


def every(text: str, single: Check) -> str | None:
    """All components or none: geometry with a missing number is no geometry."""
    kept = [single(part.strip(" \0")) for part in text.split("\\")]
    return None if None in kept else "\\".join(part or "" for part in kept)


def terms(text: str, known: frozenset[str]) -> str | None:
    """The components that are known terms, or made of known words only."""
    return "\\".join(part for part in map(_strip, text.split("\\")) if _is_term(part, known)) or None


def image_type(text: str, known: frozenset[str]) -> str | None:
    """Image or frame type (PS3.3 C.7.6.1.1.2): the first two values must be known, an unknown third or fourth becomes NONE."""
    parts = [_strip(part) for part in text.split("\\")]
    if len(parts) < 2 or not all(_is_term(part, known) for part in parts[:2]):
        return None
    shown = [part if _is_term(part, known) else "NONE" for part in parts[2:4]]
    return "\\".join([*parts[:2], *shown, *(part for part in parts[4:] if _is_term(part, known))])


def _strip(part: str) -> str:
    return part.strip(" \0")


def _is_term(part: str, known: frozenset[str]) -> bool:
    words = part.replace("_", " ").split()
    return part in known or (bool(words) and _CS.fullmatch(part) is not None and all(word in known for word in words))


def age(text: str, cap: int | None) -> str | None:
    """An AS value, ages above `cap` years as cap + 1 (PS3.15 says nothing of it; HIPAA 164.514(b)(2)(i)(C) does)."""
    match = _AS.fullmatch(text.strip(" \0"))
    if not match:
        return None
    years = int(match[1]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[match[2]]
    if years > 130:
        return None
    return f"{cap + 1:03d}Y" if cap is not None and years > cap else match[0]


def _number(value: str, vr: str, low: float, high: float, decimals: int | None) -> str | None:
    if value == "":
        return value
    if not (_IS if vr == "IS" else _DS).fullmatch(value) or len(value) > 16 or not low <= float(value) <= high:
        return None
    if decimals is None or len(value.partition(".")[2].rstrip("0")) <= decimals:
        return value
    return f"{float(value):.{decimals}f}".rstrip("0").rstrip(".")


def standard(value: str) -> str | None:
    """A UID registered by the standard itself (SOP classes, coding schemes), never an instance's."""
    return value if _STANDARD.fullmatch(value) and len(value) <= 40 else None


def _uid(value: str) -> str | None:
    return value if _UI.fullmatch(value) and len(value) <= 64 else None


def _plain(value: str) -> str | None:
    return value if _TEXT.fullmatch(value) else None


def _date(value: str) -> str | None:
    return value if re.fullmatch(r"[0-9.:+-]{0,26}", value) else None


_SINGLE: dict[str, Check] = {
    "standard": standard,
    "uid": _uid,
    "date": _date,
    "vocabulary": vocabulary.clean,
    "kernel": vocabulary.kernel,
    "manufacturer": vocabulary.manufacturer,
    "model": vocabulary.model,
    "version": vocabulary.version,
}
