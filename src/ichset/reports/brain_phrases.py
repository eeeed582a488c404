"""Phrase files that tell which study a text is of, as one pattern a kind for whole columns."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from ichset.errors import ConfigError

_HERE = Path(__file__)
# beside the rules, in a source checkout, or where an installed wheel puts them
_FOLDERS = (_HERE.parent / "keywords", _HERE.parents[3] / "keywords", Path(sys.prefix) / "share" / "ichset" / "keywords")
_WORDS = r"(?:\s+[^\s.,;]+){0,3}?\s+"  # what ` ... ` stands for


@cache
def study_pattern(kind: str) -> str:
    """Of `keywords/<lang>/<kind>.txt`. Caseless; RE2 (`pyarrow.compute.match_substring_regex`) and Python read it alike."""
    files = next((found for folder in _FOLDERS if (found := sorted(folder.glob(f"*/{kind}.txt")))), [])
    lines = [line.partition("#")[0].strip().lower() for path in files for line in path.read_text("utf-8").splitlines()]
    phrases = sorted({line for line in lines if re.search(r"\w", line)})
    if not phrases:
        raise ConfigError(f"keywords/<lang>/{kind}.txt: no phrase is installed; install ichset again")
    return r"(?i)(?:^|[^а-яёa-z])(?:" + "|".join(map(_phrase, phrases)) + r")(?:$|[^а-яёa-z])"


def _phrase(phrase: str) -> str:
    return _WORDS.join(r"\s+".join(map(_word, part.split())) for part in phrase.split(" ... "))


def _word(word: str) -> str:
    letters = re.sub("[её]", "[её]", re.escape(word.rstrip("*")))
    return letters + (r"[а-яёa-z]*" if word.endswith("*") else "")
