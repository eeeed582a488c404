"""Technical parameters of a series under common names (Table 2 of the reference dataset)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median
from typing import Any

from ichset.imaging.geometry import Stack
from ichset.imaging.sources import Header

# makers under their customary names; what is unknown stays as it is written
MAKERS = (
    (re.compile(r"\bge\b|general electric", re.I), "GE Medical Systems"), (re.compile("mobius|neurologica", re.I), "Mobius Imaging"),
    (re.compile("philips", re.I), "Philips"), (re.compile("siemens", re.I), "Siemens"), (re.compile("toshiba|canon", re.I), "Toshiba"),
)  # fmt: skip


def technical_parameters(headers: Sequence[Header], stack: Stack) -> dict[str, Any]:
    """Medians of numbers, the first slice's words; lengths in mm, kVp, mA, tilt in degrees (from the geometry where the tag is silent)."""
    first = headers[0]
    tilt = _middle(headers, "tilt")
    if not tilt and stack.sheared:
        tilt = stack.tilt
    spacing = first["pixel_spacing"]
    return {
        "manufacturer": maker(first["manufacturer"]), "model": first["model"], "kernel": (first["kernel"] or "").split("\\")[0].strip() or None,
        "slice_thickness": _middle(headers, "slice_thickness"), "pixel_spacing": spacing[0] if spacing else None,
        "kvp": _middle(headers, "kvp"), "tube_current": _middle(headers, "tube_current"), "tilt": tilt,
        "rows": _whole(first["rows"]), "columns": _whole(first["columns"]),
    }  # fmt: skip


def maker(name: str | None) -> str | None:
    """The manufacturer's common name."""
    return next((common for pattern, common in MAKERS if name and pattern.search(name)), name)


def _middle(headers: Sequence[Header], column: str) -> float | None:
    values = [header[column] for header in headers if header[column] is not None]
    return float(median(values)) if values else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
