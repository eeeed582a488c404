"""The patient's own values, known from structured fields, wherever and however they stand in the text.

Names are compared by a sound key that Russian spelling, any customary transliteration and mixed
alphabets share, so that `Щербаковой`, `SHCHERBAKOVA` and `Scherbakov` meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ichset.reports.scrub_names import is_common
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
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "j", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "h", "ц": "ts", "ч": "q", "ш": "w", "щ": "w", "ъ": "", "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia",
    "’": "", "'": "", "`": "",
})  # fmt: skip
_LATIN = (
    ("shch", "ш"), ("sch", "ш"), ("sh", "ш"), ("tch", "ч"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("tz", "ts"), ("ph", "ф"),
    ("x", "ks"), ("w", "v"), ("q", "k"), ("y", "i"),
)  # fmt: skip


def sound_key(word: str) -> str:
    """Lower-case Latin key of a word in either alphabet: й = и = y, я = ya = ia, щ = shch = sch, doubled letters once."""
    word = word.lower()
    if re.search("[a-z]", word):
        for latin, sound in _LATIN:
            word = word.replace(latin, sound)
        word = re.sub(r"c(?=[eij])|c(?=ki)", "ts", word).replace("c", "k")
        word = word.replace("j", "i")  # German and old scientific spelling: Jurij
    key = word.translate(_SOUNDS)
    key = re.sub("i+e", "e", key)  # Сергеев, Sergeyev
    key = re.sub("io", "e", key)  # Fyodor, Фёдор
    return re.sub(r"(.)\1+", r"\1", key)


# Endings of the cases as sound keys, by how a name is declined.
_ADJECTIVE = ("", "i", "ogo", "omu", "im", "om", "oi", "aia", "uiu", "ei", "ego", "emu", "em", "iu", "imi", "ih", "e")
_SURNAME = ("", "a", "u", "im", "e", "oi", "oiu", "i", "ih", "imi", "om")
_MASCULINE = ("", "a", "ia", "u", "iu", "om", "em", "e", "i")
_FEMININE = ("", "a", "ia", "i", "e", "u", "iu", "oi", "ei", "oiu", "eiu")
_DECLENSIONS = (
    (re.compile(r"(?P<stem>.+[st]sk|.+sk)(?:i|aia|ai|oi)"), _ADJECTIVE),
    (re.compile(r"(?P<stem>.{2,}(?:[oe]v|in))a?"), _SURNAME),
    (re.compile(r"(?P<stem>.{3,})(?:aia|oi|ei)"), _ADJECTIVE + _MASCULINE),
    (re.compile(r"(?P<stem>.{2,}?)ia"), _FEMININE),
    (re.compile(r"(?P<stem>.{2,})i"), _ADJECTIVE + _MASCULINE),
    (re.compile(r"(?P<stem>.{2,})a"), _FEMININE),
    (re.compile(r"(?P<stem>.+[oeu])"), ("",)),
    (re.compile(r"(?P<stem>.+)"), _MASCULINE),
)


@dataclass(frozen=True)
class _Name:
    key: str
    stems: tuple[str, ...]
    endings: tuple[str, ...]

    @classmethod
    def of(cls, word: str) -> _Name:
        key = sound_key(word)
        stem, endings = next((match["stem"], endings) for form, endings in _DECLENSIONS if (match := form.fullmatch(key)))
        fleeting = re.sub(r"[eo]([^aeiou])$", r"\1", stem)  # Павел: Павл-, Лев: Льв-
        return cls(key, (stem, fleeting) if fleeting != stem and endings is _MASCULINE else (stem,), endings)

    def covers(self, word: str) -> bool:
        """Whether a word of the text is this name in some case and spelling, one slip of the pen in a long name included."""
        key = sound_key(word)
        if key == self.key:
            return True
        capital = word[0].isupper()
        for stem in self.stems:
            if key.startswith(stem) and key[len(stem) :] in self.endings and (capital or len(stem) > 2):
                # a short name's case may be a common word: Лев and "в левом полушарии"
                return len(stem) > 4 or not is_common(word)
        stem = self.stems[0]
        return capital and len(stem) >= 5 and key[:2] == stem[:2] and self._is_slip(key)

    def _is_slip(self, key: str) -> bool:
        stem = self.stems[0]
        cut = [key[: len(key) - len(ending)] for ending in self.endings if len(key) > len(ending) and key.endswith(ending)]
        return _distance_is_one(key, self.key) or any(_distance_is_one(each, stem) for each in cut)


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
