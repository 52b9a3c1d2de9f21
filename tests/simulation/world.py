"""A small world to run whole runs in: a simulated clock, engines, a store and people, all decided by one seed.

Time jumps from one planned happening to the next. What an attempt will do is drawn when it starts: return, fail, skip,
hang for ever, become items, and how long it takes; a coroutine may also ignore its cancellation. The world does what a
driver does: it carries actions out, tells of time limits, and looks at every run now and then, because a run is not
told what the others do with the capacity they share. After every report every law is checked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from nbdag.core.capacity import SLOT_OF_POOL
from nbdag.core.events import Event
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
from nbdag.core.status import FailureReason, RunStatus
from tests.simulation.graphs import Setting, capacity_by, setting_by
from tests.simulation.laws import Laws, Ledger

LOOK_EVERY = 30.0
PATIENCE = 600.0
"""Seconds after which people cancel a run: an attempt without a time limit may hang for ever."""
LONGEST_RUN = 640.0
"""Seconds after which every run in this world must be over."""
WRONG, LATE = ErrorInfo("ValueError", "wrong"), ErrorInfo("TaskTimeout", "late")


@dataclass(frozen=True, slots=True)
class Character:
    """How a world behaves: shares of attempts that do this or that, and when people interfere."""

    fails: float = 0.15
    skips: float = 0.05
    hangs: float = 0.05
    expands: float = 0.05
    stubborn: float = 0.3
    """Of coroutines that are asked to stop, those that do not."""
    found: float = 0.5
    cancel_at: float | None = None
    cancel_again_at: float | None = None
    time_out_at: float | None = None


class World:
    """Runs that share a capacity, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.capacity = capacity_by(self.random.choice)
        self.ledger = Ledger(self.capacity)
        runs = self.random.choice((1, 1, 2, 3))
        self.runs = [SimulatedRun(self, setting_by(self.random.choice), self._character()) for _ in range(runs)]

    def _character(self) -> Character:
        random = self.random
        calm = Character(fails=random.choice((0.0, 0.1, 0.5)), hangs=random.choice((0.0, 0.0, 0.1, 0.4)))
        match random.randrange(5):
            case 0:
                return replace(calm, cancel_at=random.uniform(0, 15), cancel_again_at=random.uniform(15, 30))
            case 1:
                return replace(calm, cancel_at=random.uniform(0, 15))
            case 2:
                return replace(calm, time_out_at=random.uniform(0, 15))
            case _:
                return calm

    def plan(self, delay: float, happening: Callable[[], None]) -> None:
        """Let something happen after so many seconds."""
        heappush(self._planned, (self.now + delay, next(self._order), happening))

    def live(self) -> None:
        """Let everything happen until no run has anything left to do; abandoned attempts may hang for ever."""
        for run in self.runs:
            self.plan(self.random.choice((0.0, 2.0)), run.begin)
        while self._planned and not all(run.is_over for run in self.runs):
            self.now, _, happening = heappop(self._planned)
            assert self.now < LONGEST_RUN, "a run does not end"
            happening()
            for run in self.runs:
                run.pull()
        while self._planned:  # threads outlive their runs, and still say when they end
            self.now, _, happening = heappop(self._planned)
            happening()

    def history(self) -> list[Sequence[Event]]:
        """The events of each run."""
        return [run.state.events for run in self.runs]


