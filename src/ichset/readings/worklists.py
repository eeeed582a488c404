"""Worklists as files: one CSV and one XLSX per reader, blind and in the reader's own order; and the way back."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ichset.contracts import LABELS
from ichset.errors import ConfigError
from ichset.readings.decision import BadDecision, Decision
from ichset.readings.pictures import stamped
from ichset.readings.rounds import Round

ANSWERS = (*LABELS, "exclude", "confidence", "comment", "key_slices", "seconds")
KEYS = ("round", "study", "reader")
SHOWN = "pictures"  # what the series were when the list was written: filled by us, not by the reader
UNSURE = "?"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Imported:
    """How many decisions were recorded, and each row that was refused: (line in the file, why)."""

    recorded: int
    waiting: int  # rows for studies that the round does not ask for (yet)
    refused: tuple[tuple[int, str], ...]


def write_worklists(
    round_: Round, folder: Path, context: Mapping[str, Mapping[str, str]], history: Mapping[str, str] | None = None
) -> list[Path]:
    """Write what each reader has still to read, `<folder>/<round>-<reader>.csv` and `.xlsx`; returns the files.

    `context`: study -> further columns to show (accession, report text); the same columns for every study.
    `history`: study -> what the expert is told of the patient's other studies.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shown = list(next(iter(context.values()), {}))
    people = [*round_.config.readers, *([round_.config.expert] if round_.config.expert else [])]
    written = []
    for reader in people:
        studies = round_.queue(reader)
        path = folder / f"{round_.name}-{reader}.csv"
        if not studies:
            path.unlink(missing_ok=True)
            path.with_suffix(".xlsx").unlink(missing_ok=True)
            continue
        extra = _for_expert(round_, studies, history or {}) if reader == round_.config.expert else {}
        columns = [*KEYS, *shown, *next(iter(extra.values()), {}), *ANSWERS, *([SHOWN] if round_.pictures else [])]
        rows = [
            {"round": round_.name, "study": study, "reader": reader, **context.get(study, {}), **extra.get(study, {}), SHOWN: _seen(round_, study)}
            for study in studies
        ]
        _write_csv(path, columns, rows)
        _write_xlsx(path.with_suffix(".xlsx"), columns, rows)
        written.append(path)
    return written


def _seen(round_: Round, study: str) -> str:
    return " ".join(f"{series}={mark}" for series, mark in round_.pictures.get(study, {}).items())


