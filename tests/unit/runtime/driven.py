"""Runs driven by hand: a driver over checked definitions, and an engine whose workers are the test itself."""

import contextvars
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from nbdag.core.capacity import Capacity
from nbdag.core.compiled import compile_graph
from nbdag.core.graph import build_graph
from nbdag.core.options import make_spec
from nbdag.runtime.attempt import Performer
from nbdag.runtime.calls import compile_calls
from nbdag.runtime.capture import Capture
from nbdag.runtime.clock import Clock
from nbdag.runtime.driver import Driver, Floor
from nbdag.runtime.job import Job

Definition = tuple[Callable[..., Any], Mapping[str, Any]]


def task(func: Callable[..., Any], **options: Any) -> Definition:
    """A function with options: `task(load, retries=1)`."""
    return func, options


def driver_of(
    *,
    floor: Floor | None = None,
    slots: int = 2,
    given: Mapping[str, Any] | None = None,
    wanted=(),
    job=(),
    **tasks: Any,
) -> Driver:
    """A driver over tasks by name, each a function or a `task(...)`; `job` holds further fields of its Job."""
    specs = []
    for name, definition in tasks.items():
        func, options = definition if isinstance(definition, tuple) else (definition, {})
        specs.append(make_spec(func, name=name, **options))
    graph = build_graph(specs, ())
    results = {graph.resolve(name): value for name, value in (given or {}).items()}
    compiled = compile_graph(graph, given=results)
    calls = compile_calls(graph, compiled)
    more = {"given": results, "wanted": frozenset(graph.resolve(name) for name in wanted)} | dict(job)
    floor = floor or Floor(Capacity(slots, 100, {}))
    return Driver(Job("story", 1, compiled, calls, **more), floor, Clock(), contextvars.copy_context())


def performer_of(driver: Driver) -> Performer:
    return Performer(driver, Capture(), random=Random(0))


class HandWorker:
    """A worker that works when the test says so."""

    def __init__(self, name: str = "by hand") -> None:
        self.origin = {"worker": name}
        self.since: float | None = None
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1


class HandEngine:
    """An engine that counts what it is asked for."""

    def __init__(self, pool: str = "thread", *, shares_gil: bool = True) -> None:
        self.pool, self.shares_gil = pool, shares_gil
        self.spawned = 0
        self.stopped: list[tuple[int, int]] = []
        self.closed = False

    def spawn(self) -> None:
        self.spawned += 1

    def stop(self, node: int, attempt: int) -> None:
        self.stopped.append((node, attempt))

    def close(self) -> None:
        self.closed = True


def begun(**tasks: Any) -> tuple[Driver, HandEngine, HandWorker]:
    """A driver that has begun, with one engine for threads and one worker for it."""
    driver, engine = driver_of(**tasks), HandEngine()
    driver.begin([engine])
    return driver, engine, HandWorker()


def events(driver: Driver, task: str | None = None) -> list[str]:
    """Names of the events of a task, or of the run as a whole."""
    return [event.name for event in driver.events if event.task == task]


def states(driver: Driver) -> dict[str, str]:
    return {name: status.value for name, status in zip(driver.names, driver.status, strict=True)}
