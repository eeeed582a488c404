"""Every independent read as a table, in a fixed order: what a release shows beside the consensus."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from ichset.config import Config
from ichset.contracts import LABELS
from ichset.readings.log import Entry
from ichset.readings.rounds import open_round

SCHEMA = pa.schema([
    ("round", pa.string()), ("study", pa.string()), ("reader", pa.string()), ("role", pa.string()),
    *((label, pa.int8()) for label in LABELS),
    ("exclude", pa.string()), ("confidence", pa.int8()), ("key_slices", pa.string()), ("seconds", pa.float64()),
])  # fmt: skip


def reads_table(folder: Path, config: Config) -> pa.Table:
    """One row a (round, study, reader): the standing read; comments and times of day stay private."""
    rows = []
    for name, section in (("text", config.read_text), ("image", config.read_image)):
        round_ = open_round(folder, name, section, config.project.seed)
        if round_ is None:
            continue
        for (study, reader), entry in sorted(round_.reads().items()):
            rows.append({"round": name, "study": study, "reader": reader, "role": _role(reader, section.expert), **_row(entry)})
    return pa.Table.from_pylist(rows, SCHEMA)


def _role(reader: str, expert: str | None) -> str:
    return "expert" if reader == expert else "reader"


def _row(entry: Entry) -> dict[str, object]:
    read = entry.decision
    slices = {label: list(numbers) for label, numbers in sorted(read.key_slices.items())}
    return {
        **read.answers, "exclude": read.exclude, "confidence": read.confidence, "seconds": read.seconds,
        "key_slices": json.dumps(slices) if slices else None,
    }  # fmt: skip
