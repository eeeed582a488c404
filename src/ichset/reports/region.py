"""Which reports are of a CT of the brain: decided on whole columns, the cheapest column first.

The text is asked only where modality, body part and title leave the question open, which in a
hospital's export is seldom.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ichset.reports.brain_phrases import brain_pattern

# RE2 reads (?i) over Cyrillic; a word border is spelt out, since its \b knows ASCII alone.
_START, _END = r"(?:^|[^а-яёa-z])", r"(?:$|[^а-яёa-z])"
_CT = rf"(?i)(?:{_START}(?:[мр]?с?кт|[mp]?s?ct|cта|кта|cta|кт-а|ckt|скт|мскт|мдкт)(?:$|[^а-яёa-z])|томогра|tomogra)"
_OTHER_MODALITY = (
    r"(?i)(?:магнитно|magnet|[^а-яёa-z]?мрт|mri(?:$|[^a-z])|(?:^|[^a-z])mr(?:$|[^a-z])|пэт|уз[ид]|рентген|ультразв|ultraso|x-?ray)"
)
# Names of the head as a body part or in a title. Face, sinuses, orbits and spine alone are not the brain.
_HEAD = (
    r"(?i)(?:головн\S*\s+мозг|мозга(?:$|[^а-яё])|голов[аыеу](?:$|[^а-яё])|череп|нейрокраниум|внутричереп|инсульт"
    r"|(?:^|[^а-яёa-z])г\.?\s?м\.?(?:$|[^а-яёa-z])|(?:^|[^а-яёa-z])огм(?:$|[^а-яёa-z])|brain|head|skull|cranial|cranium|neuro(?:$|\s)|cerebr|stroke)"
)
_NOT_HEAD = (
    r"(?i)(?:спинн\S*\s+мозг|костн\S*\s+мозг|лицев\S+\s+(?:отдел\S*\s+)?череп|головк|головок|краниовертебр|"
    r"head\s+of\s+(?:the\s+)?(?:femur|humerus|pancreas|radius)|(?:femoral|humeral|radial)\s+head|facial)"
)
_SOME_REGION = (
    r"(?i)(?:груд|живот|брюш|таз|позвон|конечн|сустав|пазух|орбит|глазниц|шеи|шея|шейн|лёгк|легк|почек|почк|печен|сердц|коронар|аорт|челюст|височн|колен"
    r"|chest|thora|abdom|pelvi|spine|spinal|lung|neck|sinus|orbit|knee|hip|extrem|cardiac|heart|coronar|kidney|liver|facial|temporal|joint)"
)


def is_brain_ct(table: pa.Table) -> pa.Array:
    """Boolean, one a row, never null. `table` has modality, body_part, title, description and conclusion."""
    count = table.num_rows
    title, part = (table[name].combine_chunks() for name in ("title", "body_part"))
    possible = _possible_modality(table["modality"].combine_chunks(), title)
    by_name = pc.or_(_names_head(title), _names_head(part))
    elsewhere = pc.or_(_has(title, _SOME_REGION + "|" + _NOT_HEAD), _has(part, r"\S"))
    brain = pc.and_(possible, by_name)
    open_question = pc.and_(possible, pc.invert(pc.or_(by_name, elsewhere)))
    rows = pc.indices_nonzero(open_question)
    if not len(rows):
        return brain
    found = _text_of_brain_ct(table.select(["description", "conclusion"]).take(rows))
    chosen = pa.array(rows).filter(found)
    return pc.or_(brain, pc.is_in(pa.array(range(count), pa.uint64()), value_set=chosen)) if len(chosen) else brain


def _possible_modality(modality: pa.Array, title: pa.Array) -> pa.Array:
    """CT by its modality; without one, whatever does not call itself something else."""
    stated = _has(modality, r"\S")
    unstated = pc.or_(_has(title, _CT), pc.invert(_has(title, _OTHER_MODALITY)))
    return pc.if_else(stated, pc.and_(_has(modality, _CT), pc.invert(_has(title, r"(?i)(?:магнитно|мрт|mri)"))), unstated)


def _names_head(values: pa.Array) -> pa.Array:
    head = _has(values, _HEAD)
    if not pc.any(head).as_py():
        return head
    rest = pc.replace_substring_regex(values, _NOT_HEAD, " ")
    return pc.and_(head, _has(rest, _HEAD))


def _text_of_brain_ct(table: pa.Table) -> pa.Array:
    """The text alone decides: it describes the brain, and not as an MRI."""
    either = pa.nulls(table.num_rows, pa.bool_()).fill_null(False)
    other = either
    for name in ("description", "conclusion"):
        values = table[name].combine_chunks()
        either = pc.or_(either, _has(values, brain_pattern()))
        other = pc.or_(
            other, _has(values, r"(?i)(?:магнитно-резонанс|мрт|(?:^|\s)t[12](?:-?вi|-?ви|w|-взв)|flair|dwi|magnetic resonance|mri of)")
        )
    return pc.and_(either, pc.invert(other))


def _has(values: pa.Array, pattern: str) -> pa.Array:
    """Each distinct value once where values repeat (titles, modalities); nulls do not match."""
    return pc.match_substring_regex(values, pattern).fill_null(False)
