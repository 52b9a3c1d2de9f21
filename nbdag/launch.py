"""Starts a run: takes the snapshot, compiles it, and plugs driver, engines, capture and viewer together."""

import asyncio
import atexit
import contextvars
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from nbdag.core.checks import Refusal, check_flag, check_limit
from nbdag.core.compiled import CompiledGraph, compile_graph
from nbdag.core.errors import NbdagError, did_you_mean
from nbdag.core.events import EVENTS, Event
from nbdag.core.graph import Graph
from nbdag.core.params import resolve_params
from nbdag.core.run_state import OnError
from nbdag.engines.loops import LoopEngine
from nbdag.engines.threads import ThreadEngine
from nbdag.feed import DriverFeed
from nbdag.history import History
from nbdag.limits import check_slots
from nbdag.run import Run
from nbdag.runtime.attempt import Performer
from nbdag.runtime.calls import NodeCall, compile_calls
from nbdag.runtime.capture import Capture
from nbdag.runtime.clock import Clock
from nbdag.runtime.driver import Driver, Floor
from nbdag.runtime.failure import describe
from nbdag.runtime.job import Job
from nbdag.runtime.ports import Engine
from nbdag.views import display
from nbdag.views.places import file_namer

ON_ERROR: tuple[OnError, ...] = ("continue", "stop", "cancel")
LISTEN_EVERY = 0.02
"""Seconds between two looks of the listeners' thread at the events."""
LISTEN_AT_EXIT = 2.0

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


