"""What the function of a running task can call: `current_task()`, `progress(...)` and `log_metric(...)`.

A context variable says which task a context belongs to. Coroutines that a task starts belong to it too; a thread that
it starts itself does on Python ≥ 3.14, and before that when it is started as
``Thread(target=contextvars.copy_context().run, args=(func,))``.
"""

import logging
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextvars import ContextVar
from numbers import Real
from typing import Any, Final, SupportsFloat, TypeVar, overload

from nbdag.runtime.ports import Progress, TaskHost

T = TypeVar("T")

TASK_LOGGER: Final = "nbdag.task"
"""Parent of the loggers of all tasks."""


class TaskContext:
    """The running attempt of a task, as its function sees it."""

    __slots__ = ("_host", "attempt", "name", "run_id")

    def __init__(self, name: str, attempt: int, run_id: int, host: TaskHost) -> None:
        self.name: Final = name
        """Name of the task."""
        self.attempt: Final = attempt
        """Number of this try, from 1."""
        self.run_id: Final = run_id
        """Number of the run."""
        self._host = host

    @property
    def cancelled(self) -> bool:
        """True when this attempt should end: somebody cancelled the run, or its time is over. Look at it in loops."""
        return self._host.is_cancelled(self.name, self.attempt)

    @property
    def log(self) -> logging.Logger:
        """A logger whose records, from INFO up, appear with what the task prints."""
        return logging.getLogger(f"{TASK_LOGGER}.{self.name}")

    def __repr__(self) -> str:
        return f"<task {self.name!r}, attempt {self.attempt}, run {self.run_id}>"

    def report(self, progress: Progress) -> None:
        """Tell the run how far this attempt is."""
        self._host.report_progress(self.name, self.attempt, progress)

    def log_metric(self, name: str, value: float) -> None:
        """Log a number, as the function `log_metric` does after checking it."""
        self._host.log_metric(self.name, self.attempt, name, value)


current_context: ContextVar[TaskContext | None] = ContextVar("nbdag_current_context", default=None)
"""The attempt that this context belongs to; None outside a task."""


def current_task() -> TaskContext:
    """The running task that calls this: its name, attempt, run_id, cancelled and log.

    Raises:
        RuntimeError: Called outside a task.

    >>> current_task()
    Traceback (most recent call last):
    RuntimeError: current_task() works only inside a task while it runs. ...
    """
    return _context_for("current_task()")


@overload
def progress(done: float, total: float | None = None, text: str = "") -> None: ...
@overload
def progress(done: AsyncIterable[T], total: float | None = None, text: str = "") -> AsyncIterator[T]: ...
@overload
def progress(done: Iterable[T], total: float | None = None, text: str = "") -> Iterator[T]: ...
def progress(done: Any, total: float | None = None, text: str = "") -> Any:
    """Show how far the task is: either a number done of a total, or an iterable to go through.

    An iterable is passed through item by item, with `total` from its `len()` where it has one; an async iterable
    likewise. Outside a task the items pass and nothing is shown. It stores the latest value and no more, so it may
    stand in an inner loop.

    Args:
        done: How much is done, in any unit, or an iterable or async iterable.
        total: All there is to do; None when that is not known.
        text: A few words for beside the bar.

    Raises:
        ValueError: A number is negative or not finite.
        TypeError: `done` is neither a number nor an iterable.

    >>> [letter.upper() for letter in progress(["a", "b"])]
    ['A', 'B']
    >>> progress(3, total=10, text="files read")
    """
    context = current_context.get()
    if total is not None:
        total = _amount("total", total)
    if _is_number(done):
        latest = Progress(_amount("done", done), total, text)
        if context is not None:
            context.report(latest)
        return None
    if isinstance(done, str | bytes):
        raise TypeError(f"progress() takes a number or an iterable, not the text {done!r}; words go into text=...")
    if hasattr(done, "__aiter__"):
        return aiter(done) if context is None else _each_async(done, _total_of(done, total), text, context)
    if hasattr(done, "__iter__"):
        return iter(done) if context is None else _each(done, _total_of(done, total), text, context)
    raise TypeError(f"progress() takes a number or an iterable, not {done!r}")


def log_metric(name: str, value: SupportsFloat) -> None:
    """Log a number of the running task, such as a score; it becomes an event of the run.

    Args:
        name: What the number is.
        value: A finite number; NumPy's scalars will do.

    Raises:
        RuntimeError: Called outside a task.
        TypeError: `value` is no number.
        ValueError: `name` is empty, or `value` is not finite.

    >>> log_metric("accuracy", 0.93)
    Traceback (most recent call last):
    RuntimeError: log_metric() works only inside a task while it runs. ...
    """
    context = _context_for("log_metric()")
    if not (name and isinstance(name, str)):
        raise ValueError(f"log_metric() in task {context.name!r}: a metric needs a name, not {name!r}")
    if not hasattr(value, "__float__"):  # a text has none, though float() would read it
        raise TypeError(f"log_metric({name!r}) in task {context.name!r}: {value!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"log_metric({name!r}) in task {context.name!r}: {number} is not a finite number")
    context.log_metric(name, number)


def _context_for(call: str) -> TaskContext:
    context = current_context.get()
    if context is None:
        raise RuntimeError(
            f"{call} works only inside a task while it runs. In a thread that the task starts itself, start it as "
            "Thread(target=contextvars.copy_context().run, args=(func,))."
        )
    return context


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or isinstance(value, Real)  # noqa: SIM101 - the first is far quicker


def _amount(what: str, value: Any) -> float:
    if _is_number(value):
        amount: float = value if isinstance(value, (int, float)) else float(value)
        if 0 <= amount < math.inf:  # NaN fails this too
            return amount
    raise ValueError(f"progress(): {what} must be a finite number from 0 on, not {value!r}")


def _total_of(items: object, total: float | None) -> float | None:
    if total is not None or not hasattr(items, "__len__"):
        return total
    try:
        return len(items)
    except (TypeError, NotImplementedError):  # some loaders have a length only for some kinds of data
        return None


def _each(items: Iterable[T], total: float | None, text: str, context: TaskContext) -> Iterator[T]:
    context.report(Progress(0, total, text))
    for done, item in enumerate(items, 1):
        yield item
        context.report(Progress(done, total, text))


async def _each_async(
    items: AsyncIterable[T], total: float | None, text: str, context: TaskContext
) -> AsyncIterator[T]:
    done = 0
    context.report(Progress(0, total, text))
    async for item in items:
        yield item
        done += 1
        context.report(Progress(done, total, text))
