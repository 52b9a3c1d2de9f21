"""The monitor of the specification: states, events and Gantt data of a pipeline as DataFrames."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbdag.dag import DAG

if TYPE_CHECKING:
    import pandas as pd


class DAGMonitor:
    """Looks at a pipeline, while it runs and after.

    >>> pipeline = DAG("watched")
    >>> _ = pipeline.task(lambda: 1, name="one")
    >>> _ = pipeline.run(output="none")
    >>> list(DAGMonitor(pipeline).get_status()["status"])
    ['success']
    """

    def __init__(self, dag: DAG) -> None:
        self.dag = dag

    def get_status(self) -> "pd.DataFrame":
        """Where each task stands, a row per task."""
        return self.dag.status()

    def get_gantt_data(self) -> "pd.DataFrame":
        """When each attempt ran, a row per attempt, and one per task that was not executed."""
        return self.dag.gantt()

    @property
    def events(self) -> "pd.DataFrame":
        """Everything that happened, and what was logged by hand, a row per event."""
        return self.dag.events()

    def log_event(self, type: str, task: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Log an event of one's own, under any name.

        Args:
            type: Name of the event.
            task: The task it is about, if any.
            data: Anything to keep with it.
        """
        self.dag.log_event(type, task, data)
