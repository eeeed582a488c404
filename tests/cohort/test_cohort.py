"""Strata, waves and the final selection: closed accounts, stable draws, and waves that do not depend on how losses became known."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ichset.cohort.rank import rank_cohort
from ichset.cohort.sample import sample_candidates
from ichset.cohort.select import select_final
from ichset.cohort.waves import in_play
from ichset.config import SampleConfig
from ichset.contracts import CLASSIFIED, COHORT, RULED, TEXT_READ


def ruled(labels: list[int | None]) -> tuple[pa.Table, pa.Table]:
    rows = [{"report": f"r{i}", "study": f"S{i}", "ich": label, "doubt": False} for i, label in enumerate(labels)]
    marks = [{"report": row["report"], "study": row["study"], "disagree": False} for row in rows]
    return pa.Table.from_pylist(rows, RULED.schema), pa.Table.from_pylist(marks, CLASSIFIED.schema)


@given(st.lists(st.sampled_from([0, 1, None]), max_size=80), st.integers(0, 40), st.floats(0, 1))
def test_sampling_keeps_or_gives_a_reason(labels: list[int | None], target: int, share: float) -> None:
    table, classified = ruled(labels)
    keyword = [f"r{i}" for i in range(0, len(labels), 2)]
    config = SampleConfig(target=target, keyword_free_share=share)
    output = sample_candidates(table, classified, keyword, config, 1)
    assert sorted(output.kept["report"].to_pylist() + output.excluded["report"].to_pylist()) == sorted(table["report"].to_pylist())
    half = -(-target * 12 // 20)
    for arm, available in (("ich", labels.count(1)), ("normal", labels.count(0))):
        assert abs(output.kept["arm"].to_pylist().count(arm) - min(half, available)) <= 1
    assert output.kept.equals(sample_candidates(table.slice(0), classified, reversed(keyword), config, 1).kept)


def cohort(size: int) -> pa.Table:
    rows = [
        {"study": f"{arm}{rank}", "arm": arm, "rank": rank, "source_prevalence": 0.1, "weight": 2.0}
        for arm in ("ich", "normal")
        for rank in range(1, size + 1)
    ]
    return pa.Table.from_pylist(rows, COHORT.schema)


@given(st.integers(0, 12), st.integers(0, 8), st.floats(0, 1), st.sets(st.integers(1, 12)))
def test_a_wave_is_the_same_however_the_losses_became_known(size: int, target: int, margin: float, lost: set[int]) -> None:
    ranked, targets = cohort(size), {"ich": target, "normal": target}
    gone = [f"ich{rank}" for rank in lost]
    known: set[str] = set()
    wave = in_play(ranked, targets, margin, known)
    while True:
        known |= set(wave["study"].to_pylist()) & set(gone)
        grown = in_play(ranked, targets, margin, known)
        assert grown.num_rows >= wave.num_rows
        if grown.num_rows == wave.num_rows:
            break
        wave = grown
    assert wave.equals(in_play(ranked, targets, margin, gone)) or wave.num_rows <= in_play(ranked, targets, margin, gone).num_rows
    alive = [study for study in wave["study"].to_pylist() if study.startswith("ich") and study not in gone]
    assert len(alive) >= min(target, size - len([rank for rank in lost if rank <= size]))


@given(st.sets(st.integers(1, 10)), st.integers(0, 6))
def test_the_first_that_passed_are_taken_and_the_rest_accounted_for(passed: set[int], target: int) -> None:
    ranked = cohort(10)
    subjects = {f"{arm}{rank}": f"P{rank}" for arm in ("ich", "normal") for rank in passed}
    readers = {study: {"ich": int(study.startswith("ich"))} for study in subjects}
    output = select_final(ranked, {"ich": target, "normal": target}, subjects, {}, {"image readers": readers})
    taken = [study for study in output.kept["study"].to_pylist() if study.startswith("ich")]
    assert taken == [f"ich{rank}" for rank in sorted(passed)[:target]]
    assert sorted(output.kept["study"].to_pylist() + output.excluded["study"].to_pylist()) == sorted(ranked["study"].to_pylist())
    if taken:
        weight = dict(zip(output.kept["study"].to_pylist(), output.kept["weight"].to_pylist(), strict=True))
        weights = [weight[study] for study in taken]
        assert abs(sum(weights) - 20.0) < 1e-9  # they stand for all that the arm stood for


def test_prevalence_is_the_sources_not_the_samples() -> None:
    labels: list[int | None] = [1] * 10 + [0] * 990
    table, classified = ruled(labels)
    drawn = sample_candidates(table, classified, [], SampleConfig(target=20, surplus=0), 3).kept
    read = pa.Table.from_pylist([{"study": row["study"], "ich": int(row["arm"] == "ich")} for row in drawn.to_pylist()], TEXT_READ.schema)
    ranked = rank_cohort(drawn, read, 3).kept
    assert ranked.num_rows == 20
    assert abs(ranked["source_prevalence"][0].as_py() - 0.01) < 1e-9
