"""Reports as sparse counts of stems, stems within a negated sentence, and pairs of neighbouring stems.

Whole batches at once: Arrow splits and numbers the words, Python sees each distinct word once,
numpy does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix

from ichset.reports.stems import in_cyrillic, stem

HALF = 0.5  # a probability from here on is a yes
MIN_REPORTS = 3  # a feature seen in fewer reports of the training table is chance
MAX_FEATURES = 30_000
_BORDER = "|"
_A_WORD = re.compile("[0-9a-zа-я|]")
_SENTENCE_END = re.compile(r"[.;!?\n][\t\n\f\r ]")
_IN_WORDS = np.isin(np.arange(256), list(b"0123456789abcdefghijklmnopqrstuvwxyz|"))
_LATIN = re.compile("[a-z]")
_UNKNOWN = "?"
_SHORT_WORD, _LONG_ENDING = 3, 6  # letters
_MOST_WORDS = 200_000  # remembered
_NO_PREFIX = ("ъ", "ьь", "ця", "ць")  # NLTK writes Russian in Latin letters meanwhile: of such words its stem need not be the beginning
# What Snowball's steps strip, from the last to the first: superlative, soft sign or double н; ост; и; gerund, adjective, verb or noun.
_ADJECTIVE = "ее|ие|ые|ое|ими|ыми|ей|ий|ый|ой|ем|им|ым|ом|его|ого|ему|ому|их|ых|ую|юю|ая|яя|ою|ею"
_VERB = (
    "ла|на|ете|йте|ли|й|л|ем|н|ло|но|ет|ют|ны|ть|ешь|нно|ила|ыла|ена|ейте|уйте|ите|или|ыли|ей|уй|ил|ыл|им|ым|ен|ило|ыло|ено|ят|ует|уют"
    "|ит|ыт|ены|ить|ыть|ишь|ую|ю"
)
_NOUN = "а|ев|ов|ие|ье|е|иями|ями|ами|еи|ии|и|ией|ей|ой|ий|й|иям|ям|ием|ем|ам|ом|о|у|ах|иях|ях|ы|ь|ию|ью|ю|ия|ья|я"
_ENDING = re.compile(
    r"(?:н?ейше?|н|ь)?(?:ость?)?и?"
    rf"(?:[ыи]?в(?:ши(?:сь)?)?|(?:(?:ем|нн|вш|ющ|щ|ивш|ывш|ующ)?(?:{_ADJECTIVE})|{_VERB}|{_NOUN})?(?:с[яь])?)"
)
_BORDERS = frozenset({_BORDER, "но", "однако", "but", "however"})
_NEGATIONS = frozenset({"не", "нет", "без", "ни", "отсутств", "отсутствуют", "no", "not", "without", "negat", "absent"})


@dataclass(frozen=True)
class Words:
    """A batch as stem numbers: `row` of each word, `word` into `stems`, whether its sentence is negated, whether a pair starts here.

    `spelt`: the stem of every distinct word.
    """

    stems: list[str]
    spelt: Mapping[str, str]
    row: np.ndarray
    word: np.ndarray
    negated: np.ndarray
    paired: np.ndarray
    rows: int


def spell(token: str, to_stem: Callable[[str], str] = stem) -> str:
    """The stem of a word, `|` for what ends a sentence, nothing for what else is no word."""
    if not _A_WORD.match(token):
        return _BORDER if _SENTENCE_END.search(token) else ""
    return _BORDER if token in _BORDERS or _BORDER in token else to_stem(token)


def split_words(texts: pa.Array, spell: Callable[[str], str] = spell) -> Words:
    """Lower case, е for ё, sentences ended by punctuation or a contrast. Null counts as empty."""
    plain = pc.replace_substring(pc.utf8_lower(texts.fill_null("")), "ё", "е")
    tokens, row = _tokens(plain)
    encoded = tokens.dictionary_encode()
    kinds = encoded.dictionary.to_pylist()
    spelt = dict(zip(kinds, map(spell, kinds), strict=True))
    stems = sorted(set(spelt.values()))
    number = {each: at for at, each in enumerate(stems)}
    lookup = np.array([number[kind] for kind in spelt.values()], np.int64)
    word = lookup[encoded.indices.to_numpy(zero_copy_only=False)] if len(lookup) else np.empty(0, np.int64)
    return _without_borders(stems, spelt, row, word, len(texts))


def _tokens(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Words and, between them, what is no word, as they lie in the texts' own bytes; and the row of each."""
    _, places, data = texts.buffers()
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    low, high = int(ends[0]), int(ends[-1])
    if low == high:
        return pa.array([], pa.string()), np.empty(0, np.int64)
    inside = _in_words(np.frombuffer(data, np.uint8)[low:high])
    starts = np.ones(high - low + 1, bool)
    starts[1:-1] = inside[1:] != inside[:-1]
    starts[ends - low] = True
    borders = (np.flatnonzero(starts) + low).astype(np.int32)
    tokens = pa.StringArray.from_buffers(len(borders) - 1, pa.py_buffer(borders), data)
    return tokens, np.repeat(np.arange(len(texts)), np.diff(np.searchsorted(borders, ends)))


