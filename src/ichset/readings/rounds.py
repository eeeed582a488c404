"""A reading round: who reads which study in which order, what is still open, and what was judged in the end."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from ichset.config import RoundConfig
from ichset.contracts import LABELS
from ichset.readings.agreement import Agreement, cohen_kappa
from ichset.readings.decision import BadDecision, Decision
from ichset.readings.log import DecisionLog, Entry, sync_folder
from ichset.readings.pictures import Pictures, changed, references, stamped

Slices = Mapping[str, Mapping[str, int]]
Reads = Mapping[tuple[str, str], Entry]  # (study, reader) -> the standing read


@dataclass(frozen=True)
class Consensus:
    """What a round says of a study. `judged_by`: readers, majority or expert."""

    study: str
    answers: dict[str, int | None]
    exclude: str | None
    judged_by: str


@dataclass(frozen=True)
class _Standing:
    """What a log says: the standing read of each (study, reader), and whether the first readers of a study disagree."""

    entries: Sequence[Entry] = ()
    reads: Reads = field(default_factory=dict)
    disputed: Mapping[str, bool] = field(default_factory=dict)


class Round:
    """One round over one log. `studies` are those in play now, in a stable order; `first` ones are read before the rest.

    `slices`: study -> series ordinal -> number of slices, where they are known: a key slice must be one of them.
    `pictures`: study -> series ordinal -> fingerprint: a read that marks slices of what is another series by now is open again.
    """

    def __init__(
        self, folder: Path, name: str, config: RoundConfig, seed: int, studies: Sequence[str], first: Iterable[str] = (),
        slices: Slices | None = None, pictures: Pictures | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.config = config
        self.studies = tuple(studies)
        self.log = DecisionLog(folder / f"{name}.jsonl")
        self._seed = seed
        self.first = frozenset(first)
        self.slices = slices or {}
        self.pictures = pictures or {}
        self.known = frozenset(studies)
        self._assigned: dict[str, tuple[str, ...]] = {}
        self._standing = _Standing()

    # --- who reads what ---
    def assigned(self, study: str) -> tuple[str, ...]:
        """The readers of a study: the same whenever and wherever it is asked, balanced by chance."""
        if study not in self._assigned:
            ranked = sorted(self.config.readers, key=lambda reader: self._hash("assign", study, reader))
            self._assigned[study] = tuple(sorted(ranked[: self.config.readers_per_study]))
        return self._assigned[study]

    def shown_order(self, study: str) -> list[str]:
        """The readers of a study in the order in which the expert sees their reads: another one for every study."""
        return sorted(self.assigned(study), key=lambda reader: self._hash("shown", study, reader))

    def order(self, reader: str) -> list[str]:
        """Every study of this reader, in the reader's own seeded order."""
        mine = [study for study in self.studies if reader in self.assigned(study)]
        return sorted(mine, key=lambda study: (study not in self.first, self._hash("order", reader, study)))

    def queue(self, reader: str) -> list[str]:
        """What this reader has still to read; for the expert, the open disagreements."""
        reads = self.reads()
        if reader == self.config.expert:
            disputed = self._stand(self.log.entries()).disputed
            waiting = [study for study, open_ in disputed.items() if open_ and (study, reader) not in reads]
            return sorted(waiting, key=lambda study: self._hash("order", reader, study))
        return [study for study in self.order(reader) if (study, reader) not in reads]

    # --- decisions ---
    def reads(self) -> Reads:
        """The standing decision of each (study, reader): a correction replaces what it supersedes."""
        return self._stand(self.log.entries()).reads

    def _stand(self, entries: Sequence[Entry]) -> _Standing:
        """What these entries of the log say; of a log that has only grown, only what is new is looked at."""
        known = self._standing
        if known.entries is not entries:
            count = len(known.entries)
            if count > len(entries) or (count and entries[count - 1] is not known.entries[-1]):
                known, count = _Standing(), 0
            fresh = entries[count:]
            standing = [entry for entry in fresh if not changed(entry.decision, self.pictures)]
            reads = {**known.reads, **{(entry.decision.study, entry.decision.reader): entry for entry in standing}}
            touched = {entry.decision.study for entry in fresh} & self.known
            disputed = {**known.disputed, **{study: self._disagree(study, reads) for study in sorted(touched)}}
            known = self._standing = _Standing(entries, reads, disputed)
        return known

    def record(self, decisions: Sequence[Decision]) -> list[Entry]:
        """Append decisions, all or none; on return they are on the disk. Raises BadDecision with the reason."""

        def check(entries: Sequence[Entry]) -> None:
            standing = dict(self._stand(entries).reads)
            for decision in decisions:
                self._check(decision, standing)
                standing[decision.study, decision.reader] = Entry(0, decision, "")

        return self.log.append([one if one.pictures else stamped(one, self.pictures.get(one.study, {})) for one in decisions], check)

    def _check(self, decision: Decision, reads: Reads) -> None:
        if why := self.refusal(decision, reads):
            raise BadDecision(why)

    def refusal(self, decision: Decision, reads: Reads) -> str | None:
        """Why this decision cannot be recorded now, or None."""
        study, reader = decision.study, decision.reader
        if study not in self.known:
            return f"study {study} is not in the round {self.name}"
        if reader == self.config.expert:
            if not self._disagree(study, reads):
                return f"study {study}: the expert reads disagreements only"
        elif reader not in self.assigned(study):
            return f"study {study} is not on the list of {reader}"
        if foreign := self._no_slice(decision):
            return f"study {study}: it has no slice {foreign}"
        if changed(decision, self.pictures) or (decision.key_slices and not decision.pictures and self._outdated(study, reader)):
            return f"study {study}: its pictures have changed since they were marked; read it again from a new worklist or on the page"
        before = reads.get((study, reader))
        if before is None:
            return None if decision.supersedes is None else f"study {study}: nothing of {reader} to correct"
        if decision.supersedes is None or decision.supersedes != before.sequence:
            same = "the same answers" if decision.same_as(before.decision) else "other answers"
            return f"study {study}: {reader} has read it already, with {same}; a recorded read is never changed"
        if (study, self.config.expert) in reads and reader != self.config.expert:
            return f"study {study} is adjudicated; its reads are closed"
        return None

    def _outdated(self, study: str, reader: str) -> bool:
        """Whether this reader has marked pictures of the study that are others by now."""
        mine = (entry.decision for entry in self._standing.entries if (entry.decision.study, entry.decision.reader) == (study, reader))
        return any(changed(decision, self.pictures) for decision in mine)

    def _no_slice(self, decision: Decision) -> str | None:
        """A key slice that the study does not have, or None."""
        if decision.study not in self.slices:
            return None
        for reference in references(decision):
            series, _, number = reference.partition(":")
            if int(number) > self.slices[decision.study].get(series, 0):
                return reference
        return None

    # --- judgement ---
    def _first_reads(self, study: str, reads: Reads) -> list[Decision]:
        return [reads[study, reader].decision for reader in self.assigned(study) if (study, reader) in reads]

    def _disagree(self, study: str, reads: Reads) -> bool:
        mine = self._first_reads(study, reads)
        return len(mine) == len(self.assigned(study)) and any(not one.same_as(mine[0]) for one in mine)

    def consensus(self) -> dict[str, Consensus]:
        """The judged studies; a study that waits for a reader or the expert is absent."""
        reads = self.reads()
        judged = {}
        for study in self.studies:
            mine = self._first_reads(study, reads)
            if len(mine) < len(self.assigned(study)):
                continue
            if not self._disagree(study, reads):
                judged[study] = Consensus(study, dict(mine[0].answers), mine[0].exclude, "readers")
            elif self.config.expert is None:
                judged[study] = _majority(study, mine)
            elif entry := reads.get((study, self.config.expert)):
                judged[study] = Consensus(study, dict(entry.decision.answers), entry.decision.exclude, "expert")
        return judged

    def open_studies(self) -> list[str]:
        """Studies without a judgement yet."""
        judged = self.consensus()
        return [study for study in self.studies if study not in judged]

    def agreement(self, label: str = "ich") -> dict[tuple[str, str], Agreement]:
        """Per pair of readers, on the independent first reads both gave a yes or no."""
        firsts: dict[tuple[str, str], Decision] = {}
        for entry in self.log.entries():
            if changed(entry.decision, self.pictures):
                continue
            firsts.setdefault((entry.decision.study, entry.decision.reader), entry.decision)
        found = {}
        for one, two in combinations(self.config.readers, 2):
            both = [
                (firsts[study, one].answers[label], firsts[study, two].answers[label])
                for study in self.studies
                if (study, one) in firsts and (study, two) in firsts
            ]
            pairs = [(a, b) for a, b in both if a is not None and b is not None]
            if pairs:
                found[one, two] = cohen_kappa(pairs)
        return found

    def _hash(self, *parts: str) -> bytes:
        return hashlib.blake2b("\0".join((str(self._seed), self.name, *parts)).encode(), digest_size=16).digest()


