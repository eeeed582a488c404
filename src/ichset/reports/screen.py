"""Brain CT reports fit for the dataset, one a study: every report that leaves has one reason.

The cheapest test comes first and on whole columns: most of a hospital's reports are of other body
parts, and their text is never touched. Of duplicates the first in the export's own order stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.config import ScreenConfig
from ichset.contracts import SCREENED, Reason, StageOutput
from ichset.errors import ConfigError
from ichset.pseudonyms import Pseudonyms
from ichset.reports.dedupe import SeenDigests, digest

OLDEST = 120  # years; an age above is a typing error
LOOKUPS = ("study_uid", "accession", "patient_date")

_HEADS = {
    "indication": r"показани[ея]|цель\s+исследования|клинические\s+данные|анамнез|диагноз(?:\s+направления|\s+при\s+направлении)?"
    r"|clinical\s+(?:history|information|indication)|indications?|history|reason\s+for\s+exam",
    "description": r"описание(?:\s+исследования)?|протокол(?:\s+описания)?|данные\s+исследования|findings|description|report",
    "conclusion": r"заключение|заключ\.?|выводы?|impressions?|conclusions?",
}
# two blanks, or one that is no plain space (RE2 knows no class of Unicode's)
_UNEVEN = (
    r"  |[\t\n\x{b}\f\r\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
)
# A section's heading ends in a colon, or stands alone on its line. Possessive: a million spaces are passed once.
_SECTION = re.compile(
    r"(?<!\w)(?:" + "|".join(f"(?P<{name}>{heads})" for name, heads in _HEADS.items()) + r")"
    r"[ \t]*+(?::|\.[ \t]*+(?=[\r\n])|(?=[\r\n]))",
    re.IGNORECASE,
)


def screen_reports(batches: Iterable[pa.RecordBatch], config: ScreenConfig, lookup: str, pseudonyms: Pseudonyms) -> Iterator[StageOutput]:
    """Batches of REPORTS in; kept: SCREENED. `lookup` names what identifies a study in the archive.

    `study` and `subject` are keyed pseudonyms. A report without a patient number gets a subject of
    its own. Memory: one batch, and 32 bytes for every report kept so far.
    """
    if lookup not in LOOKUPS:
        raise ConfigError(f"retrieve.lookup: {lookup!r} is none of {', '.join(LOOKUPS)}")
    texts, studies = SeenDigests(), SeenDigests()
    for batch in batches:
        yield _screen(pa.Table.from_batches([batch]), config, lookup, pseudonyms, texts, studies)


def _screen(table: pa.Table, config: ScreenConfig, lookup: str, pseudonyms: Pseudonyms, texts: SeenDigests, studies: SeenDigests) -> StageOutput:
    brain = table["brain_ct"]
    left = [_leaving(table.column("report").filter(pc.invert(brain)), Reason.NOT_BRAIN_CT)]
    table = split_sections(table.filter(brain).combine_chunks())
    table = table.append_column("identity", _identities(table, lookup))
    for reason, bad in _faults(config):
        table = _without(table, bad(table), reason, left)
    table = _without(table, ~texts.first_time(_text_digests(table)), Reason.DUPLICATE_REPORT, left)
    table = _without(table, ~studies.first_time([digest(each) for each in _bytes(table["identity"])]), Reason.DUPLICATE_STUDY, left)
    return StageOutput(kept=_screened(table, pseudonyms), excluded=pa.concat_tables(left))


def _faults(config: ScreenConfig) -> Iterator[tuple[Reason, Callable[[pa.Table], pa.ChunkedArray]]]:
    """Each reason with the test of who leaves for it, in the order of the tests."""
    yield Reason.NO_IDENTIFIER, lambda table: pc.is_null(table["identity"])
    yield Reason.NO_DATE, lambda table: pc.is_null(table["study_date"])
    if config.first_date is not None:
        yield Reason.OUT_OF_DATES, lambda table: pc.less(table["study_date"], pa.scalar(config.first_date))
    if config.last_date is not None:
        yield Reason.OUT_OF_DATES, lambda table: pc.greater(table["study_date"], pa.scalar(config.last_date))
    yield Reason.IMPLAUSIBLE_AGE, lambda table: pc.invert(pc.and_(pc.greater_equal(table["age"], 0), pc.less_equal(table["age"], OLDEST)))
    yield Reason.UNDER_AGE, lambda table: pc.less(table["age"], config.min_age)
    yield Reason.OVER_AGE, lambda table: pc.greater(table["age"], config.max_age)
    if config.require_description:
        yield Reason.NO_DESCRIPTION, lambda table: _is_blank(table["description"])
    if config.require_conclusion:
        yield Reason.NO_CONCLUSION, lambda table: _is_blank(table["conclusion"])


def _is_blank(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Nothing that says anything: no letter at all."""
    return pc.invert(pc.match_substring_regex(values, r"\pL").fill_null(False))


