"""Questions that may be asked of an archive, and answers held against them: servers do answer with other patients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ichset.imaging.sources import Located, Request

UID = re.compile(r"[0-9]{1,62}(\.[0-9]{1,62}){1,30}")


def is_uid(value: Any) -> bool:
    """Digits and dots, at most 64 (PS3.5 9.1; leading zeros of a component occur in practice)."""
    return isinstance(value, str) and len(value) <= 64 and UID.fullmatch(value) is not None


def askable(request: Request, lookup: str) -> dict[str, str] | None:
    """The question's keys and values; None when the report lacks one, or it would match more than itself."""
    keys = {"study_uid": ["study_uid"], "accession": ["accession"], "patient_date": ["patient_id", "study_date"]}[lookup]
    question = {key: getattr(request, key).strip() for key in keys}
    if not all(question.values()) or any(_is_pattern(value) for value in question.values()):
        return None
    if lookup == "study_uid" and not is_uid(question["study_uid"]):
        return None
    return question


def _is_pattern(value: str) -> bool:
    """Wildcards, lists and control characters: * ? \\ of DIMSE, the comma of QIDO-RS lists."""
    return len(value) > 64 or any(character in "*?\\," or not character.isprintable() for character in value)


def answering(question: Mapping[str, str], found: Iterable[Located]) -> list[Located]:
    """The studies whose values are those asked for; a key the server leaves out is told by the instances later."""
    fitting = {
        one for one in found
        if is_uid(one.study_uid) and all((getattr(one, key) or "").strip() in ("", value) for key, value in question.items())
    }  # fmt: skip
    return sorted(fitting)


def fits(header: Mapping[str, Any], request: Request, lookup: str) -> bool:
    """Whether one instance is of the study asked for; what it does not say is not held against it."""
    question = askable(request, lookup) or {}
    return all((header[key] or "").strip() in ("", value) for key, value in question.items())
