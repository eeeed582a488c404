"""Every table between stages, on one page: its key, its parent, its sensitivity, its columns.

A table with `phi=True` may hold report text, source identifiers, source dates or paths and lives
under the work folder only. A `phi=False` table holds pseudonyms, labels and technical values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

LABELS = (
    "ich", "epidural", "subarachnoid", "subdural", "intracerebral",
    "intraventricular", "multiple", "fracture", "combined",
)  # fmt: skip
COMPARTMENTS = ("epidural", "subarachnoid", "subdural", "intracerebral")
REPORT_LABELS = ("brain_ct", *LABELS)
ARMS = ("ich", "normal")


class Reason(StrEnum):
    """Why a record left. Quarantined: its bytes or its anonymity are in doubt and a person must look."""

    # ingest
    UNREADABLE_ROW = "unreadable row"
    WRONG_ENCODING = "wrong encoding"
    NO_IDENTIFIER = "no study identifier"
    # screen
    NOT_BRAIN_CT = "not a brain CT"
    UNDER_AGE = "below the age limit"
    OVER_AGE = "above the age limit"
    IMPLAUSIBLE_AGE = "age missing or implausible"
    OUT_OF_DATES = "outside the study dates"
    NO_DATE = "study date missing or impossible"
    NO_DESCRIPTION = "no description"
    NO_CONCLUSION = "no conclusion"
    DUPLICATE_REPORT = "duplicate report"
    DUPLICATE_STUDY = "another report of the same study"
    # rules, sample
    LABEL_UNCERTAIN = "presence of haemorrhage cannot be told"
    NOT_DRAWN = "not drawn"
    # reading rounds
    READ_UNDECIDED = "the readers cannot tell"
    NOT_NEEDED = "verified, not needed for the cohort"
    CONTRADICTS_ARM = "readers contradict the arm"
    READER_EXCLUDED = "excluded by the readers"
    # retrieve
    STUDY_NOT_FOUND = "study not in the archive"
    STUDY_INCOMPLETE = "study incomplete"
    AMBIGUOUS_STUDY = "several studies under one number"
    WRONG_PATIENT = "study belongs to another patient"
    NO_NATIVE_PHASE = "contrast study without a native phase"
    NO_USABLE_SERIES = "no usable axial head series"
    BAD_QUALITY = "artefacts beyond the limits"
    # anonymize
    DEFACE_IMPOSSIBLE = "face cannot be hidden safely"
    IDENTIFIER_LEFT = "an identifier was found in the written bytes"
    BURNED_IN_TEXT = "text may be drawn in the pixels"
    UNREADABLE_FILE = "file cannot be read"
    NOT_A_SLICE = "not a CT slice"
    REQUIRED_VALUE = "a required value may not be kept"
    NO_SUBJECT_ID = "no subject ID assigned to this patient"
    # select
    RESERVE_UNUSED = "reserve, not needed"

    @property
    def quarantined(self) -> bool:
        return self in _QUARANTINED


_QUARANTINED = frozenset(
    {
        Reason.AMBIGUOUS_STUDY, Reason.WRONG_PATIENT, Reason.IDENTIFIER_LEFT, Reason.BURNED_IN_TEXT, Reason.UNREADABLE_FILE, Reason.NOT_A_SLICE,
        Reason.REQUIRED_VALUE, Reason.NO_SUBJECT_ID,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Contract:
    """One table: `key` columns are unique; every key of the `parent` table is kept or excluded."""

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    parent: Contract | None = None
    phi: bool = False

    @property
    def excluded_schema(self) -> pa.Schema:
        """Key of the parent, reason, and a detail that names no person."""
        fields = [(self.parent or self).schema.field(column) for column in (self.parent or self).key]
        return pa.schema([*fields, ("reason", pa.string()), ("detail", pa.string())])


@dataclass(frozen=True)
class StageOutput:
    """What a stage function answers: the kept rows, the excluded keys with reasons, further tables by contract name."""

    kept: pa.Table
    excluded: pa.Table
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


def _labels(names: tuple[str, ...] = LABELS) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.int8()) for name in names]  # 1 present, 0 absent, null cannot be told


# --- reports: one row a report -------------------------------------------------------------------
_TEXT = [("indication", pa.string()), ("description", pa.string()), ("conclusion", pa.string())]

# `report` is `<8 hex of the file>-<row>`; the source's own numbers are separate columns. Of a report that is no
# brain CT only key, place, modality, body part and title are kept: its person and text stay in the export.
REPORTS = Contract("reports", ("report",), pa.schema([
    ("report", pa.string()), ("source_file", pa.string()), ("source_row", pa.int64()),
    ("study_uid", pa.string()), ("accession", pa.string()), ("patient_id", pa.string()),
    ("patient_name", pa.string()), ("birth_date", pa.date32()), ("sex", pa.string()), ("age", pa.int16()),
    ("study_date", pa.date32()), ("modality", pa.string()), ("body_part", pa.string()), ("title", pa.string()),
    *_TEXT, ("masks", pa.string()), ("brain_ct", pa.bool_()),
]), phi=True)  # fmt: skip

# One report a study: what `screen` lets through. `study` and `subject` are keyed pseudonyms.
SCREENED = Contract("screened", ("report",), pa.schema([
    ("report", pa.string()), ("study", pa.string()), ("subject", pa.string()),
    ("study_uid", pa.string()), ("accession", pa.string()), ("patient_id", pa.string()),
    ("patient_name", pa.string()), ("birth_date", pa.date32()), ("sex", pa.string()), ("age", pa.int16()),
    ("study_date", pa.date32()), ("title", pa.string()), *_TEXT, ("masks", pa.string()),
]), parent=REPORTS, phi=True)  # fmt: skip

# Labels by the rules: every screened report has a row. `doubt` marks a report a reader must see first.
RULED = Contract("ruled", ("report",), pa.schema([
    ("report", pa.string()), ("study", pa.string()), *_labels(REPORT_LABELS), ("doubt", pa.bool_()),
]), parent=SCREENED, phi=True)  # fmt: skip

# Each keyword hit, offsets in characters into the section's own text (description, conclusion, ...).
MENTIONS = Contract("mentions", ("report", "mention"), pa.schema([
    ("report", pa.string()), ("mention", pa.int32()), ("section", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    ("finding", pa.string()), ("assertion", pa.string()), ("laterality", pa.string()), ("location", pa.string()),
    ("quote", pa.string()), ("cue", pa.string()),
]), phi=True)  # fmt: skip

# The classifier's probability beside the rules; null without a model. `disagree`: readers see it first.
CLASSIFIED = Contract("classified", ("report",), pa.schema([
    ("report", pa.string()), ("study", pa.string()), ("p_ich", pa.float32()), ("disagree", pa.bool_()),
]), parent=RULED, phi=True)  # fmt: skip

# --- cohort: one row a study ---------------------------------------------------------------------
# Drawn for text verification. `arm` is what the rules expect; `weight` = stratum size / drawn from it.
CANDIDATES = Contract("candidates", ("study",), pa.schema([
    ("study", pa.string()), ("report", pa.string()), ("arm", pa.string()), ("stratum", pa.string()),
    ("position", pa.int64()), ("stratum_size", pa.int64()), ("weight", pa.float64()), ("first", pa.bool_()),
]), parent=CLASSIFIED, phi=True)  # fmt: skip

# Consensus of the text round.
TEXT_READ = Contract("text_read", ("study",), pa.schema([("study", pa.string()), *_labels()]), parent=CANDIDATES)

# Every verified candidate, ranked within its arm: the wave takes ranks from 1 on.
COHORT = Contract("cohort", ("study",), pa.schema([
    ("study", pa.string()), ("arm", pa.string()), ("rank", pa.int64()),
    ("source_prevalence", pa.float64()), ("weight", pa.float64()),
]), parent=TEXT_READ)  # fmt: skip

# The ranks in play: a prefix of each arm's order, grown when more is lost than the margin holds.
WAVE = Contract("wave", ("study",), COHORT.schema)

# --- imaging: one row a study of the wave, one a series -------------------------------------------
# `folder` is relative to the work folder.
RETRIEVED = Contract("retrieved", ("study",), pa.schema([
    ("study", pa.string()), ("subject", pa.string()), ("study_uid", pa.string()), ("folder", pa.string()),
    ("asked", pa.int32()), ("found", pa.int32()), ("pulled", pa.int32()),
]), phi=True)  # fmt: skip

# Every series found, with why it was taken (reason null) or left. `series` counts from 1 within the study.
SERIES = Contract("series", ("study", "series"), pa.schema([
    ("study", pa.string()), ("series", pa.int32()), ("series_uid", pa.string()), ("taken", pa.bool_()), ("reason", pa.string()),
    ("instances", pa.int32()), ("description", pa.string()), ("phase", pa.string()), ("manufacturer", pa.string()), ("model", pa.string()),
    ("kernel", pa.string()), ("slice_thickness", pa.float64()), ("slice_spacing", pa.float64()), ("pixel_spacing", pa.float64()),
    ("kvp", pa.float64()), ("tube_current", pa.float64()), ("tilt", pa.float64()), ("rows", pa.int32()), ("columns", pa.int32()),
    ("geometry", pa.string()), ("motion", pa.float64()), ("metal", pa.float64()), ("detector", pa.float64()),
    ("truncated", pa.float64()), ("repaired", pa.string()),
]), phi=True)  # fmt: skip

# Consensus of the image round.
IMAGE_READ = Contract("image_read", ("study",), pa.schema([("study", pa.string()), *_labels()]), parent=RETRIEVED)

# --- anonymize: what may leave the hospital --------------------------------------------------------
ANONYMIZED = Contract("anonymized", ("study",), pa.schema([
    ("study", pa.string()), ("subject", pa.string()), ("study_uid", pa.string()), ("accession", pa.string()),
    ("age", pa.string()), ("sex", pa.string()), ("shifted_date", pa.date32()), ("series", pa.int32()), ("instances", pa.int32()),
]), parent=IMAGE_READ)  # fmt: skip

# One row a released series: technical parameters (Table 2) and the defacing's own measures.
ANONYMIZED_SERIES = Contract("anonymized_series", ("study", "series"), pa.schema([
    ("study", pa.string()), ("series", pa.int32()), ("series_uid", pa.string()), ("instances", pa.int32()),
    ("description", pa.string()), ("manufacturer", pa.string()), ("model", pa.string()), ("kernel", pa.string()),
    ("slice_thickness", pa.float64()), ("slice_spacing", pa.float64()), ("pixel_spacing", pa.float64()),
    ("kvp", pa.float64()), ("tube_current", pa.float64()), ("tilt", pa.float64()), ("rows", pa.int32()), ("columns", pa.int32()),
    ("deface_method", pa.string()), ("exposed", pa.float64()), ("relief", pa.float64()), ("brain_changed", pa.float64()),
    ("voxels_changed", pa.float64()),
]))  # fmt: skip

# One row a released file. `file` is relative to the study's folder; `pixels` hashes the stored pixel bytes.
INSTANCES = Contract("instances", ("study", "series", "instance"), pa.schema([
    ("study", pa.string()), ("series", pa.int32()), ("instance", pa.int32()), ("sop_uid", pa.string()),
    ("file", pa.string()), ("position", pa.float64()), ("bytes", pa.int64()), ("sha256", pa.string()), ("pixels", pa.string()),
]))  # fmt: skip

# The final N of each arm, with the judgement that counts (image readers, then text readers, then rules).
SELECTED = Contract("selected", ("study",), pa.schema([
    ("study", pa.string()), ("subject", pa.string()), ("arm", pa.string()), ("rank", pa.int64()), *_labels(),
    ("judged_by", pa.string()), ("source_prevalence", pa.float64()), ("weight", pa.float64()),
]), parent=COHORT)  # fmt: skip

# De-identified report text of the selected studies; released only when the config asks for it.
RELEASED_TEXT = Contract("released_text", ("study",), pa.schema([("study", pa.string()), *_TEXT]))

ALL = (
    REPORTS, SCREENED, RULED, MENTIONS, CLASSIFIED, CANDIDATES, TEXT_READ, COHORT, WAVE, RETRIEVED, SERIES,
    IMAGE_READ, ANONYMIZED, ANONYMIZED_SERIES, INSTANCES, SELECTED, RELEASED_TEXT,
)  # fmt: skip
