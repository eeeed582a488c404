"""The funnel as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def funnel_lines(rows: Sequence[Mapping[str, Any]], current: Mapping[str, bool]) -> list[str]:
    """One block a stage: records in and kept, then each reason with its count."""
    lines = [f"{'stage':<11} {'arm':<7} {'in':>10} {'kept':>10}  state"]
    for stage, up_to_date in current.items():
        state = "up to date" if up_to_date else "to run"
        mine = [row for row in rows if row["stage"] == stage]
        if not mine:
            lines.append(f"{stage:<11} {'':<7} {'':>10} {'':>10}  {state}")
        for arm in dict.fromkeys(row["arm"] for row in mine):
            of_arm = [row for row in mine if row["arm"] == arm]
            came, kept = (sum(row["count"] for row in of_arm if row["event"] == event) for event in ("in", "kept"))
            lines.append(f"{stage:<11} {arm or 'all':<7} {came:>10,} {kept:>10,}  {state}")
            lines += [f"{'':<30} {row['count']:>10,}  {row['event']}: {row['reason']}" for row in of_arm if row["reason"]]
    return lines