def _majority(study: str, reads: Sequence[Decision]) -> Consensus:
    """More than half of the readers, label by label; None where no answer has that many."""

    def most(values: list[object]) -> object:
        value, count = Counter(values).most_common(1)[0]
        return value if 2 * count > len(values) else None

    answers = {label: most([read.answers[label] for read in reads]) for label in LABELS}
    return Consensus(study, answers, most([read.exclude for read in reads]), "majority")  # type: ignore[arg-type]


# --- one round for the pipeline, the readers' page and imports ---
def round_file(folder: Path, name: str) -> Path:
    """Where the pipeline keeps which studies are in the round; it is replaced when the round grows."""
    return folder / f"{name}.round.json"


def keep_round(folder: Path, round_: Round) -> None:
    """Remember for good which studies a round is about, so that the readers' page and imports open the same one."""
    path = round_file(folder, round_.name)
    text = json.dumps({"studies": round_.studies, "first": sorted(round_.first), "slices": round_.slices, "pictures": round_.pictures}, indent=0)
    if path.exists() and path.read_text("utf-8") == text:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(folder)


def open_round(folder: Path, name: str, config: RoundConfig, seed: int) -> Round | None:
    """The round as the pipeline left it; None when it has not come to it yet."""
    try:
        kept = json.loads(round_file(folder, name).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Round(folder, name, config, seed, kept["studies"], kept["first"], kept.get("slices"), kept.get("pictures"))
