"""How much the machine does: counted in lines executed, never timed, so that a busy computer changes nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import nbdag.core
from nbdag.core.capacity import Capacity, Request
from nbdag.core.compiled import CompiledGraph, NodeRules, compile_graph
from nbdag.core.graph import Graph
from nbdag.core.records import ErrorInfo
from nbdag.core.reports import (
    AttemptEnded,
    AttemptOverdue,
    CancelRequested,
    Expanded,
    Failed,
    Outcome,
    RunBegan,
    StartAttempt,
    Succeeded,
    TimePassed,
)
from nbdag.core.run_state import RunState
from nbdag.core.status import FailureReason, RunStatus, TaskStatus
from nbdag.core.task import TaskSpec
from nbdag.core.triggers import TriggerRule

CORE = str(Path(nbdag.core.__file__).parent)
SMALL, TIMES = 400, 4
MOST = 4.6
"""How much more work four times the tasks may be: four times, and a little for the depth of the heaps."""
WRONG, PLAIN = ErrorInfo("ValueError", "wrong"), NodeRules()

Edges = list[tuple[int, ...]]


def graph(upstream: Edges, rules: NodeRules | list[NodeRules] = PLAIN) -> CompiledGraph:
    downstream: list[list[int]] = [[] for _ in upstream]
    for node, ups in enumerate(upstream):
        for up in ups:
            downstream[up].append(node)
    size = len(upstream)
    per_node = tuple(rules) if isinstance(rules, list) else (rules,) * size
    names = tuple(f"t{node}" for node in range(size))
    return CompiledGraph(names, tuple(upstream), tuple(map(tuple, downstream)), per_node, tuple(range(size)))


def chain(size: int) -> Edges:
    return [(node - 1,) if node else () for node in range(size)]


def fan(size: int) -> Edges:
    return [(), *[(0,)] * (size - 2), tuple(range(1, size - 1))]


def layers(size: int) -> Edges:
    return [tuple(node - 10 + step for step in range(3) if node >= 12) for node in range(size)]


def alone(size: int) -> Edges:
    return [()] * size


def tree(size: int) -> Edges:
    return [((node - 1) // 2,) if node else () for node in range(size)]


def lines_of_core(work: Callable[[], Any]) -> int:
    """Lines of the core executed by some work; a loop on one line counts each time round."""
    lines = 0

    def in_core(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        return in_core

    def anywhere(frame: FrameType, event: str, argument: Any) -> Any:
        return in_core if frame.f_code.co_filename.startswith(CORE) else None

    before = sys.gettrace()
    sys.settrace(anywhere)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def start_all(state: RunState, at: float = 0.0) -> list[StartAttempt]:
    starts = []
    for pool in ("thread", "loop"):
        while (start := state.take(pool, at)) is not None:
            starts.append(start)
    return starts


def run_through(state: RunState, outcome: Outcome = Succeeded()) -> None:  # noqa: B008 - a value
    """Run until nothing is left, every attempt ending alike."""
    state.handle(RunBegan(0.0))
    running = start_all(state)
    while running:
        ending, running = running, []
        for start in ending:
            state.handle(AttemptEnded(start.node, start.attempt, outcome, 0.0))
            running += start_all(state)


def machine(compiled: CompiledGraph, slots: int = 8, **options: Any) -> RunState:
    return RunState(compiled, Capacity(slots, 10**9, {"gpu": 1.0}), **options)


def succeed(shape: Callable[[int], Edges]) -> Callable[[int], None]:
    return lambda size: run_through(machine(graph(shape(size))))


def fail(shape: Callable[[int], Edges], **options: Any) -> Callable[[int], None]:
    failed = Failed(FailureReason.ERROR, WRONG)
    return lambda size: run_through(machine(graph(shape(size)), **options), failed)


def retry(size: int) -> None:
    rules = NodeRules(attempts=3, total_timeout=100.0)
    run_through(machine(graph(alone(size), rules)), Failed(FailureReason.ERROR, WRONG, 0.0))


def share_a_gpu(size: int) -> None:
    """Half of the tasks wait for one resource all the time."""
    rules = [NodeRules(request=Request("thread", (("gpu", 1.0),) if node % 2 else ())) for node in range(size)]
    run_through(machine(graph(alone(size), rules)))


def cancel(size: int) -> None:
    state = machine(graph(layers(size)))
    state.handle(RunBegan(0.0))
    start_all(state)
    state.handle(CancelRequested(1.0))
    assert state.finished


def stop_coroutines(size: int) -> None:
    """All tasks run when the run is cancelled, and all ignore it."""
    state = machine(graph(alone(size), NodeRules(request=Request("loop"), stoppable=True)))
    state.handle(RunBegan(0.0))
    starts = start_all(state)
    state.handle(CancelRequested(1.0))
    state.handle(TimePassed(6.0))
    assert state.finished
    for start in starts:
        state.handle(AttemptEnded(start.node, start.attempt, Succeeded(), 7.0))


def abandon_threads(size: int) -> None:
    """Every second thread is given up, and ends late."""
    state = machine(graph(alone(size)), slots=size)
    state.handle(RunBegan(0.0))
    for start in start_all(state):
        if start.node % 2:
            late = Failed(FailureReason.TIMEOUT, WRONG)
            state.handle(AttemptOverdue(start.node, start.attempt, late, 1.0))
        state.handle(AttemptEnded(start.node, start.attempt, Succeeded(), 1.0))


def run_out_of_time(size: int) -> None:
    """All tasks wait for a slot to be tried again, until the total timeout of each is up at its own moment."""
    state = machine(graph(alone(size), NodeRules(attempts=2, total_timeout=1.0)), slots=size)
    state.handle(RunBegan(0.0))
    starts = []
    for number in range(size):
        starts.append(state.take("thread", number / size))
    state._capacity.slots["parallel"] = 0
    for start in starts:
        state.handle(AttemptEnded(start.node, start.attempt, Failed(FailureReason.ERROR, WRONG, 0.0), 0.99))
    for number in range(size):
        state.handle(TimePassed(1.0 + number / size))
    assert state.finished


def map_items(size: int) -> None:
    state = machine(graph([()]))
    state.handle(RunBegan(0.0))
    (start,) = start_all(state)
    state.handle(Expanded(start.node, start.attempt, size, 0.0))
    running = start_all(state)
    while running:
        item = running.pop()
        state.handle(AttemptEnded(item.node, item.attempt, Succeeded(), 0.0))
        running += start_all(state)
    assert state.finished is RunStatus.SUCCESS


def clean_up(size: int) -> None:
    """A cancelled chain of clean-up tasks, none of which gets its turn."""
    rules = NodeRules(trigger=TriggerRule.ALL_DONE, cleanup=True)
    state = machine(graph(chain(size), rules))
    state.handle(RunBegan(0.0))
    start_all(state)
    state.handle(CancelRequested(1.0))
    state.handle(TimePassed(11.0))
    assert state.finished


def compiled(size: int) -> None:
    compile_graph(declared(layers(size)), targets=range(0, size, 2), given=range(0, size, 7))


def declared(upstream: Edges) -> Graph:
    """A validated graph whose ids are in topological order."""
    compiled = graph(upstream)
    specs = tuple(TaskSpec(name, print) for name in compiled.names)
    index = {name: node for node, name in enumerate(compiled.names)}
    size = len(upstream)
    return Graph(specs, index, compiled.upstream, compiled.downstream, ((),) * size, tuple(range(size)))


WORKS = {
    "chain": succeed(chain),
    "fan": succeed(fan),
    "layers": succeed(layers),
    "alone": succeed(alone),
    "tree": succeed(tree),
    "chain that fails": fail(chain),
    "fan that fails": fail(fan),
    "tree that fails": fail(tree),
    "alone, all failing": fail(alone),
    "fail fast": fail(layers, on_error="cancel"),
    "retry": retry,
    "share a gpu": share_a_gpu,
    "cancel": cancel,
    "stop coroutines": stop_coroutines,
    "abandon threads": abandon_threads,
    "run out of time": run_out_of_time,
    "map": map_items,
    "clean up": clean_up,
    "compile": compiled,
}


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS.keys())
def test_work_grows_with_tasks_and_edges(work):
    """Four times the tasks and edges are four times the work, in every shape and every kind of end."""
    small, large = lines_of_core(lambda: work(SMALL)), lines_of_core(lambda: work(SMALL * TIMES))

    assert small > SMALL
    assert large / small < MOST


def test_a_waiting_resource_costs_nothing_a_start():
    """However many tasks wait for a resource, starting another one does the same work."""

    def start_one_beside(waiting: int) -> int:
        gpu = NodeRules(request=Request("thread", (("gpu", 2.0),)))  # more than there is
        state = machine(graph(alone(waiting + 1), [gpu] * waiting + [PLAIN]))
        state.handle(RunBegan(0.0))
        return lines_of_core(lambda: state.take("thread", 0.0))

    assert start_one_beside(10) == start_one_beside(10_000)


def test_a_success_is_two_events():
    """The log grows by a start and an end for each task."""
    state = machine(graph(layers(100)))

    run_through(state)

    assert len(state.events) == 2 * 100 + 2


@pytest.mark.parametrize("shape", [chain, fan])
def test_a_hundred_thousand_tasks(shape):
    """Depth and width cost no recursion, in success and in failure."""
    compiled = compile_graph(declared(shape(100_000)))
    good, bad = machine(compiled), machine(compiled)

    run_through(good)
    run_through(bad, Failed(FailureReason.ERROR, WRONG))

    assert (good.finished, set(good.status)) == (RunStatus.SUCCESS, {TaskStatus.SUCCESS})
    assert (bad.finished, set(bad.status[1:])) == (RunStatus.FAILED, {TaskStatus.UPSTREAM_FAILED})