def _for_expert(round_: Round, studies: Sequence[str], history: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The reads an expert settles, as read 1, read 2 ..., without saying whose, and the patient's other studies."""
    reads = round_.reads()
    shown: dict[str, dict[str, str]] = {}
    for study in studies:
        mine = [reads[study, reader].decision for reader in round_.shown_order(study)]
        shown[study] = {f"read {number}": _summary(decision) for number, decision in enumerate(mine, 1)}
        shown[study]["other studies"] = history.get(study, "")
    return shown


def _summary(decision: Decision) -> str:
    present = [label for label, value in decision.answers.items() if value == 1]
    unsure = [f"{label}?" for label, value in decision.answers.items() if value is None]
    said = ", ".join(present + unsure) or "nothing present"
    return f"exclude: {decision.exclude}" if decision.exclude else said


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8-sig", newline="") as file:  # the mark lets spreadsheet programs read Cyrillic
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[safe_cell(str(row.get(column) or "")) for column in columns] for row in rows])
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula (a leading apostrophe shows it as text)."""
    return "'" + text if text.startswith(_FORMULA) else text


def _write_xlsx(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("worklist")
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for row in rows:
        sheet.append([safe_cell(ILLEGAL_CHARACTERS_RE.sub(" ", str(row.get(column) or ""))) for column in columns])
    part = path.with_name(path.name + ".part")
    book.save(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


# --- the way back ---------------------------------------------------------------------------------
def import_decisions(path: Path, rounds: Mapping[str, Round], waiting_allowed: bool = False) -> Imported:
    """Record the filled rows of a CSV or XLSX worklist; rows not filled in are left for later.

    A changed, duplicated or unknown row is refused by line and study and the others are recorded.
    `waiting_allowed`: rows that the round does not ask for yet, and rows recorded already, are passed over in
    silence: a file of decisions made elsewhere is taken up wave by wave.
    """
    refused: list[tuple[int, str]] = []
    recorded = waiting = 0
    reads = {name: dict(round_.reads()) for name, round_ in rounds.items()}
    accepted: dict[str, list[Decision]] = {name: [] for name in rounds}
    seen: set[tuple[str, str, str]] = set()
    for line, row in _rows(path):
        if not any(row.get(column) for column in (*LABELS, "exclude")):
            continue
        name, key = row["round"], (row["round"], row["study"], row["reader"])
        try:
            if name not in rounds:
                raise BadDecision(f"unknown round {name!r}; rounds are {', '.join(rounds)}")
            decision = parse_row(row)
            if key in seen:
                raise BadDecision(f"study {row['study']}: this file has the row of {row['reader']} twice")
            seen.add(key)
            if waiting_allowed and not _asked(rounds[name], decision, reads[name]):
                waiting += 1
                continue
            if why := rounds[name].refusal(decision, reads[name]):
                raise BadDecision(why)
            accepted[name].append(decision)
        except BadDecision as error:
            refused.append((line, str(error)))
    for name, decisions in accepted.items():
        recorded += len(rounds[name].record(decisions)) if decisions else 0
    return Imported(recorded, waiting, tuple(refused))


def _asked(round_: Round, decision: Decision, reads: Mapping[tuple[str, str], Any]) -> bool:
    if (decision.study, decision.reader) in reads:
        return False
    return round_.refusal(decision, dict(reads)) is None


def parse_row(row: Mapping[str, str]) -> Decision:
    """One filled worklist row; raises BadDecision with what is wrong in it."""
    values = {"1": 1, "0": 0, UNSURE: None, "": None}
    try:
        answers = {label: values[str(row.get(label) or "").strip()] for label in LABELS}
        confidence = int(row["confidence"]) if row.get("confidence") else None
        seconds = float(row["seconds"]) if row.get("seconds") else None
    except (KeyError, ValueError) as error:
        raise BadDecision(f"study {row['study']}: {error} is not an answer; write 1, 0, or ? for cannot tell") from None
    try:
        decision = Decision(
            row["study"], row["reader"], answers, exclude=(row.get("exclude") or "").strip() or None, confidence=confidence,
            comment=(row.get("comment") or "").removeprefix("'"), key_slices=_slices(row.get("key_slices") or ""), seconds=seconds,
        )  # fmt: skip
        return stamped(decision, dict(part.split("=", 1) for part in (row.get(SHOWN) or "").split() if "=" in part))
    except BadDecision as error:
        raise BadDecision(f"study {row['study']}: {error}") from None


def _slices(text: str) -> dict[str, tuple[str, ...]]:
    """`subdural=1:12 1:13; fracture=2:4` -> label -> slices."""
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    return {label.strip(): tuple(slices.split()) for label, _, slices in parts}


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    if path.suffix.lower() == ".xlsx":
        table = _xlsx_cells(path)
    else:
        try:
            text = _decoded(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"{path.name}: cannot be read ({error.strerror})") from None
        first = text.split("\n", 1)[0]
        table = list(csv.reader(text.splitlines(keepends=True), delimiter=";" if first.count(";") > first.count(",") else ","))
    header = [cell.strip() for cell in table[0]] if table else []
    if missing := [column for column in (*KEYS, "ich") if column not in header]:
        raise ConfigError(f"{path.name}: column {missing[0]!r} is missing; import the worklist with its first line as it was written")
    return [(line, dict(zip(header, cells, strict=False))) for line, cells in enumerate(table[1:], 2)]


def _decoded(data: bytes) -> str:
    """UTF-8 with or without its mark; else cp1251, as a Russian spreadsheet saves CSV."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")


def _xlsx_cells(path: Path) -> list[list[str]]:
    from openpyxl import load_workbook

    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
    except Exception as error:  # openpyxl raises many kinds on a damaged file
        raise ConfigError(f"{path.name}: cannot be read as XLSX ({type(error).__name__})") from None
    return [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # spreadsheets turn 1 into 1.0
    return "" if value is None else str(value)
