"""Phrase files -> patterns. A radiologist edits the files; a faulty one is refused by file and line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from ichset.config import RulesConfig
from ichset.errors import ConfigError

LANGUAGES = ("ru", "en")
PLACES = tuple(
    f"where/{name}"
    for name in ("epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular", "extracranial", "skull", "face", "spine")
)
_WORD_START = re.compile("(?<![а-яa-z0-9])[а-яa-z0-9]")
_LETTER = "а-яa-z0-9"
_WORD_ENDS = r"(?!\w)"  # a set of letters takes many times as long to compile
_CENTURY = "(?:19|20)"
_RAISED, _PLACED = "/raised", "/placed"  # no file can have these names
# 12, 4,5, 120 before a unit or as one side of 12 x 8: what is measured, not counted or dated
_MEASURED = re.compile(r"[0-9](?<![\w.,][0-9])[0-9]{0,2}(?:[.,]\d{1,2})?(?=\s?(?:мм|см|мл|hu|ед|mm|cm|ml|cc)(?![а-яa-z])|\s?[xх×*]\s?\d)")
_DIGITS = "0123456789"
_COUNTED = re.compile(r"\b\d+\b")
GAP = 3  # words that `...` within a phrase may stand for


@dataclass(frozen=True, eq=False)
class PhraseBook:
    """Patterns of one language by name: keyword files, `where/<place>`, and cues by their file's name.

    A book equals itself alone, so that what was read by it can be remembered.
    """

    keywords: Mapping[str, re.Pattern[str]]
    cues: Mapping[str, re.Pattern[str]]
    figures: frozenset[str] = frozenset("0")  # numbers that a phrase holds; none looks like a masked one
    figure: str = "7"  # stands for any digit of a measure

    @property
    def raised(self) -> re.Pattern[str]:
        """Every keyword that raises a finding: a sentence without one is not looked at."""
        return self.keywords[_RAISED]

    @property
    def placed(self) -> re.Pattern[str]:
        """Every word of a place."""
        return self.keywords[_PLACED]

    def alike(self, text: str) -> str:
        """The sentence with every measure's digits the same, so that one reading serves all sizes; what a phrase counts stays as it is."""
        return _MEASURED.sub(lambda found: found[0] if found[0] in self.figures else found[0].translate(self._same), text)

    @cached_property
    def _same(self) -> dict[int, int]:
        return str.maketrans(_DIGITS, self.figure * len(_DIGITS))

    def spans(self, names: Sequence[str], some: re.Pattern[str], text: str) -> Iterator[tuple[str, int, int]]:
        """(name, start, end) of every match of these keyword files, each asked only where `some`, which holds all of them, matches."""
        ends = dict.fromkeys(names, 0)
        for mark in some.finditer(text):
            for word in _WORD_START.finditer(text, mark.start(), mark.end()):
                at = word.start()
                for name in names:
                    if at >= ends[name] and (found := self.keywords[name].match(text, at)):
                        ends[name] = found.end()
                        yield name, at, found.end()


def phrase_folders(config: RulesConfig) -> tuple[Path, Path]:
    """(keywords, stopphrases): the config's, else those that came with the program."""
    return config.keywords or packaged("keywords"), config.stopphrases or packaged("stopphrases")


def packaged(name: str) -> Path:
    """The folder in a source checkout, or where an installed wheel puts it. Raises ConfigError."""
    for root in (Path(__file__).parents[3], Path(sys.prefix) / "share" / "ichset"):
        if (root / name).is_dir():
            return root / name
    raise ConfigError(f"the phrase folder {name}/ is not installed; set rules.{name} to a folder with ru/ and en/")


def load_books(config: RulesConfig) -> dict[str, PhraseBook]:
    """Every language's phrases. Raises ConfigError naming file and line of an empty, doubled or undecodable phrase."""
    keywords, stops = phrase_folders(config)
    books = {}
    for language in LANGUAGES:
        raised = _folder(keywords / language)
        cues = _folder(stops / language)
        _refuse_shared(raised, cues)
        whole = {_RAISED: _together(raised, is_raising), _PLACED: _together(raised, PLACES.__contains__)}
        figures = frozenset({"0"}.union(*(_COUNTED.findall(phrase) for phrase in chain(*raised.values(), *cues.values()))))
        books[language] = PhraseBook(_Patterns({**raised, **whole}), _Patterns(cues), figures, _spare(figures))
    return books


def _spare(figures: frozenset[str]) -> str:
    """A digit of which no phrase's number is made alone."""
    return next(digit for digit in reversed(_DIGITS) if not any(set(figure) == {digit} for figure in figures))


