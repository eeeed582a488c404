"""Which reports are of a CT of the brain: decided on whole columns, the cheapest column first.

The text is asked only where modality, body part and title leave the question open, which in a
hospital's export is seldom.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.reports.brain_phrases import study_pattern

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
# A text of an MRI opens as one, or speaks of signal and never of density; advice to have an MRI is none.
_MRI_OPENS = r"(?i)^[^а-яёa-z]*(?:(?:протокол|исследование|описание|заключение)[^а-яёa-z]*)?(?:мрт|мр[- ]|магнитно|mri|mr |magnetic)"
_MRI_SIGNAL = (
    r"(?i)(?:(?:гипер|гипо|изо)интенсивн|мр-?\s?сигнал|(?:^|\s)t[12](?:-?в|-?w|-взв|\s?flair)|взвешенн\S*\s+изображ|(?:hyper|hypo|iso)intens"
    r"|signal\s+intensity|restricted\s+diffusion|flair\s+(?:hyper|signal))"
)
_DENSITY = r"(?i)(?:плотност|денс\S*н|\d\s*(?:hu|ед)|(?:^|[^а-яё])[мр]?с?кт(?:$|[^а-яё])|dens(?:e|ity)|attenuat|(?:^|[^a-z])ct(?:$|[^a-z]))"
READ = 20_000  # characters of a section that are asked for the region: more than any report has
OPENING = 150  # characters in which a text names its study; what it advises comes later
_NO_BRAIN = r"(?i)(?:спинн\S*|костн\S*)\s+мозг\S*"
_NOT_SCANNED = (
    r"(?i)(?:(?:голова|мозг|череп)\s+(?:в\S*\s+)?(?:не\s+(?:вош|включ|скан|исслед|попад)|вне\s+пол)"
    r"|(?:head|brain)\s+(?:was\s+|is\s+)?(?:not\s+(?:includ|imaged|scanned)|excluded)|no\s+(?:head|brain)\s+imaging)"
)
# Blood with no other part of the body in the text: reports of head CT seldom say so.
_BLOOD = r"(?i)(?:кровоизлиян|геморраг|тромболи|h[a]?emorrhag|bleed)"
_BODY = (
    r"(?i)(?:груд|живот|брюш|таз(?:$|[^а-яё]|а|о)|позвон|конечн|сустав|л[её]гки[хе]|л[её]гочн|почек|почк|печен|сердц|коронар|аорт|кишеч|желудк|матк|мышц"
    r"|chest|thora|abdom|pelvi|spine|spinal|lung|pulmon|alveol|knee|hip(?:$|[^a-z])|cardiac|heart|coronar|kidney|renal|liver|hepat|bowel|retroperiton|muscle|joint)"
)
_HEAD_CT = (
    r"(?i)(?:(?:кт|томогра\S*|исследовани\S*)\s+(?:[^\s.]+\s+){0,3}?(?:головн|головы|мозг|череп|г/?м)|голов\S*\s+и\s+ше|\sи\s+головн"
    r"|(?:скан\S*|кт\s*:|томограмм\S*)\s+(?:[^\s.]+\s+){0,2}?(?:голов|гм(?:$|[^а-яё])|череп)"
    r"|(?:^|[\s.;!])(?:голова|гм|мозг|череп|головной мозг|head|brain)\s*:|гм\s?[+,]|[+]\s?гм(?:$|[^а-яё])"
    r"|(?:and|[+&,/]|plus)\s*(?:the\s+)?(?:head|brain)(?:$|[^a-z])|(?:head|brain)\s*(?:[+&,/]|plus)|(?:head|brain|cranial|skull)\s+(?:ct|and)"
    r"|ct\s+(?:of\s+the\s+)?(?:head|brain|cranium|skull)|(?:^|[^а-яё])кт\s+(?:в связи|по поводу|вместо|взамен|после|для уточн)"
    r"|(?:нсг|узи|ультразвук\S*|нейросоно\S*|ultrasound|sonogra\S*)(?:[^а-яёa-z][^.]{0,60}|\S?\s)(?:[мс]?скт|кт|ct)(?:$|[^а-яёa-z])|кт\s+г\.?\s?м)"
)
_SOME_REGION = (
    r"(?i)(?:груд|живот|брюш|таз|позвон|конечн|сустав|пазух|орбит|глазниц|шеи|шея|шейн|лёгк|легк|почек|почк|печен|сердц|коронар|аорт|челюст|височн|колен"
    r"|chest|thora|abdom|pelvi|spine|spinal|lung|neck|sinus|orbit|knee|hip|extrem|cardiac|heart|coronar|kidney|liver|facial|temporal|joint)"
)


_COLUMNS = ("modality", "body_part", "title", "description", "conclusion")
_FEW = 8  # rows
_MOST_NAMES = 20_000  # remembered for each question


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
    return _text_is_brain(f"{description[:READ]}\n{conclusion[:READ]}")


def _text_is_brain(text: str) -> bool:
    """A text alone: it names what lies in the skull, is not an MRI's, and calls itself no other study."""
    lower = _lower(_NO_BRAIN).sub(" ", text.lower())
    named = _in(study_pattern("brain_ct"), lower) or (_in(_BLOOD, lower) and not _in(_BODY, lower))
    if not named or _in(_MRI_OPENS, lower):
        return False
    return not (_in(_MRI_SIGNAL, lower) and not _in(_DENSITY, lower)) and not is_other_study(lower)


