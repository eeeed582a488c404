"""Class balance as in Klepl's study: p(H), p(H | any), inverse-size weights, and an undersampling of the normals."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from ichset.contracts import LABELS


def class_balance(labels: pa.Table) -> pa.Table:
    """Per label over the studies where it is known: p(H), p(H | any haemorrhage), weights n / (2 n_class)."""
    ich = labels["ich"].to_pylist()
    rows = []
    for label in LABELS:
        values = labels[label].to_pylist()
        present, absent = values.count(1), values.count(0)
        known = present + absent
        bleeding = [value for value, any_ich in zip(values, ich, strict=True) if any_ich == 1 and value is not None]
        rows.append({
            "label": label, "present": present, "absent": absent,
            "p": _share(present, known), "p_given_any": _share(sum(bleeding), len(bleeding)),
            "weight_present": _share(known, 2 * present), "weight_absent": _share(known, 2 * absent),
        })  # fmt: skip
    counts = [("label", pa.string()), ("present", pa.int64()), ("absent", pa.int64())]
    shares = [(name, pa.float64()) for name in ("p", "p_given_any", "weight_present", "weight_absent")]
    return pa.Table.from_pylist(rows, pa.schema([*counts, *shares]))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def undersampled(labels: pa.Table, seed: int) -> pa.Array:
    """1 for every study that belongs to a balanced subset: all of the smaller class, as many of the larger, drawn by a seeded hash."""
    studies, ich = labels["study"].to_pylist(), labels["ich"].to_pylist()
    classes = {value: [study for study, mark in zip(studies, ich, strict=True) if mark == value] for value in (0, 1)}
    size = min(len(members) for members in classes.values())
    kept: set[str] = set()
    for members in classes.values():
        kept.update(sorted(members, key=lambda study: _rank(seed, study))[:size])
    return pa.array([int(study in kept) for study in studies], pa.int8())


def _rank(seed: int, study: str) -> bytes:
    return hashlib.sha256(f"undersample {seed} {study}".encode()).digest()
