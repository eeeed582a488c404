"""The rounds as the tables stand now, who may open which case, and why a read is refused: codes that the page puts in words."""

from __future__ import annotations

import hashlib
import hmac
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from ichset.config import Config, RoundConfig
from ichset.errors import CurationError
from ichset.readings import Round, open_round
from ichset.readings.decision import BadDecision, Decision
from ichset.readings.log import Entry
from ichset.readings.pictures import changed
from ichset.readings.rounds import Reads, round_file
from ichset.review.opened import OpenedReports
from ichset.review.worktables import WorkTables, stamp_of

ROUNDS = ("text", "image")


class Refused(CurationError):
    """An answer that the page gives in words; `status` is the HTTP status."""

    def __init__(self, code: str, status: int = 409, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.status, self.detail = code, status, detail


class Desk:
    """Cases are named by tokens keyed to (round, person, study): a token of one reader opens nothing for another."""

    def __init__(self, config: Config, folder: Path, secret: bytes) -> None:
        self.config = config
        self.work = config.project.work
        self.tables = WorkTables(self.work)
        self.opened = OpenedReports(folder)
        self._secret = secret
        self._lock = threading.RLock()
        self._rounds: dict[str, tuple[tuple[Any, ...], Round]] = {}
        self._lists: dict[tuple[str, str], tuple[Round, dict[str, str]]] = {}

    # --- rounds ---
    def round_config(self, name: str) -> RoundConfig:
        return self.config.read_text if name == "text" else self.config.read_image

    def role(self, name: str, user: str) -> str | None:
        """reader, expert, or None: nothing to do with this round."""
        config = self.round_config(name)
        return "reader" if user in config.readers else "expert" if user == config.expert else None

    def round(self, name: str) -> Round | None:
        """The round as the pipeline opened or extended it last; None before it has come to it."""
        folder = self.work / "readings"
        with self._lock:
            stamp = stamp_of(round_file(folder, name))
            if stamp is None or name not in ROUNDS:
                return None
            kept = self._rounds.get(name)
            if kept is None or kept[0] != stamp:
                made = open_round(folder, name, self.round_config(name), self.config.project.seed)
                if made is None:
                    return None
                kept = self._rounds[name] = (stamp, made)
            return kept[1]

    def open_round(self, name: str, user: str) -> Round:
        """The round for someone who takes part in it. Everybody else learns nothing, not even whether it runs."""
        found = self.round(name) if name in ROUNDS and self.role(name, user) else None
        if found is None:
            raise Refused("not_yours", 404)
        return found

    # --- cases ---
    def token(self, name: str, user: str, study: str, related: str = "") -> str:
        text = "\0".join((name, user, study, related)).encode()
        return hmac.new(self._secret, b"case\0" + text, hashlib.sha256).hexdigest()[:32]

    def cases(self, name: str, user: str) -> dict[str, str]:
        """Token -> study, in this person's own order: the reader's list, or the expert's disagreements."""
        found = self.open_round(name, user)
        if self.role(name, user) == "expert":
            done = [study for (study, reader) in found.reads() if reader == user and study in found.known]
            return {self.token(name, user, study): study for study in (*done, *found.queue(user))}
        with self._lock:
            kept = self._lists.get((name, user))
            if kept is None or kept[0] is not found:
                kept = self._lists[name, user] = (found, {self.token(name, user, study): study for study in found.order(user)})
            return kept[1]

    def study(self, name: str, user: str, token: str) -> str:
        """The study behind a token of this very person. Raises Refused, the same for a foreign case as for none."""
        study = self.cases(name, user).get(token)
        if study is None:
            raise Refused("not_yours", 404)
        return study

    def queue(self, name: str, user: str) -> list[str]:
        """Tokens of the cases still to be read, in order."""
        found = self.open_round(name, user)
        if self.role(name, user) == "expert":
            return [self.token(name, user, study) for study in found.queue(user)]
        reads = found.reads()
        return [token for token, study in self.cases(name, user).items() if (study, user) not in reads]

    def progress(self, name: str, user: str) -> dict[str, int]:
        total = len(self.cases(name, user))
        return {"read": total - len(self.queue(name, user)), "total": total}

    def last(self, name: str, user: str) -> str | None:
        """Token of the case that this person saved last."""
        found = self.open_round(name, user)
        mine = [entry for (study, reader), entry in found.reads().items() if reader == user and study in found.known]
        return self.token(name, user, max(mine, key=lambda entry: entry.sequence).decision.study) if mine else None

    # --- reads ---
    def version(self, name: str, entry: Entry) -> str:
        """Names one recorded read. Its number in the log would tell how much the others have read meanwhile."""
        return hmac.new(self._secret, f"read\0{name}\0{entry.sequence}".encode(), hashlib.sha256).hexdigest()[:16]

    def closed(self, name: str, user: str, study: str, reads: Reads) -> str | None:
        """Why this person's read of the study can no longer be corrected, or None."""
        expert = self.round_config(name).expert
        if user != expert and expert is not None and (study, expert) in reads:
            return "adjudicated"
        return "report_opened" if (name, user, study) in self.opened else None

    def record(self, name: str, decision: Decision, corrects: str | None) -> Entry:
        """Append a read: on return it is on the disk. `corrects`: version of the own read that it replaces. Raises Refused."""
        found = self.open_round(name, decision.reader)
        reads = found.reads()
        before = reads.get((decision.study, decision.reader))
        if before is not None and corrects is not None and hmac.compare_digest(corrects.encode(), self.version(name, before).encode()):
            decision = replace(decision, supersedes=before.sequence)
        if before is not None and (code := self.closed(name, decision.reader, decision.study, reads)):
            raise Refused(code)
        try:
            return found.record([decision])[0]
        except BadDecision:
            raise self._in_words(name, found, decision) from None

    def _in_words(self, name: str, found: Round, decision: Decision) -> Refused:
        """The code of a refusal by the log, which saw another read first (a second tab, the expert)."""
        reads = found.reads()
        before = reads.get((decision.study, decision.reader))
        if before is not None and (code := self.closed(name, decision.reader, decision.study, reads)):
            return Refused(code)
        if changed(decision, found.pictures):
            return Refused("pictures_changed")
        if self.role(name, decision.reader) == "expert" and decision.study not in found.queue(decision.reader) and before is None:
            return Refused("no_disagreement")
        if before is not None:
            return Refused("already_same" if decision.same_as(before.decision) else "already_other")
        return Refused("bad_read", 422)
