"""The phrases of `keywords/<lang>/brain_ct.txt` as one pattern for whole columns."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from ichset.errors import ConfigError

_HERE = Path(__file__)
# beside the rules, in a source checkout, or where an installed wheel puts them
_FOLDERS = (_HERE.parent / "keywords", _HERE.parents[3] / "keywords", Path(sys.prefix) / "share" / "ichset" / "keywords")


@cache
def _phrases() -> tuple[str, ...]:
    files = next((found for folder in _FOLDERS if (found := sorted(folder.glob("*/brain_ct.txt")))), [])
    lines = [line.partition("#")[0].strip().lower() for path in files for line in path.read_text("utf-8").splitlines()]
    phrases = tuple(sorted({line for line in lines if re.search(r"\w", line)}))
    if not phrases:
        raise ConfigError("keywords/<lang>/brain_ct.txt: no phrase of a brain CT is installed; install ichset again")
    return phrases


@cache
def brain_pattern() -> str:
    """Caseless; RE2 (`pyarrow.compute.match_substring_regex`) and Python read it alike. Text is searched as it stands."""
    return rf"(?i)(?:^|[^а-яёa-z])(?:{_either()})"


@cache
def brain_in_lower_case() -> re.Pattern[str]:
    """The same for one lower-case text: Python is slow at caseless patterns."""
    return re.compile(rf"(?<![а-яёa-z])(?:{_either()})")


def _either() -> str:
    return "|".join(map(_phrase, _phrases()))


def _phrase(phrase: str) -> str:
    letters = [re.sub("[её]", "[её]", re.escape(word.strip("*"))) for word in phrase.split()]
    return r"\s+".join(part + (r"[а-яёa-z]*" if word.endswith("*") else "") for part, word in zip(letters, phrase.split(), strict=True))
