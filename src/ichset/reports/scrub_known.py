"""The patient's own values, known from structured fields, wherever and however they stand in the text.

Names are compared by a sound key that Russian spelling, any customary transliteration and mixed
alphabets share, so that `Щербаковой`, `SHCHERBAKOVA` and `Scherbakov` meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ichset.reports.scrub_spans import Span

MIN_NUMBER = 4  # characters; shorter numbers are removed only where words call them a record number


@dataclass(frozen=True)
class KnownValues:
    """What is known of the patient and of the people around: full names, record numbers, birth dates, other words (streets, wards)."""

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[date, ...] = ()
    places: tuple[str, ...] = ()

    def __or__(self, other: KnownValues) -> KnownValues:
        return KnownValues(self.names + other.names, self.numbers + other.numbers, self.dates + other.dates, self.places + other.places)


_SOUNDS = str.maketrans({
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "j", "з": "z", "и": "i", "й": "i", "к": "k",
    "л": "l", "м": "m",
    "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h",
    "ц": "c", "ч": "q", "ш": "w", "щ": "w", "ъ": "",
    "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia", "’": "", "'": "", "`": "",
})  # fmt: skip
_LATIN = (
    ("shch", "ш"), ("sch", "ш"), ("sh", "ш"), ("tch", "ч"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("tz", "ц"), ("ph", "ф"),
    ("ck", "k"), ("x", "ks"), ("w", "v"), ("q", "k"), ("c", "k"), ("y", "i"),
)  # fmt: skip
_ENDINGS_RU = (
    "", "а", "у", "ю", "я", "е", "и", "ы", "о", "ом", "ем", "ой", "ей", "ою", "ею", "ым", "им", "ого", "его", "ому",
    "ему", "ый", "ий", "ая", "яя", "ую",
    "юю", "ых", "их", "ами", "ями", "ах", "ях", "ов", "ев", "ам", "ям", "ью", "ии", "ию", "ие", "ия", "ией", "ыми", "ими", "ь", "й",
)  # fmt: skip


def sound_key(word: str) -> str:
    """Lower-case Latin key of a word in either alphabet: й = и = y, я = ya = ia, щ = shch = sch, doubled letters once."""
    word = word.lower()
    if re.search("[a-z]", word):
        for latin, sound in _LATIN:
            word = word.replace(latin, sound)
        word = word.replace("j", "i")  # German and old scientific spelling: Jurij
    key = word.translate(_SOUNDS)
    key = re.sub("i+e", "e", key)  # Сергеев, Sergeyev
    key = re.sub("io", "e", key)  # Fyodor, Фёдор
    return re.sub(r"(.)\1+", r"\1", key)


_ENDINGS = frozenset(re.sub(r"(.)\1+", r"\1", sound_key(ending)) for ending in _ENDINGS_RU)


def _stem(key: str) -> str:
    """A name's key without the ending of its case, so that all its cases begin with it."""
    for ending in ("skai", "skaia", "skii", "ski", "skoi", "skogo"):
        if key.endswith(ending) and len(key) > len(ending) + 1:
            return key[: -len(ending)] + "sk"
    return re.sub(r"(?:aia|ii|oi|ei|ia|iu|[aeiou])$", "", key)


def _same_name(key: str, stem: str) -> bool:
    if not key.startswith(stem):
        return False
    return key[len(stem) :] in _ENDINGS


@dataclass(frozen=True)
class _Name:
    key: str
    stem: str
    fleeting: str  # Павел: Павл-, Лев: Льв-

    @classmethod
    def of(cls, word: str) -> _Name:
        key = sound_key(word)
        return cls(key, _stem(key), re.sub(r"[eo]([^aeiou])$", r"\1", key))

    def covers(self, word: str) -> bool:
        """Whether a word of the text is this name in some case and spelling, one slip of the pen in a long name included."""
        key = sound_key(word)
        if key == self.key:
            return True
        if len(self.stem) < 3:
            return word[0].isupper() and len(self.stem) >= 2 and _same_name(key, self.stem)
        if _same_name(key, self.stem) or (len(self.fleeting) > 2 and self.fleeting != self.key and _same_name(key, self.fleeting)):
            return True
        return len(self.stem) >= 5 and word[0].isupper() and key[:2] == self.stem[:2] and _is_slip(key, self.key, self.stem)


def _is_slip(key: str, name: str, stem: str) -> bool:
    return _distance_is_one(key, name) or any(
        len(key) > len(ending) and key.endswith(ending) and _distance_is_one(key[: len(key) - len(ending)], stem) for ending in _ENDINGS
    )


def _distance_is_one(one: str, other: str) -> bool:
    """At most one letter put in, left out, changed, or two neighbours swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, mine = other[at:], one[at:]
    return mine[1:] == rest or mine == rest[1:] or mine[1:] == rest[1:] or (mine[:2] == rest[1::-1] and mine[2:] == rest[2:])


def name_words(names: tuple[str, ...]) -> list[_Name]:
    """The single words of full names (blanks, carets, hyphens part them); initials are left out."""
    words = {word for name in names for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", name) if len(word) > 1}
    return [_Name.of(word) for word in sorted(words)]


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_INITIALS_AFTER = re.compile(r"(?:[\s,]{0,2}(?:[А-ЯЁA-Z]\s?\.|[А-ЯЁA-Z](?![\w])))(?:\s?(?:[А-ЯЁA-Z]\s?\.|[А-ЯЁA-Z](?![\w])))?")
_INITIALS_BEFORE = re.compile(r"(?:[А-ЯЁA-Z]\s?\.\s?){1,2}$")


def find_known(text: str, known: KnownValues) -> Iterator[Span]:
    """Every place where a known value stands."""
    yield from _find_names(text, known)
    for number in known.numbers:
        yield from _find_number(text, number)
    for place in known.places:
        words = [re.escape(word) for word in place.split()]
        if sum(map(len, words)) >= 4:
            yield from (Span(match.start(), match.end(), "institution") for match in re.finditer(r"\s+".join(words), text, re.IGNORECASE))


def _find_names(text: str, known: KnownValues) -> Iterator[Span]:
    names = name_words(known.names)
    if not names:
        return
    seen: dict[str, bool] = {}
    for match in _WORD.finditer(text):
        word = match[0]
        if word not in seen:
            seen[word] = len(word) > 1 and any(name.covers(word) for name in names)
        if seen[word]:
            before = _INITIALS_BEFORE.search(text, max(0, match.start() - 8), match.start())
            after = _INITIALS_AFTER.match(text, match.end())
            yield Span(before.start() if before else match.start(), after.end() if after else match.end(), "name")


def _find_number(text: str, number: str) -> Iterator[Span]:
    letters = [re.escape(letter) for letter in number if letter.isalnum()]
    if len(letters) < MIN_NUMBER:
        return
    pattern = r"(?<![^\W_])" + r"[\s\-./_\\]{0,2}".join(letters) + r"(?![^\W_])"
    yield from (Span(match.start(), match.end(), "number") for match in re.finditer(pattern, text, re.IGNORECASE))
