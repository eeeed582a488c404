"""64-bit hashes of the keys of whole tables, without a Python object a row; seeded by the process, so of no use outside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

_WORD = 8  # bytes mixed at a time
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / the golden ratio: Knuth's multiplicative hashing
_SHIFT = np.uint64(32)
_SEED = np.uint64(secrets.randbits(64))
_NULL = np.uint64(secrets.randbits(64))


def key_hashes(table: pa.Table | pa.RecordBatch, key: Sequence[str]) -> np.ndarray:
    """uint64, one a row, over the key's columns in their order. Equal keys have equal hashes, whatever the batch they stand in."""
    hashes = np.full(table.num_rows, _SEED)
    for name in key:
        column = table.column(name)
        values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        hashes = _mixed(hashes, _of_column(values))
    return hashes


def _of_column(values: pa.Array) -> np.ndarray:
    if pa.types.is_string(values.type):
        found = _of_strings(values)
    elif pa.types.is_integer(values.type):
        found = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    else:
        found = np.fromiter((hash(value) % 2**64 for value in values.to_pylist()), np.uint64, len(values))
    if values.null_count:
        found = np.where(values.is_null().to_numpy(zero_copy_only=False), _NULL, found)
    return found


def _of_strings(values: pa.Array) -> np.ndarray:
    """Strings of one length at a time, as rows of whole words, the last word filled with zeros; the length itself is mixed in."""
    filled = values.fill_null("")
    _, places, data = filled.buffers()
    ends = np.frombuffer(places, np.int32)[filled.offset : filled.offset + len(filled) + 1].astype(np.int64)
    starts, lengths = ends[:-1], np.diff(ends)
    letters = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    hashes = np.full(len(filled), _SEED)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        words = np.zeros((len(rows), -(-int(length) // _WORD) * _WORD), np.uint8)
        if len(rows) == len(filled):  # as keys of one form lie: end to end
            words[:, :length] = letters[starts[0] : ends[-1]].reshape(len(rows), length)
        else:
            words[:, :length] = letters[starts[rows][:, None] + np.arange(length)]
        found = _mixed(hashes[rows], np.full(len(rows), length, np.uint64))
        for word in words.view(np.uint64).T:
            found = _mixed(found, word)
        hashes[rows] = found
    return hashes


def _mixed(hashes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Multiply, fold, multiply: every bit of either depends on every bit of both."""
    mixed = (hashes ^ words) * _ODD
    mixed ^= mixed >> _SHIFT
    mixed *= _ODD
    return mixed ^ (mixed >> _SHIFT)
