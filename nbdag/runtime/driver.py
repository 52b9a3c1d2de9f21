"""Drives one run: guards its machine with one lock, hands attempts to workers, carries actions out.

Work-first: a worker that ends an attempt reports it and gets its next one in the same call, so that a chain of tasks
runs on one thread without a hand-over. Workers that find nothing park; whoever makes something ready calls one.

    worker ── complete(outcome) ──> [lock: machine.handle, machine.take] ──> next attempt, or park
                                          │ after the lock: actions, bells

Only `RunState` calls happen under the lock: no user code, no I/O, no observer.
"""

import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from typing import Any

from nbdag.core.capacity import Capacity
from nbdag.core.events import Event
from nbdag.core.reports import (
    SUCCEEDED,
    Action,
    AttemptEnded,
    AttemptOverdue,
    CancelAttempt,
    CancelRequested,
    Failed,
    FinishRun,
    Outcome,
    Report,
    Resolve,
    RunBegan,
    RunTimedOut,
    StartAttempt,
    Succeeded,
    TimePassed,
    TraceFound,
    WakeAt,
)
from nbdag.core.run_state import RunState
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.runtime.calls import NodeCall
from nbdag.runtime.clock import Clock
from nbdag.runtime.crew import Crew
from nbdag.runtime.job import Job
from nbdag.runtime.output import RunOutput
from nbdag.runtime.ports import Engine, Worker
from nbdag.runtime.timers import Timers

LOOK_EVERY = 30.0
"""Seconds between two looks of a run that abandoned attempts may starve."""


