"""Which reports are of a CT of the brain: decided on whole columns, the cheapest column first.

The text is asked only where modality, body part and title leave the question open, which in a
hospital's export is seldom.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.reports.brain_phrases import brain_in_lower_case, brain_pattern

# RE2 reads (?i) over Cyrillic; a word border is spelt out, since its \b knows ASCII alone.
_START, _END = r"(?:^|[^а-яёa-z])", r"(?:$|[^а-яёa-z])"
_CT = rf"(?i)(?:{_START}(?:[мр]?с?кт|[mp]?s?ct|cта|кта|cta|кт-а|ckt|скт|мскт|мдкт)(?:$|[^а-яёa-z])|томогра|tomogra)"
_OTHER_MODALITY = r"(?i)(?:магнитно|magnet|[^а-яёa-z]?мрт|mri(?:$|[^a-z])|(?:^|[^a-z])mr(?:$|[^a-z])|пэт|уз[ид]|рентген|ультразв|ultraso|x-?ray)"
# Names of the head as a body part or in a title. Face, sinuses, orbits and spine alone are not the brain.
_HEAD = (
    r"(?i)(?:головн\S*\s+мозг|мозга(?:$|[^а-яё])|голов[аыеу](?:$|[^а-яё])|череп|нейрокраниум|внутричереп|инсульт"
    r"|(?:^|[^а-яёa-z])г\.?\s?м\.?(?:$|[^а-яёa-z])|(?:^|[^а-яёa-z])огм(?:$|[^а-яёa-z])|brain|head|skull|cranial|cranium|neuro(?:$|\s)|cerebr|stroke)"
)
_NOT_HEAD = (
    r"(?i)(?:спинн\S*\s+мозг|костн\S*\s+мозг|лицев\S+\s+(?:отдел\S*\s+)?череп|головк|головок|краниовертебр|"
    r"head\s+of\s+(?:the\s+)?(?:femur|humerus|pancreas|radius)|(?:femoral|humeral|radial)\s+head|facial)"
)
_MRI_TITLE = r"(?i)(?:магнитно|мрт|mri)"
_MRI_TEXT = r"(?i)(?:магнитно-резонанс|мрт|(?:^|\s)t[12](?:-?вi|-?ви|w|-взв)|flair|dwi|magnetic resonance|mri of)"
_MRI_WORDS = ("магнитно", "мрт", "t1", "t2", "flair", "dwi", "magnetic", "mri")
_SOME_REGION = (
    r"(?i)(?:груд|живот|брюш|таз|позвон|конечн|сустав|пазух|орбит|глазниц|шеи|шея|шейн|лёгк|легк|почек|почк|печен|сердц|коронар|аорт|челюст|височн|колен"
    r"|chest|thora|abdom|pelvi|spine|spinal|lung|neck|sinus|orbit|knee|hip|extrem|cardiac|heart|coronar|kidney|liver|facial|temporal|joint)"
)


_COLUMNS = ("modality", "body_part", "title", "description", "conclusion")
_FEW = 8  # rows


def is_brain_ct(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Boolean, one a row, never null. `columns`: modality, body_part, title, description, conclusion as strings."""
    if len(columns["title"]) <= _FEW:
        reports = zip(*(_readable(columns[name]) for name in _COLUMNS), strict=True)
        return pa.array([is_brain_ct_report(*report) for report in reports], pa.bool_())
    modality, part, title = (columns[name].dictionary_encode() for name in ("modality", "body_part", "title"))
    possible = _possible_modality(modality, title)
    by_name = pc.or_(_names_head(title), _names_head(part))
    elsewhere = pc.or_(_has(title, _SOME_REGION + "|" + _NOT_HEAD), _has(part, r"\S"))
    brain = pc.and_(possible, by_name)
    rows = np.flatnonzero(pc.and_(possible, pc.invert(pc.or_(by_name, elsewhere))).to_numpy(zero_copy_only=False))
    if not len(rows):
        return brain
    found = brain.to_numpy(zero_copy_only=False).copy()
    found[rows] = _text_of_brain_ct([columns[name].take(pa.array(rows)) for name in ("description", "conclusion")])
    return pa.array(found)


def _readable(values: pa.Array) -> list[str]:
    """Strings whatever their bytes: ingestion asks before it has turned bad bytes away."""
    raw = pa.Array.from_buffers(pa.binary(), len(values), values.buffers(), offset=values.offset)
    return [(value or b"").decode("utf-8", "replace") for value in raw.to_pylist()]


def is_brain_ct_report(modality: str, body_part: str, title: str, description: str, conclusion: str) -> bool:
    """The same decision on one report: a pattern compiled once costs less here than a column's."""
    stated = _found(r"\S", modality)
    if stated and (not _found(_CT, modality) or _found(_MRI_TITLE, title)):
        return False
    if not stated and not _found(_CT, title) and _found(_OTHER_MODALITY, title):
        return False
    if any(_found(_HEAD, _python(_NOT_HEAD).sub(" ", name)) for name in (title, body_part)):
        return True
    if _found(_SOME_REGION, title) or _found(_NOT_HEAD, title) or _found(r"\S", body_part):
        return False
    texts = (description.lower(), conclusion.lower())
    return any(brain_in_lower_case().search(text) for text in texts) and not any(_is_mri(text) for text in texts)


def _is_mri(lower: str) -> bool:
    """A text without these words is not searched further: a caseless pattern is slow."""
    return any(word in lower for word in _MRI_WORDS) and _found(_MRI_TEXT, lower)


def _found(pattern: str, text: str) -> bool:
    return _python(pattern).search(text) is not None


@cache
def _python(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII if pattern == r"\S" else 0)


def _possible_modality(modality: pa.DictionaryArray, title: pa.DictionaryArray) -> pa.Array:
    """CT by its modality; without one, whatever does not call itself something else."""
    unstated = pc.or_(_has(title, _CT), pc.invert(_has(title, _OTHER_MODALITY)))
    stated = pc.and_(_has(modality, _CT), pc.invert(_has(title, _MRI_TITLE)))
    return pc.if_else(_has(modality, r"\S"), stated, unstated)


def _names_head(values: pa.DictionaryArray) -> pa.Array:
    rest = pc.replace_substring_regex(values.dictionary, _NOT_HEAD, " ")
    return _has(pa.DictionaryArray.from_arrays(values.indices, rest), _HEAD)


def _text_of_brain_ct(texts: Sequence[pa.Array]) -> np.ndarray:
    """The text alone decides: it describes the brain, and not as an MRI."""
    found = [[pc.match_substring_regex(each, pattern).fill_null(False) for each in texts] for pattern in (brain_pattern(), _MRI_TEXT)]
    brain, mri = (pc.or_(*masks).to_numpy(zero_copy_only=False) for masks in found)
    return brain & ~mri


def _has(values: pa.DictionaryArray, pattern: str) -> pa.Array:
    """Titles and modalities repeat: each distinct value is asked once. Nulls do not match."""
    return pc.match_substring_regex(values.dictionary, pattern).take(values.indices).fill_null(False)
