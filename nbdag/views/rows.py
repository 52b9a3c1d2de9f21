"""What the panel of a run says at one moment, as plain values.

`panel_model` is a pure function of the run's record, its progress and the time. The live widgets, the frozen HTML and
the line in a terminal all render its result, so they can never tell different stories. `Follower` keeps the record of
one feed up to date for one viewer.

Up to `MOST_ROWS` tasks each task has a row. Above that the rows are the tasks one looks for, those that failed and
those that run now, and the others are only counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbdag.core.records import RunRecord, TaskRecord
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.runtime.ports import Progress, RunFeed
from nbdag.views.palette import PALETTE, Look
from nbdag.views.wording import cut, span_in_words, ticking_span, visible

MOST_ROWS = 50
"""More tasks than these are counted, not listed."""
MOST_LISTED = 25
"""Rows of a run too large to list every task."""
TAIL = 3
"""Last lines of a running task that are shown."""

_ACTIVE = (TaskStatus.RUNNING, TaskStatus.RETRYING)
_FULL = (TaskStatus.SUCCESS, TaskStatus.CACHED, TaskStatus.FAILED)
"""States whose bar is full; what was blocked, skipped or cancelled has done nothing that a bar could show."""
_RUN_LOOKS: Mapping[RunStatus, TaskStatus] = {
    RunStatus.RUNNING: TaskStatus.RUNNING,
    RunStatus.SUCCESS: TaskStatus.SUCCESS,
    RunStatus.FAILED: TaskStatus.FAILED,
    RunStatus.CANCELLED: TaskStatus.CANCELLED,
    RunStatus.INTERRUPTED: TaskStatus.CANCELLED,
}
"""Run status -> the task status whose glyph and colours it borrows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One task. All texts are fit to be shown on one line, but not escaped for any format."""

    task: str
    status: TaskStatus
    fraction: float | None
    """How much is done, 0 to 1; None for a running task that does not say."""
    seconds: float | None = None
    detail: str = ""
    """What else is to be said, such as ``"attempt 2 of 3"``."""
    error: str = ""
    lines: tuple[str, ...] = ()
    """The last lines the task wrote, while it runs."""
    span: tuple[float, float] | None = None
    """When it ran: start and end as parts of the run's time so far."""

    @property
    def look(self) -> Look:
        """Glyph, colours and word of its state."""
        return PALETTE[self.status]

    @property
    def time(self) -> str:
        """How long it took, or how long it has run; empty when it never started."""
        if self.seconds is None:
            return ""
        return span_in_words(self.seconds) if self.status.is_terminal else ticking_span(self.seconds)

    @property
    def remarks(self) -> str:
        """Time and detail, on one line."""
        return " · ".join(filter(None, (self.time, self.detail)))


