"""Text as the rules read it: lower case, one alphabet a word, line breaks mended; every character keeps its place in the source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

ALIKE = str.maketrans("aceopxykmthb", "асеорхукмтнв")
# in every mixed word; far cheaper to look for, from its Latin letter on: a pattern that begins with a set of letters is quick
_ADJACENT = re.compile(r"[a-z](?:(?<=[а-я][a-z])|(?=[а-я]))")
_MIXED = re.compile(r"\b(?=\w*[а-я])(?=\w*[a-z])[а-яa-z]+\b")
_LATIN = re.compile(r"\b(?:t?cak|cak|tcak)\b")
_BROKEN = re.compile(r"(?<=[а-яa-z])-[ \t]*\r?\n[ \t]*(?=[а-яa-z])")
# words of their own, one letter from a stem
_OTHERS = ("гематот", "гематор", "hematot", "гематок", "гематог", "гематол", "гематоп", "hematoc", "hematog", "hematol", "hematop")
# 2019 г. Срединные структуры; 7х8 см. САК нет: a unit with a capital behind it ends its sentence, which lower case would hide
_UNIT_ENDS = re.compile(r"([0-9]\s?(?:см|мм|мл|ед|ч|мин|сут|cm|mm|ml|cc|гг?(?=\.\s+[А-Я][а-яё\s])))\.(?=\s+[А-ЯA-Z])")
# лобн. долей. Перелома нет: an abbreviation before a capital ends its sentence too
_CAPITAL_FOLLOWS = re.compile(r"\.(?<=[а-яё][а-яё]\.)(?=\s+[А-Я][а-яё])")
# a line that was only wrapped: a long one, open at its end, before a small letter; or one that ends with a comma or a preposition
_LEADING = ["не", "без", "и", "в", "с", "на", "по", "от", "из", "для", "после", "при", "или", "no", "of"]
_HANGING = "|".join(rf"(?<=\s{word})(?<!:\s{word})" for word in _LEADING)  # not of a form: SDH: no
_WRAPPED = re.compile(
    r"(?<=[^\n]{40}[^\n.:;!?\s])[ \t\r]*\n(?=[ \t]*[а-яёa-z(])"
    rf"|(?<=,)[ \t\r]*\n(?=[ \t]*\w)|(?:{_HANGING})[ \t\r]*\n"
)
_WITHOUT = re.compile(r"(?<![а-я/])б/\s?(?=[а-я]{4}|(?:гт|сак|сдг|эдг|вмг|вжк|кр)\b)(?!желуд|жел)")  # б/крови; but б/о, б/желудочки
# R parietal #, #skull base, #: but not a number (#3) nor a heading of marked-up text
_FRACTURE_SIGN = re.compile(
    r"(?<![\w#])#s?(?![\w#]*#|\s?\d|[ \t]*(?:findings|impression|technique|conclusion|history|comparison|indication|clinical|report|ct)\b)"
)
_DOUBLED = re.compile(r"(.)\1+")
_WORD = re.compile(r"[а-я]{7,}|[a-z]{7,}")
_MOST_WORDS = 100_000  # remembered
_LONGEST_WORD = 40  # letters: longer ones are noise and are not remembered
# long stems whose one-letter errors are mended; each is specific enough that nothing else lies one letter away
STEMS = (
    "кровоизлиян", "гематом", "геморраг", "субдуральн", "эпидуральн", "субарахноид", "внутримозгов", "внутрижелудочков", "паренхиматозн",
    "контузион",
    "hemorrhag", "haemorrhag", "hematoma", "haematoma", "subarachnoid", "subdural", "epidural", "intraventricular", "parenchymal",
)  # fmt: skip
# words of a denial: mended too, but they raise nothing, so that no report is read for them
VERBS = ("выявлен", "обнаруж", "визуализ", "отсутств", "прослежив", "определяетс", "определяютс", "identified", "evidence")
_MENDED = STEMS + VERBS
_FIRST, _SECOND = {stem[:2] for stem in _MENDED}, {stem[1:3] for stem in _MENDED}


@dataclass(frozen=True)
class Text:
    """`text` is normalised; `source(i)` is the index of its i-th character in what was given."""

    text: str
    places: tuple[int, ...] | None = None  # None: the same index

    def source(self, index: int) -> int:
        return index if self.places is None else self.places[index]


@lru_cache(4)  # the sections of the report at hand: each is asked for several times
def normalize(raw: str) -> Text:
    """Lower case, е for ё, Latin look-alikes in Cyrillic words, words broken over lines joined, frequent typos mended."""
    if "\n" in raw:
        raw = _WRAPPED.sub(lambda found: " " * len(found[0]), raw)
    raw = _CAPITAL_FOLLOWS.sub("!", raw)
    raw = _UNIT_ENDS.sub(r"\1!", raw)
    text = raw.lower()
    if len(text) != len(raw):  # a few capitals grow in lower case: keep places
        text = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in raw)
    text = text.replace("ё", "е").replace("\u00a0", " ").replace("’", "'").replace("_", " ")
    if not text.isascii() and _ADJACENT.search(text):
        text = _MIXED.sub(lambda found: found[0].translate(ALIKE), text)
    if "c/" in text:
        text = text.replace("c/д", "с/д").replace("c/а", "с/а")
    if "cak" in text:
        text = _LATIN.sub(lambda found: found[0].translate(ALIKE), text)
    edits = [(found.start(), found.end(), "без ") for found in _WITHOUT.finditer(text)] if "б/" in text else []
    edits += [(found.start(), found.end(), "fracture ") for found in _FRACTURE_SIGN.finditer(text)] if "#" in text else []
    edits += [(found.start(), found.end(), "") for found in _BROKEN.finditer(text)] if "-" in text and "\n" in text else []
    if not _sound_words().issuperset(words := text.replace(".", " ").replace(",", " ").split()):
        edits += _mendings(text, words)
    return _edited(text, sorted(edits)) if edits else Text(text)


@cache
def _sound_words() -> set[str]:
    """A memory of what stands between blanks and needs no mending, which is nearly all: a set answers for a whole text at once."""
    return set()


def _mendings(text: str, words: list[str]) -> list[tuple[int, int, str]]:
    sound = _sound_words()
    unknown = set(words) - sound
    wrong = {found for word in unknown for found in _WORD.findall(word) if (found[:2] in _FIRST or found[1:3] in _SECOND) and _mended(found) != found}
    if len(sound) > _MOST_WORDS:
        sound.clear()
    sound.update(word for word in unknown if len(word) < _LONGEST_WORD and not (wrong and any(slip in word for slip in wrong)))
    return [(found.start(), found.end(), _mended(found[0])) for found in _WORD.finditer(text) if found[0] in wrong] if wrong else []


def _edited(text: str, edits: list[tuple[int, int, str]]) -> Text:
    parts, places, at = [], [], 0
    for start, end, fresh in edits:
        if start < at:
            continue
        parts += [text[at:start], fresh]
        places += list(range(at, start)) + [min(start + i, end - 1) for i in range(len(fresh))]
        at = end
    parts.append(text[at:])
    return Text("".join(parts), (*places, *range(at, len(text) + 1)))


@lru_cache(_MOST_WORDS)
def _mended(word: str) -> str:
    """The word with one wrong, missing or doubled letter of a known stem put right."""
    if word.startswith(_OTHERS) or any(stem in word for stem in _MENDED):
        return word
    for stem in _MENDED:
        if word[:2] != stem[:2] and word[1:3] != stem[1:3]:
            continue
        for length in (len(stem), len(stem) - 1, len(stem) + 1):
            if length <= len(word) and (_one_apart(word[:length], stem) or _single(word[:length]) == _single(stem)):
                return stem + word[length:]
    return word


def _single(word: str) -> str:
    """Doubled letters once: hemmorhage."""
    return _DOUBLED.sub(r"\1", word)


def _one_apart(one: str, other: str) -> bool:
    """Whether one substitution, insertion, deletion or swap of neighbours leads from one to the other."""
    if len(one) == len(other):
        wrong = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return one[wrong[0]] == other[wrong[1]] and one[wrong[1]] == other[wrong[0]]
        return len(wrong) == 1
    short, long = sorted((one, other), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[same:] == long[same + 1 :]
