"""Reads as CQ500 publishes them: a row a study, a column for each reader and finding, before adjudication."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ichset.release.dataset import Dataset
from ichset.release.tablefiles import write_csv

FINDINGS = {
    "ICH": "ich", "IPH": "intracerebral", "IVH": "intraventricular", "SDH": "subdural", "EDH": "epidural", "SAH": "subarachnoid",
    "Fracture": "fracture",
}  # fmt: skip


def write(dataset: Dataset) -> None:
    """data/exports/cq500/reads.csv: name, Category (the split), then `R1:ICH`, `R1:IPH`, ... for each reader of a study.

    R1, R2, ... are a study's readers in the order of their pseudonyms; `R1:reader` names them. The expert is not among them.
    """
    reads: dict[str, list[dict[str, Any]]] = {}
    for row in dataset.records.reads.to_pylist():
        if row["round"] == "image" and row["role"] == "reader":
            reads.setdefault(row["study"], []).append(row)
    most = max((len(own) for own in reads.values()), default=0)
    rows = []
    for study in dataset.records.studies.select(["study", "split"]).to_pylist():
        line: dict[str, Any] = {"name": study["study"], "Category": study["split"]}
        own = sorted(reads.get(study["study"], []), key=lambda row: row["reader"])
        for number in range(1, most + 1):
            read = own[number - 1] if number <= len(own) else {}
            line[f"R{number}:reader"] = read.get("reader")
            line.update({f"R{number}:{name}": read.get(label) for name, label in FINDINGS.items()})
        rows.append(line)
    kinds = {name: pa.string() for name in ("name", "Category", *(f"R{number}:reader" for number in range(1, most + 1)))}
    folder = dataset.bag / "data" / "exports" / "cq500"
    folder.mkdir(parents=True)
    schema = pa.schema([(name, kinds.get(name, pa.int8())) for name in (rows[0] if rows else kinds)])
    write_csv(pa.Table.from_pylist(rows, schema), folder / "reads.csv")
