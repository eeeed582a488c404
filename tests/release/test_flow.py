"""The flow diagram: every record leaves once, and each box goes on from the one before."""

from __future__ import annotations

from ichset.release.figures.flow import chained, steps


def test_the_final_selection_does_not_count_earlier_losses_again() -> None:
    counts = [
        ("cohort", "in", None, 27), ("cohort", "kept", None, 27), ("retrieve", "in", None, 23), ("retrieve", "kept", None, 20),
        ("retrieve", "excluded", "study not in the archive", 3), ("anonymize", "in", None, 20), ("anonymize", "kept", None, 18),
        ("anonymize", "excluded", "face cannot be hidden safely", 2), ("release", "in", None, 27), ("release", "kept", None, 15),
        ("release", "excluded", "study not in the archive", 3), ("release", "excluded", "face cannot be hidden safely", 2),
        ("release", "excluded", "reserve, not needed", 7),
    ]  # fmt: skip
    rows = [{"stage": stage, "arm": "ich", "event": event, "reason": reason, "count": count} for stage, event, reason, count in counts]
    own = chained(steps(rows))
    standing = own[0].came
    for step in own:
        standing -= sum(count for _, count in step.left)
        assert step.kept == standing
    assert own[1].left == [("study not in the archive", 3), ("reserve, not needed", 4)]
    assert own[-1].left == [("reserve, not needed", 3)]
