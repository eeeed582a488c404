"""The phrases of `keywords/<lang>/brain_ct.txt` as one pattern for whole columns."""

from __future__ import annotations

import re
from functools import cache

from ichset.reports.phrases import LANGUAGES, packaged, read_phrases


@cache
def brain_pattern() -> str:
    """Caseless; RE2 (`pyarrow.compute.match_substring_regex`) and Python read it alike. Text is searched as it stands."""
    folder = packaged("keywords")
    phrases = [phrase for language in LANGUAGES for phrase in read_phrases(folder / language / "brain_ct.txt")]
    return r"(?i)(?:^|[^а-яёa-z])(?:" + "|".join(map(_phrase, phrases)) + ")"


def _phrase(phrase: str) -> str:
    words = [re.escape(word.rstrip("*")) + (r"[а-яёa-z]*" if word.endswith("*") else "") for word in phrase.split()]
    return r"\s+".join(words).replace("е", "[её]")
