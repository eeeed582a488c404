"""Masks that came with a study (NIfTI: haematoma, midline, ventricles): taken along unchanged, each with a record.

They lie beside the series in a folder archive, or are named in the report export. A named path is somebody's text: it is
taken only as a relative path that stays below the configured folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KINDS = (
    ("left-ventricle", r"left[-_ ]?(lateral[-_ ]?)?ventric|\bl(lv|v)\b|\bvl\b|лев\w*[-_ ]?(боков\w*[-_ ]?)?желуд"),
    ("right-ventricle", r"right[-_ ]?(lateral[-_ ]?)?ventric|\br(lv|v)\b|\bvr\b|прав\w*[-_ ]?(боков\w*[-_ ]?)?желуд"),
    ("midline", r"mid[-_ ]?line|средин"),
    ("haematoma", r"ha?ematom|ha?emorrh|\bich\b|blood|bleed|lesion|гематом|кров"),
)
SUFFIX = re.compile(r"\.nii(\.gz)?$", re.I)
LARGEST = 1 << 30  # bytes


def kind_of(name: str) -> str:
    """What a mask shows, by the words of its file's name; `mask` when they do not say."""
    stem = SUFFIX.sub("", name.lower()).replace("_", " ")
    return next((kind for kind, pattern in KINDS if re.search(pattern, stem)), "mask")


def named(listed: str, root: Path | None) -> tuple[list[Path], int]:
    """The files that a report names (separated by ; | or line ends), and how many names lead to none."""
    names = [name.strip() for name in re.split(r"[;|\n]", listed) if name.strip()]
    found = [path for name in names if (path := _below(name, root)) is not None]
    return found, len(names) - len(found)


def _below(name: str, root: Path | None) -> Path | None:
    if root is None or "\0" in name or not SUFFIX.search(name):
        return None
    try:
        path = (root / name.replace("\\", "/")).resolve()
        return path if path.is_relative_to(root.resolve()) and path.is_file() else None
    except OSError:  # a name longer than the file system allows, or a loop of links
        return None


def take(paths: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """Copy the masks to `folder` as <kind>-<n>.nii[.gz]; a record each: file, kind, bytes, sha256 of what was copied."""
    records: list[dict[str, Any]] = []
    count: dict[str, int] = {}
    for path in sorted(set(paths)):
        if path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in {record["sha256"] for record in records}:
            continue  # beside the series and named as well
        kind = kind_of(path.name)
        count[kind] = count.get(kind, 0) + 1
        suffix = ".nii.gz" if path.name.lower().endswith(".gz") else ".nii"
        target = folder / f"{kind}-{count[kind]}{suffix}"
        folder.mkdir(mode=0o700, exist_ok=True)
        target.write_bytes(data)
        records.append({"file": target.name, "kind": kind, "bytes": len(data), "sha256": digest})
    return records