def _in_words(data: np.ndarray) -> np.ndarray:
    """Whether each byte of UTF-8 in lower case is of a word: a digit, a letter of a-z or а-я (D0 B0-BF, D1 80-8F), or a border."""
    after = np.append(data[1:], np.uint8(0))
    first = ((data == 0xD0) & (after >= 0xB0)) | ((data == 0xD1) & (after < 0x90))
    inside = _IN_WORDS[data] | first
    inside[1:] |= first[:-1]
    return inside


def _without_borders(stems: list[str], spelt: Mapping[str, str], row: np.ndarray, word: np.ndarray, rows: int) -> Words:
    real = word != stems.index("") if "" in stems else np.ones(len(word), bool)
    row, word = row[real], word[real]
    border = word == stems.index(_BORDER) if _BORDER in stems else np.zeros(len(word), bool)
    sentence = np.cumsum(border | np.r_[True, row[1:] != row[:-1]][: len(row)])
    negation = np.array([each in _NEGATIONS for each in stems], bool)[word] if len(word) else np.empty(0, bool)
    denied = np.zeros(len(sentence) + 1, bool)
    denied[sentence[negation]] = True
    negated = denied[sentence]
    row, word, sentence, negated = (values[~border] for values in (row, word, sentence, negated))
    paired = np.r_[sentence[1:] == sentence[:-1], False][: len(word)]
    return Words(stems, spelt, row, word, negated, paired, rows)


class Spelling(dict[str, str]):
    """Token -> its stem, where it can be one of ours, else `?`, or what `spell` makes of no word; tokens met are remembered.

    Stemming is slow, and of the words never seen in training few matter: a new one is stemmed only when it is a known stem of three
    letters or more with an ending of at most six letters behind it.
    """

    def __init__(self, stems: Iterable[str], known: Mapping[str, str]) -> None:
        super().__init__(known)
        self._known, self._stems = known, frozenset(stems)
        self._heads = frozenset(stem[:_SHORT_WORD] for stem in self._stems)

    def __missing__(self, token: str) -> str:
        found = spell(token, self._stem)
        if len(self) > _MOST_WORDS:
            self.clear()
            self.update(self._known)
        self[token] = found
        return found

    def _stem(self, word: str) -> str:
        if len(word) <= _SHORT_WORD or word[0] < "а":
            return stem(word)
        return stem(word) if self._may_be_ours(in_cyrillic(word) if _LATIN.search(word) else word) else _UNKNOWN

    def _may_be_ours(self, word: str) -> bool:
        if word[:_SHORT_WORD] not in self._heads:
            return False
        ends = range(max(_SHORT_WORD, len(word) - _LONG_ENDING), len(word) + 1)
        ours = [word[end:] for end in ends if word[:end] in self._stems]
        return bool(ours) and (any(letters in word for letters in _NO_PREFIX) or any(map(is_ending, ours)))


