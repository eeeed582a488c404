"""Masks that came with the studies (haematoma, midline, ventricles), carried through: voxels and geometry unchanged, words gone.

They lie under `<work>/masks/<study>/<name>.nii[.gz]` or beside the retrieved series; a NIfTI header has free text (description,
intent, database name, extensions) that may name a patient, so the header is written anew from geometry alone.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ichset.errors import ConfigError, GateFailed
from ichset.release.dataset import Dataset
from ichset.release.tablefiles import write_csv

KINDS = {
    "haematoma": r"h(a)?ematoma|h(a)?emorrhage|ich|blood|bleed|lesion|гематом", "midline": r"mid[-_ ]?line|средин",
    "left-ventricle": r"left[-_ ]?(lateral[-_ ]?)?ventricle|lv\b|vl\b",
    "right-ventricle": r"right[-_ ]?(lateral[-_ ]?)?ventricle|rv\b|vr\b",
}  # fmt: skip
SUFFIXES = (".nii", ".nii.gz")


def write(dataset: Dataset) -> None:
    """data/exports/masks/<study>/<kind>[-n].nii.gz and masks.csv: kind, voxels set, labels in it, shape."""
    folder = dataset.bag / "data" / "exports" / "masks"
    folder.mkdir(parents=True)
    rows = []
    for study in dataset.records.studies["study"].to_pylist():
        taken: dict[str, int] = {}
        for path in mask_files(dataset.work, study):
            kind = kind_of(path.name)
            taken[kind] = taken.get(kind, 0) + 1
            name = f"{kind}.nii.gz" if taken[kind] == 1 else f"{kind}-{taken[kind]}.nii.gz"
            (folder / study).mkdir(exist_ok=True)
            rows.append({"study": study, "kind": kind, "file": f"data/exports/masks/{study}/{name}", **_carry(path, folder / study / name)})
    kinds = {"study": pa.string(), "kind": pa.string(), "file": pa.string(), "shape": pa.string(), "values": pa.string()}
    names = ("study", "kind", "file", "shape", "values", "voxels")
    write_csv(pa.Table.from_pylist(rows, pa.schema([(name, kinds.get(name, pa.int64())) for name in names])), folder / "masks.csv")


def mask_files(work: Path, study: str) -> list[Path]:
    """The study's mask files on the private side, in a stable order."""
    places = [work / "masks" / study, work / "retrieved" / study]
    return [path for place in places if place.is_dir() for path in sorted(place.rglob("*")) if path.name.lower().endswith(SUFFIXES)]


def kind_of(name: str) -> str:
    """What a mask shows, from its file's name; `mask` when the name does not say. The name itself is never released."""
    stem = re.sub(r"\.nii(\.gz)?$", "", name.lower())
    return next((kind for kind, pattern in KINDS.items() if re.search(rf"(^|[^a-zа-я])({pattern})", stem)), "mask")


def _carry(source: Path, target: Path) -> dict[str, object]:
    try:
        import nibabel
    except ImportError:
        raise ConfigError('release.exports: "masks" needs the extra: pip install "ichset[nifti]"') from None
    try:
        image: Any = nibabel.load(source)
        voxels = np.asarray(image.dataobj)
    except Exception:  # any broken file: the reader's own errors may quote the path
        raise GateFailed(f"a mask of study {target.parent.name} cannot be read as NIfTI; take it out or mend it") from None
    fresh = nibabel.Nifti1Image(voxels, None, nibabel.Nifti1Header())
    fresh.header.set_data_dtype(voxels.dtype)
    fresh.header.set_xyzt_units("mm")
    fresh.header["pixdim"] = image.header["pixdim"]
    for name in ("sform", "qform"):
        matrix, code = getattr(image, f"get_{name}")(coded=True)
        getattr(fresh, f"set_{name}")(matrix, code=int(code))
    target.write_bytes(gzip.compress(fresh.to_bytes(), compresslevel=6, mtime=0))
    values = ", ".join(f"{value:g}" for value in np.unique(voxels)[:16])
    return {"shape": "x".join(map(str, voxels.shape)), "values": values, "voxels": int(np.count_nonzero(voxels))}
