"""The lead's view: progress, agreement, disagreements, time, replacements; and the reads as a table."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from ichset.contracts import ARMS, LABELS
from ichset.readings import Agreement, Round
from ichset.readings.rounds import Reads
from ichset.review.desk import Desk

EXPORT_COLUMNS = (
    "round", "study", "reader", *LABELS, "exclude", "confidence", "comment", "key_slices", "seconds", "sequence", "supersedes",
)  # fmt: skip


@dataclass(frozen=True)
class ReaderRow:
    reader: str
    role: str
    read: int
    total: int
    seconds: float | None  # median over this reader's cases


@dataclass(frozen=True)
class AgreementRow:
    label: str
    pair: tuple[str, str]
    numbers: Agreement


@dataclass(frozen=True)
class Disagreement:
    study: str
    answers: tuple[tuple[str, list[tuple[str, bool]], str | None], ...]  # (reader, `marked` labels, exclusion)
    judged: bool  # by the expert, or by the majority


@dataclass(frozen=True)
class ArmRow:
    """`replacements`: open studies ranked behind the target, in play because others were lost or may be."""

    arm: str
    target: int
    confirmed: int
    lost: int
    open: int
    replacements: int


@dataclass(frozen=True)
class Overview:
    name: str
    studies: int
    judged: int
    readers: list[ReaderRow]
    agreement: list[AgreementRow]
    disagreements: list[Disagreement]
    arms: list[ArmRow]


def overview(desk: Desk, name: str) -> Overview | None:
    """One round as it stands now; None before it is open."""
    found = desk.round(name)
    if found is None:
        return None
    reads, judged = found.reads(), found.consensus()
    agreement = [AgreementRow(label, pair, numbers) for label in LABELS for pair, numbers in found.agreement(label).items()]
    arms = _arms(desk, found, judged) if name == "image" else []
    disagreements = _disagreements(found, reads, set(judged))
    return Overview(name, len(found.studies), len(judged), _readers(found, reads), agreement, disagreements, arms)


def _readers(found: Round, reads: Reads) -> list[ReaderRow]:
    in_play = set(found.studies)
    done = Counter(reader for study, reader in reads if study in in_play)
    rows = []
    for reader in (*found.config.readers, found.config.expert):
        if reader is None:
            continue
        expert = reader == found.config.expert
        total = done[reader] + len(found.queue(reader)) if expert else len(found.order(reader))
        times = [e.decision.seconds for (s, r), e in reads.items() if r == reader and s in in_play and e.decision.seconds is not None]
        rows.append(ReaderRow(reader, "expert" if expert else "reader", done[reader], total, median(times) if times else None))
    return rows


def _disagreements(found: Round, reads: Reads, judged: set[str]) -> list[Disagreement]:
    rows = []
    for study in found.studies:
        mine = [(reader, reads[study, reader].decision) for reader in found.assigned(study) if (study, reader) in reads]
        if len(mine) == len(found.assigned(study)) and any(not read.same_as(mine[0][1]) for _, read in mine):
            said = tuple((reader, marked(read.answers), read.exclude) for reader, read in mine)
            rows.append(Disagreement(study, said, study in judged))
    return sorted(rows, key=lambda row: row.judged)


def marked(answers: Mapping[str, int | None]) -> list[tuple[str, bool]]:
    """(label, whether it cannot be told): the labels answered present, then those that cannot be told."""
    return [(label, False) for label in LABELS if answers[label] == 1] + [(label, True) for label in LABELS if answers[label] is None]


def _arms(desk: Desk, found: Round, judged: dict[str, Any]) -> list[ArmRow]:
    cohort, rows = desk.tables.cohort(), []
    targets = {str(arm): count for arm, count in desk.config.cohort.target.items()}
    for arm in ARMS:
        target = targets.get(arm, 0)
        mine = [study for study in found.studies if cohort.get(study, ("", 0))[0] == arm]
        fit = [s for s in mine if s in judged and not judged[s].exclude and judged[s].answers["ich"] == int(arm == "ich")]
        waiting = [study for study in mine if study not in judged]
        behind = [study for study in waiting if cohort[study][1] > target]
        rows.append(ArmRow(arm, target, len(fit), len(mine) - len(fit) - len(waiting), len(waiting), len(behind)))
    return rows


def export(desk: Desk, name: str) -> str:
    """Every read ever recorded in the round, corrections included, as CSV in the order of the log."""
    found = desk.round(name)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(EXPORT_COLUMNS)
    for entry in found.log.entries() if found else []:
        read = entry.decision
        answers = ["" if read.answers[label] is None else read.answers[label] for label in LABELS]
        slices = json.dumps({label: list(refs) for label, refs in sorted(read.key_slices.items())}) if read.key_slices else ""
        fields = [name, read.study, read.reader, *answers, read.exclude, read.confidence, _inert(read.comment), slices]
        writer.writerow([*("" if value is None else value for value in (*fields, read.seconds)), entry.sequence, read.supersedes or ""])
    return text.getvalue()


def _inert(text: str) -> str:
    """A comment that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
