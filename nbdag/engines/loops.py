"""Coroutines on an event loop: a few runner coroutines take one attempt after another, without a Task for each.

The loop is the run's own, in a daemon thread, so that nothing of nbdag runs on the kernel's; with ``loop="caller"`` it
is the caller's. An attempt is stopped by cancelling its runner while it runs that attempt and no other. A coroutine
that blocks its loop is named in an event; deadlines are kept by another thread.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from itertools import count

from nbdag.core.reports import StartAttempt
from nbdag.runtime.attempt import Performer
from nbdag.runtime.driver import Driver
from nbdag.runtime.failure import is_library, is_own

BLOCKED_AFTER = 1.0
"""Seconds without a turn of the loop after which a coroutine is said to block it."""
_TURN = 0.01  # seconds a runner may go on without giving the loop a turn


class LoopEngine:
    """Runs the attempts of one pool of one run on an event loop: its own, or the one given."""

    shares_gil = False

    def __init__(
        self,
        driver: Driver,
        performer: Performer,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        name_file: Callable[[str], str] = str,
    ) -> None:
        self.pool = "loop" if loop is None else "caller"
        self._driver, self._performer, self._name_file = driver, performer, name_file
        self._loop, self._is_own, self._thread_id = loop, loop is None, 0
        self._numbers = count(1)
        self._runners: dict[asyncio.Task[None], _Runner] = {}
        self._starting = threading.Lock()
        self._turned_at: float | None = None
        self._named_blocked = self._is_lost = self._is_closed = False

    def spawn(self) -> None:
        """Start one more runner; the first one starts the loop."""
        loop = self._running_loop()
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._start_runner)
        except RuntimeError:
            self.lose_loop()

    def lose_loop(self) -> None:
        """The caller's loop was closed under the run, so that what is bound to it can never run: cancel the run."""
        if not self._is_lost and not self._driver.is_over:
            self._is_lost = True
            self._driver.cancel("the event loop that tasks with loop='caller' are bound to was closed")

    def stop(self, node: int, attempt: int) -> None:
        """Cancel the attempt if it still runs."""
        self._performer.stop(node, attempt)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: so is the attempt
                self._loop.call_soon_threadsafe(self._cancel, node, attempt)

    def close(self) -> None:
        """Let the runners end; the run's own loop ends after them, however long an abandoned attempt takes."""
        with self._starting:
            self._is_closed = True
        if self._is_own and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wind_up)

    def _running_loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop, started where it is the run's own; None once closed, as nobody would end a loop started then."""
        with self._starting:
            if self._is_closed:
                return None
            if self._loop is None:
                self._loop = self._started_loop()
                self._watch()
            return self._loop

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        loop, context = asyncio.SelectorEventLoop(), self._driver.context.copy()
        try:
            threading.Thread(target=context.run, args=(self._turn, loop), name="nbdag-loop", daemon=True).start()
        except RuntimeError:  # there are no more threads
            loop.close()
            raise
        return loop

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._thread_id = threading.get_ident()
        while True:
            try:
                loop.run_forever()
                break
            except BaseException:  # noqa: BLE001, S112 - a SystemExit in a child of a task ends the loop; who awaits the child has it too
                continue
        loop.close()

    def _start_runner(self) -> None:
        assert self._loop is not None
        runner = _Runner(f"{self.pool}-{next(self._numbers)}", self)
        task = self._loop.create_task(runner.work(self._driver, self._performer), name=f"nbdag-{self.pool}")
        runner.task = task
        self._runners[task] = runner
        task.add_done_callback(self._runner_ended)

    def _runner_ended(self, task: asyncio.Task[None]) -> None:
        del self._runners[task]
        if task.cancelled():
            self.lose_loop()

    def _cancel(self, node: int, attempt: int) -> None:
        for runner in self._runners.values():
            if runner.current is not None and runner.current[:2] == (node, attempt):
                runner.cancel()

    def _wind_up(self) -> None:
        assert self._loop is not None
        self._ending = self._loop.create_task(self._end())

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        while self._runners:
            await asyncio.wait(list(self._runners))
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:  # what tasks started and left behind
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await loop.shutdown_asyncgens()
        loop.stop()

    # --- the watch over a loop that does not turn ---

    def _watch(self) -> None:
        """Ask the loop for a turn now, and look in half of BLOCKED_AFTER whether it came."""
        assert self._loop is not None
        asked_at = self._driver.now()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._turned)
        self._driver.timers.at(asked_at + BLOCKED_AFTER / 2, self._look)

    def _turned(self) -> None:
        self._turned_at, self._named_blocked = self._driver.now(), False

    def _look(self) -> None:
        turned_at = self._turned_at
        if turned_at is None or self._named_blocked:
            self._watch()
            return
        if self._driver.now() - turned_at > BLOCKED_AFTER:
            self._named_blocked = True
            self._name_blocker()
        self._watch()

    def _name_blocker(self) -> None:
        frame = sys._current_frames().get(self._thread_id)
        node, line = None, ""
        while frame is not None:
            code = frame.f_code
            if not line and not is_own(code.co_filename) and not is_library(code.co_filename):
                line = f"{self._name_file(code.co_filename)}, line {frame.f_lineno}, in {code.co_name}"
            if code is Performer.perform_async.__code__:
                node = frame.f_locals["start"].node
            frame = frame.f_back
        if line:  # without a node it is in a coroutine that a task has started
            self._driver.note("loop_blocked", node, f"blocks its event loop at {line}; await, or use a plain def")


