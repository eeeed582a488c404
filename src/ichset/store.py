"""Parquet tables under the work folder: the only reader and writer. Atomic, and held to their contracts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ichset.ahead import OneBehind, one_ahead
from ichset.contracts import Contract, StageOutput
from ichset.errors import CurationError
from ichset.keyhash import key_hashes

BATCH_ROWS = 16_384


class ContractBroken(CurationError):
    """A stage handed over a table that is not what its contract says: a fault of the program, not of the data."""

    exit_code = 1


class Store:
    """The tables of one work folder (mode 0700)."""

    def __init__(self, work: Path) -> None:
        self.folder = work / "tables"
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, contract: Contract) -> Path:
        return self.folder / f"{contract.name}.parquet"

    def excluded_path(self, contract: Contract) -> Path:
        return self.folder / f"{contract.name}.excluded.parquet"

    def has(self, contract: Contract) -> bool:
        return self.path(contract).exists()

    def read(self, contract: Contract, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole table. Raises CurationError when its stage has not run."""
        return pq.read_table(self._present(contract), columns=list(columns) if columns else None)

    def batches(self, contract: Contract, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The table in record batches of bounded size."""
        with pq.ParquetFile(self._present(contract)) as file:
            yield from one_ahead(file.iter_batches(BATCH_ROWS, columns=list(columns) if columns else None))

    def rows(self, contract: Contract) -> int:
        return int(pq.read_metadata(self._present(contract)).num_rows)

    def excluded(self, contract: Contract) -> pa.Table:
        """Parent key, reason, detail of every row that this contract's stage turned away."""
        path = self.excluded_path(contract)
        return pq.read_table(path) if path.exists() else contract.excluded_schema.empty_table()

    def write(self, contract: Contract, output: StageOutput, tables: Sequence[Contract] = (), parents: pa.Table | None = None) -> None:
        """One stage's whole output. `parents`: the rows it was handed, when not the parent table as stored."""
        self.write_stream(contract, [output], tables, parents)

    def write_stream(
        self, contract: Contract, outputs: Iterable[StageOutput], tables: Sequence[Contract] = (), parents: pa.Table | None = None
    ) -> None:
        """Write batch by batch; nothing appears under its final name unless all of it holds.

        Raises ContractBroken when a schema differs, a key repeats, or parents are not exactly kept + excluded.
        """
        parent_key = contract.parent.key if contract.parent else contract.key
        kept, left, keys = _KeySum(), _KeySum(), _UniqueKeys(contract)
        with ExitStack() as stack:
            writer = stack.enter_context(_AtomicWriter(self.path(contract), contract.schema, contract.key))
            excluded = stack.enter_context(_AtomicWriter(self.excluded_path(contract), contract.excluded_schema, parent_key))
            further = {table.name: stack.enter_context(_AtomicWriter(self.path(table), table.schema, table.key)) for table in tables}
            behind = stack.enter_context(OneBehind())
            for output in outputs:
                behind.run(partial(_write, output, writer, excluded, further))
                own = keys.add(output.kept)
                kept.add_hashes(own if parent_key == contract.key else key_hashes(output.kept, parent_key))
                left.add(output.excluded, parent_key)
            behind.wait()
            keys.check()
            self._check_closure(contract, kept, left, parents)
            for ready in (writer, excluded, *further.values()):
                ready.commit()
        pa.default_memory_pool().release_unused()  # the next stage begins with none of this one's memory

    def write_side(self, name: str, table: pa.Table) -> None:
        """A private table for people, no stage's input: `<work>/tables/<name>.parquet`."""
        with _AtomicWriter(self.folder / f"{name}.parquet", table.schema) as writer:
            writer.write(table)
            writer.commit()

    def _check_closure(self, contract: Contract, kept: _KeySum, left: _KeySum, parents: pa.Table | None) -> None:
        expected = _KeySum()
        if parents is not None:
            expected.add(parents, contract.parent.key if contract.parent else contract.key)
        elif contract.parent is not None:
            for batch in self.batches(contract.parent, contract.parent.key):
                expected.add(batch, contract.parent.key)
        else:
            return
        if (expected.count, expected.total) != (kept.count + left.count, (kept.total + left.total) % 2**64):
            raise ContractBroken(
                f"{contract.name}: {expected.count} records came in, {kept.count} were kept and {left.count} excluded; "
                "a record was lost, doubled or swapped"
            )

    def _present(self, contract: Contract) -> Path:
        path = self.path(contract)
        if not path.exists():
            raise CurationError(f"{path}: not there yet; run the stages before this one: ichset run --config FILE")
        return path


def _write(output: StageOutput, writer: _AtomicWriter, excluded: _AtomicWriter, further: Mapping[str, _AtomicWriter]) -> None:
    writer.write(output.kept)
    excluded.write(output.excluded)
    for name, table in output.tables.items():
        further[name].write(table)


class _KeySum:
    """Count and order-free hash sum of keys: equal sums mean equal multisets (64 bit, seeded by the process)."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0

    def add(self, table: pa.Table | pa.RecordBatch, key: Sequence[str]) -> None:
        self.add_hashes(key_hashes(table, key))

    def add_hashes(self, hashes: np.ndarray) -> None:
        self.count += len(hashes)
        self.total = (self.total + int(hashes.sum(dtype=np.uint64))) % 2**64


class _UniqueKeys:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._hashes: list[np.ndarray] = []

    def add(self, table: pa.Table) -> np.ndarray:
        """The hashes of its keys: 8 bytes a row are kept."""
        self._hashes.append(key_hashes(table, self._contract.key))
        return self._hashes[-1]

    def check(self) -> None:
        hashes = np.empty(sum(map(len, self._hashes)), np.uint64)
        filled = len(hashes)
        while self._hashes:  # from the end on, each given back as it is copied: never all of them twice
            part = self._hashes.pop()
            hashes[filled - len(part) : filled] = part
            filled -= len(part)
        hashes.sort()
        if (hashes[1:] == hashes[:-1]).any():
            raise ContractBroken(f"{self._contract.name}: the key {', '.join(self._contract.key)} repeats")


class _AtomicWriter:
    """A Parquet file under a temporary name until `commit`; the same rows give the same bytes."""

    def __init__(self, path: Path, schema: pa.Schema, key: Sequence[str] = ()) -> None:
        self._path, self._schema = path, schema
        self._repeating = [name for name in schema.names if name not in key]  # a dictionary of what never repeats is work for nothing
        self._part = path.with_name(path.name + ".part")

    def __enter__(self) -> _AtomicWriter:
        self._writer = pq.ParquetWriter(self._part, self._schema, compression="lz4", use_dictionary=self._repeating, store_schema=False)
        return self

    def write(self, table: pa.Table) -> None:
        try:
            ready = table.select(self._schema.names).cast(self._schema)
        except (KeyError, pa.ArrowInvalid, ValueError) as error:
            raise ContractBroken(f"{self._path.stem}: not the contract's columns: {type(error).__name__}: {error}") from None
        if ready.num_rows:
            self._writer.write_table(ready, row_group_size=BATCH_ROWS)

    def commit(self) -> None:
        self._writer.close()
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        self._part.replace(self._path)

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        self._part.unlink(missing_ok=True)
