"""RunState under hypothesis: any report at any time, and the laws after every step."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nbdag.core.records import ErrorInfo
from nbdag.core.reports import (
    Action,
    AttemptEnded,
    AttemptOverdue,
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
)
from nbdag.core.run_state import RunState
from nbdag.core.status import FailureReason
from tests.simulation.graphs import capacity_by, setting_by
from tests.simulation.laws import Laws, Ledger
from tests.unit.core.story import snapshot

pytestmark = pytest.mark.timeout(900)  # the full count takes minutes

WRONG, LATE = ErrorInfo("ValueError", "wrong"), ErrorInfo("TaskTimeout", "late")
DELAYS = st.sampled_from((None, 0.0, 0.0, 2.0, 8.0))
SECONDS = st.sampled_from((0.0, 0.5, 2.0, 5.0, 10.0, 61.0))
POOLS = st.sampled_from(("thread", "loop", "caller"))


class RunMachine(RuleBasedStateMachine):
    """One run, and what its driver knows: attempts that were started and have not ended, traces asked for."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        def choose(options):
            return options[data.draw(st.integers(0, len(options) - 1))] if len(options) > 1 else options[0]

        setting, capacity = setting_by(choose), capacity_by(choose)
        self.now, self.finishes = 0.0, 0
        self.live: list[StartAttempt] = []
        self.asked: list[int] = []
        options = {"on_error": setting.on_error, "max_parallel": setting.max_parallel}
        self.state = RunState(setting.graph, capacity, **options)
        self.laws = Laws(self.state, setting.graph, Ledger(capacity), **options)
        self.tell(RunBegan(self.now))

    def tell(self, report: Report) -> None:
        actions: tuple[Action, ...] = self.state.handle(report)
        self.asked += [action.node for action in actions if isinstance(action, Resolve)]
        self.finishes += sum(isinstance(action, FinishRun) for action in actions)

    def pick(self, data: st.DataObject) -> StartAttempt:
        return data.draw(st.sampled_from(self.live))

    @rule(pool=POOLS)
    def take(self, pool: str) -> None:
        could = self.state.can_take(pool)
        start = self.state.take(pool, self.now)
        assert could == (start is not None)
        if start is not None:
            self.live.append(start)

    @rule(data=st.data(), delay=DELAYS, how=st.sampled_from(("succeeded", "succeeded", "failed", "skipped")))
    @precondition(lambda self: self.live)
    def end(self, data: st.DataObject, delay: float | None, how: str) -> None:
        start = self.pick(data)
        self.live.remove(start)
        failed = Failed(FailureReason.ERROR, WRONG, delay)
        outcome = {"succeeded": Succeeded(), "failed": failed, "skipped": Skipped()}[how]
        self.tell(AttemptEnded(start.node, start.attempt, outcome, self.now))

    @rule(data=st.data(), delay=DELAYS)
    @precondition(lambda self: self.live)
    def time_out_an_attempt(self, data: st.DataObject, delay: float | None) -> None:
        start = self.pick(data)
        late = Failed(FailureReason.TIMEOUT, LATE, delay)
        self.tell(AttemptOverdue(start.node, start.attempt, late, self.now))

    @rule(data=st.data(), count=st.integers(0, 3))
    @precondition(lambda self: any(not self.is_item(start) for start in self.live))
    def expand(self, data: st.DataObject, count: int) -> None:
        start = data.draw(st.sampled_from([start for start in self.live if not self.is_item(start)]))
        self.live.remove(start)
        self.tell(Expanded(start.node, start.attempt, count, self.now))

    def is_item(self, start: StartAttempt) -> bool:
        return "[" in self.state.names[start.node]

    @rule(data=st.data(), found=st.booleans())
    @precondition(lambda self: self.asked)
    def answer(self, data: st.DataObject, found: bool) -> None:
        node = data.draw(st.sampled_from(self.asked))
        self.asked.remove(node)
        self.tell(TraceFound(node, self.now) if found else TraceMissing(node, ("code",), self.now))

    @rule(seconds=SECONDS)
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds
        self.tell(TimePassed(self.now))

    @rule(chance=st.integers(0, 9))
    def cancel(self, chance: int) -> None:
        if chance == 0:
            self.tell(CancelRequested(self.now))

    @rule(chance=st.integers(0, 9))
    def time_the_run_out(self, chance: int) -> None:
        if chance == 0:
            self.tell(RunTimedOut(self.now))

    @rule(node=st.integers(-1, 14), attempt=st.integers(0, 5), kind=st.integers(0, 5))
    def say_what_cannot_be(self, node: int, attempt: int, kind: int) -> None:
        """Law 4: a report that nobody could make truthfully raises and changes nothing."""
        known = any((start.node, start.attempt) == (node, attempt) for start in self.live)
        late = Failed(FailureReason.TIMEOUT, LATE)
        reports: list[Report] = [RunBegan(self.now)]
        if not known:
            reports.append(AttemptEnded(node, attempt, Succeeded(), self.now))
            reports.append(Expanded(node, attempt, 1, self.now))
        if attempt > self.laws.starts[self.name_of(node)] or attempt == 0:
            reports.append(AttemptOverdue(node, attempt, late, self.now))
        if node not in self.asked and self.laws.starts[self.name_of(node)]:
            reports.append(TraceFound(node, self.now))
        report = reports[kind % len(reports)]
        before = snapshot(self.state)
        try:
            self.state.handle(report)
        except IllegalReport:
            assert snapshot(self.state) == before
        else:  # a trace may come late
            assert isinstance(report, TraceFound), report
            assert snapshot(self.state) == before

    def name_of(self, node: int) -> str:
        return self.state.names[node] if 0 <= node < len(self.state.names) else ""

    @invariant()
    def laws_hold(self) -> None:
        if hasattr(self, "laws"):
            self.laws.check()
            assert self.finishes == (self.state.finished is not None)

    def teardown(self) -> None:
        """Whatever has happened, the run ends when its attempts end, its questions are answered and time goes on."""
        if not hasattr(self, "laws"):
            return
        for _ in range(2000):
            for pool in ("thread", "loop", "caller"):
                self.take(pool)
            for start in self.live:
                self.tell(AttemptEnded(start.node, start.attempt, Succeeded(), self.now))
            for node in self.asked:
                self.tell(TraceMissing(node, (), self.now))
            self.live, self.asked = [], []
            self.let_time_pass(1.0)
            self.laws_hold()
            if self.state.finished is not None:
                break
        assert self.state.finished is not None
        assert self.laws.ledger.slots.total() == 0


TestRunMachine = RunMachine.TestCase
TestRunMachine.settings = settings(stateful_step_count=60)
