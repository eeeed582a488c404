"""The stage `rules`: batches of screened reports in, their labels and mentions out.

The main process scans whole batches for what may matter; workers are sent only the reports that have to be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.config import EngineConfig, RulesConfig
from ichset.contracts import MENTIONS, REPORT_LABELS, RULED, StageOutput
from ichset.engine import WorkerDied, run_each
from ichset.errors import CurationError
from ichset.reports.mentions import Mention
from ichset.reports.prefilter import Prefilter, load_prefilter
from ichset.reports.rules import LONGEST, Reading, Rules, load_rules

READ = ("report", "study", "description", "conclusion")  # the columns of SCREENED that are used
SENT = 2048  # reports a worker is given at a time
ALONE = 7000  # reports to be read: for fewer, starting workers costs more than they save
_AT_ONCE = 32  # batches waited for to learn how many there are
_SAID = pa.schema([field for field in RULED.schema if field.name not in ("report", "study")])

Said = tuple[pa.Table, pa.Table]  # labels and doubt, a row a report; mentions


@dataclass(frozen=True)
class _Sent:
    """Some reports that have to be read, as Arrow's stream format: their own bytes alone are handed to a worker. `last` of their batch."""

    texts: pa.Buffer
    count: int
    last: bool


@dataclass(frozen=True)
class _Waiting:
    """A batch whose reports are being read: its keys, and which of its rows were sent."""

    keys: pa.RecordBatch
    rows: pa.Array

    def output(self, parts: Sequence[Said], silent: pa.Table) -> StageOutput:
        """A report that was passed over has the labels of an empty one (`silent`, one row) and no mention."""
        said = pa.concat_tables([silent, *(labels for labels, _ in parts)]).combine_chunks()
        at = np.zeros(self.keys.num_rows, np.int64)
        at[self.rows.to_numpy()] = np.arange(1, len(self.rows) + 1)
        ruled = pa.table([*self.keys.columns, *said.take(pa.array(at)).columns], schema=RULED.schema)
        mentions = pa.concat_tables([mentions for _, mentions in parts]).combine_chunks()
        return StageOutput(ruled, RULED.excluded_schema.empty_table(), {MENTIONS.name: mentions})


def rule_reports(batches: Iterable[pa.RecordBatch], config: RulesConfig, engine: EngineConfig) -> Iterator[StageOutput]:
    """Batches of SCREENED (the columns READ at least) in; kept: RULED, a row a report; tables: MENTIONS.

    Memory: two batches a worker.
    """
    chosen = config.model_dump_json()
    silent = _labels([_rules(chosen).read("", "", brain_ct=1)])  # a faulty phrase file is told before any work
    waiting: deque[_Waiting] = deque()
    source = _sent(batches, load_prefilter(config), waiting)
    first = _first(source)
    jobs = 1 if sum(sent.count for sent in first) < ALONE else None
    parts: list[Said] = []
    for sent, output in run_each(partial(_read, chosen), chain(first, source), engine, jobs, title="rules", ready=1):
        if isinstance(output, WorkerDied):
            raise CurationError("a worker died while it read reports; lower ingest.batch_rows or give the machine more memory")
        parts.append(output)
        if sent.last:
            yield waiting.popleft().output(parts, silent)
            parts.clear()


def _sent(batches: Iterable[pa.RecordBatch], prefilter: Prefilter, waiting: deque[_Waiting]) -> Iterator[_Sent]:
    """At most SENT reports at a time: workers share the end of the work, and little of it lies in memory. Each batch is sent, if empty."""
    for batch in batches:
        rows = pc.indices_nonzero(to_read(prefilter, batch.column("description"), batch.column("conclusion")))
        waiting.append(_Waiting(batch.select(["report", "study"]), rows))
        texts = batch.select(["report", "description", "conclusion"]).take(rows)
        for at in range(0, max(len(rows), 1), SENT):
            packed = pa.BufferOutputStream()
            with pa.ipc.new_stream(packed, texts.schema) as stream:
                stream.write_batch(texts.slice(at, SENT))
            yield _Sent(packed.getvalue(), min(SENT, len(rows) - at), at + SENT >= len(rows))


def _first(source: Iterator[_Sent]) -> list[_Sent]:
    """Up to ALONE reports; fewer only where the source ends or holds few that have to be read."""
    taken: list[_Sent] = []
    for sent in islice(source, _AT_ONCE):
        taken.append(sent)
        if sum(one.count for one in taken) >= ALONE:
            break
    return taken


def to_read(prefilter: Prefilter, description: pa.Array, conclusion: pa.Array) -> pa.Array:
    """Boolean, one a report. A section beyond LONGEST is read too: a cut text is doubtful."""
    long = [pc.greater(pc.binary_length(section), LONGEST).fill_null(False) for section in (description, conclusion)]
    return pc.or_(prefilter.may_matter(description, conclusion), pc.or_(*long))


@lru_cache(maxsize=2)
def _rules(chosen: str) -> Rules:
    """Compiled once a process, from the config's JSON: to send the patterns with every batch would compile them every time."""
    return load_rules(RulesConfig.model_validate_json(chosen))


def _read(chosen: str, sent: _Sent) -> Said:
    """In a worker."""
    rules = _rules(chosen)
    with pa.ipc.open_stream(sent.texts) as stream:
        reports = stream.read_next_batch().to_pydict()
    readings, mentions = [], []
    for report, description, conclusion in zip(*reports.values(), strict=True):
        reading = rules.read(description or "", conclusion or "", brain_ct=1)
        readings.append(reading)
        mentions += [mention_row(report, number, one) for number, one in enumerate(reading.mentions, 1)]
    return _labels(readings), pa.Table.from_pylist(mentions, MENTIONS.schema)


def _labels(readings: Sequence[Reading]) -> pa.Table:
    columns = [pa.array([reading.labels[name] for reading in readings], pa.int8()) for name in REPORT_LABELS]
    return pa.table([*columns, pa.array([reading.doubt for reading in readings], pa.bool_())], _SAID)


def mention_row(report: str, number: int, one: Mention) -> dict[str, Any]:
    """One MENTIONS row."""
    return {
        "report": report, "mention": number, "section": one.section, "start": one.start, "end": one.end, "finding": "+".join(one.findings),
        "assertion": one.assertion, "laterality": one.laterality, "location": one.location, "quote": one.quote, "cue": one.cue,
    }  # fmt: skip
