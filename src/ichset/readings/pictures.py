"""Which pictures a key slice was marked on: a study retrieved anew may hold another series under the same number.

A round knows a fingerprint of every series (study -> series ordinal -> fingerprint); a decision carries those of the series
in which it marks slices. Where they differ the decision stands no longer, and its reader is asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ichset.readings.decision import Decision

Pictures = Mapping[str, Mapping[str, str]]
_SAME = ("series_uid", "instances", "description", "phase", "kernel", "slice_thickness", "slice_spacing", "pixel_spacing", "rows", "columns")


def fingerprint(series: Mapping[str, Any]) -> str:
    """Of a row of the series table: its UID and what tells the parts of a split series from one another."""
    text = json.dumps([series[key] for key in _SAME], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamped(decision: Decision, shown: Mapping[str, str]) -> Decision:
    """The decision with the fingerprints of the series it marks, of all that were shown."""
    pictures = {series: shown[series] for series in sorted(_marked(decision)) if series in shown}
    return replace(decision, pictures=pictures)


def changed(decision: Decision, pictures: Pictures) -> bool:
    """Whether a series that this decision marks is another one by now, or gone."""
    now = pictures.get(decision.study)
    return now is not None and any(now.get(series) != was for series, was in decision.pictures.items())


def _marked(decision: Decision) -> set[str]:
    return {reference.partition(":")[0] for reference in references(decision)}


def references(decision: Decision) -> Iterable[str]:
    """Every key slice, `series:slice`."""
    return (one for marked in decision.key_slices.values() for one in marked)