def _without(table: pa.Table, bad: object, reason: Reason, left: list[pa.Table]) -> pa.Table:
    mask = pa.array(bad) if isinstance(bad, np.ndarray) else pc.fill_null(bad, True)
    if not pc.any(mask).as_py():
        return table
    left.append(_leaving(table["report"].filter(mask), reason))
    return table.filter(pc.invert(mask))


def _leaving(reports: pa.ChunkedArray, reason: Reason) -> pa.Table:
    columns = [reports, pa.repeat(pa.scalar(str(reason)), len(reports)), pa.nulls(len(reports), pa.string())]
    return pa.table(columns, schema=SCREENED.excluded_schema)


def _identities(table: pa.Table, lookup: str) -> pa.Array:
    """The value that finds the study in the archive; null where the report has none."""
    if lookup != "patient_date":
        return table[lookup].combine_chunks()
    dates = pc.strftime(table["study_date"], "%Y-%m-%d")
    return pc.binary_join_element_wise(table["patient_id"], dates, "/").combine_chunks()


def _text_digests(table: pa.Table) -> list[bytes]:
    """One patient's same words, whatever the case and spacing. Without a patient only the study itself can be the same."""
    words = [_words(table[name]) for name in ("description", "conclusion")]
    people = pc.coalesce(table["patient_id"], pc.binary_join_element_wise("study", table["identity"], "/"))
    return [digest(each) for each in _bytes(pc.binary_join_element_wise(*words, people, "\n"))]  # words have no line end of their own


def _words(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lower case, one space between words. Most texts are so already: only the others are cut up."""
    texts = pc.utf8_trim_whitespace(pc.utf8_lower(values.fill_null("")))
    uneven = pc.match_substring_regex(texts, _UNEVEN)
    if not pc.any(uneven).as_py():
        return texts
    mended = pc.binary_join(pc.utf8_split_whitespace(texts.filter(uneven)), " ")
    return pc.replace_with_mask(texts.combine_chunks(), uneven.combine_chunks(), mended.combine_chunks())


def _bytes(values: pa.ChunkedArray) -> list[bytes]:
    """As they lie: text would have to be decoded and encoded again."""
    return pc.cast(values, pa.binary()).to_pylist()


def _screened(table: pa.Table, pseudonyms: Pseudonyms) -> pa.Table:
    identities = table["identity"].to_pylist()
    patients = [patient or f"study/{identity}" for patient, identity in zip(table["patient_id"].to_pylist(), identities, strict=True)]
    columns = {"study": pa.array(pseudonyms.studies(identities), pa.string()), "subject": pa.array(pseudonyms.subjects(patients), pa.string())}
    return pa.table([columns.get(name, table[name] if name in table.column_names else None) for name in SCREENED.schema.names], SCREENED.schema)


def split_sections(table: pa.Table) -> pa.Table:
    """Where a report came as one text, cut it at its own headings into indication, description, conclusion."""
    open_ = pc.indices_nonzero(_is_blank(table["conclusion"]))
    rows = open_.filter(pc.invert(_is_blank(table["description"].take(open_)))).to_pylist()
    if not rows:
        return table
    texts = {name: table[name].to_pylist() for name in _HEADS}
    for row in rows:
        for name, text in cut(texts["description"][row]).items():
            texts[name][row] = text or (texts[name][row] if name == "indication" else None)
    for name, values in texts.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values, pa.string()))
    return table


def cut(text: str) -> dict[str, str]:
    """Indication, description and conclusion of a whole report; what stands before any heading is description.

    Without a conclusion's heading the text stays whole in the description.
    """
    heads = [head for head in _SECTION.finditer(text) if text[head.end() - 1] == ":" or _starts_line(text, head.start())]
    if not any(head.lastgroup == "conclusion" for head in heads):
        return {"description": text}
    first = next(at for at, head in enumerate(heads) if head.lastgroup != "indication")
    heads = [head for at, head in enumerate(heads) if at < first or head.lastgroup != "indication"]  # "diagnosis:" within a conclusion
    parts: dict[str, list[str]] = {"indication": [], "description": [text[: heads[0].start()]], "conclusion": []}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        end = following.start() if following else len(text)
        parts[str(head.lastgroup)].append(text[head.end() : end])
    return {name: "\n".join(piece.strip() for piece in pieces if piece.strip()) for name, pieces in parts.items()}


def _starts_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()
