"""One run over one work folder: its lock, its log, what is up to date, and the state that stages share."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ichset import __version__
from ichset import contracts as c
from ichset.config import Config
from ichset.contracts import Contract, StageOutput
from ichset.engine import warm
from ichset.errors import ConfigError, LockHeld, WaitingForReaders
from ichset.manifest import Manifests, digest_of, fingerprint
from ichset.pseudonyms import Pseudonyms, load_key
from ichset.readings import Round
from ichset.readings.pictures import Pictures
from ichset.readings.rounds import Slices, keep_round
from ichset.store import Store

Paths = Callable[[Config], tuple[Path | None, ...]]


@dataclass(frozen=True)
class Stage:
    """One step: `sections` of the config and `outside` paths change its result as its input tables do."""

    name: str
    does: str
    call: Callable[[Run], None]
    reads: tuple[Contract, ...]
    writes: tuple[Contract, ...]
    sections: tuple[str, ...] = ()
    outside: Paths = lambda config: ()
    trees: Paths = lambda config: ()  # folders it fills beside its tables
    workers: tuple[str, ...] = ()  # modules that its worker processes import


LOST_IN = {"retrieve": c.RETRIEVED, "read-image": c.IMAGE_READ, "anonymize": c.ANONYMIZED}
WAVE_SECTIONS = ("cohort", "retrieve", "read_image", "anonymize")


class Run:
    """What every stage is handed. `say` reports to the terminal and the log, never with an identifier."""

    def __init__(self, config: Config, jobs: int | None = None, force: bool = False, dry: bool = False, quiet: bool = False) -> None:
        project = config.project
        self.config, self.work, self.force, self.dry, self.quiet = config, project.work, force, dry, quiet
        self.key = load_key(project.key, outside=(project.work, project.release))
        self.pseudonyms = Pseudonyms(self.key)
        self.engine = config.engine.model_copy(update={"jobs": jobs} if jobs else {})
        self.store = Store(self.work)
        self.manifests = Manifests(self.work)
        self.results: list[dict[str, Any]] = []
        self.worker_modules: tuple[str, ...] = ()

    # --- what is up to date ---
    def inputs(self, stage: Stage) -> dict[str, str]:
        """Everything that decides a stage's output, each by a hash."""
        found = {"ichset": __version__, "key": hashlib.sha256(self.pseudonyms.digest("fingerprint")).hexdigest()}
        found["seed"] = str(self.config.project.seed)
        found |= {f"config {name}": digest_of(self._section(name)) for name in stage.sections}
        found |= {f"table {table.name}": self.manifests.identity(self.store.path(table)) for table in stage.reads}
        # an excluded table is an input of whoever counts it; its kept table changes with it, or its stage's manifest does
        return found | {f"path {number}": fingerprint(path) for number, path in enumerate(stage.outside(self.config), 1) if path}

    def _section(self, name: str) -> Any:
        value: Any = self.config.model_dump(mode="json")
        for part in name.split("."):
            value = value[part]
        return value

    def stage(self, stage: Stage) -> None:
        """Run one stage unless nothing has changed since it last ran."""
        if "wave" in {table.name for table in stage.reads} and not self.dry:
            self.wave()
        inputs = self.inputs(stage)
        if not self.force and self.manifests.is_current(stage.name, inputs):
            self._report(stage, "up to date", 0.0)
            return
        if self.dry:
            why = "; ".join(self.manifests.changed(stage.name, inputs)) or ("forced" if self.force else "its outputs changed or are missing")
            self.say(f"{stage.name:<11} would run ({why})", event="would run", stage=stage.name)
            return
        started = time.monotonic()
        warm(self.worker_modules, self.engine)
        self.manifests.forget(stage.name)
        try:
            stage.call(self)
        except WaitingForReaders:
            self.results.append({"stage": stage.name, "state": "waiting for readers", "kept": None, "excluded": None})
            self.say(f"{stage.name:<11} waits for readers", event="waiting", stage=stage.name)
            raise
        # decisions taken up while the stage ran are among its inputs
        self.manifests.record(stage.name, self.inputs(stage), self._outputs(stage), [path for path in stage.trees(self.config) if path])
        self._report(stage, "done", time.monotonic() - started)

    def _outputs(self, stage: Stage) -> list[Path]:
        return [path for table in stage.writes for path in (self.store.path(table), self.store.excluded_path(table)) if path.exists()]

    # --- waves ---
    def wave(self) -> pa.Table:
        """The ranks in play; begun anew when the cohort or a setting of the wave's stages changed."""
        inputs = {"cohort": self.manifests.identity(self.store.path(c.COHORT))}
        inputs |= {name: digest_of(self._section(name)) for name in WAVE_SECTIONS}
        if not self.manifests.is_current("wave", inputs):
            self._set_wave(self._in_play(()), inputs)
        return self.store.read(c.WAVE)

    def _set_wave(self, wave: pa.Table, inputs: dict[str, str]) -> None:
        self.store.write(c.WAVE, StageOutput(wave, c.WAVE.excluded_schema.empty_table()))
        self.manifests.record("wave", inputs, [self.store.path(c.WAVE)])

    def _in_play(self, lost: Sequence[str]) -> pa.Table:
        from ichset.cohort.waves import in_play

        return in_play(self.store.read(c.COHORT), self.config.cohort.target, self.config.cohort.margin, lost)

    def wave_grew(self, stages: Sequence[str]) -> bool:
        """Whether the losses of these stages called for more ranks; if so the wave is longer now."""
        lost = [study for stage in stages for study in self.store.excluded(LOST_IN[stage])["study"].to_pylist()]
        grown, before = self._in_play(lost), self.wave()
        if grown.num_rows <= before.num_rows:
            return False
        inputs = {"cohort": self.manifests.identity(self.store.path(c.COHORT))}
        self._set_wave(grown, inputs | {name: digest_of(self._section(name)) for name in WAVE_SECTIONS})
        self.say(f"{'wave':<11} {len(lost)} lost: {grown.num_rows - before.num_rows} more studies in play", event="wave", count=grown.num_rows)
        return True

    def shortfall(self) -> dict[str, int]:
        from ichset.cohort.waves import shortfall

        if not self.store.has(c.ANONYMIZED):
            return {}
        return shortfall(self.store.read(c.COHORT), self.config.cohort.target, self.store.read(c.ANONYMIZED, ["study"])["study"].to_pylist())

    def lost_reasons(self) -> dict[str, tuple[str, str]]:
        """study -> (reason, detail) of the stage that turned it away."""
        rows = [row for contract in LOST_IN.values() for row in self.store.excluded(contract).to_pylist()]
        return {row["study"]: (row["reason"], row["detail"] or "") for row in rows}

    # --- readers ---
    def open_round(
        self, name: str, studies: list[str], first: list[str] | None = None, slices: Slices | None = None, pictures: Pictures | None = None
    ) -> Round:
        """The round over the studies now in play, remembered for the readers' page and the worklists."""
        config = self.config.read_text if name == "text" else self.config.read_image
        round_ = Round(self.work / "readings", name, config, self.config.project.seed, studies, first or (), slices, pictures)
        keep_round(self.work / "readings", round_)
        return round_

    # --- release ---
    def release_tables(self) -> dict[str, pa.Table]:
        from ichset.readings.table import reads_table

        wanted = (
            c.SELECTED, c.CANDIDATES, c.TEXT_READ, c.COHORT, c.RETRIEVED, c.SERIES, c.IMAGE_READ, c.ANONYMIZED, c.ANONYMIZED_SERIES,
            c.INSTANCES, *([c.RELEASED_TEXT] if self.config.release.report_text else []),
        )  # fmt: skip
        tables = {contract.name: self.store.read(contract) for contract in wanted}
        selected = tables["selected"]["study"]
        for contract, key in ((c.SCREENED, "study"), (c.MENTIONS, "report")):
            chosen = selected if key == "study" else tables["screened"]["report"]
            batches = [pa.Table.from_batches([b]).filter(pc.is_in(b.column(key), chosen.combine_chunks())) for b in self.store.batches(contract)]
            tables[contract.name] = pa.concat_tables(batches) if batches else contract.schema.empty_table()
        tables["reads"] = reads_table(self.work / "readings", self.config)
        return tables

    def funnel(self) -> pa.Table:
        from ichset.funnel import funnel

        return funnel(self.store)

    # --- telling ---
    def _report(self, stage: Stage, how: str, seconds: float) -> None:
        table = stage.writes[0] if stage.writes else None
        kept = self.store.rows(table) if table and self.store.has(table) else None
        left = self.store.excluded(table).num_rows if table else 0
        result = {"stage": stage.name, "state": how, "kept": kept, "excluded": left}
        self.results.append(result)
        counts = "" if kept is None else f"{kept:>9,} kept {left:>9,} excluded"
        self.say(f"{stage.name:<11} {how:<10} {counts}  {seconds:7.1f} s", event=how, seconds=round(seconds, 3), **result)

    def say(self, line: str, **fields: Any) -> None:
        """A line for the terminal (standard error) and one JSON object for the log."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - the one place that talks to the operator
        if self.dry:
            return
        folder = self.work / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / "run.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}, sort_keys=True) + "\n")


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Hold the work folder; the lock of a killed run is gone with its process. Raises LockHeld."""
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(work / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ConfigError(f"project.work: {work} cannot be written ({error.strerror}); name another folder") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(f"{work}: another run holds this work folder; wait for it or stop it") from None
        yield
    finally:
        os.close(handle)


