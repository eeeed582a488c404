"""One step ahead, one step behind: Arrow decodes and encodes outside the interpreter's lock, so a thread can do it beside the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order, the next one made while the present one is worked on. None ends them."""
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = reader.submit(next, items, None)
            yield item


class OneBehind:
    """Runs each step while the next is prepared, in order, at most one at a time; what a step raises is raised by the following call."""

    def __enter__(self) -> OneBehind:
        self._writer = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None
        return self

    def run(self, step: Callable[[], None]) -> None:
        self.wait()
        self._last = self._writer.submit(step)

    def wait(self) -> None:
        """Until the last step is done."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.shutdown()
