"""The phrases of `keywords/<lang>/brain_ct.txt` as one pattern for whole columns."""

from __future__ import annotations

from functools import cache

_PHRASES = (
    "головн* мозг*", "вещество мозга", "веществе мозга", "паренхим* мозга", "боков* желудоч*", "желудочк* мозга", "срединн* структур*",
    "полушари*", "мозжеч*", "кости черепа", "костей черепа", "свода черепа", "внутричереп*",
    "brain", "intracranial*", "lateral ventric*", "ventricular system", "midline shift", "calvari*", "basal cisterns",
    "gray-white", "grey-white",
    "cerebr*", "extra-axial",
)  # fmt: skip


@cache
def brain_pattern() -> str:
    """RE2, caseless, for `pyarrow.compute.match_substring_regex`."""
    return r"(?i)(?:^|[^а-яёa-z])(?:" + "|".join(map(_phrase, _PHRASES)) + ")"


def _phrase(phrase: str) -> str:
    words = [word.rstrip("*") + (r"[а-яёa-z]*" if word.endswith("*") else "") for word in phrase.split()]
    return r"\s+".join(words)