class _Runner:
    """One coroutine that performs attempts one after another."""

    def __init__(self, name: str, engine: LoopEngine) -> None:
        self.origin = {"worker": name}
        self.since: float | None = None
        self.current: StartAttempt | None = None
        self.task: asyncio.Task[None] | None = None
        self._engine, self._pool = engine, engine.pool
        self._bell = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._asked_to_stop = False

    def ring(self) -> None:
        """Wake this runner."""
        if threading.get_ident() == self._thread_id:
            self._bell.set()
        else:
            try:
                self._loop.call_soon_threadsafe(self._bell.set)
            except RuntimeError:
                self._engine.lose_loop()

    def cancel(self) -> None:
        """Cancel the attempt that runs; called on the loop's thread."""
        assert self.task is not None
        self._asked_to_stop = True
        self.task.cancel()

    async def work(self, driver: Driver, performer: Performer) -> None:
        """Run attempts until the run is over."""
        start = driver.take(self._pool, self)
        turned_at = driver.now()
        while True:
            if start is not None:
                self.current = start
                ended = await performer.perform_async(start)
                self.current = None
                if driver.now() - turned_at > _TURN:  # coroutines that never wait must not keep others from theirs
                    await self._give_turn()  # before the report: what that gives begins at once, so a stop finds it
                    turned_at = driver.now()
                await self._forget_cancellation()
                start = driver.complete(self._pool, self, start, *ended)
                del ended  # it would be kept alive while this runner waits
            elif driver.is_over:
                return
            else:
                await self._hear_bell()
                start, turned_at = driver.take(self._pool, self), driver.now()

    async def _give_turn(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # `_forget_cancellation` comes next, and still sees it
            await asyncio.sleep(0)

    async def _hear_bell(self) -> None:
        while not self._bell.is_set():  # whoever came back without being called would be counted twice
            try:
                await self._bell.wait()
            except asyncio.CancelledError:
                if self._pool == "caller":  # asyncio.run() closes the loop
                    raise
                asyncio.current_task().uncancel()  # type: ignore[union-attr]  # a task has cancelled all Tasks it found
        self._bell.clear()

    async def _forget_cancellation(self) -> None:
        """Take in what an attempt left: a cancellation of it must not hit the next one."""
        if not self._asked_to_stop and not (self.task is not None and self.task.cancelling()):
            return
        if not self._asked_to_stop and self._pool == "caller":  # by asyncio.run(), which closes its loop now
            self._engine.lose_loop()
        self._asked_to_stop = False
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        while self.task is not None and self.task.cancelling():
            self.task.uncancel()
