"""The machine that decides a run: reports in, events and actions out; nothing here waits, calls or prints.

`RunState` knows names, numbers and states, never a user's value, and no time but the one that reports carry. Its
driver holds the run's one lock around every call. Events are appended to `events`; the actions of a report are
returned. Attempts are *pulled*: a free worker calls `take`, since only a worker that asks is sure to run what it gets.

Laws, which the tests hold it to:

1. A node starts only when all its upstreams are terminal and its trigger rule holds.
2. Slots and capacities are never exceeded; an abandoned attempt keeps what it holds until it ends.
3. The run finishes exactly once, when every node is terminal.
4. An illegal report raises and changes nothing; a late one (of an attempt given up) is recognised and dropped.
5. A node has at most `attempts` attempts.

A node's life:

    waiting for upstreams ── rule ──> [Resolve] ──> ready ── take ──> RUNNING ──> terminal
            PENDING          │         PENDING     PENDING   ▲          │
                             └─> terminal          RETRYING ─┘ <────────┘ failed, tries left

A start costs O(log n), an end O(out-degree); a blocked node is never looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, assert_never

from nbdag.core.attempts import Attempts
from nbdag.core.capacity import Capacity
from nbdag.core.compiled import CompiledGraph
from nbdag.core.events import Event
from nbdag.core.node_table import NodeTable
from nbdag.core.records import ErrorInfo
from nbdag.core.reports import (
    Action,
    AttemptEnded,
    AttemptOverdue,
    CancelAttempt,
    CancelRequested,
    Expanded,
    Failed,
    FinishRun,
    IllegalReport,
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
from nbdag.core.status import FailureReason, RunStatus, TaskStatus
from nbdag.core.wakes import Wakes

OnError = Literal["continue", "stop", "cancel"]

CLEANUP_GRACE = 10.0
"""Seconds that `cleanup` tasks get after a cancel or a run timeout (as Airflow's teardown tasks)."""
STARVED_AFTER = 60.0
"""Seconds of nothing but abandoned attempts holding what is needed, after which the rest is given up."""
_CLEANUP_IS_OVER = -1
_NO_WORKER: Mapping[str, Any] = {"worker": ""}


class RunState:
    """One run of a compiled graph. See the module's laws."""

    def __init__(
        self,
        graph: CompiledGraph,
        capacity: Capacity,
        *,
        pipeline: str = "",
        on_error: OnError = "continue",
        max_parallel: int | None = None,
    ) -> None:
        self._nodes = NodeTable(graph)
        self.events: Sequence[Event] = self._nodes.events  # only ever grows; so do names and status, when a map expands
        self.names: Sequence[str] = self._nodes.names
        self.status: Sequence[TaskStatus] = self._nodes.status
        self._attempts = Attempts(self._nodes, capacity, max_parallel)
        self._graph, self._capacity = graph, capacity
        self._pipeline, self._on_error = pipeline, on_error
        self.finished: RunStatus | None = None
        self._wakes = Wakes()
        self._resolving: set[int] = set()
        self._began = self._cancelled = self._timed_out = self._failed = False
        self._starved_at: float | None = None
        self._actions: list[Action] = []

    def handle(self, report: Report) -> tuple[Action, ...]:
        """Take a report; gives the actions to carry out, in order. Raises IllegalReport and changes nothing."""
        if not self._began and not isinstance(report, RunBegan):
            raise IllegalReport("the run has not begun")
        match report:
            case AttemptEnded():
                self._attempt_ended(report)
            case RunBegan():
                self._begin(report.at)
            case TimePassed():
                self._time_passed(report.at)
            case AttemptOverdue():
                self._overdue(report)
            case Expanded():
                self._expand(report)
            case TraceFound() | TraceMissing():
                self._resolved(report)
            case CancelRequested():
                self._cancel(report)
            case RunTimedOut():
                self._time_out(report.at)
            case _:
                assert_never(report)
        if self._capacity.abandoned or self._starved_at is not None:
            self._watch_starvation(report.at)
        if not self._nodes.left and self.finished is None:
            self._finish(report.at)
        if not self._actions:
            return ()
        actions, self._actions = tuple(self._actions), []
        return actions

    def take(self, pool: str, at: float, worker: Mapping[str, Any] = _NO_WORKER) -> StartAttempt | None:
        """Start the best-ranked ready attempt of a pool, or None. `worker` becomes part of the event's data."""
        start = self._attempts.take(pool, at, worker)
        if start is not None:
            self._starved_at = None
        return start

    def has_ready(self) -> bool:
        """True when a node waits for nothing but a slot or a resource."""
        return self._attempts.has_ready()

    def can_take(self, pool: str) -> bool:
        """True when `take` would start something now."""
        return self._attempts.can_take(pool)

    @property
    def abandoned(self) -> Mapping[int, int]:
        """Nodes with an attempt that was given up and still runs, and its number."""
        return self._attempts.abandoned

    def accepts(self, node: int, attempt: int) -> bool:
        """True while the outcome of this attempt counts: it runs, and was neither stopped nor given up."""
        return self._attempts.is_running(node, attempt) and node not in self._attempts.stopping

    def note(self, name: str, at: float, node: int | None, message: str = "", data: Any = None) -> None:
        """Log a fact that changes no state, such as a metric."""
        self._nodes.say(name, at, node, message, data)

    def _begin(self, at: float) -> None:
        if self._began:
            raise IllegalReport("the run has already begun")
        self._began = True
        data = {"pipeline": self._pipeline, "tasks": tuple(self.names), "max_attempts": self._graph.max_attempts()}
        self._nodes.say("run_started", at, data=data)
        for node in self._nodes.open_roots(at):
            self._open(node, at)

    def _attempt_ended(self, report: AttemptEnded) -> None:
        node, attempt, outcome, at = report
        attempts = self._attempts
        if attempts.abandoned.get(node) == attempt:
            self._abandoned_ended(report)
            return
        self._attempts.require_running(node, attempt)
        attempts.release(node)
        if node in attempts.stopping:
            self._end_stopped(node, attempts.stopping.pop(node), at)
            return
        match outcome:
            case Succeeded():
                self._end(node, TaskStatus.SUCCESS, at)
            case Skipped(why):
                self._end(node, TaskStatus.SKIPPED, at, why)
            case Failed():
                self._attempt_failed(node, outcome, at)
            case _:
                assert_never(outcome)

    def _abandoned_ended(self, report: AttemptEnded) -> None:
        node, attempt, outcome, at = report
        self._attempts.release_abandoned(node, at)
        self._nodes.say("thread_finally_ended", at, node, f"attempt {attempt} ended")
        if isinstance(outcome, Succeeded):
            self._nodes.say("late_result_discarded", at, node, f"what attempt {attempt} returned came too late")

    def _overdue(self, report: AttemptOverdue) -> None:
        self._attempts.require_started(report.node, report.attempt)
        if self._attempts.is_running(report.node, report.attempt) and report.node not in self._attempts.stopping:
            self._stop(report.node, report.outcome, report.at)

    def _time_passed(self, at: float) -> None:
        nodes, attempts = self._nodes, self._attempts
        for node, attempt in self._wakes.due(at):
            if node == _CLEANUP_IS_OVER:
                self._end_cleanup(at)
            elif attempt != nodes.attempt[node]:
                continue  # it waited for the end of an earlier attempt
            elif node in attempts.stopping:
                self._give_up(node, attempts.stopping.pop(node), at)
            elif nodes.status[node] is TaskStatus.RETRYING and attempts.is_out_of_time(node, at):
                self._end_waiting(node, attempts.last_failure[node], at)
            elif nodes.status[node] is TaskStatus.RETRYING:
                attempts.enqueue(node, at)

    def _resolved(self, report: TraceFound | TraceMissing) -> None:
        node = report.node
        if node not in self._resolving:
            self._nodes.require(node)
            if self._nodes.status[node] is TaskStatus.CANCELLED:
                return  # the run was stopped while the driver looked
            raise IllegalReport(f"nobody asked for a trace of {self._nodes.names[node]!r}")
        self._resolving.discard(node)
        if isinstance(report, TraceFound):
            self._end(node, TaskStatus.CACHED, report.at, report.why)
        else:
            self._attempts.enqueue(node, report.at)

    def _expand(self, report: Expanded) -> None:
        node, attempt, size, at = report.node, report.attempt, report.count, report.at
        if self._attempts.abandoned.get(node) == attempt or node in self._attempts.stopping:
            self._attempt_ended(AttemptEnded(node, attempt, Succeeded(), at))
            return
        self._attempts.require_running(node, attempt)
        if size < 0 or self._nodes.is_item(node):
            raise IllegalReport(f"{self._nodes.names[node]!r} cannot become {size} items")
        self._attempts.release(node)
        self._nodes.say("task_expanded", at, node, "", {"count": size})
        for item in self._nodes.expand(node, size):
            if self._nodes.may_start(node):
                self._attempts.enqueue(item, at)
            else:
                self._end(item, TaskStatus.CANCELLED, at, self._nodes.halted)
        if not size:
            self._end_map(node, at)

    def _cancel(self, report: CancelRequested) -> None:
        if self.finished is not None:
            return
        if self._cancelled:  # asked twice: give up what does not stop
            self._end_cleanup(report.at)
            for node in list(self._attempts.stopping):
                self._give_up(node, self._attempts.stopping.pop(node), report.at)
            return
        self._cancelled = True
        self._nodes.say("cancel_requested", report.at, message=report.why)
        self._halt(report.why or "cancelled", report.at)
        self._stop_running(None, report.at)

    def _time_out(self, at: float) -> None:
        if self.finished is not None or self._cancelled or self._timed_out:
            return
        why = "the run's time limit passed"
        failed = Failed(FailureReason.RUN_TIMEOUT, ErrorInfo("RunTimeout", why))
        self._nodes.say("run_timed_out", at, message=why)
        self._timed_out = self._failed = True
        self._halt(why, at, retrying=failed)
        self._stop_running(failed, at)

    def _open(self, node: int, at: float) -> None:
        """A node may start: ask for a trace first where an earlier result could serve."""
        if self._nodes.rules[node].resolve:
            self._resolving.add(node)
            self._actions.append(Resolve(node))
        else:
            self._attempts.enqueue(node, at)

    def _end(self, node: int, status: TaskStatus, at: float, message: str = "", data: Any = None) -> None:
        for opened in self._nodes.end(node, status, at, message, data):
            self._open(opened, at)
        mapped = self._nodes.completed_map(node) if self._nodes.items else None
        if mapped is not None:
            self._end_map(mapped, at)

    def _attempt_failed(self, node: int, failed: Failed, at: float) -> None:
        attempts = self._attempts
        if not attempts.may_follow(node, failed, at):
            self._fail(node, failed, at)
            return
        delay = failed.retry_after or 0.0
        self._nodes.status[node] = TaskStatus.RETRYING
        attempts.last_failure[node] = failed
        data = {"reason": failed.reason.value, "error": failed.error, "delay": delay}
        self._nodes.say("task_retrying", at, node, str(failed.error), data)
        if node in attempts.ends_at:  # its time may be up while it waits for a slot
            self._wake_at(attempts.ends_at[node], node, self._nodes.attempt[node])
        if delay:
            attempts.delay(node)
            self._wake_at(at + delay, node, self._nodes.attempt[node])
        else:
            attempts.enqueue(node, at)

    def _fail(self, node: int, failed: Failed, at: float) -> None:
        data = {"reason": failed.reason.value, "error": failed.error}
        self._end(node, TaskStatus.FAILED, at, str(failed.error), data)
        if self._nodes.rules[node].allow_failure:
            return
        self._failed = True
        if self._on_error == "continue" or self._nodes.halted:
            return
        self._halt(f"{self._nodes.names[node]} failed", at, retrying="as it last failed")
        if self._on_error == "cancel":
            self._stop_running(None, at)

    def _end_map(self, mapped: int, at: float) -> None:
        """All items of a mapped task are terminal, and with them the task."""
        status, message = self._nodes.sum_up(mapped)
        if status is TaskStatus.FAILED:
            self._fail(mapped, Failed(FailureReason.ERROR, ErrorInfo("TaskFailed", message)), at)
        else:
            self._end(mapped, status, at, message)

    def _finish(self, at: float) -> None:
        status = RunStatus.FAILED if self._failed else RunStatus.SUCCESS
        self.finished = RunStatus.CANCELLED if self._cancelled else status
        self._nodes.say("run_finished", at, data={"status": self.finished.value})
        self._actions.append(FinishRun(self.finished))

    def _halt(self, why: str, at: float, *, retrying: Failed | Literal["as it last failed"] | None = None) -> None:
        """Start nothing new but clean-up. What waits for a retry fails as told; None: it is cancelled."""
        nodes, last_failure = self._nodes, self._attempts.last_failure
        nodes.halted = why
        for node, status in enumerate(nodes.status):
            if nodes.is_cleanup(node):
                continue
            if status is TaskStatus.PENDING:
                self._end_waiting(node, None, at)
            elif status is TaskStatus.RETRYING:
                self._end_waiting(node, last_failure[node] if isinstance(retrying, str) else retrying, at)

    def _stop_running(self, failed: Failed | None, at: float) -> None:
        """Stop all attempts but those of clean-up, which gets its grace from now on."""
        self._stop_each(failed, at, cleanup=False)
        if self._nodes.left:
            self._wake_at(at + CLEANUP_GRACE, _CLEANUP_IS_OVER, 0)

    def _end_cleanup(self, at: float) -> None:
        """Stop the clean-up as well; nothing starts any more."""
        nodes = self._nodes
        nodes.closed = True
        for node, status in enumerate(nodes.status):
            if status is TaskStatus.PENDING or status is TaskStatus.RETRYING:
                self._end_waiting(node, None, at)
        self._stop_each(None, at, cleanup=True)

    def _stop_each(self, failed: Failed | None, at: float, *, cleanup: bool) -> None:
        nodes = self._nodes
        for node, status in enumerate(nodes.status):
            runs = status is TaskStatus.RUNNING and node not in nodes.items  # an expanded map has no attempt
            if runs and nodes.is_cleanup(node) is cleanup and node not in self._attempts.stopping:
                self._stop(node, failed, at)

    def _stop(self, node: int, failed: Failed | None, at: float) -> None:
        """Stop a running attempt: ask it where it can be asked, else give it up at once."""
        attempt, rules = self._nodes.attempt[node], self._nodes.rules[node]
        self._actions.append(CancelAttempt(node, attempt))
        if rules.stoppable:
            self._attempts.stopping[node] = failed
            self._wake_at(at + rules.grace, node, attempt)
        else:
            self._give_up(node, failed, at)

    def _give_up(self, node: int, failed: Failed | None, at: float) -> None:
        """The attempt cannot be stopped, or did not end within its grace: the run goes on without it."""
        self._attempts.abandon(node, at)
        self._end_stopped(node, failed, at)

    def _end_stopped(self, node: int, failed: Failed | None, at: float) -> None:
        if failed is None:
            self._end(node, TaskStatus.CANCELLED, at, self._nodes.halted)
        else:
            self._attempt_failed(node, failed, at)

    def _end_waiting(self, node: int, failed: Failed | None, at: float) -> None:
        """End a node that waits for a slot, a trace or its next attempt: in this failure, or cancelled."""
        self._resolving.discard(node)
        self._attempts.forget(node)
        self._end_stopped(node, failed, at)

    def _watch_starvation(self, at: float) -> None:
        """Give the rest up when for STARVED_AFTER seconds only abandoned attempts hold what is needed."""
        hopeful = not self._capacity.abandoned or self._resolving or self._attempts.has_prospects()
        if hopeful or not self._nodes.left:
            self._starved_at = None
        elif self._starved_at is None:
            self._starved_at = at + STARVED_AFTER
            self._actions.append(WakeAt(self._starved_at))
        elif at >= self._starved_at:
            holders = ", ".join(self._nodes.names[node] for node in self._attempts.abandoned) or "another run"
            self._halt(f"only abandoned attempts hold what is needed: {holders}", at, retrying="as it last failed")
            self._end_cleanup(at)
            self._failed |= TaskStatus.CANCELLED in self._nodes.status  # a failure that is allowed stays allowed

    def _wake_at(self, at: float, node: int, attempt: int) -> None:
        self._wakes.add(at, node, attempt)
        self._actions.append(WakeAt(at))