@dataclass(frozen=True, slots=True)
class PanelModel:
    """A run at one moment."""

    pipeline: str
    run_id: int
    status: RunStatus
    is_cancelling: bool
    seconds: float | None
    """Since the run began; until its end when it ended."""
    total: int
    """Number of all tasks."""
    fraction: float
    counts: tuple[tuple[TaskStatus, int], ...]
    """How many tasks are in each state that occurs, in the order of legends."""
    rows: tuple[Row, ...]
    more: str = ""
    """What the rows leave out, such as ``"and 12 more running"``."""

    @property
    def title(self) -> str:
        """Pipeline and run, e.g. ``"ml_training · run 3"``."""
        return f"{self.pipeline} · run {self.run_id}"

    @property
    def is_finished(self) -> bool:
        """True when nothing can change any more."""
        return self.status is not RunStatus.RUNNING

    @property
    def is_large(self) -> bool:
        """True when only some tasks have a row."""
        return self.total > MOST_ROWS

    @property
    def task_status(self) -> TaskStatus:
        """The state of a task that the run's state looks like."""
        return _RUN_LOOKS[self.status]

    @property
    def look(self) -> Look:
        """Glyph and colours of the run's state."""
        return PALETTE[self.task_status]

    @property
    def state(self) -> str:
        """The run's state in a word."""
        return "cancelling…" if self.is_cancelling and not self.is_finished else str(self.status)

    @property
    def tally(self) -> str:
        """The counts as text, e.g. ``"3 success, 1 failed"``."""
        return ", ".join(f"{count} {PALETTE[status].word}" for status, count in self.counts)

    @property
    def note(self) -> str:
        """What a finished run needs to have explained, or an empty text."""
        if self.is_finished and self.total and self.counts == ((TaskStatus.CACHED, self.total),):
            return "nothing changed, everything was reused; run(force=True) runs anyway"
        return ""

    @property
    def summary(self) -> str:
        """The run in a sentence, e.g. ``"ml · run 3 · failed in 4.2 s: 3 success, 1 failed"``."""
        span = "" if self.seconds is None else f" {'in' if self.is_finished else 'for'} {span_in_words(self.seconds)}"
        return f"{self.title} · {self.state}{span}: {self.note or self.tally or 'no tasks'}"


