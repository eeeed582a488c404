"""Run one function over many studies: local processes by default, a cluster by one config line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import forkserver, get_context
from typing import Generic, TypeVar

from ichset.config import EngineConfig
from ichset.errors import ConfigError, CurationError

Item = TypeVar("Item")
Result = TypeVar("Result")

HOPELESS = 16  # workers lost in a row without one result: the fault is not in the items
AHEAD = 4  # items a worker may be ahead of what was yielded: bounds the memory of finished results


@dataclass(frozen=True)
class WorkerDied:
    """A worker was killed (out of memory, signal) while it worked on this item alone."""

    detail: str = "the worker process died on this item"


def jobs_of(config: EngineConfig, jobs: int | None = None) -> int:
    """How many workers: the command line's, else the config's, else every core this process may use."""
    return jobs or config.jobs or len(os.sched_getaffinity(0))


def warm(modules: Sequence[str], config: EngineConfig) -> None:
    """Start the server that workers are forked from and let it import `modules` meanwhile, once for every pool to come.

    A worker that has to import numerical libraries itself spends seconds on it, at every stage and in every wave.
    Arrow imports pandas, where that happens to be installed, at the first list that it converts: it is imported along.
    """
    if modules and config.backend == "processes" and jobs_of(config) > 1:
        forkserver.set_forkserver_preload([*modules, "pandas"])
        forkserver.ensure_running()


def run_each(
    function: Callable[[Item], Result], items: Iterable[Item], config: EngineConfig, jobs: int | None = None, title: str = "", ready: int = 0
) -> Iterator[tuple[Item, Result | WorkerDied]]:
    """Yield (item, result) in the items' own order, whatever finishes first; items are taken as they are needed.

    `ready`: items that wait for each worker, where the making of an item takes the main process a while.
    An exception of `function` is raised here; a worker that dies fails its own item alone. With a `title`
    and a terminal a progress bar counts the items, never naming one.
    """
    if config.backend == "dask":
        pairs = _on_dask(function, items, config)
    elif (workers := jobs_of(config, jobs)) <= 1:
        pairs = ((item, function(item)) for item in items)
    else:
        pairs = _Pool(function, iter(items), workers, ready).pairs()
    yield from _with_progress(pairs, title, len(items) if isinstance(items, Sized) else None)


class _Pool(Generic[Item, Result]):
    """An ordered, bounded map over processes that survives the death of a worker."""

    def __init__(self, function: Callable[[Item], Result], items: Iterator[Item], workers: int, ready: int = 0) -> None:
        self._function, self._items, self._workers = function, items, workers
        self._sent = workers * (1 + ready)
        self._open: dict[int, Item] = {}  # taken from `items`, not yet yielded
        self._done: dict[int, Result | WorkerDied] = {}
        self._taken = self._yielded = self._deaths = 0

    def pairs(self) -> Iterator[tuple[Item, Result | WorkerDied]]:
        while True:
            running: dict[Future[Result], int] = {}
            try:
                with ProcessPoolExecutor(self._workers, mp_context=get_context("forkserver")) as pool:
                    for number in sorted(set(self._open) - set(self._done)):
                        running[pool.submit(self._function, self._open[number])] = number
                    while self._submit(pool, running) or running:
                        finished, _ = wait(running, return_when=FIRST_COMPLETED)
                        for future in finished:
                            self._done[running[future]] = future.result()
                            del running[future]
                        yield from self._ready()
                return
            except BrokenProcessPool:
                for number in sorted(running.values()):  # one of these killed its worker: each gets a worker of its own
                    self._done[number] = _alone(self._function, self._open[number])
                dead = sum(isinstance(self._done[number], WorkerDied) for number in running.values())
                self._deaths = self._deaths + dead if dead == len(running) else 0
                if self._deaths > HOPELESS:
                    raise CurationError("worker processes die whatever they work on; is the machine out of memory? try --jobs 1") from None
                yield from self._ready()

    def _submit(self, pool: ProcessPoolExecutor, running: dict[Future[Result], int]) -> bool:
        room = min(self._sent - len(running), AHEAD * self._workers - len(self._open))
        for item in islice(self._items, max(room, 0)):
            self._open[self._taken] = item
            running[pool.submit(self._function, item)] = self._taken
            self._taken += 1
        return bool(running)

    def _ready(self) -> Iterator[tuple[Item, Result | WorkerDied]]:
        while self._yielded in self._done:
            result = self._done.pop(self._yielded)
            item = self._open.pop(self._yielded)
            self._yielded += 1
            yield item, result


def _alone(function: Callable[[Item], Result], item: Item) -> Result | WorkerDied:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return WorkerDied()


def _on_dask(function: Callable[[Item], Result], items: Iterable[Item], config: EngineConfig) -> Iterator[tuple[Item, Result | WorkerDied]]:
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError('engine.backend = "dask" needs the extra: pip install "ichset[cluster]"') from None
    if config.scheduler is None:
        raise ConfigError('engine.scheduler: give the address of the dask scheduler, e.g. "tcp://host:8786"')
    with Client(config.scheduler) as client:
        window: list[tuple[Item, object]] = []
        source = iter(items)
        most = AHEAD * max(sum(client.nthreads().values()), 1)
        while True:
            window += [(item, client.submit(function, item, pure=False)) for item in islice(source, most - len(window))]
            if not window:
                return
            item, future = window.pop(0)
            yield item, future.result()  # type: ignore[attr-defined]


def _with_progress(
    pairs: Iterable[tuple[Item, Result | WorkerDied]], title: str, total: int | None
) -> Iterator[tuple[Item, Result | WorkerDied]]:
    if not title or not sys.stderr.isatty():
        yield from pairs
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        for pair in pairs:
            yield pair
            progress.advance(task)
