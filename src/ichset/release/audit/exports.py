"""The exports against labels, reads and DICOM files: RSNA rows, CQ500 cells, NIfTI geometry and content."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from ichset.release.audit.bio import check_bio
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.masks import check_masks
from ichset.release.audit.nifti import Slice, check_nifti, is_volume, png_names
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
        _tiled(check, parts, slices)
    check_bio(check, evidence)
    check_masks(check, evidence, private)
    if not any(name.startswith("data/exports/") for name in evidence.files):
        check.skipped = "the release has none"
    return check


def _tiled(check: Check, parts: list[Row], slices: Mapping[tuple[str, str], list[Slice]]) -> None:
    """The parts of a series are all its slices, one after the other; only what is no volume has no file."""
    own: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in parts:
        own[row["study"], row["series"]].append(row)
    check.expect(len({bool(row["windows"]) for row in parts if row["file"]}) <= 1, True, "nifti/parts.csv: PNG windows of all series or of none")
    for key, rows in own.items():
        if [row["file"] for row in rows] == [""]:
            check.expect(is_volume(slices.get(key, [])), False, f"nifti/parts.csv, {'/'.join(key)}: a volume without a file")
            continue
        spans = sorted((int(row["first_slice"]), int(row["slices"])) for row in rows)
        check.expect([start for start, _ in spans], [sum(count for _, count in spans[:place]) for place in range(len(spans))],
                     f"nifti/parts.csv, {'/'.join(key)}: where the parts begin")  # fmt: skip
        check.expect(sum(count for _, count in spans), len(slices.get(key, [])), f"nifti/parts.csv, {'/'.join(key)}: slices")


def export_files(evidence: Evidence) -> set[str]:
    """Every file that the exports may hold, by their own lists."""
    parts = [row for row in _csv(evidence, "data/exports/nifti/parts.csv") if row.get("file")]
    windows = {name for row in parts for name, _, _ in png_names(row)}
    masks = {row.get("file", "") for row in _csv(evidence, "data/exports/masks/masks.csv")}
    return {*(f"data/exports/{name}" for name in FIXED), *(row["file"] for row in parts), *windows, *masks}


def _csv(evidence: Evidence, name: str) -> list[Row]:
    return list(_lines(evidence, name))


def _lines(evidence: Evidence, name: str) -> Iterator[Row]:
    if name in evidence.files:
        with (evidence.release / name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def _rsna(check: Check, evidence: Evidence) -> None:
    if not any(name.startswith("data/exports/rsna/") for name in evidence.files):
        return
    instances, marked = evidence.rows("instances"), _marked(evidence)
    labels = {row["study"]: row for row in evidence.rows("labels")}
    levels = {
        f"{study} {name}": "slice" if labels.get(study, {}).get(label) == "1" and marked.get((study, label)) else "study"
        for study in set(instances.column("study"))
        for name, label in RSNA.items()
    }
    shown = {f"{row['study']} {row['subtype']}": row["level"] for row in _csv(evidence, "data/exports/rsna/level.csv")}
    check.expect(shown == levels, True, "rsna/level.csv tells where labels are a slice's and where a study's")
    wanted = {row["sop_uid"]: sys.intern(_image(row, labels.get(row["study"], {}), marked)) for row in instances}
    _rsna_rows(check, evidence, wanted)


def _marked(evidence: Evidence) -> dict[tuple[str, str], set[str]]:
    """(study, label) -> slices that a reader marked for it, of those that are released."""
    marked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in evidence.rows("reads"):
        for label, places in key_slices(read).items():
            marked[read["study"], label].update(places)
    studies = {study for study, _ in marked}
    released: dict[str, set[str]] = defaultdict(set)
    for row in evidence.rows("instances"):
        if row["study"] in studies:
            released[row["study"]].add(f"{row['series']}:{row['instance']}")
    return {key: places & released[key[0]] for key, places in marked.items()}


def _image(row: Row, labels: Row, marked: Mapping[tuple[str, str], set[str]]) -> str:
    """What an image's six rows say, one sign a subtype in the order of RSNA: 1, 0, or a dash where there is no row."""
    signs = []
    for label in RSNA.values():
        value, slices = labels.get(label, ""), marked.get((row["study"], label))
        signs.append(str(int(f"{row['series']}:{row['instance']}" in slices)) if value == "1" and slices else value or "-")
    return "".join(["1" if "1" in signs else signs[0], *signs[1:]])


def _rsna_rows(check: Check, evidence: Evidence, wanted: Mapping[str, str]) -> None:
    """Line by line: a cohort has millions."""
    seen: dict[str, int] = defaultdict(int)
    places = {name: place for place, name in enumerate(RSNA)}
    for row in _lines(evidence, "data/exports/rsna/labels.csv"):
        image, _, name = row["ID"].removeprefix("ID_").rpartition("_")
        place = places.get(name, -1)
        check.expect(row["Label"], wanted[image][place] if image in wanted and place >= 0 else None, f"rsna/labels.csv: {row['ID']}")
        check.expect(seen[image] >> (place + 1) & 1, 0, f"rsna/labels.csv: earlier rows of {row['ID']}")
        seen[image] |= 1 << (place + 1)
    for image, signs in wanted.items():
        rows = sum(2 << place for place, sign in enumerate(signs) if sign != "-")
        check.expect(seen.get(image, 0), rows, f"rsna/labels.csv: which rows {image} has, as bits")


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
