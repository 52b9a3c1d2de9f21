"""The executor of the specification: runs a pipeline once and says whether it succeeded."""

from typing import Any

from nbdag.core.status import TaskStatus
from nbdag.dag import DAG
from nbdag.run import Run


class DAGExecutor:
    """Runs a pipeline from a coroutine; a failed task does not raise here, `failed` names it.

    >>> import asyncio
    >>> pipeline = DAG("example")
    >>> _ = pipeline.task(lambda: 1, name="one")
    >>> executor = DAGExecutor(pipeline, max_parallel=2)
    >>> asyncio.run(executor.run(output="none")), executor.completed
    (True, {'one'})
    """

    def __init__(self, dag: DAG, max_parallel: int | None = None) -> None:
        self.dag = dag
        self.max_parallel = max_parallel
        self.last_run: Run | None = None

    async def run(self, *targets: Any, **options: Any) -> bool:
        """Run the pipeline; True when it succeeded. Takes what `DAG.run` takes."""
        options = {"max_parallel": self.max_parallel, "raise_on_error": False, **options}
        self.last_run = self.dag.start(*targets, **options)
        await self.last_run._wait_or_cancel_async()
        return self.last_run.ok

    @property
    def completed(self) -> set[str]:
        """Names of the tasks that have a result in the last run."""
        return self._in(TaskStatus.SUCCESS, TaskStatus.CACHED)

    @property
    def failed(self) -> set[str]:
        """Names of the tasks that failed in the last run; those that were only blocked are not among them."""
        return self._in(TaskStatus.FAILED)

    def _in(self, *statuses: TaskStatus) -> set[str]:
        if self.last_run is None:
            return set()
        return {task.task for task in self.last_run.record().tasks.values() if task.status in statuses}
