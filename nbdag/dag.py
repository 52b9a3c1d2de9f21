"""The pipeline: what people define tasks on, run, and look at. Wiring and short delegations; the work is elsewhere."""

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from nbdag.core.errors import NbdagError
from nbdag.core.graph import Graph
from nbdag.core.options import make_spec
from nbdag.core.task import TaskSpec
from nbdag.definitions import Definitions, checked_name
from nbdag.history import History, MainResults
from nbdag.launch import Compilation, Listener, Snapshot, launch, listener_key, run_options
from nbdag.limits import ResourceLimits, check_count, checked_capacity, cores
from nbdag.nested_loops import run_nested
from nbdag.pipelines import announce, choose, current, find, names
from nbdag.run import Run
from nbdag.runtime.driver import Floor
from nbdag.task import Named, Task

__all__ = ["DAG", "choose", "current", "find", "names"]

if TYPE_CHECKING:
    import graphviz
    import pandas as pd
    from matplotlib.axes import Axes

    from nbdag.views.picture import Picture
    from nbdag.views.scene import Scene

F = TypeVar("F", bound=Callable[..., Any])


class DAG:
    """A pipeline of tasks that depend on one another.

    Args:
        name: What it is called in messages and pictures.
        params: Values that tasks take by argument name.
        max_parallel: Attempts in threads at once; None: the number of cores.
        max_async: Attempts of coroutine tasks at once.
        resources: Capacities by name, of which tasks ask for shares.
        store: Where history and results will be kept. This version keeps them in memory only.

    >>> pipeline = DAG("sums", params={"factor": 2})
    >>> @pipeline.task
    ... def numbers():
    ...     return [1, 2, 3]
    >>> @pipeline.task
    ... def total(numbers, factor):
    ...     return factor * sum(numbers)
    >>> pipeline.run(output="none").results["total"]
    12
    """

    def __init__(
        self,
        name: str = "main",
        *,
        params: Mapping[str, Any] | None = None,
        max_parallel: int | None = None,
        max_async: int = 100,
        resources: Mapping[str, float] | None = None,
        store: str | os.PathLike[str] | None = ".nbdag",
    ) -> None:
        self.name = checked_name(name)
        self.params: dict[str, Any] = dict(params or {})
        """Values that tasks take by argument name; may be changed at any time, for the next run."""
        self.store = None if store is None else Path(store)
        self._floor = Floor(checked_capacity(max_parallel, max_async, resources or {}))
        self.resources = ResourceLimits(self._floor)
        """Capacities by name; may be changed at any time."""
        self._definitions = Definitions()
        self._handles: dict[str, Task] = {}
        self._history = History()
        self._compilation = Compilation()
        self._listeners: dict[tuple[str, object], Listener] = {}
        self._defining = threading.RLock()
        announce(self)

    # --- defining ---

    @overload
    def task(self, func: F, /, **options: Any) -> F: ...
    @overload
    def task(self, func: None = None, /, **options: Any) -> Callable[[F], F]: ...
    def task(self, func: Any = None, /, **options: Any) -> Any:
        """Make a function a task: `@pipeline.task` or `@pipeline.task(retries=2, …)`. Gives the function itself.

        Its arguments say what it needs: a task's result, a parameter of the pipeline, or a default of its own.

        Args:
            func: The function; given when the decorator is used bare.
            options: name, dependencies, after, retries, retry_delay, backoff, max_retry_delay, jitter, retry_on,
                no_retry_on, timeout, total_timeout, kill_grace, trigger, allow_failure, cleanup, priority, resources,
                tags, keep, loop. `nbdag.core.options.OPTIONS` says what each means and is when left out.

        Raises:
            OptionError: Options are wrong (a TypeError and a ValueError); all of them in one error.
            DuplicateTaskError: Another function has the name.
        """
        if func is None:
            return lambda function: self.task(function, **options)
        self.define(make_spec(func, **self._definitions.options(options)))
        return func

    def add_task(self, task: Task) -> Task:
        """Add a `Task`; gives it back, now a handle of this pipeline."""
        if not isinstance(task, Task):
            raise TypeError(f"add_task() takes a Task, not {task!r}; @pipeline.task makes a function a task.")
        if task._dag is not None and task._dag is not self:
            raise NbdagError(f"task {task.name!r} belongs to pipeline {task._dag.name!r} already; make a new Task.")
        if task._dag is None:
            self.define(task._defined(self._definitions.options))
            task._dag = self
            self._handles[task.name] = task
        return task

    def define(self, spec: TaskSpec, *, replace: bool = False) -> TaskSpec | None:
        """Add a checked definition; gives the one it replaced. Without `replace` another function is refused."""
        with self._defining:
            return self._definitions.define(spec, replace=replace)

    def remove(self, task: Named) -> None:
        """Take a task away."""
        with self._defining:
            spec = self._definitions.remove(task)
            if (handle := self._handles.pop(spec.name, None)) is not None:
                handle._detach(spec)
            self._history.forget(spec.name)

    def rename(self, task: Named, new_name: str) -> None:
        """Give a task another name; handles and lists of dependencies follow, arguments of other tasks do not."""
        with self._defining:
            old = self._definitions.rename(task, checked_name(new_name))
            if (handle := self._handles.pop(old, None)) is not None:
                handle._name = new_name
                self._handles[new_name] = handle
            self._history.rename(old, new_name)

    def adopt(self, older: "DAG") -> None:
        """Take over the tasks and parameters of another pipeline that this one has not."""
        with self._defining:
            self._definitions.adopt(older.specs)
            self.params = {**older.params, **self.params}

    @property
    def specs(self) -> Mapping[str, TaskSpec]:
        """The checked definitions, by name."""
        return self._definitions.specs

    @property
    def tasks(self) -> dict[str, Task]:
        """A handle for each task, in definition order."""
        return {name: self[name] for name in list(self.specs)}

    def __getitem__(self, task: Named) -> Task:
        (name,) = self._definitions.known([task])
        return self._handles.setdefault(name, Task._of(self, name))

    def __contains__(self, task: object) -> bool:
        return self._definitions.has(task)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.specs))

    def __len__(self) -> int:
        return len(self.specs)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.specs)

    @property
    def max_parallel(self) -> int:
        """Attempts in threads at once, over all runs of this pipeline; may be changed at any time."""
        return int(self._floor.capacity.slots["parallel"])

    @max_parallel.setter
    def max_parallel(self, count: int | None) -> None:
        slots = cores() if count is None else check_count("max_parallel", count)
        self._floor.change(lambda capacity: capacity.slots.update(parallel=slots))

    @property
    def max_async(self) -> int:
        """Attempts of coroutine tasks at once; may be changed at any time."""
        return int(self._floor.capacity.slots["async"])

    @max_async.setter
    def max_async(self, count: int) -> None:
        slots = check_count("max_async", count)
        self._floor.change(lambda capacity: capacity.slots.update({"async": slots}))

    # --- the graph ---

    def graph(self) -> Graph:
        """How the tasks depend on one another; raises one error that holds all problems."""
        return self._definitions.graph(self.params, self.resources, handle_of=_handle_of)

    def validate(self) -> bool:
        """True when the pipeline can run; else one error that holds all its problems."""
        self.graph()
        return True

    def get_execution_order(self) -> list[str]:
        """Every task after those it needs; among the free ones, definition order."""
        graph = self.graph()
        return [graph.specs[task].name for task in graph.order]

    def get_ready_tasks(self, completed: Collection[Named] = ()) -> list[str]:
        """Tasks not completed whose upstreams all are, in definition order."""
        return list(self.graph().ready(self._definitions.known(completed)))

    # --- running ---

    def run(
        self,
        *targets: Named,
        force: Named | Sequence[Named] | bool = (),
        params: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        on_error: str = "continue",
        timeout: float | None = None,
        max_parallel: int | None = None,
        raise_on_error: bool = True,
        output: str = "tail",
        note: str = "",
    ) -> Run:
        """Bring these tasks (none: all) and what they need up to date; blocks, with a live panel. Gives the Run.

        This version reuses nothing: every run executes its targets and all they need.

        Args:
            targets: Names, handles or functions of tasks.
            force: Tasks to execute whether or not they are up to date; True: all targets.
            params: Values for this run only: ``{"lr": 0.05, "train.epochs": 20}``.
            overrides: Results to take as given in this run, by task name.
            on_error: ``"continue"`` (independent branches go on), ``"stop"`` (start nothing new) or ``"cancel"``.
            timeout: Seconds for the whole run.
            max_parallel: Threads of this run at once, within the pipeline's own limit.
            raise_on_error: Raise the first failure's exception at the end.
            output: What is shown: ``"tail"`` (last lines of each task), ``"all"`` or ``"none"``.
            note: A remark.

        Raises:
            GraphError: It cannot run; nothing was started.
            Exception: What the first failed task raised, with a note; or KeyboardInterrupt, and the run is cancelled.
        """
        __tracebackhide__ = True
        options = {
            "force": force,
            "params": params,
            "overrides": overrides,
            "on_error": on_error,
            "timeout": timeout,
            "max_parallel": max_parallel,
            "raise_on_error": raise_on_error,
            "output": output,
            "note": note,
        }
        if any(spec.pool == "caller" for spec in self.specs.values()):
            return run_nested(lambda: self.run_async(*targets, **options))
        return self.start(*targets, **options)._wait_or_cancel()

    def start(self, *targets: Named, **options: Any) -> Run:
        """Start a run and give it at once; takes what `run` takes. Then `run.wait()`, `run.cancel()`, `await run`."""
        __tracebackhide__ = True
        self._definitions.check_force(options.pop("force", ()))
        if isinstance(options.get("overrides"), Mapping):
            options["overrides"] = self._definitions.by_name(options["overrides"])
        wanted, chosen = self._definitions.known(targets), run_options(options)
        with self._defining:
            listeners = [(event, callback) for (event, _), callback in self._listeners.items()]
            graph = self._definitions.graph(self.params, self.resources, handle_of=_handle_of, targets=wanted)
            snapshot = Snapshot(self.name, graph, dict(self.params), self._floor, self._compilation, listeners)
        return launch(snapshot, wanted, chosen, self._history)

    async def run_async(self, *targets: Named, **options: Any) -> Run:
        """Run from a coroutine without blocking its loop; takes what `run` takes. Cancelled with the awaiting task."""
        __tracebackhide__ = True
        return await self.start(*targets, **options)._wait_or_cancel_async()

    def rerun(self, *targets: Named, **options: Any) -> Run:
        """Run these tasks again, up to date or not: ``run("train", force="train")``."""
        __tracebackhide__ = True
        return self.run(*targets, force=targets or True, **options)

    def on(self, event: str, callback: Listener) -> Listener:
        """Call `callback(event)` for events of this name (``"*"``: all) of runs started from now on; gives it back.

        It has a thread of its own: it can neither delay nor break a run. A function of a name replaces the last.
        """
        self._listeners[listener_key(event, callback)] = callback
        return callback

    # --- looking ---

    @property
    def results(self) -> MainResults:
        """Results by task name, of the latest run without one-run parameters or overrides."""
        return MainResults(self._history, self._definitions)

    @property
    def last_run(self) -> Run | None:
        """The latest run; None before the first."""
        return self._history.last

    def get_run(self, run_id: int) -> Run:
        """A run by its number."""
        return self._history.get(run_id)

    def inputs(self, task: Named) -> dict[str, Any]:
        """The arguments of a task in the latest run that had it, by name."""
        (name,) = self._definitions.known([task])
        return self._history.inputs_of(name)

    def status(self) -> "pd.DataFrame":
        """Where each task stands in the latest run that had it, a row per task."""
        return self._history.status_frame(list(self.specs))

    def events(self) -> "pd.DataFrame":
        """Everything that happened in all runs, and what was logged by hand, a row per event."""
        return self._history.events_frame()

    def log_event(self, name: str, task: Named | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Log an event of one's own, under any name; it belongs to no run."""
        self._history.log(name, None if task is None else self._definitions.name_of(task), data)

    def gantt(self) -> "pd.DataFrame":
        """When each attempt of each run ran, a row per attempt, and one per task that was not executed."""
        return self._history.gantt_frame()

    def runs(self) -> "pd.DataFrame":
        """Every run: its state, times, and how its tasks ended; a row per run."""
        return self._history.runs_frame()

    def plot_gantt(self, ax: "Axes | None" = None) -> "Axes":
        """The Gantt data of the latest run, drawn."""
        return self._history.last_or_error().plot_gantt(ax)

    def show(
        self,
        task: Named | None = None,
        *,
        up: int = 2,
        down: int = 2,
        full: bool = False,
        direction: str | None = None,
        params: bool = True,
    ) -> "Picture":
        """The graph as a picture that a notebook shows inline; in a terminal an indented tree.

        Args:
            task: Draw only what is around this task, `up` and `down` steps far.
            up: Steps upstream of `task`.
            down: Steps downstream of `task`.
            full: Draw every task of a large pipeline, none merged.
            direction: ``"LR"``, ``"TB"``; None: what fits.
            params: Draw parameters.
        """
        from nbdag.views.picture import draw
        from nbdag.views.scene import Lens

        focus = None if task is None else self._definitions.known([task])[0]
        return draw(self._scene(), Lens(focus, up, down, full, direction, params))

    def to_graphviz(self) -> "graphviz.Digraph":
        """The drawing as a `graphviz.Digraph`, to change or to render elsewhere."""
        from nbdag.views.dot import to_graphviz

        return to_graphviz(self._scene())

    def to_mermaid(self) -> str:
        """The graph as Mermaid text, for Markdown files."""
        from nbdag.views.mermaid import to_mermaid

        return to_mermaid(self._scene())

    def _scene(self) -> "Scene":
        outline = self._definitions.outline(self.params, _handle_of)
        return self._history.scene(self.name, outline, self.params, self.results)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        try:
            return self.show()._repr_mimebundle_(include, exclude)
        except NbdagError as error:  # a pipeline that cannot run yet can still be looked at
            return {"text/plain": f"{self!r}\n{error}"}

    def __repr__(self) -> str:
        return f"<DAG {self.name!r}, {len(self)} task{'s' * (len(self) != 1)}>"


def _handle_of(value: object) -> str | None:
    """What an object of nbdag's is called where a task reads it as a global; None for all else."""
    if isinstance(value, Task):
        return f"task {value.name!r}"
    if isinstance(value, DAG):
        return f"pipeline {value.name!r}"
    return f"run {value.run_id}" if isinstance(value, Run) else None
