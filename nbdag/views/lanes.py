"""What a Gantt chart shows, before anything is drawn: lanes with bars, in seconds since the start of their run.

A lane is a task of a run; its bars are its attempts. Lanes stand in the order in which their tasks started, below them
those that were not executed, as the graph has them. With several runs, each run is a group of lanes under a heading,
and has its own time zero. Above `MANY` lanes, tasks that were not executed share one lane per state.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nbdag.core.status import TaskStatus
from nbdag.views.lettering import counted

MANY = 60
"""A chart with more lanes than this is drawn thin, and labels only some."""


class Row(NamedTuple):
    """A row of the Gantt frame as plain values; `start` is None for a task that was not executed."""

    run_id: int | None
    task: str
    attempt: int
    status: TaskStatus
    start: float | None
    """Seconds, from any moment that is the same for all rows."""
    duration: float
    queued: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt; `start` and `end` are seconds since its run began."""

    attempt: int
    status: TaskStatus
    start: float
    end: float
    queued: float
    """Seconds it was ready before it started."""

    @property
    def ready(self) -> float:
        """When it could have started, had there been a slot."""
        return self.start - self.queued


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the chart. A lane without bars is a heading, or has the `status` of what was not executed."""

    label: str
    bars: tuple[Bar, ...] = ()
    status: TaskStatus | None = None
    tasks: int = 1
    """How many tasks it stands for."""

    @property
    def end(self) -> float:
        """Seconds since the run's start at which its last bar ends; 0 without bars."""
        return self.bars[-1].end if self.bars else 0.0

    @property
    def is_heading(self) -> bool:
        """True for the name of a run above its lanes.

        >>> Lane("run 3").is_heading
        True
        """
        return self.status is None

    @property
    def is_notable(self) -> bool:
        """True for what a person looks for among many: a task that failed, was retried, or runs.

        >>> Lane("train", (), TaskStatus.FAILED).is_notable
        True
        """
        return self.status in {TaskStatus.FAILED, TaskStatus.RUNNING} or len(self.bars) > 1


def lay_out(rows: Iterable[Row]) -> list[Lane]:
    """The lanes of a chart, from top to bottom.

    >>> rows = [Row(1, "report", 0, TaskStatus.PENDING, None, 0, 0), Row(1, "load", 1, TaskStatus.RUNNING, 9, 2, 0.5)]
    >>> [(lane.label, lane.end) for lane in lay_out(rows)]
    [('load', 2.5), ('report', 0.0)]
    """
    by_run: dict[int | None, dict[str, list[Row]]] = {}
    for row in rows:
        by_run.setdefault(row.run_id, {}).setdefault(row.task, []).append(row)
    fold = sum(map(len, by_run.values())) > MANY
    found: list[Lane] = []
    for run_id, by_task in by_run.items():
        if len(by_run) > 1:
            found.append(Lane(f"run {run_id}"))
        found += _lanes_of_run(by_task, fold=fold)
    return found


def _lanes_of_run(by_task: Mapping[str, Sequence[Row]], *, fold: bool) -> list[Lane]:
    moments = [row.start - row.queued for rows in by_task.values() for row in rows if row.start is not None]
    origin = min(moments, default=0.0)
    executed: list[Lane] = []
    others: list[Lane] = []
    for task, rows in by_task.items():
        bars = sorted(
            (
                Bar(row.attempt, row.status, row.start - origin, row.start - origin + row.duration, row.queued)
                for row in rows
                if row.start is not None
            ),
            key=lambda bar: bar.start,
        )
        if bars:
            executed.append(Lane(task, tuple(bars), bars[-1].status))
        else:
            others.append(Lane(task, (), rows[-1].status))
    executed.sort(key=lambda lane: lane.bars[0].start)
    return executed + (_folded(others) if fold else others)


def _folded(others: Sequence[Lane]) -> list[Lane]:
    label_of = {lane.status: lane.label for lane in others}
    count_of = Counter(lane.status for lane in others)
    return [
        Lane(label_of[status] if count == 1 else counted(count, "task"), (), status, count)
        for status, count in count_of.items()
    ]


def labelled(chart: Sequence[Lane], apart: int) -> list[int]:
    """Which lanes get a label, when labels must be at least `apart` lanes from one another.

    Headings and lanes of many tasks first, then what failed, runs or was retried, then the others from top to bottom.

    >>> plain, failed = Lane("a", (), TaskStatus.SUCCESS), Lane("b", (), TaskStatus.FAILED)
    >>> labelled([plain, failed, plain, plain, plain], apart=2)
    [1, 3]
    """
    taken = bytearray(len(chart) + apart)
    chosen = []
    for place in sorted(range(len(chart)), key=lambda place: _rank(chart[place])):
        if not any(taken[max(0, place - apart + 1) : place + apart]):
            taken[place] = True
            chosen.append(place)
    return sorted(chosen)


def _rank(lane: Lane) -> int:
    if lane.is_heading or lane.tasks > 1:
        return 0
    return 1 if lane.is_notable else 2
