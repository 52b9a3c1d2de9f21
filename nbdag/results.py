"""Results of a run, by the names of its tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from nbdag.core.errors import NoResult, did_you_mean
from nbdag.runtime.driver import Driver
from nbdag.task import Named, Task


class Results(Mapping[str, Any]):
    """Results by task name; only tasks that have one are in it. Grows while the run goes on.

    As everywhere, a handle or a task's function will do for its name.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.node_of = {name: node for node, name in enumerate(driver.job.graph.names)}

    def name_of(self, task: Named) -> str:
        """The name that a name, a handle or a function stood for in this run."""
        if isinstance(task, str):
            return task
        if isinstance(task, Task):
            return task.name
        named = (call.task for call in self._driver.job.calls if call.func is task)
        return next(named, getattr(task, "__name__", repr(task)))

    def __getitem__(self, task: Named) -> Any:
        name, run_id = self.name_of(task), self._driver.job.run_id
        node = self.node_of.get(name)
        if node is None:
            raise NoResult(f"run {run_id} has no task {name!r}.{did_you_mean(name, self.node_of)}", task=name)
        status = self._driver.status[node]
        if not status.is_ok:
            raise NoResult(f"task {name!r} has no result in run {run_id}: it is {status.value}.", task=name)
        value = self._driver.results[node]
        if node in self._driver.dropped:  # looked at after the value was taken, as it may be dropped just now
            remedy = "Run it as a target to have it, or leave keep= out."
            raise NoResult(f"the result of task {name!r} was not kept, as it has keep=False. {remedy}", task=name)
        return value

    def __iter__(self) -> Iterator[str]:
        status, dropped = self._driver.status, self._driver.dropped
        return (name for name, node in self.node_of.items() if status[node].is_ok and node not in dropped)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<results of run {self._driver.job.run_id}: {', '.join(self) or 'none yet'}>"
