"""Which reports can hold anything that the rules act on: one vectorised scan a column, before any report is read singly.

The scan may take a report too many, never one too few: what it passes over holds no keyword, no word that mending would make
one, and no word that a line break divides, so that the rules would read it as an empty report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc

from ichset.config import RulesConfig
from ichset.reports.normalize import ALIKE, STEMS
from ichset.reports.phrases import LANGUAGES, is_raising, phrase_folders, read_phrases

_BROKEN = r"-[ \t\x{00a0}]*\r?\n"  # of RE2: a word may go on in the next line
_BETWEEN = r"[^а-яёa-z0-9]+"
_START = r"(?:^|[^а-яёa-z0-9])"
_TOGETHER = 13_000  # letters of one pattern; from about 20,000 on it no longer fits RE2's automaton, and the scan takes thirty times as long
_LATIN_OF = {chr(cyrillic): chr(latin) for latin, cyrillic in ALIKE.items()}
_FRACTURE_SIGN = "#"
_GROWING = "\u0130"  # the one capital that Arrow lowers to a Latin letter and the rules leave as it stands


@dataclass(frozen=True)
class Prefilter:
    """RE2 patterns over lower-case text: the phrases, and the misspelt stems."""

    patterns: tuple[str, ...]

    def may_matter(self, *sections: pa.Array) -> pa.Array:
        """Boolean, one a report, never null: whether any of its sections has to be read."""
        found = []
        for section in sections:
            found.append(pc.match_substring(section.fill_null(""), _GROWING))
            lower = pc.utf8_lower(section.fill_null(""))
            found += [pc.match_substring_regex(lower, pattern) for pattern in self.patterns]
        some = found[0]
        for each in found[1:]:
            some = pc.or_(some, each)
        return some


def load_prefilter(config: RulesConfig) -> Prefilter:
    """From the same phrase files as the rules. Raises ConfigError naming the file and line of a faulty phrase."""
    phrases = sorted({_beginning(phrase) for phrase in _least(set(_phrases(config)))})
    slips = sorted({slip for stem in STEMS for slip in _slips(stem)})
    return Prefilter((*_together(phrases), "|".join([_BROKEN, _FRACTURE_SIGN, *slips])))


def _together(phrases: Sequence[str]) -> Iterator[str]:
    """As few patterns as RE2 can hold, of like length: it reads the text once for each."""
    total = sum(len(phrase) + 1 for phrase in phrases)
    share = total / max(1, ceil(total / _TOGETHER))
    numbered = zip(accumulate(len(phrase) + 1 for phrase in phrases), phrases, strict=True)
    for _, part in groupby(numbered, lambda one: int((one[0] - 1) / share)):
        yield _START + "(?:" + "|".join(phrase for _, phrase in part) + ")"


def _least(phrases: set[str]) -> set[str]:
    """Less those that hold another one-word phrase: a text that has them has that.

    The fewer, the fewer patterns RE2 has to read the text for.
    """
    single = {phrase for phrase in phrases if len(phrase.split()) == 1 and "<" not in phrase}
    stems = tuple(phrase[:-1] for phrase in single if phrase.endswith("*"))

    def told(phrase: str) -> bool:
        words = [word for word in phrase.split() if word not in ("...", "<year>", phrase)]
        longer = phrase in single and any(phrase.rstrip("*").startswith(stem) and phrase != stem + "*" for stem in stems)
        return longer or any(word in single or word.rstrip("*").startswith(stems) for word in words)

    return {phrase for phrase in phrases if not told(phrase)}


def _phrases(config: RulesConfig) -> Iterator[str]:
    """What raises a finding by the chosen method, and what says that the scan tells nothing."""
    keywords, stops = phrase_folders(config)
    for language in LANGUAGES:
        for path in sorted((keywords / language).rglob("*.txt")):
            name = path.relative_to(keywords / language).with_suffix("").as_posix()
            if name == "paper" if config.method == "paper" else is_raising(name):
                yield from read_phrases(path)
        nondiagnostic = stops / language / "nondiagnostic.txt"
        if nondiagnostic.exists():
            yield from read_phrases(nondiagnostic)


def _beginning(phrase: str) -> str:
    """The phrase up to its first gap, in whatever alphabet its letters are typed; to stand behind _START."""
    words = phrase.partition(" ... ")[0].split()
    end = "" if words[-1].endswith(("*", "-")) else r"(?:$|[^а-яёa-z0-9])"
    return _BETWEEN.join(map(_word, words)) + end


def _word(word: str) -> str:
    if word == "<year>":
        return r"(?:19|20)\d\d"
    return _spelt(word.rstrip("*")) + ("[а-яёa-z]*" if word.endswith("*") else "")


def _spelt(word: str) -> str:
    return "".join(_letter(letter) for letter in word)


def _letter(letter: str) -> str:
    alike = _LATIN_OF.get(letter, "") + ("ё" if letter == "е" else "")
    return f"[{letter}{alike}]" if alike else re.escape(letter)


def _slips(stem: str) -> Iterable[str]:
    """The stem with one letter wrong, missing, added or changed with its neighbour, and with any of its letters repeated."""
    for at in range(len(stem)):
        before, after = _spelt(stem[:at]), _spelt(stem[at + 1 :])
        yield before + after
        yield f"{before}.{after}"
        yield f"{before}.{_spelt(stem[at:])}"
        if at:
            yield _spelt(stem[: at - 1] + stem[at] + stem[at - 1] + stem[at + 1 :])
    yield "".join(_letter(letter) + "+" for letter, following in zip(stem, [*stem[1:], ""], strict=True) if letter != following)
