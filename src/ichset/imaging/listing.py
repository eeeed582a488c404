"""What is in an archive, for people: counts, and each series with its reason. Memory stays bounded whatever the archive's size."""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichset.config import EngineConfig, RetrieveConfig
from ichset.errors import CurationError
from ichset.imaging.index import update_index
from ichset.imaging.retrieve import open_source, request_of
from ichset.imaging.series import Choice, Knowledge, choose
from ichset.imaging.sources import Header, Request
from ichset.imaging.sources.answers import is_uid
from ichset.imaging.sources.courtesy import Courtesy
from ichset.imaging.study import distinct

AT_ONCE = 30_000  # files whose rows are in memory together
WIDEST = 44  # characters of a description
HEADING = f"{'series':>8} {'slices':>7} {'spacing':>9}  {'phase':<9} {'description':<{WIDEST}}  decision"


def summary_of(folder: Path, output: Path | None, jobs: int | None) -> list[str]:
    """Lines of counts; faults with how many files have each."""
    files, instances = 0, 0
    studies: set[str] = set()
    series: set[str] = set()
    modalities: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with _index_of(folder, output, jobs) as batches:
        for batch in batches(["fault", "study_uid", "series_uid", "modality"]):
            good = batch.filter(pc.is_null(batch["fault"]))
            files, instances = files + len(batch), instances + len(good)
            studies.update(good["study_uid"].unique().to_pylist())
            series.update(good["series_uid"].unique().to_pylist())
            modalities.update(one or "no modality" for one in good["modality"].to_pylist())
            faults.update(one for one in batch["fault"].to_pylist() if one)
    lines = [f"{files:,} files: {len(studies):,} studies, {len(series):,} series, {instances:,} instances"]
    lines += [f"{count:>12,} {_printable(modality)}" for modality, count in modalities.most_common()]
    lines += [f"{files - instances:,} files are of no use:"] if faults else []
    return lines + [f"{count:>12,} {fault}" for fault, count in faults.most_common()]


def series_lines(folder: Path, policy: str, jobs: int | None, paths: bool = False) -> Iterator[str]:
    """A block a study, a line a series; `paths` adds each study's folders, which may name a patient."""
    config = RetrieveConfig(path=folder, policy=policy)  # type: ignore[arg-type]
    number, outcome = 0, Counter[bool]()
    with _index_of(folder, None, jobs) as batches:
        for group in _groups(batches(["fault", "study_uid"])):
            for _, rows in _studies(batches(None), group):
                number += 1
                choices = choose(_by_series(rows), config)
                yield f"study {number}" + (f": {', '.join(_folders(rows))}" if paths else "")
                yield from lines_of(choices)
                outcome[any(choice.reason is None for choice in choices)] += 1
    yield f"{number:,} studies: {outcome[True]:,} with series to take, {outcome[False]:,} without"


def study_lines(name: str, report: Header | None, config: RetrieveConfig, engine: EngineConfig, work: Path) -> Iterator[str]:
    """One study as its source lists it, before a pixel has moved: found by its report's keys, or `name` is a UID or accession number.

    Raises CurationError when there is no one study.
    """
    if report is None:
        lookup = "study_uid" if is_uid(name) else "accession"
        config = config.model_copy(update={"lookup": lookup})
        request = Request("", "", *((name, "") if lookup == "study_uid" else ("", name)), "", "")
    else:
        request = request_of(report)
    source = open_source(config, engine, work, [request], Courtesy(config.courtesy, work))
    uids = sorted({found.study_uid for found in source.locate(request)})
    if len(uids) != 1:
        raise CurationError("the source has no such study" if not uids else f"{len(uids)} studies of the source answer to this number")
    good = [header for header in source.headers(uids[0]) if not header["fault"] and header["study_uid"] == uids[0]]
    series = _by_series(good)
    yield from lines_of(choose(series, config, Knowledge(listed=frozenset(series) if source.remote else frozenset())))


def lines_of(choices: Sequence[Choice]) -> Iterator[str]:
    """A heading and a line a series, the decision last."""
    yield HEADING
    for choice in choices:
        first, stack = choice.headers[0], choice.stack
        spacing = "" if stack.spacing is None else f"{stack.spacing:.2f} mm"
        phase = choice.phase if choice.reason is None or "phase" in choice.reason else ""
        decision = f"left: {choice.reason}" if choice.reason else "taken"
        if len(choice.headers) > 1 and stack.name not in ("regular", choice.reason) and first["position"]:
            decision += f" ({stack.name})"
        number = "" if first["series_number"] is None else f"{int(first['series_number'])}"
        described = _printable(first["description"] or first["protocol"] or "(no description)")[:WIDEST]
        yield f"{number:>8} {len(choice.headers):>7} {spacing:>9}  {phase:<9} {described:<{WIDEST}}  {decision}".rstrip()


# --- the index, piece by piece ----------------------------------------------------------------------
@contextmanager
def _index_of(folder: Path, output: Path | None, jobs: int | None) -> Iterator[_Batches]:
    with tempfile.TemporaryDirectory() as scratch:
        yield _Batches(update_index(folder, output or Path(scratch) / "index.parquet", EngineConfig(jobs=jobs)))


class _Batches:
    def __init__(self, index: Path) -> None:
        self._index = index

    def __call__(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self._index) as file:
            yield from file.iter_batches(columns=columns)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[set[str]]:
    """Study UIDs in their order, as many at once as hold so many files."""
    sizes: Counter[str] = Counter()
    for batch in batches:
        sizes.update(batch.filter(pc.is_null(batch["fault"]))["study_uid"].to_pylist())
    group: set[str] = set()
    files = 0
    for uid in sorted(sizes):
        group.add(uid)
        files += sizes[uid]
        if files >= AT_ONCE:
            yield group
            group, files = set(), 0
    if group:
        yield group


def _studies(batches: Iterable[pa.RecordBatch], group: set[str]) -> list[tuple[str, list[Header]]]:
    wanted = pa.array(sorted(group), pa.string())
    studies: dict[str, list[Header]] = defaultdict(list)
    for batch in batches:
        for row in batch.filter(pc.and_(pc.is_null(batch["fault"]), pc.is_in(batch["study_uid"], wanted))).to_pylist():
            studies[row["study_uid"]].append(row)
    return sorted(studies.items())


def _by_series(rows: Iterable[Header]) -> Mapping[str, Sequence[Header]]:
    series: dict[str, list[Header]] = defaultdict(list)
    for row in rows:
        series[row["series_uid"]].append(row)
    return {uid: distinct(of_series) for uid, of_series in series.items()}


def _folders(rows: Iterable[Header]) -> list[str]:
    folders = sorted({os.path.dirname(row["path"]) or b"." for row in rows})  # noqa: PTH120 - bytes
    return [_printable(folder.decode("utf-8", "replace")) for folder in folders]


def _printable(text: str) -> str:
    """A header's words may hold a terminal's control codes and marks that turn the line round."""
    return "".join(character if character.isprintable() else "?" for character in text)
