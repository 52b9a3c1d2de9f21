"""The plugs: what an engine, a clock and a viewer may rely on.

`Driver` and the engines see each other only through these protocols; so do the views and a run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nbdag.core.events import Event

if TYPE_CHECKING:  # the sink is made of the values below
    from nbdag.runtime.sink import Sink


class Progress(NamedTuple):
    """How far the function of a running task says it is; `total` is None when it does not know."""

    done: float
    total: float | None
    text: str = ""


class OutputLine(NamedTuple):
    """One complete line a task wrote; `stream` is stdout, stderr or log."""

    at: float
    task: str
    attempt: int
    stream: str
    text: str


class OutputSlice(NamedTuple):
    """Consecutive lines of a run's output; `first` is the number of the first of them, counted from 0."""

    first: int
    lines: tuple[OutputLine, ...]


class TaskDisplay(NamedTuple):
    """Something a task displayed, a figure or a frame: `data` and `metadata` by mime type, as Jupyter sends them."""

    task: str
    attempt: int
    data: Mapping[str, Any]
    metadata: Mapping[str, Any]


class RunFeed(Protocol):
    """A run as its viewers see it. All of it may be read from any thread at any time."""

    @property
    def run_id(self) -> int:
        """Number of the run."""

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""

    @property
    def events(self) -> Sequence[Event]:
        """Every event so far; only ever grows, so read it by index (fold it with `RunRecord.follow`)."""

    @property
    def progress(self) -> Mapping[str, Progress]:
        """Latest `progress(...)` of each task that reported one."""

    @property
    def displays(self) -> Sequence[TaskDisplay]:
        """Everything tasks displayed so far, in order; only ever grows, so read it by index."""

    @property
    def finished(self) -> bool:
        """True once every task is terminal and the run_finished event is in the list."""

    def now(self) -> float:
        """The run's clock: seconds since the epoch, comparable with the events' times."""

    def output_tail(self, task: str, lines: int) -> Sequence[str]:
        """The last lines the latest attempt of a task wrote (without line ends; oldest first)."""

    def output_since(self, number: int) -> OutputSlice:
        """The lines of all tasks from the `number`-th on, in the order written; a later `first` says some are lost."""

    def output_text(self, task: str) -> str:
        """All that is kept of what a task wrote, over all its attempts."""

    def cancel(self) -> None:
        """Ask the run to stop; returns at once. Safe from any thread, also from a widget's callback."""


class TaskHost(Protocol):
    """What the function of a running task can ask of its run and tell it; called from whatever thread it runs in."""

    def is_cancelled(self, task: str, attempt: int) -> bool:
        """True when this attempt should end: its run is cancelled, or the attempt was given up."""

    def report_progress(self, task: str, attempt: int, progress: Progress) -> None:
        """Keep the latest progress of an attempt; one that was given up is not heard. Costs next to nothing."""

    def log_metric(self, task: str, attempt: int, name: str, value: float) -> None:
        """Log a number as an event of the run."""


class Engine(Protocol):
    """A place where attempts of one pool run. Its workers pull their attempts from the driver."""

    @property
    def pool(self) -> str:
        """Which attempts it takes."""

    @property
    def shares_gil(self) -> bool:
        """True when a second worker cannot speed up tiny attempts."""

    def spawn(self) -> None:
        """Bring one more worker; returns at once."""

    def stop(self, node: int, attempt: int) -> None:
        """Ask a running attempt to stop, where that can be asked; returns at once."""

    def close(self) -> None:
        """The run is over: let the workers end; returns at once."""


class Worker(Protocol):
    """One worker of an engine, as its driver sees it."""

    @property
    def origin(self) -> Mapping[str, Any]:
        """``{"worker": its name}``, for the events of what it starts."""

    since: float | None
    """When its running attempt began; None while it runs none."""

    def ring(self) -> None:
        """Wake it when it is parked; safe from any thread."""


class Tap(Protocol):
    """One more way by which a task shows something: brings it to the sink of the task."""

    def install(self, current: "Callable[[], Sink | None]") -> Callable[[], None]:
        """Stand in for the way; `current` gives the sink of the calling context. Returns what undoes it."""

    def flush(self, sink: "Sink") -> None:
        """Show in `sink` what the task left open; called in the task's own context when its function has ended."""
