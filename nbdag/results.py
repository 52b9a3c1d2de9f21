"""Results of a run, by the names of its tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from nbdag.core.errors import NoResult, did_you_mean
from nbdag.runtime.driver import Driver


class Results(Mapping[str, Any]):
    """Results by task name; only tasks that have one are in it. Grows while the run goes on."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._node_of = {name: node for node, name in enumerate(driver.job.graph.names)}

    def __getitem__(self, task: str) -> Any:
        driver, node = self._driver, self._node_of.get(task)
        if node is None:
            hint = did_you_mean(task, self._node_of)
            raise NoResult(f"run {driver.job.run_id} has no task {task!r}.{hint}", task=task)
        status = driver.status[node]
        if not status.is_ok:
            raise NoResult(f"task {task!r} has no result in run {driver.job.run_id}: it is {status.value}.", task=task)
        return driver.results[node]

    def __iter__(self) -> Iterator[str]:
        return (name for name, node in self._node_of.items() if self._driver.status[node].is_ok)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<results of run {self._driver.job.run_id}: {', '.join(self) or 'none yet'}>"
