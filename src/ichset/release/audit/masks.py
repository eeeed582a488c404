"""The exported masks: each counted again, and, with the private side, each equal to the mask that came with its study.

NIfTI-1 fields are read by their offsets, so that the reader is another one than the writer's.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import struct
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

FOLDER = "data/exports/masks/"
# NIfTI-1 datatype codes of whole numbers and plain floats
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
STEMS = ("hematoma", "haematoma", "hemorrhage", "haemorrhage", "bleed", "blood", "lesion", "гематом")
BROKEN = (OSError, EOFError, ValueError, KeyError, struct.error)


def check_masks(check: Check, evidence: Evidence, private: Path | None) -> None:
    """masks.csv against the files below data/exports/masks/ and, where they can be seen, against the masks before release."""
    rows = list(csv.DictReader(io.StringIO(evidence.text(f"{FOLDER}masks.csv"))))
    present = sorted(name for name in evidence.files if name.startswith(FOLDER) and not name.endswith("/masks.csv"))
    check.expect(sorted(row["file"] for row in rows), present, "masks.csv: files")
    studies = {row["study"] for row in evidence.rows("studies")}
    released: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        check.expect((row["study"] in studies, row["file"].split("/")[3:4]), (True, [row["study"]]), f"{row['file']}: its study")
        try:
            data = gzip.decompress((evidence.release / row["file"]).read_bytes())
            voxels, digest = _mask(data)
            beyond = len(data) - 352 - int(np.prod(voxels.shape)) * struct.unpack_from("<h", data, 72)[0] // 8  # bytes, header, bits a voxel
        except BROKEN as error:
            check.fault(f"{row['file']}: cannot be read as NIfTI ({type(error).__name__})")
            continue
        released[row["study"]][f"{row['kind']} {digest}"] += 1
        check.expect(row["file"].split("/")[-1].split(".")[0].rstrip("-0123456789"), row["kind"], f"{row['file']}: named after its kind")
        check.expect(beyond, 0, f"{row['file']}: bytes beyond the voxels")
        found = {"shape": "x".join(map(str, voxels.shape)), "voxels": str(np.count_nonzero(voxels)),
                 "values": ", ".join(f"{value:g}" for value in np.unique(voxels)[:16])}  # fmt: skip
        check.expect({name: row[name] for name in found}, found, f"{row['file']}: shape, voxels set, values")
    if private is not None and evidence.text(f"{FOLDER}masks.csv"):
        gone = 0
        for study in sorted(studies):
            if (sources := _sources(private, study)) is None:
                gone += 1
            else:
                check.expect(released[study] == sources, True, f"masks of {study} are those that came with it")
        if gone:
            check.notes.append(f"the retrieved files of {gone} studies are no longer kept: their masks cannot be compared with their sources")


def _sources(private: Path, study: str) -> Counter[str] | None:
    """The masks that came with a study; None when a hospital has cleared its retrieved files away, as it may."""
    folders = (private / "masks" / study, private / "retrieved" / study)
    if not any(folder.is_dir() for folder in folders):
        return None
    found: Counter[str] = Counter()
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.name.lower().endswith((".nii", ".nii.gz")):
                try:
                    found[f"{_kind(path.name)} {_mask(path.read_bytes())[1]}"] += 1
                except BROKEN:
                    found["unreadable"] += 1
    return found


def _kind(name: str) -> str:
    """What a mask's file says that it shows."""
    words = re.split(r"[^a-zа-яё]+", name.lower())
    if any(word.startswith(STEMS) or word in ("ich", "blood", "bleed", "lesion") for word in words):
        return "haematoma"
    text = "-".join(words)
    if "mid-line" in text or any(word.startswith(("midline", "средин")) for word in words):
        return "midline"
    for side, short in (("left", ("lv", "vl")), ("right", ("rv", "vr"))):
        if re.search(rf"(^|-){side}-?(lateral-?)?ventricle", text) or any(word in short for word in words):
            return f"{side}-ventricle"
    return "mask"


def _mask(data: bytes) -> tuple[np.ndarray[Any, Any], str]:
    """Voxels (x, y, z[, ...]) after scaling, and a digest of them with the place they lie in (sform or qform, mm)."""
    raw = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    order = "<" if struct.unpack_from("<i", raw)[0] == 348 else ">"
    dims = struct.unpack_from(f"{order}8h", raw, 40)
    shape = dims[1 : dims[0] + 1]
    kind, offset = TYPES[struct.unpack_from(f"{order}h", raw, 70)[0]], int(struct.unpack_from(f"{order}f", raw, 108)[0])
    voxels = np.frombuffer(raw, order + kind, int(np.prod(shape)), offset).reshape(shape, order="F")
    slope, intercept = struct.unpack_from(f"{order}2f", raw, 112)
    if np.isfinite(slope) and slope != 0 and (slope, intercept) != (1, 0):
        voxels = voxels * float(slope) + float(intercept)
    qform, sform = struct.unpack_from(f"{order}2h", raw, 252)
    place = np.array(struct.unpack_from(f"{order}18f", raw, 256), "<f8")
    place = place[6:] if sform else place[:6] if qform else place[:0]
    return voxels, hashlib.sha256(repr(shape).encode() + voxels.astype("<f8").tobytes("F") + np.round(place, 4).tobytes()).hexdigest()
