"""Keys as 64-bit hashes: equal for equal keys in whatever batch they stand, unlike for all others."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from ichset.keyhash import key_hashes

RNG = random.Random(3)
WORDS = ["".join(RNG.choices("abЖ0-\0", k=RNG.randint(0, 20))) for _ in range(3000)] + ["", None, "a", "a\0", "\0a"]


def hashes(values: list, kind: pa.DataType) -> list[int]:
    return key_hashes(pa.table({"key": pa.array(values, kind)}), ["key"]).tolist()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (WORDS, pa.string()),
        ([f"{n:09d}" for n in range(50_000)], pa.string()),
        ([*range(-2000, 2000), None], pa.int32()),
        ([0.5, 1.5, None], pa.float64()),
    ],
)
def test_as_many_hashes_as_values(values: list, kind: pa.DataType) -> None:
    found = dict(zip(values, hashes(values, kind), strict=True))
    assert len(set(found.values())) == len(set(values))
    assert [found[value] for value in values] == hashes(values, kind)


def test_a_slice_a_batch_and_pieces_give_the_same() -> None:
    table = pa.table({"word": WORDS, "number": pa.array(range(len(WORDS)), pa.int32())})
    whole = key_hashes(table, ["word", "number"]).tolist()
    pieces = pa.concat_tables([table.slice(0, 7), table.slice(7)])
    assert key_hashes(pieces, ["word", "number"]).tolist() == whole
    assert key_hashes(table.to_batches()[0].slice(11, 50), ["word", "number"]).tolist() == whole[11:61]
    assert key_hashes(table.slice(0, 0), ["word"]).tolist() == []


def test_columns_are_told_apart() -> None:
    table = pa.table({"a": ["x", "y"], "b": ["y", "x"]})
    first, second = key_hashes(table, ["a", "b"]).tolist()
    assert first != second
    assert key_hashes(table, ["b", "a"]).tolist() == [second, first]
