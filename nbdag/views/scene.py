"""What a picture is made from, and what it says about each task, before anything is drawn.

A `Scene` holds all that is known: the graph, the last run, parameters, result texts. A `Lens` says which part of it is
wanted and how. `facts` puts the words to each task; boxes, text trees and tables are all made from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbdag.core.graph import Graph, InputKind
from nbdag.core.records import RunRecord, TaskRecord
from nbdag.core.status import TaskStatus
from nbdag.views.wording import span_in_words

DIRECTIONS = ("LR", "TB")


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of a pipeline when it is drawn."""

    title: str
    graph: Graph
    record: RunRecord | None = None
    """The last run; None when there was none."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Values of the pipeline's parameters, and of tasks' own ones that were set (``"train.epochs"``)."""
    summaries: Mapping[str, str] = field(default_factory=dict)
    """Task -> its result in a few words, e.g. ``"DataFrame 150×5"``."""
    stale: Mapping[str, str] = field(default_factory=dict)
    """Task -> why its last result no longer matches."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Task -> why it cannot run as it is defined now."""
    now: float = 0.0
    """The present moment, for tasks that still run."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Which part of a pipeline is drawn, and how."""

    focus: str | None = None
    """A task: only its neighbourhood is drawn, `up` and `down` steps far."""
    up: int = 2
    down: int = 2
    full: bool = False
    """Draw every task, however many."""
    direction: str | None = None
    """``"LR"`` or ``"TB"``; None chooses what fits a notebook."""
    params: bool = True

    def __post_init__(self) -> None:
        if self.direction is not None and self.direction not in DIRECTIONS:
            raise ValueError(
                f"direction={self.direction!r}: choose 'LR' (left to right), 'TB' (top to bottom) or None."
            )
        for name, steps in (("up", self.up), ("down", self.down)):
            if type(steps) is not int or steps < 0:
                raise ValueError(f"{name}={steps!r}: give a whole number of steps, 0 or more.")


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said of one task. All texts are full length and as the user wrote them."""

    name: str
    status: TaskStatus
    seconds: float | None = None
    """How long it took, or has run so far."""
    meta: str = ""
    """The line below the name."""
    error: str = ""
    stale: str = ""


def facts(scene: Scene) -> tuple[Fact, ...]:
    """What is said of each task, in definition order; a task that the last run did not know is PENDING.

    >>> from nbdag.core.graph import build_graph
    >>> from nbdag.core.options import make_spec
    >>> specs = [make_spec(lambda: 1, name="load"), make_spec(lambda load: 2, name="train")]
    >>> [(fact.name, str(fact.status)) for fact in facts(Scene("ml", build_graph(specs, params=())))]
    [('load', 'pending'), ('train', 'pending')]
    """
    known = scene.record.tasks if scene.record else {}
    return tuple(_fact(scene, spec.name, known.get(spec.name) or TaskRecord(spec.name)) for spec in scene.graph.specs)


def _fact(scene: Scene, name: str, task: TaskRecord) -> Fact:
    spent = task.duration
    if spent is None and task.start is not None:
        spent = max(0.0, scene.now - task.start)
    return Fact(
        name=name,
        status=task.status,
        seconds=spent,
        meta=" · ".join(part for part in _meta(task, spent, scene.summaries.get(name, "")) if part),
        error=scene.problems.get(name) or _error(task),
        stale=scene.stale.get(name, ""),
    )


def _meta(task: TaskRecord, spent: float | None, summary: str) -> tuple[str, ...]:
    took = "" if spent is None else span_in_words(spent)
    tries = f"{task.attempt} attempts" if task.attempt > 1 else ""
    match task.status:
        case TaskStatus.SUCCESS | TaskStatus.CACHED:
            return took, tries, summary
        case TaskStatus.RUNNING:
            return took, f"attempt {task.attempt} of {task.max_attempts}" if task.max_attempts > 1 else ""
        case TaskStatus.RETRYING:
            return took, f"attempt {task.attempt} of {task.max_attempts} failed"
        case TaskStatus.FAILED:
            reason = "" if task.reason in ("", "error") else task.reason
            return took, tries, reason, "still running" if task.still_running else ""
        case TaskStatus.UPSTREAM_FAILED:
            return (_blocked_by(task.blamed),)
        case TaskStatus.SKIPPED | TaskStatus.CANCELLED:
            return took, task.message
        case TaskStatus.PENDING:
            return ()


def _blocked_by(blamed: tuple[str, ...]) -> str:
    if not blamed:
        return ""
    more = f" and {len(blamed) - 1} more" if len(blamed) > 1 else ""
    return f"blocked by {blamed[0]}{more}"


def _error(task: TaskRecord) -> str:
    if task.error is not None:
        return str(task.error)
    return task.message if task.status is TaskStatus.FAILED else ""


def carries_data(graph: Graph, upstream: int, task: int) -> bool:
    """False when the edge only orders the two tasks: the lower one does not take the upper one's result."""
    name, spec = graph.specs[upstream].name, graph.specs[task]
    if any(given.kind is InputKind.TASK and given.source == name for given in graph.inputs[task]):
        return True
    return spec.takes_any and name in (spec.dependencies or ())


def critical_path(graph: Graph, told: tuple[Fact, ...]) -> tuple[int, ...]:
    """The chain of executed tasks that took longest: what would have to be quicker for the run to be quicker.

    Empty when nothing was executed, or when all tasks that took time are in one line anyway.
    """
    total = [0.0] * len(told)
    before: list[int | None] = [None] * len(told)
    for task in graph.order:
        spent = told[task].seconds
        if spent is None:
            continue
        best = max(graph.upstream[task], key=total.__getitem__, default=None)
        if best is not None and total[best] > 0.0:
            before[task], total[task] = best, total[best]
        total[task] += spent
    executed = sum(spent > 0.0 for spent in total)
    last: int | None = max(range(len(told)), key=total.__getitem__, default=None)
    path: list[int] = []
    while last is not None and total[last] > 0.0:
        path.append(last)
        last = before[last]
    return tuple(reversed(path)) if 1 < len(path) < executed else ()
