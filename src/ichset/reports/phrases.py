"""Phrase files: keywords/<lang>/<role>.txt and stopphrases/<lang>/<role>.txt.

One phrase a line, in the words of a report; `#` starts a comment. Within a phrase
    `гематом*`        a word that begins so          `*дуральн*`  a word that contains it
    `(лев*|прав*)`    one of several words           `...`        up to three words in between
    `<n>`             a number                       `с/д`        an abbreviation with a slash is one word
Case, ё and е do not matter. A faulty file is refused by file and line, because a blank line that
matched everywhere, or a phrase that stood on both sides, would change labels in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ichset.errors import ConfigError

GAP = "..."
NUMBER = "<n>"
PACKAGED_KEYWORDS = Path(__file__).parent / "keywords"
PACKAGED_STOPPHRASES = Path(__file__).parent / "stopphrases"
# the paper's list is a rule of its own and shares phrases with the scoped lists
PAPER = "paper"
_WORD = re.compile(r"<n>|\.\.\.|\?|\*?[^\W_]+(?:/[^\W_]+)?\*?|\([^()\s]+\)")
_ALTERNATIVE = re.compile(r"\*?[^\W_]+(?:/[^\W_]+)?\*?")


@dataclass(frozen=True)
class Phrase:
    """One line of a phrase file: `words` are its elements, each a tuple of alternatives."""

    role: str  # the file's stem: subdural, negated, ...
    lang: str
    words: tuple[tuple[str, ...], ...]
    text: str  # normalised, as mentions quote it as their cue

    @property
    def uncommon(self) -> bool:
        """Is there anything in it that ordinary text does not match?"""
        return any(part.strip("*") for word in self.words for part in word if part not in (GAP, NUMBER))


def read_folder(folder: Path, roles: frozenset[str]) -> tuple[Phrase, ...]:
    """All phrases of one folder, in the order of languages, files and lines.

    Raises ConfigError for a folder without languages, a file whose name is no known role, or a faulty line.
    """
    files = sorted(folder.glob("*/*.txt"))
    if not files:
        raise ConfigError(f"{folder}: no <lang>/<role>.txt phrase files here")
    phrases: list[Phrase] = []
    seen: dict[tuple[str, str], str] = {}
    for path in files:
        if path.stem not in roles:
            raise ConfigError(f"{path}: unknown phrase file; expected one of {', '.join(sorted(roles))}")
        for number, phrase in read_file(path):
            phrases.append(phrase)
            if phrase.role == PAPER:
                continue
            place = f"{path.parent.name}/{path.name} line {number}"
            earlier = seen.setdefault((phrase.lang, phrase.text), place)
            if earlier != place:
                raise ConfigError(f"{path}: line {number}: {phrase.text!r} is already in {earlier}; keep one")
    return tuple(phrases)


def read_file(path: Path) -> Iterator[tuple[int, Phrase]]:
    """(line number, phrase) of one file."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__})") from None
    seen: dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: line {number}: not UTF-8 text; save the file as UTF-8") from None
        if line.lstrip().startswith("#"):
            continue
        phrase = parse(line.partition("#")[0], path.stem, path.parent.name, f"{path}: line {number}")
        if phrase.text in seen:
            raise ConfigError(f"{path}: line {number}: {phrase.text!r} repeats line {seen[phrase.text]}; remove one")
        seen[phrase.text] = number
        yield number, phrase


def parse(line: str, role: str, lang: str, where: str) -> Phrase:
    """One phrase from its line. `where` begins the error message."""
    text = " ".join(line.lower().replace("ё", "е").split())
    if not text.strip("* "):
        raise ConfigError(f"{where}: empty phrase, it would match everywhere; remove the line or make it a # comment")
    words = tuple(_alternatives(word, where) for word in text.split(" "))
    if words[0] == (GAP,) or words[-1] == (GAP,):
        raise ConfigError(f"{where}: {GAP} stands between two words, not at an end: {text!r}")
    phrase = Phrase(role, lang, words, text)
    if not phrase.uncommon:
        raise ConfigError(f"{where}: {text!r} would match everywhere")
    return phrase


def _alternatives(word: str, where: str) -> tuple[str, ...]:
    if not _WORD.fullmatch(word):
        raise ConfigError(f"{where}: {word!r} is no word pattern (words, word*, *word*, (one|other), {GAP}, {NUMBER})")
    if not word.startswith("("):
        return (word,)
    parts = tuple(word[1:-1].split("|"))
    for part in parts:
        if not _ALTERNATIVE.fullmatch(part):
            raise ConfigError(f"{where}: {part!r} within {word!r} is no word pattern")
    return parts


def refuse_shared(keywords: tuple[Phrase, ...], stopphrases: tuple[Phrase, ...], folder: Path) -> None:
    """A phrase may raise a finding or cancel one, not both."""
    raising = {(phrase.lang, phrase.text): phrase for phrase in keywords}
    for path in sorted(folder.glob("*/*.txt")):
        for number, phrase in read_file(path):
            other = raising.get((phrase.lang, phrase.text))
            if other is not None:
                raise ConfigError(f"{path}: line {number}: {phrase.text!r} is also in keywords/{other.lang}/{other.role}.txt; remove one")
