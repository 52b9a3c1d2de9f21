"""Starts a run: takes the snapshot, compiles it, and plugs driver, engines, capture and viewer together."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from nbdag.core.compiled import compile_graph
from nbdag.core.errors import NbdagError, did_you_mean
from nbdag.core.events import EVENTS, Event
from nbdag.core.graph import Graph
from nbdag.core.params import resolve_params
from nbdag.core.run_state import OnError
from nbdag.engines.loops import LoopEngine
from nbdag.engines.threads import ThreadEngine
from nbdag.feed import DriverFeed
from nbdag.history import History
from nbdag.run import Run
from nbdag.runtime.attempt import Performer
from nbdag.runtime.calls import compile_calls
from nbdag.runtime.capture import Capture
from nbdag.runtime.clock import Clock
from nbdag.runtime.driver import Driver, Floor, Job
from nbdag.runtime.ports import Engine
from nbdag.views import display
from nbdag.views.places import file_namer

ON_ERROR: tuple[OnError, ...] = ("continue", "stop", "cancel")
LISTEN_EVERY = 0.02
"""Seconds between two looks of the listeners' thread at the events."""

Listener = Callable[[Event], object]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of one run, checked."""

    params: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    on_error: OnError = "continue"
    timeout: float | None = None
    max_parallel: int | None = None
    raise_on_error: bool = True
    output: str = "tail"
    note: str = ""

    def __post_init__(self) -> None:
        if self.on_error not in ON_ERROR:
            raise ValueError(f"on_error={self.on_error!r} is not one of {', '.join(map(repr, ON_ERROR))}.")
        if self.timeout is not None and not 0 < self.timeout < float("inf"):
            raise ValueError(f"timeout={self.timeout!r}: give seconds above 0, or leave it out.")
        if self.max_parallel is not None and not (type(self.max_parallel) is int and self.max_parallel > 0):
            raise ValueError(f"max_parallel={self.max_parallel!r}: give a whole number above 0, or leave it out.")
        if self.output not in display.OUTPUTS:
            raise ValueError(f"output={self.output!r} is not one of {', '.join(map(repr, display.OUTPUTS))}.")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a run takes of its pipeline when it starts; what changes later affects the next run."""

    pipeline: str
    graph: Graph
    params: Mapping[str, Any]
    floor: Floor
    listeners: Sequence[tuple[str, Listener]] = ()


def run_options(options: Mapping[str, Any]) -> RunOptions:
    """The options of a run by keyword, checked; an unknown one is a TypeError."""
    known = {each.name for each in fields(RunOptions)}
    for name in options:
        if name not in known:
            raise TypeError(f"run() has no option {name!r}.{did_you_mean(name, known)}")
    return RunOptions(**{name: value for name, value in options.items() if value is not None})


def listener_key(event: str, callback: Listener) -> tuple[str, str]:
    """What a listener is registered under: the event, and the function's full name. Refuses an unknown event."""
    if event != "*" and event not in EVENTS:
        raise ValueError(f"{event!r} is not the name of an event.{did_you_mean(event, EVENTS)}")
    return event, f"{getattr(callback, '__module__', '')}.{getattr(callback, '__qualname__', id(callback))}"


def launch(snapshot: Snapshot, targets: Sequence[str], options: RunOptions, history: History) -> Run:
    """Start a run of these targets (none: all tasks) and what they need; returns at once."""
    context = contextvars.copy_context()
    context.run(_enter, snapshot)
    driver = Driver(_job(snapshot, targets, options, history.next_id()), snapshot.floor, Clock(), context)
    run = Run(driver, raise_on_error=options.raise_on_error, note=options.note)
    name_file = file_namer()
    capture = Capture(display.taps())
    performer = Performer(driver, capture, random=Random(), name_file=name_file)
    engines = _engines(driver, performer, name_file)
    if snapshot.listeners:
        _listen(driver, snapshot.listeners, context)
    history.add(run, driver.events, driver.job.graph.names, main=not (options.params or options.overrides))
    capture.open()
    driver.begin(engines, closing=capture.close)
    _show(run, driver, options.output)
    return run


