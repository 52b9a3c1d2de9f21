"""For tests of one's own pipelines: quiet runs that never wait, one task called alone, and the events of a run.

    from nbdag.testing import EventRecorder, call, run_quietly

    def test_training_needs_no_network():
        run = run_quietly(pipeline, "train", overrides={"load": SAMPLE})
        assert run.results["train"].score > 0.9

    def test_split_keeps_every_row():
        assert sum(map(len, call(pipeline["split"], load=SAMPLE))) == len(SAMPLE)

Nothing here knows a test framework; it works under any, and in a cell.
"""

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from nbdag.core.errors import did_you_mean
from nbdag.core.events import Event
from nbdag.core.inputs import InputKind, bind
from nbdag.core.task import TaskSpec
from nbdag.dag import DAG
from nbdag.run import Run
from nbdag.runtime.context import TaskContext, current_context
from nbdag.runtime.ports import Progress
from nbdag.task import Named, Task

__all__ = ["EventRecorder", "call", "instant_retries", "run_quietly"]


def run_quietly(pipeline: DAG, *targets: Named, timeout: float = 60, **options: Any) -> Run:
    """Run these tasks and what they need: without a panel, without raising, without waiting between attempts.

    Args:
        pipeline: The pipeline to run.
        targets: Tasks to run; none: all.
        timeout: Seconds for the whole run, so that no test hangs.
        options: What else `DAG.run` takes, above all `overrides` (results that need not be computed) and `params`.
            `raise_on_error=True` lets a failure raise all the same.

    >>> pipeline = DAG("prices")
    >>> @pipeline.task(retries=3, retry_delay=60)
    ... def load():
    ...     raise ConnectionError("no network in tests")
    >>> @pipeline.task
    ... def total(load):
    ...     return sum(load)
    >>> run_quietly(pipeline, "total", overrides={"load": [1, 2]}).results["total"]
    3
    >>> print(run_quietly(pipeline).failures["load"])
    load: ConnectionError: no network in tests (4 attempts); blocked total
    """
    with instant_retries(pipeline):
        run = pipeline.start(*targets, **{"timeout": timeout, "output": "none", "raise_on_error": False, **options})
    return run._wait_or_cancel()


@contextlib.contextmanager
def instant_retries(pipeline: DAG) -> Iterator[None]:
    """Let runs that start meanwhile try again at once, whatever `retry_delay` and `Retry(after=…)` say.

    How often a task is tried, and after which exceptions, stays as it is.

    >>> from nbdag import Retry, current_task
    >>> pipeline = DAG("patient")
    >>> @pipeline.task(retries=1)
    ... def fetch():
    ...     if current_task().attempt == 1:
    ...         raise Retry("busy", after=3600)
    ...     return "fetched"
    >>> with instant_retries(pipeline):
    ...     pipeline.run(output="none").results["fetch"]
    'fetched'
    """
    before = dict(pipeline.specs)
    hurried = {name: replace(spec, retry=replace(spec.retry, instant=True)) for name, spec in before.items()}
    for spec in hurried.values():
        pipeline.define(spec, replace=True)
    try:
        yield
    finally:
        for name, spec in hurried.items():
            if pipeline.specs.get(name) is spec:  # what was defined anew meanwhile stays as it is
                pipeline.define(before[name], replace=True)


def call(task: Task, /, **inputs: Any) -> Any:
    """What the function of one task returns for these inputs; nothing else runs, and what it raises is raised here.

    Parameters of the pipeline and defaults need not be given. Inside, `current_task()`, `progress(...)` and
    `log_metric(...)` work as in a run, with attempt 1 of run 0; nothing is logged. A coroutine function is run on an
    event loop of its own.

    Raises:
        TypeError: An input is missing, or the task has no such input.

    >>> pipeline = DAG("training", params={"lr": 0.1})
    >>> @pipeline.task
    ... def train(split_data, lr, epochs=10):
    ...     return f"{split_data} {lr} {epochs}"
    >>> call(pipeline["train"], split_data="rows", epochs=2)
    'rows 0.1 2'
    """
    function, given = _bound(task, inputs)
    positional = [given.pop(each.name) for each in task.spec.arguments if each.positional_only and each.name in given]
    context = contextvars.copy_context()
    context.run(current_context.set, TaskContext(task.name, attempt=1, run_id=0, host=_Nobody()))
    value = context.run(function, *positional, **given)
    return _awaited(value, context) if inspect.iscoroutine(value) else value


class EventRecorder:
    """The events of all runs of a pipeline from now on, in order; complete as soon as a run is over.

    >>> pipeline = DAG("recorded")
    >>> @pipeline.task(retries=1)
    ... def flaky():
    ...     raise ValueError
    >>> recorder = EventRecorder(pipeline)
    >>> _ = run_quietly(pipeline)
    >>> recorder.names("flaky")
    ['task_started', 'task_retrying', 'task_started', 'task_failed']
    """

    def __init__(self, pipeline: DAG) -> None:
        self._history = pipeline._history
        self._seen = self._history.count

    @property
    def events(self) -> list[Event]:
        """Everything that happened since."""
        return self._history.events_after(self._seen)

    def names(self, task: str | None = None) -> list[str]:
        """Names of the events of one task, or of all."""
        return [event.name for event in self.events if task in (None, event.task)]

    def __repr__(self) -> str:
        return f"<{len(self.events)} events>"


class _Nobody:
    """The run of a task that is called alone: it never cancels, and nobody listens."""

    def is_cancelled(self, task: str, attempt: int) -> bool:
        return False

    def report_progress(self, task: str, attempt: int, progress: Progress) -> None:
        pass

    def log_metric(self, task: str, attempt: int, name: str, value: float) -> None:
        pass


def _bound(task: Task, inputs: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function to call and its keyword arguments, completed from the pipeline's parameters."""
    spec, pipeline = task.spec, task._dag
    params = {} if pipeline is None else pipeline.params
    tasks = () if pipeline is None else pipeline.specs
    bound, unbound = bind(spec, tasks, params)
    sources = {each.argument: each for each in bound}
    for name in inputs:
        if name not in sources and name not in unbound and not spec.takes_any:
            known = (*sources, *unbound)
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise TypeError(f"task {task.name!r} has no input {name!r}; {takes}.{did_you_mean(name, known)}")
    given = {each.argument: params[each.source] for each in bound if each.kind is InputKind.PARAM} | inputs
    needed = [*(each.argument for each in bound if each.kind is InputKind.TASK), *unbound]
    missing = [name for name in needed if name not in given]
    if missing:
        raise TypeError(f"task {task.name!r} needs {', '.join(f'{name}=…' for name in missing)}")
    return _function(spec, tuple(given)), given


def _function(spec: TaskSpec, arguments: tuple[str, ...]) -> Callable[..., Any]:
    return spec.func if spec.specialise is None else spec.specialise(arguments)


def _awaited(coroutine: Coroutine[Any, Any, Any], context: contextvars.Context) -> Any:
    """The result of a coroutine; a thread of its own lets this work where a loop runs already."""
    outcomes: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            outcomes.append((asyncio.run(coroutine), None))
        except BaseException as error:  # noqa: BLE001 - whatever the task raises is raised to who called it
            outcomes.append((None, error))

    thread = threading.Thread(target=context.run, args=(run,), name="nbdag-call", daemon=True)
    thread.start()
    thread.join()
    ((value, error),) = outcomes
    if error is not None:
        raise error
    return value