class SimulatedRun:
    """One run and its engines."""

    def __init__(self, world: World, setting: Setting, character: Character) -> None:
        self.world, self.setting, self.character = world, setting, character
        options: dict[str, Any] = {"on_error": setting.on_error, "max_parallel": setting.max_parallel}
        self.state = RunState(setting.graph, world.capacity, **options)
        self.laws = Laws(self.state, setting.graph, world.ledger, **options)
        self.finishes: list[RunStatus] = []
        self.attempts: dict[int, StartAttempt] = {}  # by number of the attempt in this world; a hang stays for ever
        self._numbers = count()
        self.began = False

    @property
    def is_over(self) -> bool:
        return self.state.finished is not None

    def begin(self) -> None:
        self.began = True
        character = self.character
        for at, report in (
            (character.cancel_at, CancelRequested),
            (character.cancel_again_at, CancelRequested),
            (character.time_out_at, RunTimedOut),
            (PATIENCE, CancelRequested),
        ):
            if at is not None:
                self.world.plan(at, lambda report=report: self.tell(report(self.world.now)))
        self.tell(RunBegan(self.world.now))
        self.look()

    def look(self) -> None:
        """As a driver does now and then while its run goes on."""
        if not self.is_over:
            self.tell(TimePassed(self.world.now))
            self.world.plan(LOOK_EVERY, self.look)

    def tell(self, report: Report) -> None:
        for action in self.state.handle(report):
            self.carry_out(action)
        self.laws.check()

    def carry_out(self, action: Action) -> None:
        world = self.world
        match action:
            case WakeAt(at):
                world.plan(at - world.now, lambda: self.tell(TimePassed(world.now)))
            case Resolve(node):
                found = world.random.random() < self.character.found
                world.plan(world.random.choice((0.0, 0.1, 3.0)), lambda: self.answer(node, found))
            case CancelAttempt(node, attempt):
                self.ask_to_stop(node, attempt)
            case FinishRun(status):
                self.finishes.append(status)

    def answer(self, node: int, found: bool) -> None:
        at = self.world.now
        self.tell(TraceFound(node, at) if found else TraceMissing(node, ("code",), at))

    def pull(self) -> None:
        """Idle workers take what they can get, in any order of pools."""
        pools = [*SLOT_OF_POOL]
        self.world.random.shuffle(pools)
        for pool in pools:
            while self.began and (start := self.state.take(pool, self.world.now)) is not None:
                self.laws.check()
                self.start(start)

    def start(self, start: StartAttempt) -> None:
        random, character = self.world.random, self.character
        number = next(self._numbers)
        self.attempts[number] = start
        if random.random() >= character.hangs:
            self.world.plan(random.choice((0.0, 0.1, 1.0, 1.0, 6.0, 40.0)), lambda: self.end(number))
        if start.limit is not None:
            self.world.plan(start.limit, lambda: self.tell(self.overdue(start)))

    def overdue(self, start: StartAttempt) -> AttemptOverdue:
        late = Failed(FailureReason.TIMEOUT, LATE, self.world.random.choice((None, 0.0, 2.0)))
        return AttemptOverdue(start.node, start.attempt, late, self.world.now)

    def ask_to_stop(self, node: int, attempt: int) -> None:
        random = self.world.random
        stoppable = self.setting.graph.rules[self.task_of(node)].stoppable
        for number, start in self.attempts.items():
            obeys = stoppable and random.random() >= self.character.stubborn
            if (start.node, start.attempt) == (node, attempt) and obeys:
                self.world.plan(random.choice((0.0, 1.0, 4.0)), lambda number=number: self.end(number))

    def end(self, number: int) -> None:
        start = self.attempts.pop(number, None)
        if start is None:
            return  # it ended in another way
        random, character, at = self.world.random, self.character, self.world.now
        node, attempt, chance = start.node, start.attempt, random.random()
        if chance < character.fails:
            failed = Failed(FailureReason.ERROR, WRONG, random.choice((None, 0.0, 1.0, 5.0)))
            self.tell(AttemptEnded(node, attempt, failed, at))
        elif chance < character.fails + character.skips:
            self.tell(AttemptEnded(node, attempt, Skipped("no data"), at))
        elif chance < character.fails + character.skips + character.expands and self.task_of(node) == node:
            self.tell(Expanded(node, attempt, random.randrange(5), at))
        else:
            self.tell(AttemptEnded(node, attempt, Succeeded(), at))

    def task_of(self, node: int) -> int:
        """The node itself, or the mapped one that an item belongs to."""
        return self.setting.graph.names.index(self.state.names[node].partition("[")[0])