class Compilation:
    """What was compiled for the latest run of a pipeline; the next run of the same graph and targets reuses it."""

    def __init__(self) -> None:
        # One tuple, replaced as a whole: runs may be started from several threads.
        self._latest: tuple[tuple[object, ...], tuple[CompiledGraph, Sequence[NodeCall]]] | None = None

    def of(
        self, graph: Graph, targets: tuple[int, ...], given: tuple[int, ...]
    ) -> tuple[CompiledGraph, Sequence[NodeCall]]:
        """The compiled graph and its calls, for these targets (none: all) with some results given."""
        latest = self._latest
        if latest is not None and latest[0][0] is graph and latest[0][1:] == (targets, given):
            return latest[1]
        compiled = compile_graph(graph, targets or None, given=given)
        made = compiled, compile_calls(graph, compiled)
        self._latest = (graph, targets, given), made
        return made


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a run takes of its pipeline when it starts; what changes later affects the next run."""

    pipeline: str
    graph: Graph
    params: Mapping[str, Any]
    floor: Floor
    compilation: Compilation
    listeners: Sequence[tuple[str, Listener]] = ()


def run_options(options: Mapping[str, Any]) -> RunOptions:
    """The options of a run by keyword, checked; an unknown one is a TypeError."""
    checked: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _CHECKS:
            raise TypeError(f"run() has no option {name!r}.{did_you_mean(name, _CHECKS)}")
        try:
            if value is not None:
                checked[name] = _CHECKS[name](value)
        except Refusal as refusal:
            raise ValueError(f"{name}={value!r} {refusal}") from None
    return RunOptions(**checked)


def _one_of(choices: Sequence[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in choices:
            raise Refusal(f"must be one of {', '.join(map(repr, choices))}{did_you_mean(str(value), choices)}")
        return value

    return check


def _by_name(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refusal("must be a dict of values by name")
    return dict(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "params": _by_name,
    "overrides": _by_name,
    "on_error": _one_of(ON_ERROR),
    "timeout": check_limit,
    "max_parallel": check_slots,
    "raise_on_error": check_flag,
    "output": _one_of(display.OUTPUTS),
    "note": str,
}


def listener_key(event: str, callback: Listener) -> tuple[str, object]:
    """What a listener is registered under: the event, and what tells it from others. Refuses an unknown event.

    A named function is known by its name, so that its cell may be run again; a lambda by its place; else the object.
    """
    if event != "*" and event not in EVENTS:
        raise ValueError(f"{event!r} is not the name of an event.{did_you_mean(event, EVENTS)}")
    if not callable(callback):
        raise TypeError(f"on({event!r}, …) needs a function of one event, not {callback!r}.")
    if not inspect.isfunction(callback):
        return event, callback
    code = callback.__code__
    place = (code.co_filename, *code.co_positions()) if code.co_name == "<lambda>" else ()
    return event, (callback.__module__, callback.__qualname__, place)


def launch(snapshot: Snapshot, targets: Sequence[str], options: RunOptions, history: History) -> Run:
    """Start a run of these targets (none: all tasks) and what they need; returns at once."""
    outside = contextvars.copy_context()
    context = outside.copy()
    context.run(_enter, snapshot)
    job = _job(snapshot, targets, options)
    callers_loop = _callers_loop(job)
    driver = Driver(replace(job, run_id=history.next_id()), snapshot.floor, Clock(), context)
    run = Run(driver, raise_on_error=options.raise_on_error, note=options.note)
    name_file = file_namer()
    capture = Capture(display.taps())
    performer = Performer(driver, capture, random=Random(), name_file=name_file)
    engines = _engines(driver, performer, callers_loop, name_file)
    capture.open()
    try:
        if snapshot.listeners:
            _listen(driver, snapshot.listeners, outside)
        history.add(run, driver.events, driver.job.graph.names, main=not (options.params or options.overrides))
        driver.begin(engines, closing=capture.close)
        _show(run, driver, options.output)
    except BaseException:  # an interrupt: nobody got hold of this run, so nobody else could stop it
        run._interrupt()
        capture.close()
        raise
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


def _job(snapshot: Snapshot, targets: Sequence[str], options: RunOptions) -> Job:
    graph = snapshot.graph
    changed = resolve_params(graph, snapshot.params, options.params)
    given = {graph.resolve(name): value for name, value in options.overrides.items()}
    wanted = [graph.resolve(name) for name in targets]
    compiled, calls = snapshot.compilation.of(graph, tuple(wanted), tuple(given))
    node_of = {task: node for node, task in enumerate(compiled.tasks)}
    return Job(
        pipeline=snapshot.pipeline,
        run_id=0,  # given when nothing can be wrong any more
        graph=compiled,
        calls=calls,
        values={**snapshot.params, **changed},
        given={node_of[task]: value for task, value in given.items() if task in node_of},
        wanted=frozenset(node_of[task] for task in wanted),
        on_error=options.on_error,
        timeout=options.timeout,
        max_parallel=options.max_parallel,
    )


def _engines(
    driver: Driver,
    performer: Performer,
    callers_loop: asyncio.AbstractEventLoop | None,
    name_file: Callable[[str], str],
) -> list[Engine]:
    pools = {rules.request.pool for rules in driver.job.graph.rules}
    engines: list[Engine] = []
    if "thread" in pools:
        engines.append(ThreadEngine(driver, performer))
    if "loop" in pools:
        engines.append(LoopEngine(driver, performer, name_file=name_file))
    if callers_loop is not None:
        engines.append(LoopEngine(driver, performer, loop=callers_loop, name_file=name_file))
    return engines


def _callers_loop(job: Job) -> asyncio.AbstractEventLoop | None:
    """The loop of whoever starts the run, where a task is bound to it."""
    bound = next((call.task for call in job.calls if call.pool == "caller"), None)
    if bound is None:
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise NbdagError(
            f"task {bound!r} has loop='caller', but no event loop runs here. Start the run from a coroutine "
            "(`await pipeline.run_async()`), or leave loop= out."
        ) from None


def _show(run: Run, driver: Driver, output: str) -> None:
    def failed(error: Exception) -> None:
        driver.note("observer_failed", message=f"the panel: {describe(error)}")

    viewer = display.viewer_for(DriverFeed(driver), output, on_failure=failed)
    if output != "none":
        run._shown(viewer, display.cell_marker())
        viewer.open()


def _listen(driver: Driver, listeners: Sequence[tuple[str, Listener]], context: contextvars.Context) -> None:
    """Call listeners from a thread of their own: they can neither delay the run nor break it.

    A script may end right after its run: then they get LISTEN_AT_EXIT seconds to hear of the run's end.
    """

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
                atexit.unregister(hear_out)
                return

    def hear_out() -> None:
        if driver.done.is_set():
            thread.join(LISTEN_AT_EXIT)

    thread = threading.Thread(target=context.run, args=(listen,), name="nbdag-listeners", daemon=True)
    thread.start()
    atexit.register(hear_out)


def _tell(driver: Driver, listeners: Sequence[tuple[str, Listener]], event: Event, broken: set[int]) -> None:
    for number, (name, listener) in enumerate(listeners):
        if name not in ("*", event.name):
            continue
        try:
            listener(event)
        except BaseException as error:  # noqa: BLE001 - of the user's callback, SystemExit too; said once a listener
            if number not in broken:
                broken.add(number)
                who = getattr(listener, "__qualname__", None) or f"a {type(listener).__qualname__}"
                driver.note("observer_failed", message=f"{who}: {describe(error)}")
