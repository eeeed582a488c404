"""Who is in play: the shortest prefix of each arm's ranking that can still fill the arm."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ichset.contracts import ARMS

Targets = Mapping[Any, int]  # arm -> studies


def in_play(ranked: pa.Table, targets: Targets, margin: float, lost: Collection[str], rank: str = "rank") -> pa.Table:
    """Rows of `ranked` (columns arm, `rank`, study) in play, by arm and rank.

    The first wave is target x (1 + margin). When more were lost than the margin holds, the prefix grows
    until `target` studies of it are not lost, or the order ends. A pure function of the losses: the same
    whether they became known at once or one wave at a time.
    """
    gone = set(lost)
    parts = []
    for arm in ARMS:
        rows = ranked.filter(pc.equal(ranked["arm"], arm)).sort_by(rank)
        target = targets.get(arm, 0)
        taken = min(math.ceil(target * (1 + margin)), rows.num_rows)
        alive = 0
        for position, study in enumerate(rows["study"].to_pylist(), 1):
            if alive >= target:
                break
            alive += study not in gone
            taken = max(taken, position)
        parts.append(rows.slice(0, taken))
    return pa.concat_tables(parts)


def shortfall(ranked: pa.Table, targets: Targets, passed: Collection[str]) -> dict[str, int]:
    """How many studies each arm still lacks."""
    arms = dict(zip(ranked["study"].to_pylist(), ranked["arm"].to_pylist(), strict=True))
    full = {arm: sum(arms.get(study) == arm for study in passed) for arm in ARMS}
    return {arm: max(targets.get(arm, 0) - full[arm], 0) for arm in ARMS}
