"""The laws of a run, checked from outside after every step: from the graph, the events and the books alone.

Nothing here asks the machine how it came to a decision. `Ledger` adds up what the attempts of all runs hold; `Laws`
follows the events of one run and says which law a new event breaks.
"""

from collections import Counter
from collections.abc import Mapping

from nbdag.core.capacity import SLOT_OF_POOL, Capacity, Request
from nbdag.core.compiled import CompiledGraph, NodeRules
from nbdag.core.events import Event
from nbdag.core.records import RunRecord
from nbdag.core.run_state import RunState
from nbdag.core.status import FOLLOWS, TERMINAL, RunStatus, TaskStatus
from tests.simulation.truth import cleans_up, expected

PENDING, RUNNING, CANCELLED = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.CANCELLED
ENDS = {
    "task_succeeded",
    "task_cached",
    "task_failed",
    "task_upstream_failed",
    "task_skipped",
    "task_cancelled",
}
AFTER_THE_END = {"thread_finally_ended", "late_result_discarded"}


class Ledger:
    """What the running and abandoned attempts of all runs hold of one capacity."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.slots: Counter[str] = Counter()
        self.resources: Counter[str] = Counter()

    def add(self, request: Request, sign: int) -> None:
        self.slots[SLOT_OF_POOL[request.pool]] += sign
        for name, amount in request.resources:
            self.resources[name] += sign * int(amount)

    def check(self) -> None:
        """Law 2: never more than there is, and the capacity's own books agree."""
        capacity = self.capacity
        assert all(self.slots[slot] <= limit for slot, limit in capacity.slots.items()), self.slots
        assert all(self.resources[name] <= limit for name, limit in capacity.resources.items()), self.resources
        assert self.slots == Counter(capacity.used_slots), (self.slots, capacity.used_slots)
        assert self.resources == Counter({name: int(used) for name, used in capacity.used.items()})
        assert capacity.live + capacity.abandoned == self.slots.total()