_within: contextvars.ContextVar[tuple[tuple[str, int], ...]] = contextvars.ContextVar("nbdag_within", default=())
"""The pipelines in whose tasks this context runs, outermost first: name, and identity of the floor."""


def _enter(snapshot: Snapshot) -> None:
    """Refuse a run inside a task of its own pipeline: it would wait for slots that it holds itself."""
    chain = _within.get()
    if any(floor == id(snapshot.floor) for _, floor in chain):
        names = " -> ".join([*(name for name, _ in chain), snapshot.pipeline])
        raise NbdagError(
            f"a task of pipeline {snapshot.pipeline!r} runs its own pipeline: {names}. Run another one there."
        )
    _within.set((*chain, (snapshot.pipeline, id(snapshot.floor))))


def _job(snapshot: Snapshot, targets: Sequence[str], options: RunOptions, run_id: int) -> Job:
    graph = snapshot.graph
    changed = resolve_params(graph, snapshot.params, options.params)
    given = {graph.resolve(name): value for name, value in options.overrides.items()}
    wanted = [graph.resolve(name) for name in targets]
    compiled = compile_graph(graph, wanted or None, given=given)
    node_of = {task: node for node, task in enumerate(compiled.tasks)}
    return Job(
        pipeline=snapshot.pipeline,
        run_id=run_id,
        graph=compiled,
        calls=compile_calls(graph, compiled, {**snapshot.params, **changed}, changed),
        given={node_of[task]: value for task, value in given.items() if task in node_of},
        wanted=frozenset(node_of[task] for task in wanted),
        on_error=options.on_error,
        timeout=options.timeout,
        max_parallel=options.max_parallel,
    )


def _engines(driver: Driver, performer: Performer, name_file: Callable[[str], str]) -> list[Engine]:
    pools = {rules.request.pool for rules in driver.job.graph.rules}
    engines: list[Engine] = []
    if "thread" in pools:
        engines.append(ThreadEngine(driver, performer))
    if "loop" in pools:
        engines.append(LoopEngine(driver, performer, name_file=name_file))
    if "caller" in pools:
        engines.append(LoopEngine(driver, performer, loop=_callers_loop(driver), name_file=name_file))
    return engines


def _callers_loop(driver: Driver) -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        bound = next(call.task for call in driver.job.calls if call.pool == "caller")
        raise NbdagError(
            f"task {bound!r} has loop='caller', but no event loop runs here. Start the run from a coroutine "
            "(`await pipeline.run_async()`), or leave loop= out."
        ) from None


def _show(run: Run, driver: Driver, output: str) -> None:
    def failed(error: Exception) -> None:
        driver.note("observer_failed", message=f"the panel: {type(error).__name__}: {error}")

    viewer = display.viewer_for(DriverFeed(driver), output, on_failure=failed)
    if output != "none":
        run._shown(viewer, display.cell_marker())
        viewer.open()


def _listen(driver: Driver, listeners: Sequence[tuple[str, Listener]], context: contextvars.Context) -> None:
    """Call listeners from a thread of their own: they can neither delay the run nor break it."""

    def listen() -> None:
        broken: set[int] = set()
        seen = 0
        while True:
            over = driver.done.wait(LISTEN_EVERY)
            events = driver.events[seen:]
            seen += len(events)
            for event in events:
                _tell(driver, listeners, event, broken)
            if over and not events:
                return

    threading.Thread(target=context.copy().run, args=(listen,), name="nbdag-listeners", daemon=True).start()


def _tell(driver: Driver, listeners: Sequence[tuple[str, Listener]], event: Event, broken: set[int]) -> None:
    for number, (name, listener) in enumerate(listeners):
        if name not in ("*", event.name):
            continue
        try:
            listener(event)
        except Exception as error:  # noqa: BLE001 - of the user's callback; said once a listener
            if number not in broken:
                broken.add(number)
                who = getattr(listener, "__qualname__", repr(listener))
                driver.note("observer_failed", message=f"{who}: {type(error).__name__}: {error}")
