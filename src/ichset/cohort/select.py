"""The final N of each arm: the first that passed everything, with the judgement that counts."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ichset.cohort.waves import Targets
from ichset.contracts import ARMS, COHORT, LABELS, SELECTED, Reason, StageOutput

JUDGES = ("image readers", "text readers", "rules")  # in the order in which their word counts


def select_final(
    cohort: pa.Table, targets: Targets, subjects: Mapping[str, str], lost: Mapping[str, tuple[str, str]],
    judgements: Mapping[str, Mapping[str, Mapping[str, int | None]]],
) -> StageOutput:  # fmt: skip
    """Take the first `targets[arm]` of each arm that have a subject (passed every stage); the others get their reason.

    `lost`: study -> (reason, detail) of the stage that turned it away. `judgements`: judge -> study -> label -> value.
    A label comes from the first judge in JUDGES' order that has an answer; `judged_by` names the first that has one for `ich`.
    """
    kept: list[dict[str, object]] = []
    excluded: list[dict[str, str]] = []
    for arm in ARMS:
        arm_rows = [row for row in cohort.sort_by("rank").to_pylist() if row["arm"] == arm]
        passed = [row for row in arm_rows if row["study"] in subjects][: targets.get(arm, 0)]
        scale = _scale(arm_rows, passed)
        kept += [_judged(row, subjects[row["study"]], judgements) | {"weight": row["weight"] * scale} for row in passed]
        taken = {row["study"] for row in passed}
        for row in arm_rows:
            if row["study"] not in taken:
                reason, detail = lost.get(row["study"], (str(Reason.RESERVE_UNUSED), ""))
                excluded.append({"study": row["study"], "reason": reason, "detail": detail})
    return StageOutput(pa.Table.from_pylist(kept, SELECTED.schema), pa.Table.from_pylist(excluded, SELECTED.excluded_schema))


def _scale(arm: list[dict[str, float]], passed: list[dict[str, float]]) -> float:
    """So that the weights of the selected add up to what the whole arm stands for in the source."""
    chosen = sum(row["weight"] for row in passed)
    return sum(row["weight"] for row in arm) / chosen if chosen else 0.0


def _judged(row: Mapping[str, object], subject: str, judgements: Mapping[str, Mapping[str, Mapping[str, int | None]]]) -> dict[str, object]:
    study = str(row["study"])
    voices = [(judge, judgements[judge][study]) for judge in JUDGES if study in judgements.get(judge, {})]
    labels = {
        label: next((answers[label] for _, answers in voices if answers.get(label) is not None), None) for label in LABELS
    }
    judge = next(judge for judge, answers in voices if answers.get("ich") is not None)
    return {name: row[name] for name in COHORT.schema.names} | {"subject": subject, "judged_by": judge} | labels
