"""A run as its viewers see it: the driver's records behind the port `RunFeed`."""

from collections.abc import Mapping, Sequence

from nbdag.core.events import Event
from nbdag.runtime.driver import Driver
from nbdag.runtime.ports import OutputSlice, Progress, TaskDisplay


class DriverFeed:
    """Reads a driver for a viewer; may be read from any thread."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def run_id(self) -> int:
        """Number of the run."""
        return self._driver.job.run_id

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self._driver.job.pipeline

    @property
    def events(self) -> Sequence[Event]:
        """Every event so far; only ever grows."""
        return self._driver.events

    @property
    def progress(self) -> Mapping[str, Progress]:
        """Latest progress of each task that reported one."""
        return self._driver.output.progress

    @property
    def displays(self) -> Sequence[TaskDisplay]:
        """Everything tasks displayed so far."""
        return self._driver.output.displays

    @property
    def finished(self) -> bool:
        """True once the run is over."""
        return self._driver.is_over

    def now(self) -> float:
        """The run's clock."""
        return self._driver.now()

    def output_tail(self, task: str, lines: int) -> Sequence[str]:
        """The last lines of a task's latest attempt."""
        return self._driver.output.tail(task, lines)

    def output_since(self, number: int) -> OutputSlice:
        """The lines of all tasks from the `number`-th on."""
        return self._driver.output.since(number)

    def output_text(self, task: str) -> str:
        """All that is kept of what a task wrote."""
        return self._driver.output.text(task)

    def cancel(self) -> None:
        """Ask the run to stop."""
        self._driver.cancel()
