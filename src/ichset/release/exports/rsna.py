"""Labels as the RSNA 2019 haemorrhage challenge has them: one row an image and label, `ID_<instance>_<label>,Label`.

Where readers marked key slices, an image carries a label only if one of them marked it there. A study with a label
that nobody marked has it on every image: that is the study's label, not the slice's, and `level.csv` says so.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from typing import Any

from ichset.release.dataset import Dataset

SUBTYPES = {
    "any": "ich", "epidural": "epidural", "intraparenchymal": "intracerebral", "intraventricular": "intraventricular",
    "subarachnoid": "subarachnoid", "subdural": "subdural",
}  # fmt: skip


def write(dataset: Dataset) -> None:
    """data/exports/rsna/labels.csv and level.csv (the level of each study's labels)."""
    folder = dataset.bag / "data" / "exports" / "rsna"
    folder.mkdir(parents=True)
    labels = {row["study"]: row for row in dataset.records.labels.to_pylist()}
    marked = _marked(dataset)
    levels: dict[tuple[str, str], str] = {}
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ID", "Label"])
        for batch in dataset.records.files.select(["study", "series", "instance", "sop_uid"]).to_batches(8192):
            for row in batch.to_pylist():
                values = _image(row, labels[row["study"]], marked.get(row["study"], {}), levels)
                values["any"] = 1 if 1 in values.values() else values["any"]
                writer.writerows((f"ID_{row['sop_uid']}_{name}", value) for name, value in values.items() if value is not None)
    with (folder / "level.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["study", "subtype", "level"])
        writer.writerows([study, name, level] for (study, name), level in sorted(levels.items()))


def _image(row: dict[str, Any], label: dict[str, Any], marked: dict[str, set[str]], levels: dict[tuple[str, str], str]) -> dict[str, int | None]:
    """One image's value of each subtype; None where the study's label cannot be told."""
    values: dict[str, int | None] = {}
    for name, ours in SUBTYPES.items():
        slices = marked.get(ours, set())
        if label[ours] == 1 and slices:
            values[name] = int(f"{row['series']}:{row['instance']}" in slices)
            levels[row["study"], name] = "slice"
        else:
            values[name] = label[ours]
            levels[row["study"], name] = "study"
    return values


def _marked(dataset: Dataset) -> dict[str, dict[str, set[str]]]:
    """study -> label -> key slices (`series:instance`) of any reader of the image round, of those that are released."""
    marked: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    released: dict[str, set[str]] = defaultdict(set)
    for row in dataset.records.reads.to_pylist():
        for label, slices in json.loads(row["key_slices"] or "{}").items():
            marked[row["study"]][label].update(slices)
    for row in dataset.records.files.select(["study", "series", "instance"]).to_pylist():
        if row["study"] in marked:
            released[row["study"]].add(f"{row['series']}:{row['instance']}")
    return {study: {label: slices & released[study] for label, slices in own.items()} for study, own in marked.items()}