def read_phrases(path: Path) -> dict[str, int]:
    """phrase -> line of one file: comments and blank lines aside, no phrase twice."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    found: dict[str, int] = {}
    for number, text in enumerate(lines, 1):
        phrase = " ".join(text.partition("#")[0].split()).lower().replace("ё", "е")
        if not phrase:
            if text.strip() and not text.lstrip().startswith("#"):
                raise ConfigError(f"{path}, line {number}: an empty phrase would match everywhere; remove the line")
            continue
        if not re.search(rf"[{_LETTER}]", phrase):
            raise ConfigError(f"{path}, line {number}: {phrase!r} has no letter and would match everywhere; remove it")
        if phrase in found:
            raise ConfigError(f"{path}, line {number}: {phrase!r} stands already in line {found[phrase]}; remove one of them")
        found[phrase] = number
    return found


def _folder(folder: Path) -> dict[str, dict[str, int]]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such phrase folder")
    files = sorted(folder.rglob("*.txt"))
    return {path.relative_to(folder).with_suffix("").as_posix(): read_phrases(path) for path in files}


def _refuse_shared(raised: Mapping[str, Mapping[str, int]], cues: Mapping[str, Mapping[str, int]]) -> None:
    """A phrase that both raises a finding and cancels one is a mistake; where/, other and the paper's lists stand apart."""
    for name, phrases in raised.items():
        for cue, stops in cues.items():
            if not is_raising(name) or cue in ("paper", "other"):
                continue
            for phrase in sorted(set(phrases) & set(stops)):
                raise ConfigError(f"keywords/{name}.txt, line {phrases[phrase]}: {phrase!r} is a stop phrase too ({cue}.txt, line {stops[phrase]})")


class _Patterns(dict[str, re.Pattern[str]]):
    """Compiled when first asked for: a language that no report is in costs nothing. A folder that lacks a file has no such phrase."""

    def __init__(self, files: Mapping[str, Iterable[str]]) -> None:
        super().__init__()
        self._files = files

    def __missing__(self, name: str) -> re.Pattern[str]:
        return self.setdefault(name, compile_phrases(list(self._files.get(name, ()))))


def _together(files: Mapping[str, Mapping[str, int]], wanted: Callable[[str], bool]) -> list[str]:
    return sorted({phrase for name in filter(wanted, files) for phrase in files[name]})


def is_raising(name: str) -> bool:
    """Whether a keyword file's phrases raise a finding by themselves."""
    return not name.startswith("where/") and name not in ("many", "paper", "brain_ct", "other_study", "not_blood", "density")


def compile_phrases(phrases: list[str]) -> re.Pattern[str]:
    """One pattern over normalised text (lower case, е for ё); longer phrases first; `(?!)` when there are none."""
    if not phrases:
        return re.compile("(?!)")
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    # by first letter, and only then what may not stand before it: few places in a text are then tried at all, each on one branch
    letters = sorted({letter for phrase in ordered for letter in _initials(phrase)})
    rests = {letter: "|".join(_rest(phrase, letter) for phrase in ordered if letter in _initials(phrase)) for letter in letters}
    return re.compile("|".join(f"{_starting(letter)}(?:{rest})" for letter, rest in rests.items()))


def _starting(letter: str) -> str:
    """The letter where a word begins."""
    return rf"{re.escape(letter)}(?<=\b{re.escape(letter)})"


def _initials(phrase: str) -> str:
    return "12" if phrase.startswith("<year>") else phrase[0]


def _rest(phrase: str, letter: str) -> str:
    """The phrase's pattern behind its first letter."""
    return {"1": "9", "2": "0"}[letter] + _regex(phrase)[len(_CENTURY) :] if phrase.startswith("<year>") else _regex(phrase)[len(re.escape(letter)) :]


def _regex(phrase: str) -> str:
    """`word*` any ending, `pre-` a word's first half, ` ... ` up to three words, `<year>` a year."""
    parts = phrase.split(" ... ")
    return rf"(?:[\s-]+[^\s.,;]+\.?){{0,{GAP}}}?[\s-]+".join(map(_words, parts))


def _words(phrase: str) -> str:
    words = []
    for word in phrase.split():
        if word == "<year>":
            words.append(_CENTURY + r"\d\d(?!\d)")
            continue
        ends = r"\w*" if word.endswith("*") else "" if word.endswith("-") else _WORD_ENDS
        words.append(re.escape(word.rstrip("*")).replace(r"\-", "[-–‑]") + ends)
    return r"[\s-]+".join(words)
