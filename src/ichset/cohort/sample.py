"""Candidates for text verification: drawn at random within the strata that the rules give."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import pyarrow as pa

from ichset.config import SampleConfig
from ichset.contracts import CANDIDATES, Reason, StageOutput

PRESENT, DENIED, FREE = "present", "absent, keyword", "absent, keyword-free"


def seeded_order(seed: int, purpose: str, study: str) -> bytes:
    """A sort key that is random in the seed and the study, and the same on every machine."""
    return hashlib.blake2b(f"{seed}\0{purpose}\0{study}".encode(), digest_size=16).digest()


def sample_candidates(ruled: pa.Table, classified: pa.Table, with_keyword: Iterable[str], config: SampleConfig, seed: int) -> StageOutput:
    """Draw the candidates, seeded and in a stable order.

    `with_keyword`: reports with at least one mention. Each half is drawn with the configured surplus; of
    the half without haemorrhage, `keyword_free_share` has no keyword at all. A stratum that runs short is
    filled from its neighbour, so that halves are full as long as there is anything to draw.
    """
    keyword = frozenset(with_keyword)
    disagree = dict(zip(classified["report"].to_pylist(), classified["disagree"].to_pylist(), strict=True))
    strata: dict[str, list[tuple[str, str, bool]]] = {PRESENT: [], DENIED: [], FREE: []}
    excluded: list[tuple[str, Reason]] = []
    for report, study, ich, doubt in zip(*(ruled[name].to_pylist() for name in ("report", "study", "ich", "doubt")), strict=True):
        if ich is None:
            excluded.append((report, Reason.LABEL_UNCERTAIN))
            continue
        stratum = PRESENT if ich else DENIED if report in keyword else FREE
        strata[stratum].append((study, report, bool(doubt or disagree.get(report))))
    half = math.ceil(config.target / 2 * (1 + config.surplus))
    drawn = _draw(strata, half, config.keyword_free_share, seed)
    taken = {row["report"] for row in drawn}
    excluded += [(report, Reason.NOT_DRAWN) for rows in strata.values() for _, report, _ in rows if report not in taken]
    return StageOutput(pa.Table.from_pylist(drawn, CANDIDATES.schema), excluded_table(CANDIDATES.excluded_schema, excluded))


def _draw(strata: dict[str, list[tuple[str, str, bool]]], half: int, free_share: float, seed: int) -> list[dict[str, object]]:
    ordered = {name: sorted(rows, key=lambda row: seeded_order(seed, "sample", row[0])) for name, rows in strata.items()}
    free = min(round(half * free_share), len(ordered[FREE]))
    denied = min(half - free, len(ordered[DENIED]))
    free = min(half - denied, len(ordered[FREE]))
    counts = {PRESENT: min(half, len(ordered[PRESENT])), DENIED: denied, FREE: free}
    rows = []
    for arm, names in (("ich", (PRESENT,)), ("normal", (DENIED, FREE))):
        chosen = [(name, *row) for name in names for row in ordered[name][: counts[name]]]
        chosen.sort(key=lambda row: seeded_order(seed, "position", row[1]))
        for position, (stratum, study, report, first) in enumerate(chosen, 1):
            size = len(ordered[stratum])
            rows.append({
                "study": study, "report": report, "arm": arm, "stratum": stratum, "position": position,
                "stratum_size": size, "weight": size / counts[stratum], "first": first,
            })  # fmt: skip
    return rows


def excluded_table(schema: pa.Schema, rows: Iterable[tuple[str, Reason]], detail: str = "") -> pa.Table:
    """(key, reason) pairs as a contract's excluded table."""
    return pa.Table.from_pylist([{schema.names[0]: key, "reason": str(reason), "detail": detail} for key, reason in rows], schema)
