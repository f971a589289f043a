"""Work on the next block while the present one is worked on: reading, judging and writing overlap on several cores."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(items: Iterator[T], depth: int = 1) -> Generator[T]:
    """Draw items from an iterator in a thread, a few before they are asked for; its errors come out here."""
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def draw() -> None:
        try:
            for item in items:
                if not _offer(waiting, (True, item), stopped):
                    return
            _offer(waiting, (False, None), stopped)
        except BaseException as error:  # handed to the one who asks
            _offer(waiting, (False, error), stopped)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = waiting.get()
            if is_item:
                yield value
            elif value is not None:
                raise value
            else:
                return
    finally:
        stopped.set()
        thread.join()


def _offer(waiting: queue.Queue[tuple[bool, Any]], value: tuple[bool, Any], stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            waiting.put(value, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False


def in_order(work: Callable[[T], R], items: Iterator[T], workers: int) -> Generator[R]:
    """Work on several items at a time and return what comes of them in their order."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Behind:
    """Runs calls one after the other in a thread, at most one waiting; errors come out at the next call or at the end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Behind:
        return self

    def do(self, call: Callable[..., None], *arguments: object) -> None:
        """Wait for the call before, then start this one."""
        self.wait()
        self._last = self._pool.submit(call, *arguments)

    def wait(self) -> None:
        """Wait for the last call."""
        if self._last is not None:
            self._last.result()
            self._last = None

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._pool.shutdown(wait=True)
