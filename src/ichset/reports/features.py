"""Reports as sparse counts of stems, stems within a negated sentence, and pairs of neighbouring stems.

Whole batches at once: Arrow splits and numbers the words, Python sees each distinct word once,
numpy does the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix

from ichset.reports.stems import stem

MIN_REPORTS = 3  # a feature seen in fewer reports of the training table is chance
MAX_FEATURES = 30_000
_BORDER = "|"
_UNKNOWN = "?"
_LATIN = re.compile("[a-z]")
_BORDERS = frozenset({_BORDER, "но", "однако", "but", "however"})
_NEGATIONS = frozenset({"не", "нет", "без", "ни", "отсутств", "отсутствуют", "no", "not", "without", "negat", "absent"})


@dataclass(frozen=True)
class Words:
    """A batch as stem numbers: `row` of each word, `word` into `stems`, whether its sentence is negated, whether a pair starts here."""

    stems: list[str]
    row: np.ndarray
    word: np.ndarray
    negated: np.ndarray
    paired: np.ndarray
    rows: int


def split_words(texts: pa.Array, wanted: frozenset[str] | None = None) -> Words:
    """Lower case, е for ё, sentences ended by punctuation or a contrast. Null counts as empty.

    With `wanted` stems (`without_signs`), a Russian word that begins with none of them is not stemmed at all: its stem is its beginning.
    """
    plain = pc.replace_substring(pc.utf8_lower(texts.fill_null("")), "ё", "е")
    marked = pc.replace_substring_regex(plain, r"[.;!?\n]+(?:\s|$)", f" {_BORDER} ")
    lists = pc.split_pattern_regex(marked, r"[^0-9a-zа-я|]+")
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    encoded = lists.flatten().dictionary_encode()
    kinds = [_stem_or_border(token, wanted) for token in encoded.dictionary.to_pylist()]
    stems = sorted(set(kinds))
    number = {each: at for at, each in enumerate(stems)}
    lookup = np.array([number[kind] for kind in kinds], np.int64)
    word = lookup[encoded.indices.to_numpy(zero_copy_only=False)] if len(kinds) else np.empty(0, np.int64)
    row = np.repeat(np.arange(len(lengths)), lengths)
    return _without_borders(stems, row, word, len(texts))


def _stem_or_border(token: str, wanted: frozenset[str] | None) -> str:
    if not token or token in _BORDERS or _BORDER in token:
        return _BORDER if token else ""
    if wanted is not None and token[0] >= "а" and not _LATIN.search(token):
        bare = without_signs(token)
        if bare and not any(bare[:size] in wanted for size in range(1, len(bare) + 1)):
            return _UNKNOWN
    return stem(token)


def without_signs(word: str) -> str:
    """The letters that NLTK's Russian stemmer tells apart: it takes шч for щ and mixes up ь and ъ."""
    return word.replace("шч", "щ").replace("ь", "").replace("ъ", "")


def _without_borders(stems: list[str], row: np.ndarray, word: np.ndarray, rows: int) -> Words:
    real = word != stems.index("") if "" in stems else np.ones(len(word), bool)
    row, word = row[real], word[real]
    border = word == stems.index(_BORDER) if _BORDER in stems else np.zeros(len(word), bool)
    sentence = np.cumsum(border | np.r_[True, row[1:] != row[:-1]][: len(row)])
    negation = np.isin(word, [at for at, each in enumerate(stems) if each in _NEGATIONS])
    negated = np.isin(sentence, sentence[negation])
    row, word, sentence, negated = (values[~border] for values in (row, word, sentence, negated))
    paired = np.r_[sentence[1:] == sentence[:-1], False][: len(word)]
    return Words(stems, row, word, negated, paired, rows)


@dataclass(frozen=True)
class Vocabulary:
    """The features of a model: stems in order, and the sorted keys of what is counted (a stem, a negated stem, a pair)."""

    stems: tuple[str, ...]
    keys: np.ndarray

    def counts(self, texts: pa.Array) -> csr_matrix:
        """int32 counts, one row a text, one column a key."""
        words = split_words(texts, frozenset(map(without_signs, (*self.stems, *_NEGATIONS))))
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
    return _compact(stems, np.sort(keys[best]))


def _compact(stems: tuple[str, ...], keys: np.ndarray) -> Vocabulary:
    """Only the stems that some key uses, renumbered."""
    size = len(stems)
    single = keys < 2 * size
    first, second = np.where(single, keys // 2, (keys - 2 * size) // size), np.where(single, 0, (keys - 2 * size) % size)
    used = np.unique(np.r_[first, second[~single]])
    number = np.full(size, -1)
    number[used] = np.arange(len(used))
    renumbered = np.where(single, number[first] * 2 + keys % 2 * single, 2 * len(used) + number[first] * len(used) + number[second])
    return Vocabulary(tuple(stems[at] for at in used), np.sort(renumbered))


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
