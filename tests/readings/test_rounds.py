"""Rounds: assignment, blindness, append-only reads, adjudication; worklists out and in."""

from __future__ import annotations

import contextlib
import csv
import random
from pathlib import Path

import pytest

from ichset.config import RoundConfig
from ichset.errors import GateFailed
from ichset.readings import Decision, Round
from ichset.readings.decision import BadDecision
from ichset.readings.worklists import import_decisions, write_worklists

CONFIG = RoundConfig(readers=["reader-1", "reader-2", "reader-3"], readers_per_study=2, expert="expert")
STUDIES = [f"S{number:03}" for number in range(30)]


def opened(folder: Path) -> Round:
    return Round(folder, "image", CONFIG, 7, STUDIES)


def read(study: str, reader: str, ich: int | None = 0, **more: object) -> Decision:
    return Decision(study, reader, {"ich": ich}, **more)  # type: ignore[arg-type]


def test_every_study_has_its_readers_in_orders_of_their_own(tmp_path: Path) -> None:
    round_ = opened(tmp_path)
    orders = [round_.order(reader) for reader in CONFIG.readers]
    assert sum(map(len, orders)) == 2 * len(STUDIES)
    assert all(order != sorted(order) for order in orders)
    assert orders == [opened(tmp_path).order(reader) for reader in CONFIG.readers]


def test_agreement_judges_and_disagreement_goes_to_the_expert(tmp_path: Path) -> None:
    round_ = opened(tmp_path)
    one, two = round_.assigned("S000")
    round_.record([read("S000", one, 1), read("S000", two, 0)])
    assert round_.queue("expert") == ["S000"]
    assert "S000" not in round_.consensus()
    round_.record([read("S000", "expert", 1)])
    assert round_.consensus()["S000"].judged_by == "expert"
    assert round_.queue("expert") == []


def test_without_an_expert_the_majority_counts(tmp_path: Path) -> None:
    config = RoundConfig(readers=["a", "b", "c"], readers_per_study=3)
    round_ = Round(tmp_path, "image", config, 7, ["S1", "S2"])
    round_.record([read("S1", "a", 1), read("S1", "b", 1), read("S1", "c", 0)])
    round_.record([read("S2", "a", 1), read("S2", "b", 0), read("S2", "c", None)])
    judged = round_.consensus()
    assert (judged["S1"].answers["ich"], judged["S2"].answers["ich"]) == (1, None)


def test_a_recorded_read_is_never_changed(tmp_path: Path) -> None:
    round_ = opened(tmp_path)
    reader = round_.assigned("S001")[0]
    entry = round_.record([read("S001", reader, 1)])[0]
    for again in (read("S001", reader, 0), read("S001", reader, 1)):
        with pytest.raises(BadDecision, match="never changed"):
            round_.record([again])
    round_.record([read("S001", reader, 0, supersedes=entry.sequence)])
    assert round_.reads()["S001", reader].decision.answers["ich"] == 0
    assert len(round_.log.entries()) == 2


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (("S999", "reader-1"), "not in the round"),
        (("S000", "nobody"), "not on the list"),
        (("S000", "expert"), "disagreements only"),
    ],
)
def test_what_was_not_asked_is_refused(tmp_path: Path, decision: tuple[str, str], why: str) -> None:
    with pytest.raises(BadDecision, match=why):
        opened(tmp_path).record([read(*decision)])


def test_an_altered_log_is_refused_and_a_torn_line_is_cut(tmp_path: Path) -> None:
    round_ = opened(tmp_path)
    for study in STUDIES[:3]:
        round_.record([read(study, round_.assigned(study)[0], 1)])
    data = round_.log.path.read_bytes()
    round_.log.path.write_bytes(data + b"torn line without an end")
    assert len(round_.log.entries()) == 3
    round_.record([read("S005", round_.assigned("S005")[0], 1)])
    assert len(round_.log.entries()) == 4
    round_.log.path.write_bytes(data.replace(b'"ich": 1', b'"ich": 0', 1))
    with pytest.raises(GateFailed, match="line 1 was altered"):
        round_.log.entries()