@lru_cache(100_000)
def is_ending(letters: str) -> bool:
    """Whether Snowball could strip these letters from a Russian word: a test holds this to what it does strip."""
    return _ENDING.fullmatch(letters) is not None


@dataclass(frozen=True)
class Vocabulary:
    """The features of a model: stems in order, the sorted keys of what is counted (a stem, a negated stem, a pair), and the
    stems of the words it was learnt from."""

    stems: tuple[str, ...]
    keys: np.ndarray
    spelt: Mapping[str, str]

    @cached_property
    def spelling(self) -> Spelling:
        return Spelling(self.stems, self.spelt)

    def counts(self, texts: pa.Array) -> csr_matrix:
        """int32 counts, one row a text, one column a key."""
        words = split_words(texts, self.spelling.__getitem__)
        row, key = _keys(words, self.stems)
        column = np.searchsorted(self.keys, key)
        column[column == len(self.keys)] = 0
        known = self.keys[column] == key if len(self.keys) else np.zeros(len(key), bool)
        ones = np.ones(int(known.sum()), np.float64)
        matrix = csr_matrix((ones, (row[known], column[known])), shape=(words.rows, len(self.keys)))
        matrix.sum_duplicates()
        return matrix


def learn_vocabulary(texts: pa.Array) -> Vocabulary:
    """Every stem and pair that stands in at least MIN_REPORTS texts; the most frequent MAX_FEATURES of them."""
    words = split_words(texts)
    stems = tuple(each for each in words.stems if each not in ("", _BORDER))
    row, key = _keys(words, stems)
    pairs = np.unique(np.stack([key, row]), axis=1)
    keys, reports = np.unique(pairs[0], return_counts=True)
    keys, reports = keys[reports >= MIN_REPORTS], reports[reports >= MIN_REPORTS]
    best = np.argsort(-reports, kind="stable")[:MAX_FEATURES]
    return _compact(stems, np.sort(keys[best]), words.spelt)


def _compact(stems: tuple[str, ...], keys: np.ndarray, spelt: Mapping[str, str]) -> Vocabulary:
    """Only the stems that some key uses, renumbered."""
    size = len(stems)
    single = keys < 2 * size
    first, second = np.where(single, keys // 2, (keys - 2 * size) // size), np.where(single, 0, (keys - 2 * size) % size)
    used = np.unique(np.r_[first, second[~single]])
    number = np.full(size, -1)
    number[used] = np.arange(len(used))
    renumbered = np.where(single, number[first] * 2 + keys % 2 * single, 2 * len(used) + number[first] * len(used) + number[second])
    left = tuple(stems[at] for at in used)
    wanted = frozenset(left)
    return Vocabulary(left, np.sort(renumbered), {word: each for word, each in sorted(spelt.items()) if each in wanted})


def _keys(words: Words, stems: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(row, key) of every feature: 2*stem (+1 negated) for words, then 2*size + first*size + second for pairs."""
    size = len(stems)
    number = {each: at for at, each in enumerate(stems)}
    lookup = np.array([number.get(each, -1) for each in words.stems] or [-1], np.int64)
    word = lookup[words.word]
    known = word >= 0
    pair = words.paired & known & np.r_[known[1:], False][: len(known)]
    at = np.flatnonzero(pair)
    row = np.r_[words.row[known], words.row[at]]
    return row, np.r_[2 * word[known] + words.negated[known], 2 * size + word[at] * size + word[at + 1]]


def joined(table: pa.Table) -> pa.Array:
    """Description and conclusion as the classifier reads them."""
    parts = [table[name].combine_chunks().fill_null("") for name in ("description", "conclusion")]
    return pc.binary_join_element_wise(*parts, "\n")
