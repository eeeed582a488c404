"""Each arm as a seeded, complete order of its verified candidates, with what the source looked like."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from ichset.cohort.sample import seeded_order
from ichset.contracts import ARMS, COHORT, TEXT_READ, StageOutput


def rank_cohort(candidates: pa.Table, text_read: pa.Table, seed: int) -> StageOutput:
    """Rank the verified candidates of each arm from 1 on; nobody leaves here.

    `weight` is the inverse of the chance to be read: stratum size / verified of that stratum.
    `source_prevalence` is the weighted share with haemorrhage: what a 1:1 cohort hides (Horvitz & Thompson 1952).
    """
    ich = dict(zip(text_read["study"].to_pylist(), text_read["ich"].to_pylist(), strict=True))
    rows = [row for row in candidates.select(["study", "stratum", "stratum_size"]).to_pylist() if row["study"] in ich]
    verified = Counter(row["stratum"] for row in rows)
    weight = {row["study"]: row["stratum_size"] / verified[row["stratum"]] for row in rows}
    total = sum(weight.values())
    prevalence = sum(value for study, value in weight.items() if ich[study]) / total if total else 0.0
    ranked = []
    for arm, wanted in zip(ARMS, (1, 0), strict=True):
        studies = sorted((study for study in weight if ich[study] == wanted), key=lambda study: seeded_order(seed, "rank", study))
        ranked += [
            {"study": study, "arm": arm, "rank": rank, "source_prevalence": prevalence, "weight": weight[study]}
            for rank, study in enumerate(studies, 1)
        ]
    return StageOutput(pa.Table.from_pylist(ranked, COHORT.schema), _nobody())


def _nobody() -> pa.Table:
    return pa.schema([TEXT_READ.schema.field("study"), ("reason", pa.string()), ("detail", pa.string())]).empty_table()