class Laws:
    """Follows one run."""

    def __init__(
        self,
        state: RunState,
        graph: CompiledGraph,
        ledger: Ledger,
        *,
        on_error: str = "continue",
        max_parallel: int | None = None,
    ) -> None:
        self.state, self.graph, self.ledger = state, graph, ledger
        self.on_error, self.max_parallel = on_error, max_parallel
        self.record = RunRecord(1)
        self.seen, self.latest = 0, 0.0
        self.starts: Counter[str] = Counter()
        self.holding: dict[str, int] = {}  # task -> number of the attempt that holds something
        self.abandoned: dict[str, int] = {}
        self.threads = 0
        self.stopping = False
        self.cancelled = self.spoiled = False

    def check(self) -> None:
        """Take in what is new; raises at the first broken law."""
        for event in self.state.events[self.seen :]:
            self._check_event(event)
        self.ledger.check()
        assert self.max_parallel is None or self.threads <= self.max_parallel
        self._check_states()

    def rules(self, task: str) -> NodeRules:
        """The rules of a task, or of an item's task."""
        return self.graph.rules[self.graph.names.index(task.partition("[")[0])]

    def _check_event(self, event: Event) -> None:
        before = self.record.tasks.get(event.task or "")
        status = before.status if before else PENDING
        assert event.seq == self.seen + 1, event
        assert event.at >= self.latest, "time runs backwards"
        self.seen, self.latest = event.seq, event.at
        assert self.record.status is RunStatus.RUNNING or event.name in AFTER_THE_END, event
        if event.task is None:
            self._of_the_run(event)
        else:
            assert status not in TERMINAL or event.name in AFTER_THE_END, event
            self._of_a_task(event, event.task, status)
        self.record.apply(event)
        if event.task is not None:
            after = self.record.tasks[event.task].status
            assert after is status or after in FOLLOWS[status], (event, status, after)

    def _of_the_run(self, event: Event) -> None:
        if event.name == "cancel_requested":
            self.cancelled = self.stopping = True
        elif event.name == "run_timed_out":
            self.spoiled = self.stopping = True
        elif event.name == "run_finished":
            assert all(record.status in TERMINAL for record in self.record.tasks.values())
            word = "cancelled" if self.cancelled else "failed" if self.spoiled else "success"
            assert event.data == {"status": word}, (event, word)

    def _of_a_task(self, event: Event, task: str, status: TaskStatus) -> None:
        match event.name:
            case "task_started":
                self._start(event, task, status)
            case "attempt_abandoned":
                self.abandoned[task] = self.holding.pop(task)
            case "thread_finally_ended":
                assert self.abandoned.pop(task) == event.attempt
                self._release(task)
            case "late_result_discarded":
                assert task not in self.abandoned
            case "task_expanded":
                self._end_attempt(task)
            case "task_retrying":
                assert not self.stopping or self._cleans_up(task), event
                self._end_attempt(task)
            case name if name in ENDS:
                self._end(event, task, status)

    def _start(self, event: Event, task: str, status: TaskStatus) -> None:
        rules = self.rules(task)
        self.starts[task] += 1
        assert event.attempt == self.starts[task] <= rules.attempts, "law 5"
        assert task not in self.holding, "law 5: two attempts overlap"
        assert task not in self.abandoned, "law 5: an abandoned attempt overlaps"
        assert not self.stopping or self._cleans_up(task), "a stopped run starts nothing but clean-up"
        if status is PENDING and "[" not in task:
            upstreams = self._upstreams(task)
            assert set(upstreams) <= TERMINAL, "law 1: an upstream is not terminal"
            assert expected(rules.trigger, upstreams, cleanup=rules.cleanup) is None, "law 1: the trigger rule"
        self.holding[task] = event.attempt
        self.ledger.add(rules.request, 1)
        self.threads += rules.request.pool == "thread"

    def _end(self, event: Event, task: str, status: TaskStatus) -> None:
        rules = self.rules(task)
        self._end_attempt(task)
        if event.name == "task_failed" and not rules.allow_failure:
            self.spoiled = True
            self.stopping |= self.on_error != "continue"
        if event.name == "task_cancelled" and event.message.startswith("only abandoned attempts hold"):
            self.spoiled = self.stopping = True
        if status is PENDING and "[" not in task:
            self._end_without_a_start(event, task, rules)

    def _end_without_a_start(self, event: Event, task: str, rules: NodeRules) -> None:
        """Law 1 from the other side: what never started ended as its rule says, or because the run was stopped."""
        upstreams = self._upstreams(task)
        if event.name == "task_cancelled":
            assert self.stopping, event
            return
        assert set(upstreams) <= TERMINAL, event
        verdict = expected(rules.trigger, upstreams, cleanup=rules.cleanup)
        ends = {"task_cached": None, "task_skipped": TaskStatus.SKIPPED}
        assert verdict is ends.get(event.name, TaskStatus.UPSTREAM_FAILED), (event, verdict)
        if event.name == "task_upstream_failed":
            self._check_blame(event.data or {}, task)

    def _check_blame(self, data: Mapping[str, tuple[str, ...]], task: str) -> None:
        blamed = data["blamed"]
        assert blamed
        assert len(set(blamed)) == len(blamed)
        assert set(blamed) <= self._ancestors(task)
        assert {self.record.tasks[name].status for name in blamed} == {TaskStatus.FAILED}

    def _end_attempt(self, task: str) -> None:
        if self.holding.pop(task, None) is not None:
            self._release(task)

    def _release(self, task: str) -> None:
        request = self.rules(task).request
        self.ledger.add(request, -1)
        self.threads -= request.pool == "thread"

    def _cleans_up(self, task: str) -> bool:
        rules = self.rules(task)
        return cleans_up(rules.trigger, rules.cleanup)

    def _upstreams(self, task: str) -> list[TaskStatus]:
        names = self.graph.names
        return [self.record.tasks[names[up]].status for up in self.graph.upstream[names.index(task)]]

    def _ancestors(self, task: str) -> set[str]:
        found, waiting = set(), [self.graph.names.index(task)]
        while waiting:
            above = set(self.graph.upstream[waiting.pop()]) - found
            found |= above
            waiting.extend(above)
        return {self.graph.names[node] for node in found}

    def _check_states(self) -> None:
        """The fold of the events is the machine's own state, and law 3: finished exactly when all is terminal."""
        state = self.state
        told = {name: record.status for name, record in self.record.tasks.items()}
        unheard_of = dict.fromkeys(state.names, PENDING) if state.events else {}
        assert unheard_of | told == (dict(zip(state.names, state.status, strict=True)) if state.events else {})
        assert (state.finished is not None) == (bool(state.events) and set(state.status) <= TERMINAL)
        assert self.record.status is (state.finished or RunStatus.RUNNING)
        running = {name for name, status in told.items() if status is RUNNING and not self.record.tasks[name].items}
        assert running >= set(self.holding)
