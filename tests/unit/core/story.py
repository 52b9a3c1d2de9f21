"""Stories about runs: a literal graph, reports by task name, and engines that start whatever may start."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbdag.core.capacity import SLOT_OF_POOL, Capacity, Request
from nbdag.core.compiled import CompiledGraph, NodeRules
from nbdag.core.events import Event
from nbdag.core.records import ErrorInfo, RunRecord
from nbdag.core.reports import (
    Action,
    AttemptEnded,
    AttemptOverdue,
    CancelAttempt,
    CancelRequested,
    Expanded,
    Failed,
    Outcome,
    Report,
    Resolve,
    RunBegan,
    RunTimedOut,
    Skipped,
    StartAttempt,
    Succeeded,
    TimePassed,
    TraceFound,
    TraceMissing,
    WakeAt,
)
from nbdag.core.run_state import RunState
from nbdag.core.status import FOLLOWS, FailureReason, RunStatus, TaskStatus

THREAD, LOOP = Request("thread"), Request("loop")
POOLS = tuple(SLOT_OF_POOL)
BOOM = ErrorInfo("ValueError", "boom")
TOO_SLOW = ErrorInfo("TaskTimeout", "too slow")

Node = tuple[tuple[str, ...], NodeRules]


def node(*upstream: str, **options: Any) -> Node:
    """A task with options: `node("a", attempts=3)`. In the loop pool it can be stopped, as in the compiler."""
    rules = NodeRules(**options)
    return upstream, rules if "stoppable" in options else replace(rules, stoppable=rules.request.pool != "thread")


def graph(*, ranks: Sequence[int] = (), **tasks: tuple[str, ...] | Node) -> CompiledGraph:
    """Tasks by name: the names of their upstreams, or a `node(...)`."""
    names = tuple(tasks)
    nodes = [
        task if len(task) == 2 and isinstance(task[1], NodeRules) else (task, NodeRules()) for task in tasks.values()
    ]
    upstream = tuple(tuple(names.index(up) for up in ups) for ups, _ in nodes)
    downstream = tuple(tuple(low for low, ups in enumerate(upstream) if up in ups) for up in range(len(names)))
    return CompiledGraph(
        names, upstream, downstream, tuple(rules for _, rules in nodes), tuple(ranks or range(len(names)))
    )


class Story:
    """A run that is told of by task names. After each act, all that may start has started."""

    def __init__(self, compiled: CompiledGraph, capacity: Capacity, *, pull: bool = True, **options: Any) -> None:
        self.state = RunState(compiled, capacity, **options)
        self.capacity = capacity
        self.now = 0.0
        self.limits: dict[str, float | None] = {}
        self._pulls = pull
        self._record = RunRecord(1)

    def tell(self, report: Report) -> tuple[Action, ...]:
        """Report, then let the engines take what they can."""
        actions = self.state.handle(report)
        self.pull()
        return actions

    def pull(self) -> None:
        if self._pulls:
            for pool in POOLS:
                while self.take(pool) is not None:
                    pass
        self.check()

    def take(self, pool: str = "thread") -> StartAttempt | None:
        start = self.state.take(pool, self.now)
        if start is not None:
            self.limits[self.state.names[start.node]] = start.limit
        return start

    def ended(self, name: str, outcome: Outcome, attempt: int | None = None) -> tuple[Action, ...]:
        return self.tell(AttemptEnded(self.id(name), attempt or self.attempt(name), outcome, self.now))

    def succeed(self, *names: str) -> None:
        for name in names:
            self.ended(name, Succeeded())

    def skip(self, name: str, why: str = "") -> None:
        self.ended(name, Skipped(why))

    def fail(self, name: str, retry_after: float | None = None) -> tuple[Action, ...]:
        return self.ended(name, Failed(FailureReason.ERROR, BOOM, retry_after))

    def overdue(self, name: str, retry_after: float | None = None) -> tuple[Action, ...]:
        late = Failed(FailureReason.TIMEOUT, TOO_SLOW, retry_after)
        return self.tell(AttemptOverdue(self.id(name), self.attempt(name), late, self.now))

    def later(self, seconds: float) -> tuple[Action, ...]:
        self.now += seconds
        return self.tell(TimePassed(self.now))

    def cancel(self, why: str = "enough") -> tuple[Action, ...]:
        return self.tell(CancelRequested(self.now, why))

    def time_out(self) -> tuple[Action, ...]:
        return self.tell(RunTimedOut(self.now))

    def found(self, name: str) -> tuple[Action, ...]:
        return self.tell(TraceFound(self.id(name), self.now))

    def missing(self, name: str) -> tuple[Action, ...]:
        return self.tell(TraceMissing(self.id(name), ("never_ran",), self.now))

    def expand(self, name: str, count: int) -> tuple[Action, ...]:
        return self.tell(Expanded(self.id(name), self.attempt(name), count, self.now))

    def id(self, name: str) -> int:
        return self.state.names.index(name)

    def attempt(self, name: str) -> int:
        """Number of the task's latest attempt, as the log tells it."""
        return sum(event.name == "task_started" and event.task == name for event in self.state.events)

    def log(self, *names: str) -> list[str]:
        """The tasks of all events of these names, in order: `log("task_started")` is the order of starts."""
        return [event.task or "" for event in self.state.events if event.name in names]

    def events(self, task: str | None = None) -> list[str]:
        """Names of the events of a task, or of the run as a whole."""
        return [event.name for event in self.state.events if event.task == task]

    def said(self, name: str, task: str | None = None) -> Event:
        """The one event of this name (and task)."""
        (event,) = [event for event in self.state.events if event.name == name and task in (None, event.task)]
        return event

    def statuses(self) -> dict[str, TaskStatus]:
        return dict(zip(self.state.names, self.state.status, strict=True))

    def check(self) -> None:
        """What holds after every step of every story: events replay to the states, each change legal."""
        new = self.state.events[self._record._applied :]
        for event in new:
            before = self._status_in_record(event)
            self._record.apply(event)
            after = self._status_in_record(event)
            assert before is after or after in FOLLOWS[before], event
        told = {name: record.status for name, record in self._record.tasks.items()}
        unheard_of = {name: TaskStatus.PENDING for name in self.state.names if "[" in name}  # items until they start
        assert unheard_of | told == self.statuses()
        assert self._record.status is (self.state.finished or RunStatus.RUNNING)
        assert [event.seq for event in self.state.events] == list(range(1, len(self.state.events) + 1))
        assert self.log("run_finished") == [""] * (self.state.finished is not None)

    def _status_in_record(self, event: Event) -> TaskStatus:
        record = self._record.tasks.get(event.task or "")
        return record.status if record else TaskStatus.PENDING


def started(
    compiled: CompiledGraph,
    slots: int = 1,
    *,
    resources: dict[str, float] | None = None,
    capacity: Capacity | None = None,
    **options: Any,
) -> Story:
    """A story that has begun, all that may start running."""
    story = Story(compiled, capacity or Capacity(slots, 100, resources), **options)
    story.tell(RunBegan(story.now))
    return story


def snapshot(value: Any) -> Any:
    """All that a machine holds, as values that can be compared."""
    if isinstance(value, dict):
        return {repr(key): snapshot(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [snapshot(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if type(value).__module__.startswith("nbdag.core") and hasattr(value, "__dict__"):
        return {name: snapshot(part) for name, part in vars(value).items()}
    return repr(value)


def kinds(actions: Sequence[Action]) -> list[str]:
    """Actions as words: `resolve 0`, `cancel 0/1`, `wake 5.0`, `finish failed`."""
    words = []
    for action in actions:
        match action:
            case Resolve(number):
                words.append(f"resolve {number}")
            case CancelAttempt(number, attempt):
                words.append(f"cancel {number}/{attempt}")
            case WakeAt(at):
                words.append(f"wake {at}")
            case _:
                words.append(f"finish {action.status}")
    return words
