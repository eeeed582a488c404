"""Words as NLTK's Snowball stems. The stemmer is slow and words repeat: every distinct word is stemmed once."""

from __future__ import annotations

from functools import cache, lru_cache

from nltk.stem.snowball import SnowballStemmer

_LOOKALIKES = str.maketrans("acekmopxybht", "асекморхувнт")  # Latin letters typed inside a Cyrillic word


@cache
def _stemmer(language: str) -> SnowballStemmer:
    return SnowballStemmer(language)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of one lower-case word; any number becomes `#`."""
    if word[:1].isdigit():
        return "#"
    if any("а" <= letter <= "я" for letter in word):
        return _stemmer("russian").stem(in_cyrillic(word))
    return _stemmer("english").stem(word)


def in_cyrillic(word: str) -> str:
    """A Cyrillic word with its Latin look-alikes put right."""
    return word.translate(_LOOKALIKES)