class Follower:
    """Folds one feed for one viewer. Owned by one thread."""

    def __init__(self, feed: RunFeed) -> None:
        self._feed = feed
        self._record = RunRecord(feed.run_id)
        self._record.pipeline = feed.pipeline
        self._applied = 0
        self._is_cancelling = False

    def model(self) -> PanelModel:
        """The run as it is now."""
        feed, events = self._feed, self._feed.events
        for index in range(self._applied, end := len(events)):
            self._record.apply(events[index])
            self._is_cancelling |= events[index].name == "cancel_requested"
        self._applied = end
        return panel_model(
            self._record,
            now=feed.now(),
            progress=feed.progress,
            tail=lambda task: feed.output_tail(task, TAIL),
            is_cancelling=self._is_cancelling,
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks seen so far, in definition order."""
        return tuple(self._record.tasks)


def panel_model(
    record: RunRecord,
    *,
    now: float,
    progress: Mapping[str, Progress],
    tail: Callable[[str], Sequence[str]] = lambda _: (),
    is_cancelling: bool = False,
) -> PanelModel:
    """What the panel of this run says now; `tail` gives the last lines of a running task.

    >>> model = panel_model(RunRecord(3), now=0.0, progress={})
    >>> model.title, model.summary
    (' · run 3', ' · run 3 · running: no tasks')
    """
    tasks = record.tasks.values()
    counts = Counter(task.status for task in tasks)
    shown, more = (tasks, "") if len(tasks) <= MOST_ROWS else _looked_for(tasks)
    end = now if record.ended_at is None else record.ended_at
    seconds = None if record.started_at is None else max(end - record.started_at, 0.0)
    return PanelModel(
        pipeline=visible(record.pipeline),
        run_id=record.run_id,
        status=record.status,
        is_cancelling=is_cancelling,
        seconds=seconds,
        total=len(tasks),
        fraction=_overall(record, counts, progress),
        counts=tuple((status, counts[status]) for status in PALETTE if counts[status]),
        rows=tuple(_row(task, record.started_at, end, progress.get(task.task), tail) for task in shown),
        more=more,
    )


def _overall(record: RunRecord, counts: Counter[TaskStatus], progress: Mapping[str, Progress]) -> float:
    """Terminal tasks count whole, running ones as far as they say they are."""
    total = len(record.tasks)
    if not total:
        return 1.0 if record.status is not RunStatus.RUNNING else 0.0
    done = float(sum(count for status, count in counts.items() if status.is_terminal))
    if progress and counts[TaskStatus.RUNNING]:
        running = (task for task in record.tasks.values() if task.status is TaskStatus.RUNNING)
        done += sum(_fraction(progress.get(task.task)) or 0.0 for task in running)
    return min(done / total, 1.0)


def _fraction(said: Progress | None) -> float | None:
    if said is None or not said.total or said.total <= 0:
        return None
    return min(max(said.done / said.total, 0.0), 1.0)


def _looked_for(tasks: Iterable[TaskRecord]) -> tuple[list[TaskRecord], str]:
    """The failed and the active tasks, in definition order, and a text for those there was no room for."""
    tasks = list(tasks)
    failed = [task for task in tasks if task.status is TaskStatus.FAILED]
    active = [task for task in tasks if task.status in _ACTIVE]
    for_active = min(len(active), max(MOST_LISTED - len(failed), MOST_LISTED // 2))
    for_failed = min(len(failed), MOST_LISTED - for_active)
    chosen = {task.task for task in [*failed[:for_failed], *active[:for_active]]}
    left_out = [(len(active) - for_active, "running"), (len(failed) - for_failed, "failed")]
    more = ", ".join(f"{count} more {word}" for count, word in left_out if count)
    return [task for task in tasks if task.task in chosen], f"and {more}" if more else ""


def _row(
    task: TaskRecord,
    started_at: float | None,
    now: float,
    said: Progress | None,
    tail: Callable[[str], Sequence[str]],
) -> Row:
    end = now if task.end is None else task.end
    is_running = task.status is TaskStatus.RUNNING
    return Row(
        task=visible(task.task),
        status=task.status,
        fraction=_fraction(said) if is_running else float(task.status in _FULL),
        seconds=None if task.start is None else max(end - task.start, 0.0),
        detail=" · ".join(filter(None, _details(task, said if is_running else None))),
        error=_error_line(task),
        lines=tuple(cut(visible(line), 200) for line in tail(task.task)) if is_running else (),
        span=_span(task.start, end, started_at, now),
    )


def _span(start: float | None, end: float, started_at: float | None, now: float) -> tuple[float, float] | None:
    if start is None or started_at is None or now <= started_at:
        return None
    whole = now - started_at
    left, right = ((at - started_at) / whole for at in (start, end))
    return min(max(left, 0.0), 1.0), min(max(right, 0.0), 1.0)


def _details(task: TaskRecord, said: Progress | None) -> Iterable[str]:
    yield _attempts(task)
    if said is not None:
        yield visible(_progress_text(said))
    if task.status is TaskStatus.UPSTREAM_FAILED and task.blamed:
        yield f"blocked by {cut(visible(', '.join(task.blamed)), 60)}"
    if task.status in (TaskStatus.SKIPPED, TaskStatus.CANCELLED):
        yield cut(visible(task.message), 80)
    if task.status.is_terminal and task.metrics:
        yield ", ".join(f"{cut(visible(name), 24)} {value:.4g}" for name, value in list(task.metrics.items())[:4])
    if task.still_running and task.status is not TaskStatus.RUNNING:
        yield "the function still runs in its thread"


def _attempts(task: TaskRecord) -> str:
    attempt, most = task.attempt, task.max_attempts
    if task.status is TaskStatus.RETRYING:
        return f"attempt {attempt} of {most} failed, trying again"
    if task.status is TaskStatus.RUNNING and most > 1:
        return f"attempt {attempt} of {most}"
    return f"{attempt} attempts" if task.status.is_terminal and attempt > 1 else ""


def _progress_text(said: Progress) -> str:
    numbers = f"{said.done:g}" if said.total is None else f"{said.done:g}/{said.total:g}"
    return cut(f"{numbers} {said.text}".rstrip(), 60)


def _error_line(task: TaskRecord) -> str:
    if task.error is None:
        return visible(task.reason) if task.status is TaskStatus.FAILED and task.reason != "error" else ""
    first = next((line for line in str(task.error).splitlines() if line.strip()), task.error.type)
    where = f" ({task.error.where})" if task.error.where else ""
    return cut(visible(first), 200) + visible(where)
