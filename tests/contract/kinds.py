"""The engines under one suite: how each is made, and how the same task is written for it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbdag.core.capacity import Capacity
from nbdag.engines.loops import LoopEngine
from nbdag.engines.threads import ThreadEngine
from nbdag.runtime.driver import Driver, Floor
from tests.unit.runtime.driven import driver_of, performer_of

LONG = 20.0
"""Seconds after which a wait of these tests has failed."""


def until(condition: Callable[[], bool]) -> None:
    """Wait until something has become true that nobody tells of."""
    ends_at = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < ends_at, "it never became true"
        threading.Event().wait(0.002)


class Kind:
    """One engine. Tasks are written as generators: `yield gate` waits for an Event, `yield 0.1` for so many seconds."""

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.can_stop = pool != "thread"

    def __repr__(self) -> str:
        return self.pool

    def task(self, story: Callable[..., Any], **options: Any) -> Any:
        """A task whose function goes through a story; a plain function is a story without waits."""
        if self.pool == "caller":
            options["loop"] = "caller"
        return (self._function(story), options)

    def _function(self, story: Callable[..., Any]) -> Callable[..., Any]:
        if self.pool == "thread":

            def function(**inputs: Any) -> Any:
                return _walk(story(**inputs))
        else:

            async def function(**inputs: Any) -> Any:
                return await _walk_async(story(**inputs))

        return function

    @contextmanager
    def driving(self, *, slots: int = 4, floor: Floor | None = None, **tasks: Any) -> Iterator[Driver]:
        """A run of these tasks on this engine, begun; afterwards the caller's loop is stopped."""
        driver = driver_of(
            floor=floor or Floor(Capacity(slots, slots)), **{n: self._with_inputs(t) for n, t in tasks.items()}
        )
        performer = performer_of(driver)
        with _loop_of(self.pool) as loop:
            if self.pool == "thread":
                engine: Any = ThreadEngine(driver, performer)
            else:
                engine = LoopEngine(driver, performer, loop=loop)
            performer._capture.open()
            driver.begin([engine], closing=performer._capture.close)
            yield driver

    def _with_inputs(self, definition: Any) -> Any:
        return definition if isinstance(definition, tuple) else self.task(definition)


def _walk(story: Any) -> Any:
    if not hasattr(story, "send"):
        return story
    try:
        while True:
            step = next(story)
            step.wait(LONG) if isinstance(step, threading.Event) else time.sleep(step)
    except StopIteration as end:
        return end.value


async def _walk_async(story: Any) -> Any:
    if not hasattr(story, "send"):
        return story
    throw: BaseException | None = None
    try:
        while True:
            step = next(story) if throw is None else story.throw(throw)
            try:
                throw = None
                if isinstance(step, threading.Event):
                    while not step.is_set():  # noqa: ASYNC110 - a test's thread sets it
                        await asyncio.sleep(0.001)
                else:
                    await asyncio.sleep(step)
            except asyncio.CancelledError as cancelled:
                throw = cancelled
    except StopIteration as end:
        return end.value


@contextmanager
def _loop_of(pool: str) -> Iterator[asyncio.AbstractEventLoop | None]:
    """The loop of a caller: it turns in a thread of its own."""
    if pool != "caller":
        yield None
        return
    loops: list[asyncio.AbstractEventLoop] = []
    turning, over = threading.Event(), asyncio.Event()

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        turning.set()
        await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert turning.wait(LONG)
    try:
        yield loops[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(LONG)


KINDS = [Kind("thread"), Kind("loop"), Kind("caller")]