def test_worklists_go_out_blind_and_come_back(tmp_path: Path) -> None:
    round_ = opened(tmp_path / "log")
    context = {study: {"accession": f"=A{study}"} for study in STUDIES}
    files = write_worklists(round_, tmp_path / "lists", context)
    assert [path.name for path in files] == ["image-reader-1.csv", "image-reader-2.csv", "image-reader-3.csv"]
    rows = list(csv.DictReader(files[0].open(encoding="utf-8-sig")))
    assert rows[0]["accession"].startswith("'=")  # no formula reaches a spreadsheet
    assert {row["reader"] for row in rows} == {"reader-1"}
    for row in rows[:4]:
        row["ich"] = "0"
    rows[4]["ich"] = "maybe"
    rows[5] |= {"study": "S999", "ich": "1"}
    rows.append(rows[0])
    filled = tmp_path / "filled.csv"
    with filled.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = import_decisions(filled, {"image": round_})
    assert done.recorded == 4
    assert [line for line, _ in done.refused] == [6, 7, len(rows) + 1]
    again = import_decisions(filled, {"image": round_})
    assert again.recorded == 0
    assert len(round_.log.entries()) == 4


def test_the_expert_sees_both_reads_and_the_other_studies(tmp_path: Path) -> None:
    round_ = opened(tmp_path / "log")
    for study, answers in (("S000", (1, 0)), ("S004", (0, 1))):
        round_.record([read(study, reader, ich) for reader, ich in zip(round_.assigned(study), answers, strict=True)])
    files = write_worklists(round_, tmp_path / "lists", {}, {"S000": "9 days earlier: A7 (S100): haemorrhage"})
    rows = {path.stem: list(csv.DictReader(path.open(encoding="utf-8-sig"))) for path in files}
    assert {row["study"]: row["other studies"] for row in rows["image-expert"]} == {"S000": "9 days earlier: A7 (S100): haemorrhage", "S004": ""}
    assert all(row["read 1"] != row["read 2"] for row in rows["image-expert"])
    assert all("other studies" not in row for row in rows["image-reader-1"])


def test_xlsx_comes_back_too(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    round_ = opened(tmp_path / "log")
    path = write_worklists(round_, tmp_path / "lists", {})[0].with_suffix(".xlsx")
    book = load_workbook(path)
    sheet = book.worksheets[0]
    column = [cell.value for cell in sheet[1]].index("ich") + 1
    sheet.cell(2, column, 1)
    sheet.cell(3, column, "?")
    book.save(path)
    assert import_decisions(path, {"image": round_}).recorded == 2


def test_a_growing_log_says_the_same_as_one_read_anew(tmp_path: Path) -> None:
    """Reads and open disagreements are carried on from read to read, whoever wrote them, corrections included."""
    chance, studies = random.Random(5), [f"S{n}" for n in range(12)]
    config = RoundConfig(readers=["a", "b", "c"], readers_per_study=2, expert="x")
    ours, theirs = (Round(tmp_path, "image", config, 1, studies) for _ in range(2))
    recorded = 0
    for _ in range(160):
        study, reader = chance.choice(studies), chance.choice(["a", "b", "c", "x"])
        before = ours.reads().get((study, reader))
        decision = Decision(study, reader, {"ich": chance.randint(0, 1)}, supersedes=before.sequence if before else None)
        with contextlib.suppress(BadDecision):
            recorded += len(chance.choice([ours, theirs]).record([decision]))
        anew = Round(tmp_path, "image", config, 1, studies)
        assert dict(ours.reads()) == dict(anew.reads()) and ours.queue("x") == anew.queue("x")
        wanted = [s for s in studies if ours._disagree(s, ours.reads()) and (s, "x") not in ours.reads()]
        assert sorted(ours.queue("x")) == sorted(wanted)
    assert recorded > 40
