"""One execution of a pipeline, as people hold it: wait for it, cancel it, look at what it did."""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nbdag.core.errors import NoResult, RunCancelled, RunError, RunTimeout, TaskFailed, UnknownTaskError
from nbdag.core.records import ErrorInfo, RunRecord, TaskRecord
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.feed import DriverFeed
from nbdag.results import Results
from nbdag.runtime.driver import Driver
from nbdag.task import Named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from nbdag.views.display import Viewer

SLICE = 0.1
"""Seconds of one wait, so that an interrupt is noticed in every front end."""
MOST_NAMED = 5
INTERRUPT_GRACE = 5.0
"""Seconds that an interrupted `run()` waits for its tasks to stop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed task of a run."""

    task: str
    reason: str
    attempts: int
    error: ErrorInfo
    exception: BaseException | None
    """The last attempt's exception, with the frames of the user's code; None when it is gone."""
    blocked: tuple[str, ...]
    """Tasks that could not start because of this failure."""

    def __str__(self) -> str:
        blocked = f"; blocked {', '.join(self.blocked)}" if self.blocked else ""
        return f"{self.task}: {self.error} ({self.attempts} attempt{'s' * (self.attempts != 1)}){blocked}"


class Run:
    """One execution of a pipeline. Given by `DAG.run`, `DAG.start` and `DAG.run_async`.

    It stays readable when the run is over: states, events, output, failures, results.
    """

    def __init__(self, driver: Driver, *, raise_on_error: bool, note: str = "") -> None:
        self._driver, self._raise_on_error = driver, raise_on_error
        self._record = RunRecord(driver.job.run_id)
        self._reading = threading.Lock()
        self._viewer: Viewer | None = None
        self._shown_in: object = None  # the cell that has the panel, so that it is not shown twice there
        self._raised: tuple[BaseException, TracebackType | None] | None = None
        self.note = note
        """What was given as `note`."""
        self.results = Results(driver)
        """Results by task name."""

    # --- how it stands ---

    @property
    def run_id(self) -> int:
        """Its number, counted from 1 in its pipeline."""
        return self._driver.job.run_id

    @property
    def pipeline(self) -> str:
        """Name of its pipeline."""
        return self._driver.job.pipeline

    @property
    def state(self) -> RunStatus:
        """RUNNING, SUCCESS, FAILED or CANCELLED; looks at all tasks."""
        return self._driver.outcome

    @property
    def done(self) -> bool:
        """True when the run is over."""
        return self._driver.done.is_set()

    @property
    def ok(self) -> bool:
        """True when the run is over and SUCCESS."""
        return self.done and self.state is RunStatus.SUCCESS

    @property
    def failures(self) -> dict[str, Failure]:
        """The failed tasks, in the order they failed; those with `allow_failure` too."""
        record = self.record()
        failed = [task for task in record.tasks.values() if task.status is TaskStatus.FAILED]
        failed.sort(key=lambda task: task.end or 0.0)
        blocked: dict[str, list[str]] = {}
        for task in record.tasks.values():
            for root in task.blamed:
                blocked.setdefault(root, []).append(task.task)
        return {task.task: self._failure(task, tuple(blocked.get(task.task, ()))) for task in failed}

    def record(self) -> RunRecord:
        """What is known by now, folded from the events. Not to be changed."""
        with self._reading:
            self._record.follow(self._driver.events)
            return self._record

    def logs(self, task: Named) -> str:
        """All that is kept of what a task printed, logged and warned, over all its attempts."""
        name = self.results.name_of(task)
        if name not in self.record().tasks:
            raise UnknownTaskError(name, self._record.tasks)
        return self._driver.output.text(name)

    # --- waiting and stopping ---

    def wait(self, timeout: float | None = None) -> "Run":
        """Block until the run is over; then raise its first failure, unless it was started with raise_on_error=False.

        An interrupt ends the waiting, not the run.

        Args:
            timeout: Seconds to wait at most; TimeoutError when the run is not over by then.
        """
        __tracebackhide__ = True
        limit = None if timeout is None else time.monotonic() + timeout
        while not self._driver.done.wait(SLICE if limit is None else max(0.0, min(SLICE, limit - time.monotonic()))):
            if limit is not None and time.monotonic() >= limit:
                raise TimeoutError(f"run {self.run_id} is not over after {timeout:g} s; it goes on")
        if (error := self._conclusion()) is not None:
            raise error
        return self

    def cancel(self) -> None:
        """Ask the run to stop; returns at once, may be called from anywhere. Asked again, it gives up what lingers."""
        self._driver.cancel()

    def __await__(self) -> Generator[Any, None, "Run"]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> "Run":
        __tracebackhide__ = True
        await self._over()
        if (error := self._conclusion()) is not None:
            raise error
        return self

    async def _over(self, limit: float = math.inf) -> None:
        """Wait for the end of the run, or for so many seconds."""
        ends_at = time.monotonic() + limit
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        waiting = loop.create_task(over.wait())
        self._driver.when_done(lambda: _tell(loop, over))
        try:
            while not self._driver.done.is_set() and time.monotonic() < ends_at:
                # The timeout is the heartbeat without which ipykernel sees an interrupt only when the run is over.
                await asyncio.wait({waiting}, timeout=SLICE)
        finally:
            waiting.cancel()

    def _wait_or_cancel(self) -> "Run":
        """Wait; an interrupt cancels the run, a second one gives up what does not stop."""
        __tracebackhide__ = True
        try:
            while not self._driver.done.wait(SLICE):
                pass
        except KeyboardInterrupt:
            self._interrupt()
            raise
        if (error := self._conclusion()) is not None:
            raise error
        return self

    async def _wait_or_cancel_async(self) -> "Run":
        __tracebackhide__ = True
        try:
            await self._over()
        except asyncio.CancelledError:
            self._driver.cancel("interrupted")
            await self._linger_async()
            raise
        if (error := self._conclusion()) is not None:
            raise error
        return self

    async def _linger_async(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the second one: give up at once
            await self._over(INTERRUPT_GRACE)
        if not self.done:
            self._driver.cancel("interrupted twice")
        self._close_viewer()

    def _interrupt(self) -> None:
        self._driver.cancel("interrupted")
        with contextlib.suppress(KeyboardInterrupt):  # the second one: give up at once
            self._driver.done.wait(INTERRUPT_GRACE)
        if not self.done:
            self._driver.cancel("interrupted twice")
            self._driver.done.wait(1.0)
        self._close_viewer()

    def _conclusion(self) -> BaseException | None:
        """What a run that is over raises, with the frames of the user's code alone, however often it is raised."""
        self._close_viewer()
        if not self._raise_on_error or self.state is RunStatus.SUCCESS:
            return None
        if self._raised is None:
            error = self._error()
            self._raised = error, error.__traceback__
        error, frames = self._raised
        return error.with_traceback(frames)

    def _release_frames(self) -> None:
        """Let go of what the failed tasks' frames hold."""
        self._driver.errors.clear()
        self._raised = None

    def _exception_of(self, task: str) -> BaseException | None:
        node = self.results.node_of[task]
        return self._driver.errors.get(node) if self._driver.status[node] is TaskStatus.FAILED else None

    def _inputs_of(self, task: str) -> dict[str, Any]:
        node = self.results.node_of[task]
        call, results = self._driver.call_of(node), self._driver.results
        missing = [source for _, source in call.inputs if not self._driver.status[source].is_ok]
        if missing and not self.record().tasks[task].attempts:  # once started, its trigger rule let it do without
            above, status = self._driver.names[missing[0]], self._driver.status[missing[0]].value
            raise NoResult(f"task {task!r} did not start in run {self.run_id}: {above!r} is {status}.", task=task)
        gone = [argument for argument, source in call.inputs if source in self._driver.dropped]
        if gone:
            raise NoResult(f"input {gone[0]!r} of task {task!r} was not kept: its task has keep=False.", task=task)
        values, named = call.arguments(results, self._driver.job.values)
        return dict(zip([each.name for each in call.positional], values, strict=True)) | named

    def _shown(self, viewer: "Viewer", cell: object) -> None:
        self._viewer, self._shown_in = viewer, cell

    def _close_viewer(self) -> None:
        if self._viewer is not None:
            self._viewer.close()

    # --- what it raises ---

    def _error(self) -> BaseException:
        """What a run that did not succeed raises: the first root failure's own exception where there is one."""
        failures = [failure for failure in self.failures.values() if not self._is_allowed(failure.task)]
        if self.state is RunStatus.CANCELLED:
            why = next((event.message for event in self._driver.events if event.name == "cancel_requested"), "")
            said = f": {why}" if why not in ("", "cancelled", "interrupted") else ""
            return RunCancelled(f"run {self.run_id} of {self.pipeline} was cancelled{said}", run_id=self.run_id)
        if not failures:
            return RunError(f"run {self.run_id} of {self.pipeline} failed: {self._why()}", run_id=self.run_id)
        first = failures[0]
        if first.reason == "run_timeout":
            return RunTimeout(
                f"run {self.run_id} of {self.pipeline} passed its time limit; still running: "
                f"{', '.join(failure.task for failure in failures)}",
                run_id=self.run_id,
            )
        return self._noted(first, len(failures) - 1)

    def _noted(self, failure: Failure, others: int) -> BaseException:
        error = failure.exception
        if not isinstance(error, Exception) or isinstance(error, StopIteration | StopAsyncIteration):
            # A SystemExit or KeyboardInterrupt of a task's must not end the notebook's own cell as if it were real.
            wrapped = TaskFailed(f"task {failure.task!r} raised {failure.error}", task=failure.task)
            wrapped.__cause__, error = error, wrapped
        blocked = f"; blocked: {_some(failure.blocked)}" if failure.blocked else ""
        more = f"; {others} more failed" if others else ""
        tries = f"attempt {failure.attempts}" if failure.attempts > 1 else "its only attempt"
        note = f"task {failure.task!r} of {self.pipeline}, run {self.run_id}, {tries}{blocked}{more}"
        with contextlib.suppress(Exception):  # of an exception that takes no attributes, such as a frozen dataclass
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        return error

    def _failure(self, task: TaskRecord, blocked: tuple[str, ...]) -> Failure:
        error = task.error or ErrorInfo(task.reason, task.message)
        return Failure(task.task, task.reason, task.attempt, error, self._exception_of(task.task), blocked)

    def _is_allowed(self, task: str) -> bool:
        return self._driver.job.graph.rules[self.results.node_of[task]].allow_failure

    def _why(self) -> str:
        cancelled = [task for task in self.record().tasks.values() if task.status is TaskStatus.CANCELLED]
        return cancelled[0].message if cancelled else "see run.status()"

    # --- frames and pictures ---

    def events(self) -> "pd.DataFrame":
        """Everything that happened, a row per event."""
        from nbdag.views.frames import events_frame

        return events_frame([(self.run_id, self._driver.events)])

    def status(self) -> "pd.DataFrame":
        """Where each task stands, a row per task."""
        from nbdag.views.frames import status_frame

        record = self.record()
        return status_frame(record, list(record.tasks), self._driver.now())

    def gantt(self) -> "pd.DataFrame":
        """When each attempt ran, a row per attempt, and one per task that was not executed."""
        from nbdag.views.frames import gantt_frame

        return gantt_frame([self.record()], self._driver.now())

    def plot_gantt(self, ax: "Axes | None" = None) -> "Axes":
        """The Gantt data drawn: a lane per task, attempts by state, waits as thin lines."""
        from nbdag.views.gantt import plot_gantt

        return plot_gantt(self.gantt(), ax, title=f"{self.pipeline} · run {self.run_id}")

    def _ipython_display_(self) -> None:
        from nbdag.views.display import cell_marker, show_run

        if self._shown_in is None or self._shown_in != cell_marker():  # its panel is there already
            show_run(DriverFeed(self._driver))

    def __repr__(self) -> str:
        return f"<Run {self.run_id} of {self.pipeline}: {self.state.value}>"


def _tell(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed before the run was over
        loop.call_soon_threadsafe(over.set)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
