"""What is known of a run and its tasks: the fold of its events.

The live panel, the frames, the pictures and a run reopened next week are all drawn from these records, and the
records come from the events alone. `RunRecord.apply` takes one event at a time, in order, so that a viewer can
follow a growing list by index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nbdag.core.events import EVENTS, Event
from nbdag.core.status import RunStatus, TaskStatus


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception as text: it can be stored, sent and shown after the exception itself is gone."""

    type: str
    """Name of the exception's class, e.g. ``"KeyError"``."""
    message: str
    """Its `str()`, at most 10 kB."""
    traceback: str = field(default="", repr=False)
    """The formatted traceback without nbdag's own frames, with causes, notes and grouped exceptions."""
    where: str = ""
    """The user's line the error came from, e.g. ``"Cell In[4], line 3"``; empty when unknown."""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(slots=True)
class AttemptRecord:
    """One try. `status` is RUNNING, SUCCESS, FAILED (also when another try followed), SKIPPED or CANCELLED."""

    attempt: int
    start: float
    queued: float
    worker: str
    end: float | None = None
    status: TaskStatus = TaskStatus.RUNNING
    error: ErrorInfo | None = None


@dataclass(slots=True)
class TaskRecord:
    """What is known of one task of one run. Times are seconds since the epoch."""

    task: str
    max_attempts: int = 1
    status: TaskStatus = TaskStatus.PENDING
    attempts: list[AttemptRecord] = field(default_factory=list)
    start: float | None = None
    end: float | None = None
    message: str = ""
    reason: str = ""
    """The `FailureReason` of a FAILED or RETRYING task, else empty."""
    error: ErrorInfo | None = None
    blamed: tuple[str, ...] = ()
    """The root failures that keep an UPSTREAM_FAILED task from starting."""
    still_running: bool = False
    """True while an abandoned attempt goes on in its thread."""
    items: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def attempt(self) -> int:
        """Number of the latest attempt; 0 before the first."""
        return self.attempts[-1].attempt if self.attempts else 0

    @property
    def duration(self) -> float | None:
        """Seconds from the first attempt's start to the end; None before that."""
        return None if self.start is None or self.end is None else self.end - self.start


_ENDS: dict[str, tuple[TaskStatus, TaskStatus]] = {
    "task_succeeded": (TaskStatus.SUCCESS, TaskStatus.SUCCESS),
    "task_cached": (TaskStatus.CACHED, TaskStatus.CACHED),
    "task_retrying": (TaskStatus.RETRYING, TaskStatus.FAILED),
    "task_failed": (TaskStatus.FAILED, TaskStatus.FAILED),
    "task_upstream_failed": (TaskStatus.UPSTREAM_FAILED, TaskStatus.UPSTREAM_FAILED),
    "task_skipped": (TaskStatus.SKIPPED, TaskStatus.SKIPPED),
    "task_cancelled": (TaskStatus.CANCELLED, TaskStatus.CANCELLED),
}
"""Event -> (status of the task, status of its attempt) after it."""


class RunRecord:
    """One run, folded from its events. Owned by whoever folds; not for two threads at once."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.pipeline = ""
        self.status = RunStatus.RUNNING
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.tasks: dict[str, TaskRecord] = {}
        self._applied = 0

    def follow(self, events: Sequence[Event]) -> bool:
        """Apply what is new in a list that only grows; True when there was something new."""
        before, end = self._applied, len(events)
        for index in range(before, end):
            self.apply(events[index])
        return end > before

    def apply(self, event: Event) -> None:
        """Take one event, in order. A name that is not nbdag's own changes nothing."""
        self._applied += 1
        if event.name not in EVENTS:
            return  # a person's own fact, also when it speaks of a task
        if event.task is not None:
            self._apply_to_task(event, self._record(event.task))
        elif event.name == "run_started":
            data = event.data or {}
            self.started_at, self.pipeline = event.at, data.get("pipeline", "")
            most = data.get("max_attempts", {})
            self.tasks = {name: TaskRecord(name, most.get(name, 1)) for name in data.get("tasks", ())}
        elif event.name == "run_finished":
            self.ended_at, self.status = event.at, RunStatus((event.data or {})["status"])

    def _record(self, task: str) -> TaskRecord:
        record = self.tasks.get(task)
        if record is None:  # an item of a map comes into being while the run goes on
            record = self.tasks[task] = TaskRecord(task)
        return record

    def _apply_to_task(self, event: Event, record: TaskRecord) -> None:
        data = event.data or {}
        match event.name:
            case "task_started":
                attempt = AttemptRecord(event.attempt, event.at, data.get("queued", 0.0), data.get("worker", ""))
                record.attempts.append(attempt)
                record.status = TaskStatus.RUNNING
                record.message, record.reason, record.error = "", "", None  # the attempt before keeps its own
                record.start = event.at if record.start is None else record.start
            case "task_expanded":
                record.items = data.get("count", 0)
            case "metric_logged":
                record.metrics[data["name"]] = data["value"]
            case "attempt_abandoned":
                record.still_running = True
            case "thread_finally_ended":
                record.still_running = False
            case name if name in _ENDS:
                self._end(event, record, *_ENDS[name])

    def _end(self, event: Event, record: TaskRecord, status: TaskStatus, attempt_status: TaskStatus) -> None:
        data = event.data or {}
        record.status, record.message = status, event.message
        record.reason, record.error = data.get("reason", ""), data.get("error")
        record.blamed = tuple(data.get("blamed", ()))
        record.end = event.at if status.is_terminal else None
        if record.attempts and record.attempts[-1].end is None:
            attempt = record.attempts[-1]
            attempt.end, attempt.status, attempt.error = event.at, attempt_status, record.error

    def count(self, *statuses: TaskStatus) -> int:
        """Number of tasks that are in one of these states."""
        return sum(record.status in statuses for record in self.tasks.values())