def is_other_study(text: str) -> bool:
    """Whether a text opens as a study of another part, or says that the head was not scanned."""
    lower = text.lower()
    return _in(_NOT_SCANNED, lower) or (_in(study_pattern("other_study"), lower[:OPENING]) and not _in(_HEAD_CT, lower))


def _in(pattern: str, lower: str) -> bool:
    return _lower(pattern).search(lower) is not None


@cache
def _lower(pattern: str) -> re.Pattern[str]:
    """For texts in lower case: Python is slow at caseless patterns."""
    borders = {_START: "(?<![а-яёa-z])", _END: "(?![а-яёa-z])"}  # a look to the side instead of a letter taken: as right, and faster
    for taken, looked in borders.items():
        pattern = pattern.replace(taken, looked)
    return re.compile(pattern.removeprefix("(?i)"))


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
    return _asked_once(values, "head", lambda names: pc.match_substring_regex(pc.replace_substring_regex(names, _NOT_HEAD, " "), _HEAD))


def _text_of_brain_ct(texts: Sequence[pa.Array]) -> np.ndarray:
    """`_text_is_brain` of whole columns."""
    text = pc.binary_join_element_wise(*(pc.utf8_slice_codeunits(each.fill_null(""), 0, READ) for each in texts), "\n")
    text = pc.replace_substring_regex(text, _NO_BRAIN, " ")

    def has(pattern: str) -> np.ndarray:
        return pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False)

    mri = has(_MRI_OPENS) | (has(_MRI_SIGNAL) & ~has(_DENSITY))
    named = has(study_pattern("brain_ct")) | (has(_BLOOD) & ~has(_BODY))
    opens = pc.match_substring_regex(pc.utf8_slice_codeunits(text, 0, OPENING), study_pattern("other_study")).to_numpy(zero_copy_only=False)
    return named & ~mri & ~has(_NOT_SCANNED) & (~opens | has(_HEAD_CT))


def _has(values: pa.DictionaryArray, pattern: str) -> pa.Array:
    return _asked_once(values, pattern, lambda names: pc.match_substring_regex(names, pattern))


def _asked_once(values: pa.DictionaryArray, question: str, ask: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Titles and modalities repeat, within a batch and from batch to batch: each is asked once. Nulls do not match."""
    try:
        names = values.dictionary.to_pylist()
    except UnicodeDecodeError:  # ingestion has yet to turn the bad bytes away
        return ask(values.dictionary).take(values.indices).fill_null(False)
    known = _answers(question)
    if len(known) > _MOST_NAMES:
        known.clear()
    if new := [name for name in names if name not in known]:
        known.update(zip(new, ask(pa.array(new, pa.string())).to_pylist(), strict=True))
    return pa.array([known[name] for name in names], pa.bool_()).take(values.indices).fill_null(False)


@cache
def _answers(question: str) -> dict[str, bool]:
    """A memory of names and their answers; `question` is its key."""
    return {}
