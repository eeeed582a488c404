"""Run one function over many studies: local processes by default, a cluster by one config line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Generic, TypeVar

from ichset.config import EngineConfig
from ichset.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerDied:
    """A worker was killed (out of memory, signal) while it held this item, twice."""

    detail: str = "the worker process died on this item"


def jobs_of(config: EngineConfig, jobs: int | None = None) -> int:
    """How many workers: the command line's, else the config's, else every core this process may use."""
    return jobs or config.jobs or len(os.sched_getaffinity(0))


def run_each(
    function: Callable[[Item], Result], items: Sequence[Item], config: EngineConfig, jobs: int | None = None
) -> Iterator[tuple[Item, Result | WorkerDied]]:
    """Yield (item, result) in the items' own order, whatever finishes first.

    An exception of `function` is raised here; a worker that dies fails its own item alone.
    """
    if config.backend == "dask":
        yield from _on_dask(function, items, config)
        return
    workers = min(jobs_of(config, jobs), len(items))
    if workers <= 1:
        yield from ((item, function(item)) for item in items)
        return
    yield from _on_processes(function, items, workers)


def _on_processes(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Result | WorkerDied]]:
    done: dict[int, Result | WorkerDied] = {}
    following = 0
    position = 0
    while following < len(items):
        position = following
        running: dict[Future[Result], int] = {}
        with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
            try:
                while position < len(items) or running:
                    # bounded: never more than two items a worker ahead of what was yielded
                    while position < len(items) and len(running) < workers and position - following < 4 * workers:
                        if position not in done:
                            running[pool.submit(function, items[position])] = position
                        position += 1
                    if running:
                        finished, _ = wait(running, return_when=FIRST_COMPLETED)
                        for future in finished:
                            done[running[future]] = future.result()
                            del running[future]
                    while following in done:
                        yield items[following], done.pop(following)
                        following += 1
            except BrokenProcessPool:
                suspects = sorted(running.values())
        if following < len(items):
            for suspect in suspects:
                done[suspect] = _alone(function, items[suspect])
            while following in done:
                yield items[following], done.pop(following)
                following += 1


def _alone(function: Callable[[Item], Result], item: Item) -> Result | WorkerDied:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return WorkerDied()


def _on_dask(function: Callable[[Item], Result], items: Sequence[Item], config: EngineConfig) -> Iterator[tuple[Item, Result | WorkerDied]]:
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError('engine.backend = "dask" needs the extra: pip install "ichset[cluster]"') from None
    if config.scheduler is None:
        raise ConfigError('engine.scheduler: give the address of the dask scheduler, e.g. "tcp://host:8786"')
    with Client(config.scheduler) as client:
        for item, future in zip(items, client.map(function, items, pure=False), strict=True):
            yield item, future.result()