class Floor:
    """What overlapping runs of one pipeline share: its capacity, and the lock that guards it and their machines."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.lock = threading.Lock()
        self.drivers: list[Driver] = []

    def change(self, act: Callable[[Capacity], None]) -> None:
        """Change the limits; what then fits starts at once."""
        with self.lock:
            act(self.capacity)
            calls = [call for driver in self.drivers for call in driver.wanted()]
        for call in calls:
            call()


class Driver:
    """One run. Workers, timers and whoever holds the run call it, from any thread."""

    def __init__(self, job: Job, floor: Floor, clock: Clock, context: Context) -> None:
        self.job, self.context = job, context
        self.now = clock.now
        self.timers = Timers(clock.now)
        self.output = RunOutput()
        self.results: list[Any] = [None] * len(job.graph.names)
        self.errors: dict[int, BaseException] = {}
        """The exception of each node's latest failed attempt, its traceback cut to the user's frames."""
        self.dropped: set[int] = set()
        """Nodes with `keep=False` whose results are gone."""
        self.done = threading.Event()
        self._state = RunState(
            job.graph,
            floor.capacity,
            pipeline=job.pipeline,
            on_error=job.on_error,
            max_parallel=job.max_parallel,
        )
        self._floor, self._lock = floor, floor.lock
        self._engines: dict[str, Engine] = {}
        self._crews: list[Crew] = []
        self._crew_of: dict[str, Crew] = {}
        self._closing: Callable[[], None] = _nothing
        self._looks = False  # a look of keep_looking is due
        self._on_done: list[Callable[[], None]] = []
        self._any_lost = False
        # What nobody needs any more; its end may run the user's code, so it is let go after the lock.
        self._let_go: list[Any] = []
        self._consumers = _consumers(job.calls)

    @property
    def events(self) -> Sequence[Event]:
        """Everything that happened so far; only ever grows."""
        return self._state.events

    @property
    def status(self) -> Sequence[TaskStatus]:
        """State of each node."""
        return self._state.status

    @property
    def names(self) -> Sequence[str]:
        """Name of each node."""
        return self._state.names

    @property
    def is_over(self) -> bool:
        """True once every node is terminal; abandoned attempts may still run."""
        return self._state.finished is not None

    @property
    def outcome(self) -> RunStatus:
        """The run's state."""
        return self._state.finished or RunStatus.RUNNING

    def call_of(self, node: int) -> NodeCall:
        """What a node calls; an item of a map calls what its task calls."""
        return self.job.calls[node]

    # --- for whoever holds the run ---

    def begin(self, engines: Sequence[Engine], closing: Callable[[], None] | None = None) -> None:
        """Start. `closing` is called once, when every node is terminal and no abandoned attempt runs any more."""
        self._closing = closing or _nothing
        for engine in engines:
            self._engines[engine.pool] = engine
            crew = self._crew_of[engine.pool] = Crew(engine.pool, engine.spawn, shares_gil=engine.shares_gil)
            self._crews.append(crew)
        if self.job.timeout is not None:
            self.timers.at(self.now() + self.job.timeout, lambda: self.report(RunTimedOut(self.now())))
        if not self.events:  # it may have been cancelled before
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            self._floor.drivers.append(self)
        self.report(RunBegan(self.now()))

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act` once when the run is over, from whichever thread ends it; at once when it is over already."""
        with self._lock:
            if not self.done.is_set():
                self._on_done.append(act)
                return
        act()

    def cancel(self, why: str = "cancelled") -> None:
        """Ask the run to stop; a second time, give up at once what does not."""
        if not self.events:  # its start was interrupted: it begins, to end at once
            self._begin()
        self.report(CancelRequested(self.now(), why))

    def note(self, name: str, node: int | None = None, message: str = "", data: Any = None) -> None:
        """Log a fact that changes no state."""
        with self._lock:
            self._state.note(name, self.now(), node, message, data)

    # --- for engines ---

    def take(self, pool: str, worker: Worker) -> StartAttempt | None:
        """The next attempt for a worker that was called; None when it is parked, or the run is over."""
        with self._lock:
            crew = self._crew_of[pool]
            crew.arrived()
            start = self._take_or_park(crew, worker, self.now())
            calls = self.wanted()
        for call in calls:
            call()
        return start

    def complete(
        self, pool: str, worker: Worker, start: StartAttempt, outcome: Outcome, value: Any
    ) -> StartAttempt | None:
        """Report how an attempt ended; gives the worker its next one, or None when it is parked or the run is over.

        `value` is what the function returned, or the exception it raised.
        """
        node, state, at = start.node, self._state, self.now()
        with self._lock:
            if state.accepts(node, start.attempt):  # not of one that was given up
                if outcome is SUCCEEDED and not self.errors:
                    self.results[node] = value  # before the state says that it is there
                else:
                    self._keep(node, outcome, value)
            actions = state.handle(AttemptEnded(node, start.attempt, outcome, at))
            if self._consumers and state.status[node].is_terminal:  # not while another attempt may follow
                self._forget_consumed(node)
            if self._any_lost:
                self._count_lost()
            crew = self._crew_of[pool]
            crew.saw(at - worker.since if worker.since else 0.0)
            following = self._take_or_park(crew, worker, at)
            calls = self._all_wanted()
        if self._let_go:
            self._let_go.clear()
        if actions:
            self._carry_out(actions)
        elif state.finished is not None:  # an abandoned attempt, at last
            self._close()
        for call in calls:
            call()
        return following

    def report(self, report: Report) -> None:
        """Tell the machine, and do what it wishes."""
        with self._lock:
            if type(report) is TraceFound:
                self.results[report.node] = self.job.given[report.node]
            actions = self._state.handle(report)
            self._count_lost()
            calls = self._all_wanted()
            sharers = list(self._floor.drivers) if self._floor.capacity.abandoned else []
        self._carry_out(actions)
        for call in calls:
            call()
        for driver in sharers:
            driver.keep_looking()

    def keep_looking(self) -> None:
        """While abandoned attempts hold slots, of this run or another, see now and then whether this one can go on."""
        with self._lock:
            needed = not (self._looks or self.is_over) and self._floor.capacity.abandoned
            self._looks = self._looks or bool(needed)
        if needed:
            self.timers.at(self.now() + LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._looks = False
        self.report(TimePassed(self.now()))

    def overdue(self, start: StartAttempt, outcome: Failed, error: BaseException) -> None:
        """Tell that an attempt's time is up; `error` is what then stands for its failure."""
        with self._lock:
            if self._state.accepts(start.node, start.attempt):
                self._keep(start.node, outcome, error)
        self._let_go.clear()
        self.report(AttemptOverdue(start.node, start.attempt, outcome, self.now()))

    def rouse(self, pool: str) -> bool:
        """Call workers although attempts seemed tiny: those that run turned out long. True when one was called."""
        with self._lock:
            self._crew_of[pool].expect_long()
            calls = self.wanted()
        for call in calls:
            call()
        return bool(calls)

    def is_held_up(self, pool: str) -> bool:
        """True when something waits and a slot is free. Takes no lock, as it is asked every millisecond."""
        return self._state.has_ready() and self._floor.capacity.has_slot(pool)

    # --- inside ---

    def wanted(self) -> Sequence[Callable[[], None]]:
        """What calls the workers that are needed now; made under the lock, to be called after it."""
        crews = [crew for crew in self._crews if crew.wants_company() and self._state.can_take(crew.pool)]
        return [partial(self._bring, crew, crew.call()) for crew in crews]

    def _bring(self, crew: Crew, call: Callable[[], None]) -> None:
        """Call a worker. Where the system gives no more threads, those that are there have to do."""
        try:
            call()
        except RuntimeError as error:
            with self._lock:
                is_alone = crew.stayed_away()
            if is_alone:
                self.cancel(f"no worker could be started: {error}")

    def _take_or_park(self, crew: Crew, worker: Worker, at: float) -> StartAttempt | None:
        if self._state.finished is not None:
            return None
        start = None if crew.should_step_aside() else self._state.take(crew.pool, at, worker.origin)
        if start is None:
            crew.park(worker)
            worker.since = None
        else:
            worker.since = at
        return start

    def _count_lost(self) -> None:
        """Tell each crew how many of its workers are with attempts that were given up."""
        lost = self._state.abandoned
        self._any_lost = bool(lost)
        for crew in self._crews:
            crew.lost = sum(self.job.graph.rules[node].request.pool == crew.pool for node in lost) if lost else 0

    def _all_wanted(self) -> Sequence[Callable[[], None]]:
        if len(self._floor.drivers) == 1 and self._state.finished is None:
            return self.wanted()
        return [call for driver in self._floor.drivers for call in driver.wanted()]

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case WakeAt(at):
                    self.timers.at(at, lambda: self.report(TimePassed(self.now())))
                case CancelAttempt(node, attempt):
                    self._engines[self.job.graph.rules[node].request.pool].stop(node, attempt)
                case Resolve(node):
                    self.report(TraceFound(node, self.now(), "given"))
                case FinishRun():
                    self._finish()

    def _finish(self) -> None:
        with self._lock:
            self._floor.drivers.remove(self)
            parked = [worker for crew in self._crews for worker in crew.parked]
            for crew in self._crews:
                crew.parked.clear()
            for node in self._consumers:
                self._drop(node)
        self._let_go.clear()
        self._close()
        with self._lock:
            acts, self._on_done = self._on_done, []
            self.done.set()
        self.timers.close()
        for act in acts:
            act()
        for worker in parked:
            worker.ring()
        for engine in self._engines.values():
            engine.close()

    def _keep(self, node: int, outcome: Outcome, value: Any) -> None:
        """Take what an attempt came to; the exception of the one before goes, with the frames it holds."""
        if self.errors and node in self.errors:
            self._let_go.append(self.errors.pop(node))
        if isinstance(outcome, Succeeded):
            self.results[node] = value
        elif isinstance(outcome, Failed):
            self.errors[node] = value

    def _close(self) -> None:
        """Call `closing` once nothing runs: what an abandoned attempt still writes is told from other output."""
        with self._lock:
            if self._state.abandoned:
                return
            closing, self._closing = self._closing, _nothing
        try:
            closing()
        except Exception as error:  # noqa: BLE001 - undoes what the user's own streams and displays may have broken
            self.note("observer_failed", message=f"the capture: {type(error).__name__}: {error}")

    def _forget_consumed(self, node: int) -> None:
        """Let go of results with `keep=False` whose last consumer has just ended."""
        for _, source in self.job.calls[node].inputs:
            if source in self._consumers:
                self._consumers[source] -= 1
                if not self._consumers[source]:
                    self._drop(source)

    def _drop(self, node: int) -> None:
        if node not in self.job.wanted and self._state.status[node].is_ok:
            self.dropped.add(node)
            self._let_go.append(self.results[node])
            self.results[node] = None


def _nothing() -> None:
    """What is called where there is nothing to do."""


def _consumers(calls: Sequence[NodeCall]) -> dict[int, int]:
    """How many nodes take the result of each node with `keep=False`; those that only come after it do not count."""
    counts = {node: 0 for node, call in enumerate(calls) if not call.keep}
    for call in calls if counts else ():
        for _, source in call.inputs:
            if source in counts:
                counts[source] += 1
    return counts
