"""What the readers' judgement does to the cohort: verified, undecided, excluded, or contradicting the arm."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ichset.cohort.sample import excluded_table
from ichset.contracts import CANDIDATES, IMAGE_READ, LABELS, RETRIEVED, TEXT_READ, Reason, StageOutput
from ichset.readings import Consensus


def verified_texts(candidates: pa.Table, judged: Mapping[str, Consensus]) -> StageOutput:
    """Candidates whose text was judged to have haemorrhage or not; the surplus nobody had to read is excluded."""
    kept, excluded = [], []
    for study in candidates["study"].to_pylist():
        consensus = judged.get(study)
        reason = _fault(consensus) if consensus else Reason.NOT_NEEDED
        if reason:
            excluded.append((study, reason))
        else:
            kept.append({"study": study, **judged[study].answers})
    # CANDIDATES is keyed by study, so its excluded rows are too
    return StageOutput(pa.Table.from_pylist(kept, TEXT_READ.schema), excluded_table(_keyed(CANDIDATES.schema), excluded))


def verified_images(retrieved: pa.Table, arms: Mapping[str, str], judged: Mapping[str, Consensus]) -> StageOutput:
    """Retrieved studies whose images agree with their arm; every one of them must have been judged."""
    kept, excluded = [], []
    for study in retrieved["study"].to_pylist():
        consensus = judged[study]
        reason = _fault(consensus)
        if reason is None and consensus.answers["ich"] != (arms[study] == "ich"):
            reason = Reason.CONTRADICTS_ARM
        if reason:
            excluded.append((study, reason))
        else:
            kept.append({"study": study, **{label: consensus.answers[label] for label in LABELS}})
    return StageOutput(pa.Table.from_pylist(kept, IMAGE_READ.schema), excluded_table(_keyed(RETRIEVED.schema), excluded))


def _fault(consensus: Consensus) -> Reason | None:
    if consensus.exclude:
        return Reason.READER_EXCLUDED
    return Reason.READ_UNDECIDED if consensus.answers["ich"] is None else None


def _keyed(schema: pa.Schema) -> pa.Schema:
    return pa.schema([schema.field("study"), ("reason", pa.string()), ("detail", pa.string())])
