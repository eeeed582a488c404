"""A study that was retrieved anew: marks on pictures that are others by now do not stand, everything else does."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ichset.config import RoundConfig
from ichset.readings import Decision, Round, open_round
from ichset.readings.decision import BadDecision
from ichset.readings.pictures import fingerprint, stamped
from ichset.readings.rounds import keep_round
from ichset.readings.worklists import import_decisions, write_worklists

CONFIG = RoundConfig(readers=["a", "b"], readers_per_study=2, expert="x")
BEFORE = {"S1": {"1": "soft", "2": "bone"}, "S2": {"1": "head"}}
AFTER = {"S1": {"1": "bone", "2": "soft"}, "S2": {"1": "head"}}


def opened(folder: Path, pictures: dict[str, dict[str, str]]) -> Round:
    return Round(folder, "image", CONFIG, 7, ["S1", "S2"], slices={"S1": {"1": 30, "2": 30}, "S2": {"1": 30}}, pictures=pictures)


def read(study: str, reader: str, *slices: str) -> Decision:
    return Decision(study, reader, {"ich": 1}, key_slices={"subdural": slices} if slices else {})


def test_marks_on_another_series_open_the_read_again(tmp_path: Path) -> None:
    opened(tmp_path, BEFORE).record([read("S1", "a", "1:12"), read("S1", "b"), read("S2", "a", "1:3"), read("S2", "b")])
    again = opened(tmp_path, AFTER)
    assert (again.queue("a"), again.queue("b"), sorted(again.consensus())) == (["S1"], [], ["S2"])
    again.record([stamped(read("S1", "a", "2:12"), AFTER["S1"])])
    assert again.queue("a") == []
    assert again.reads()["S1", "a"].decision.key_slices == {"subdural": ("2:12",)}
    assert opened(tmp_path, BEFORE).reads()["S1", "a"].decision.key_slices == {"subdural": ("1:12",)}  # the old pictures are back


def test_another_series_that_nobody_marked_changes_nothing(tmp_path: Path) -> None:
    opened(tmp_path, BEFORE).record([read("S1", "a", "1:12")])
    assert opened(tmp_path, {**BEFORE, "S1": {"1": "soft", "2": "thin"}}).queue("a") == ["S2"]
    assert sorted(opened(tmp_path, {**BEFORE, "S1": {"2": "bone"}}).queue("a")) == ["S1", "S2"]  # the marked one is gone


def test_old_marks_are_not_taken_for_new_pictures(tmp_path: Path) -> None:
    opened(tmp_path, BEFORE).record([read("S1", "a", "1:12")])
    again = opened(tmp_path, AFTER)
    for late in (read("S1", "a", "1:12"), stamped(read("S1", "a", "1:12"), BEFORE["S1"])):
        with pytest.raises(BadDecision, match="pictures have changed"):
            again.record([late])
    again.record([read("S1", "a")])  # without marks it is about the study, whatever its series are


def test_a_worklist_knows_the_pictures_it_was_written_for(tmp_path: Path) -> None:
    before = opened(tmp_path, BEFORE)
    write_worklists(before, tmp_path / "lists", {})
    path = filled(tmp_path / "lists/image-a.csv")
    late = import_decisions(path, {"image": opened(tmp_path / "other", AFTER)})
    assert (late.recorded, [why.split(":")[0] for _, why in late.refused]) == (1, ["study S1"])
    assert import_decisions(path, {"image": before}).recorded == 2
    assert before.reads()["S1", "a"].decision.pictures == {"1": "soft"}


def filled(path: Path) -> Path:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    done = path.with_name("done.csv")
    with done.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "ich": "1", "key_slices": "subdural=1:12"} for row in rows)
    return done


def test_a_kept_round_keeps_the_pictures(tmp_path: Path) -> None:
    keep_round(tmp_path, opened(tmp_path, BEFORE))
    found = open_round(tmp_path, "image", CONFIG, 7)
    assert found is not None and found.pictures == BEFORE


def test_a_fingerprint_tells_the_parts_of_a_split_series_apart() -> None:
    row = dict.fromkeys(("description", "phase", "kernel", "slice_thickness", "slice_spacing", "pixel_spacing", "rows", "columns"))
    one = {**row, "series_uid": "1.2.3", "instances": 20}
    assert fingerprint(one) == fingerprint(dict(one)) != fingerprint({**one, "instances": 12})
