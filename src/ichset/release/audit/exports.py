"""The exports against labels, reads and DICOM files: RSNA rows, CQ500 cells, NIfTI geometry and content."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from ichset.release.audit.bio import check_bio
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.masks import check_masks
from ichset.release.audit.nifti import Slice, check_nifti, png_names
from ichset.release.audit.report import Check
from ichset.release.audit.tables import key_slices

RSNA = {
    "any": "ich", "epidural": "epidural", "intraparenchymal": "intracerebral", "intraventricular": "intraventricular",
    "subarachnoid": "subarachnoid", "subdural": "subdural",
}  # fmt: skip
CQ500 = {"ICH": "ich", "IPH": "intracerebral", "IVH": "intraventricular", "SDH": "subdural", "EDH": "epidural", "SAH": "subarachnoid",
         "Fracture": "fracture"}  # fmt: skip
FIXED = ("rsna/labels.csv", "rsna/level.csv", "cq500/reads.csv", "nifti/parts.csv", "masks/masks.csv", "bio/reports.bio", "bio/spans.jsonl",
         "bio/counts.json")  # fmt: skip


def check_exports(evidence: Evidence, slices: Mapping[tuple[str, str], list[Slice]], private: Path | None = None) -> Check:
    """Every export that is there; `slices` were taken from the DICOM files."""
    check = Check("exports", "the exports agree with labels, reads and DICOM files")
    _rsna(check, evidence)
    _cq500(check, evidence)
    parts = _csv(evidence, "data/exports/nifti/parts.csv")
    for row in parts:
        if row["file"]:
            check_nifti(check, evidence, row, sorted(slices.get((row["study"], row["series"]), [])))
    if parts:
        series = {(row["study"], row["series"]) for row in evidence.rows("series")}
        check.expect({(row["study"], row["series"]) for row in parts}, series, "nifti/parts.csv: series")
    check_bio(check, evidence)
    check_masks(check, evidence, private)
    if not any(name.startswith("data/exports/") for name in evidence.files):
        check.skipped = "the release has none"
    return check


def export_files(evidence: Evidence) -> set[str]:
    """Every file that the exports may hold, by their own lists."""
    parts = [row for row in _csv(evidence, "data/exports/nifti/parts.csv") if row.get("file")]
    windows = {name for row in parts for name, _, _ in png_names(row)}
    masks = {row.get("file", "") for row in _csv(evidence, "data/exports/masks/masks.csv")}
    return {*(f"data/exports/{name}" for name in FIXED), *(row["file"] for row in parts), *windows, *masks}


def _csv(evidence: Evidence, name: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(evidence.text(name))))


def _rsna(check: Check, evidence: Evidence) -> None:
    rows = _csv(evidence, "data/exports/rsna/labels.csv")
    if not any(name.startswith("data/exports/rsna/") for name in evidence.files):
        return
    labels = {row["study"]: row for row in evidence.rows("labels")}
    marked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in evidence.rows("reads"):
        for label, places in key_slices(read).items():
            marked[read["study"], label].update(places)
    wanted: dict[str, str] = {}
    levels: dict[str, str] = {}
    for row in evidence.rows("instances"):
        own = {}
        for name, label in RSNA.items():
            value, slices = labels.get(row["study"], {}).get(label, ""), marked[row["study"], label]
            levels[f"{row['study']} {name}"] = "slice" if value == "1" and slices else "study"
            own[name] = str(int(f"{row['series']}:{row['instance']}" in slices)) if value == "1" and slices else value
        own["any"] = "1" if "1" in own.values() else own["any"]
        wanted.update({f"ID_{row['sop_uid']}_{name}": value for name, value in own.items() if value != ""})
    found = {row["ID"]: row["Label"] for row in rows}
    shown = {f"{row['study']} {row['subtype']}": row["level"] for row in _csv(evidence, "data/exports/rsna/level.csv")}
    check.expect(shown == levels, True, "rsna/level.csv tells where labels are a slice's and where a study's")
    check.expect(len(rows), len(wanted), "rsna/labels.csv: rows")
    for name, value in wanted.items():
        check.expect(found.get(name), value, f"rsna/labels.csv: {name}")


def _cq500(check: Check, evidence: Evidence) -> None:
    rows = _csv(evidence, "data/exports/cq500/reads.csv")
    reads = {(row["study"], row["reader"]): row for row in evidence.rows("reads") if row["round"] == "image" and row["role"] == "reader"}
    seen = 0
    splits = {row["study"]: row["split"] for row in evidence.rows("studies")}
    if any(name.startswith("data/exports/cq500/") for name in evidence.files):
        check.expect({row["name"]: row["Category"] for row in rows} == splits, True, "cq500/reads.csv: studies and their splits")
    for row in rows:
        for number in range(1, 20):
            reader = row.get(f"R{number}:reader") or ""
            if reader:
                seen += 1
                for name, label in CQ500.items():
                    check.expect(
                        row[f"R{number}:{name}"],
                        reads.get((row["name"], reader), {}).get(label),
                        f"cq500/reads.csv: {row['name']} R{number} {name}",
                    )
    if rows:
        check.expect(seen, len(reads), "cq500/reads.csv: reads")
