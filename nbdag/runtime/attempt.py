"""What happens around one call of a task's function: arguments, context, capture, time limit, and its end as data.

    base context ──copy──> sink and task context set ──> function ──> flush taps ──> outcome, value

Every attempt runs in its own copy of the context that started the run, so what a task writes is known to be its own
and what it sets is gone with it. Whatever the function raises is turned into an outcome here, in the worker.
"""

import inspect
import types
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context
from random import Random
from typing import Any

from nbdag.core.errors import TaskTimeout
from nbdag.core.reports import SUCCEEDED, Outcome, StartAttempt
from nbdag.core.status import FailureReason
from nbdag.runtime.calls import NodeCall
from nbdag.runtime.capture import Capture
from nbdag.runtime.context import TaskContext, current_context
from nbdag.runtime.driver import Driver
from nbdag.runtime.failure import failure_of, outcome_of, user_traceback
from nbdag.runtime.ports import Progress
from nbdag.runtime.sink import Sink

Ended = tuple[Outcome, Any]
"""How an attempt ended, and what its function returned or raised."""

_ODD = frozenset({types.CoroutineType, types.AsyncGeneratorType, types.GeneratorType})
"""Types of results that are no results yet."""


class Performer:
    """Makes the calls of one run. Its methods are called by workers, many at a time."""

    def __init__(
        self, driver: Driver, capture: Capture, *, random: Random, name_file: Callable[[str], str] = str
    ) -> None:
        self._driver, self._capture, self._random, self._name_file = driver, capture, random, name_file
        self._job, self._output, self._now = driver.job, driver.output, driver.now
        self._context, self._names, self._results = driver.context, driver.names, driver.results
        self._node_of: dict[str, int] = {}
        self._stopped: set[tuple[str, int]] = set()

    def perform(self, start: StartAttempt) -> Ended:
        """Call a plain function, in a copy of the run's context."""
        return self._context.copy().run(self._perform, start)

    async def perform_async(self, start: StartAttempt) -> Ended:
        """Call a coroutine function; each of its steps runs in a copy of the run's context."""
        context = self._context.copy()
        call, sink = context.run(self._enter, start)
        ticket = None if start.limit is None else self._limit(start, call)
        ended: Ended
        try:
            positional, named = call.arguments(self._results, self._job.values)
            awaitable = context.run(call.func, *positional, **named)
            ended = SUCCEEDED, await _in_context(awaitable, context)
            if type(ended[1]) in _ODD:
                ended = self._odd(start, call, ended[1], sink)
        except BaseException as error:  # noqa: BLE001 - of the user's code: any exception is an outcome, CancelledError too
            ended = self._failed(start, call, error)
        finally:
            if ticket is not None:
                self._driver.timers.cancel(ticket)
            context.run(self._capture.leave, sink)
            self._output.close(sink)
        return ended

    def stop(self, node: int, attempt: int) -> None:
        """Let `current_task().cancelled` of this attempt be true."""
        self._stopped.add((self._driver.names[node], attempt))

    # --- what a task context asks of its host ---

    def is_cancelled(self, task: str, attempt: int) -> bool:
        """True when the attempt was asked to stop."""
        return (task, attempt) in self._stopped

    def report_progress(self, task: str, attempt: int, progress: Progress) -> None:
        """Keep the latest progress of an attempt that still counts."""
        if (task, attempt) not in self._stopped:
            self._driver.output.progress[task] = progress

    def log_metric(self, task: str, attempt: int, name: str, value: float) -> None:
        """Log a number of an attempt that still counts."""
        if (task, attempt) not in self._stopped:
            self._driver.note("metric_logged", self._node_of[task], data={"name": name, "value": value})

    # --- inside ---

    def _perform(self, start: StartAttempt) -> Ended:
        call, sink = self._enter(start)
        ticket = None if start.limit is None else self._limit(start, call)
        try:
            positional, named = call.arguments(self._results, self._job.values)
            value = call.func(*positional, **named)
            if type(value) in _ODD:
                return self._odd(start, call, value, sink)
            return SUCCEEDED, value
        except BaseException as error:  # noqa: BLE001 - of the user's code: any exception is an outcome, SystemExit too
            return self._failed(start, call, error)
        finally:
            if ticket is not None:
                self._driver.timers.cancel(ticket)
            self._capture.leave(sink)
            self._output.close(sink)

    def _enter(self, start: StartAttempt) -> tuple[NodeCall, Sink]:
        node, attempt, _ = start
        task = self._names[node]
        sink = self._output.open(task, attempt, self._now)
        self._node_of[task] = node
        self._capture.enter(sink)
        current_context.set(TaskContext(task, attempt, self._job.run_id, self))
        return self._driver.call_of(node), sink

    def _limit(self, start: StartAttempt, call: NodeCall) -> int:
        assert start.limit is not None
        return self._driver.timers.at(self._now() + start.limit, lambda: self._overdue(start, call))

    def _overdue(self, start: StartAttempt, call: NodeCall) -> None:
        error = TaskTimeout(
            f"task {call.task!r} took longer than {start.limit:.4g} s (attempt {start.attempt})",
            task=call.task,
            limit=start.limit,
        )
        if call.pool == "thread":
            error.add_note(
                "The function still runs in its thread, which cannot be stopped; its slot is taken until it returns."
            )
        failed = failure_of(error, start.attempt, call.retry, self._random, FailureReason.TIMEOUT)
        self._driver.overdue(start, failed, error)

    def _failed(self, start: StartAttempt, call: NodeCall, error: BaseException) -> Ended:
        error.with_traceback(user_traceback(error.__traceback__))  # an assignment is refused by frozen dataclasses
        return outcome_of(error, start.attempt, call.retry, self._random, self._name_file), error

    def _odd(self, start: StartAttempt, call: NodeCall, value: Any, sink: Sink) -> Ended:
        """A generator may pass, with a warning; what somebody would have to await may not."""
        if inspect.isgenerator(value):
            warning = f"task {call.task!r} returned a generator, which can be gone through only once; return list(...)"
            sink.write("stderr", f"RuntimeWarning: {warning}\n")
            return SUCCEEDED, value
        if inspect.iscoroutine(value):
            value.close()  # else Python warns that it was never awaited
        remedy = "await it there" if inspect.iscoroutinefunction(call.func) else "make the task itself `async def`"
        error = TypeError(f"task {call.task!r} returned a {type(value).__name__} that nobody awaits; {remedy}")
        return failure_of(error, start.attempt, call.retry, self._random, FailureReason.BAD_RETURN), error


@types.coroutine
def _in_context(awaitable: Awaitable[Any], context: Context) -> Generator[Any, Any, Any]:
    """Drive an awaitable, each step inside `context`; what it yields goes to the event loop as it is."""
    coroutine = awaitable if inspect.iscoroutine(awaitable) else _awaiting(awaitable)
    act: Callable[[Any], Any] = coroutine.send
    argument: Any = None
    while True:
        try:
            yielded = context.run(act, argument)
        except StopIteration as end:
            return end.value
        try:
            argument = yield yielded
            act = coroutine.send
        except BaseException as error:  # noqa: BLE001 - a cancellation, to be thrown into the task's own coroutine
            act, argument = coroutine.throw, error


async def _awaiting(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
