"""The exports against labels, reads and DICOM files: RSNA rows, CQ500 cells, NIfTI geometry and content."""

from __future__ import annotations

import csv
import gzip
import io
import struct
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.masks import check_masks
from ichset.release.audit.report import Check
from ichset.release.audit.tables import key_slices

RSNA = {
    "any": "ich", "epidural": "epidural", "intraparenchymal": "intracerebral", "intraventricular": "intraventricular",
    "subarachnoid": "subarachnoid", "subdural": "subdural",
}  # fmt: skip
CQ500 = {"ICH": "ich", "IPH": "intracerebral", "IVH": "intraventricular", "SDH": "subdural", "EDH": "epidural", "SAH": "subarachnoid",
         "Fracture": "fracture"}  # fmt: skip
TOLERANCE_MM = 1e-3
# (position along the normal, image position, row and column direction, spacing, sum of HU) of one slice
Slice = tuple[float, tuple[float, ...], tuple[float, ...], tuple[float, ...], float]


def check_exports(evidence: Evidence, slices: Mapping[tuple[str, str], list[Slice]], private: Path | None = None) -> Check:
    """Every export that is there; `slices` were taken from the DICOM files."""
    check = Check("exports", "the exports agree with labels, reads and DICOM files")
    _rsna(check, evidence)
    _cq500(check, evidence)
    for row in _csv(evidence, "data/exports/nifti/parts.csv"):
        if row["file"]:
            _nifti(check, evidence, row, sorted(slices.get((row["study"], row["series"]), [])))
    check_masks(check, evidence, private)
    if not any(name.startswith("data/exports/") for name in evidence.files):
        check.skipped = "the release has none"
    return check


def _csv(evidence: Evidence, name: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(evidence.text(name))))


def _rsna(check: Check, evidence: Evidence) -> None:
    rows = _csv(evidence, "data/exports/rsna/labels.csv")
    if not rows:
        return
    labels = {row["study"]: row for row in evidence.rows("labels")}
    marked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in evidence.rows("reads"):
        for label, places in key_slices(read).items():
            marked[read["study"], label].update(places)
    wanted: dict[str, str] = {}
    for row in evidence.rows("instances"):
        own = {}
        for name, label in RSNA.items():
            value, slices = labels.get(row["study"], {}).get(label, ""), marked[row["study"], label]
            own[name] = str(int(f"{row['series']}:{row['instance']}" in slices)) if value == "1" and slices else value
        own["any"] = "1" if "1" in own.values() else own["any"]
        wanted.update({f"ID_{row['sop_uid']}_{name}": value for name, value in own.items() if value != ""})
    found = {row["ID"]: row["Label"] for row in rows}
    check.expect(len(rows), len(wanted), "rsna/labels.csv: rows")
    for name, value in wanted.items():
        check.expect(found.get(name), value, f"rsna/labels.csv: {name}")


def _cq500(check: Check, evidence: Evidence) -> None:
    rows = _csv(evidence, "data/exports/cq500/reads.csv")
    reads = {(row["study"], row["reader"]): row for row in evidence.rows("reads") if row["round"] == "image" and row["role"] == "reader"}
    seen = 0
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


def _nifti(check: Check, evidence: Evidence, row: Row, slices: list[Slice]) -> None:
    """Corners of the volume to 1e-3 mm, and each slice's sum of HU. NIfTI-1 header fields by their offsets."""
    name = row["file"]
    start, count = int(row["first_slice"]), int(row["slices"])
    own = slices[start : start + count]
    try:
        data = gzip.decompress((evidence.release / name).read_bytes())
        shape = struct.unpack_from("<4h", data, 40)
        affine = np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
        offset = int(struct.unpack_from("<f", data, 108)[0])
        voxels = np.frombuffer(data, "<i2", offset=offset, count=int(np.prod(shape[1:]))).reshape(shape[3], shape[2], shape[1])
    except (OSError, EOFError, ValueError, struct.error) as error:
        check.fault(f"{name}: cannot be read as NIfTI ({type(error).__name__})")
        return
    check.expect(shape[3], len(own), f"{name}: slices")
    for index, (_, position, directions, spacing, total) in list(enumerate(own))[: shape[3]]:
        corner = affine @ np.array([shape[1] - 1, shape[2] - 1, index, 1.0])
        dicom = np.array(position) + np.array(directions[:3]) * spacing[1] * (shape[1] - 1) + np.array(directions[3:]) * spacing[0] * (shape[2] - 1)
        check.looked_at += 2
        if (
            np.abs(corner - dicom * (-1, -1, 1)).max() > TOLERANCE_MM
            or np.abs(affine @ [0, 0, index, 1] - np.array(position) * (-1, -1, 1)).max() > TOLERANCE_MM
        ):
            check.fault(f"{name}, slice {index + 1}: lies elsewhere than in the DICOM files")
        if abs(float(voxels[index].sum(dtype=np.int64)) - total) > 0.5:
            check.fault(f"{name}, slice {index + 1}: other values than in the DICOM files")
