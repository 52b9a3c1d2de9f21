"""The runs a pipeline has made: which is the latest for each task, and what is still known of the others.

A run keeps its results as long as it is the latest for one of its tasks, or somebody holds it. Of older ones the
events stay.
"""

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbdag.core.errors import NbdagError, NoResult, did_you_mean
from nbdag.core.events import Event
from nbdag.core.graph import Graph
from nbdag.core.records import RunRecord, TaskRecord
from nbdag.definitions import Definitions
from nbdag.run import Run
from nbdag.runtime.clock import Clock
from nbdag.task import Named
from nbdag.views import frames

if TYPE_CHECKING:
    import pandas as pd

    from nbdag.views.scene import Scene


@dataclass(frozen=True, slots=True)
class _Past:
    run_id: int
    events: Sequence[Event]
    run: weakref.ref[Run]


class History:
    """The runs of one pipeline, numbered from 1."""

    def __init__(self) -> None:
        self.last: Run | None = None
        self._past: list[_Past] = []
        self._latest_of: dict[str, Run] = {}
        self._main_of: dict[str, Run] = {}
        self._given_out = 0
        self._own: list[Event] = []
        self._numbering = threading.Lock()
        self._clock = Clock()

    def next_id(self) -> int:
        """The number of the next run."""
        with self._numbering:
            self._given_out += 1
            return self._given_out

    def add(self, run: Run, events: Sequence[Event], tasks: Sequence[str], *, main: bool) -> None:
        """Take a run that starts; `main` when it uses no one-run parameters or overrides."""
        if self.last is not None and self.last.done:
            self.last._release_frames()
        self.last = run
        self._past.append(_Past(run.run_id, events, weakref.ref(run)))
        latest = dict.fromkeys(tasks, run)
        self._latest_of |= latest
        if main:
            self._main_of |= latest

    def get(self, run_id: int) -> Run:
        """A run by its number."""
        for past in self._past:
            if past.run_id == run_id and (run := past.run()) is not None:
                return run
        if any(past.run_id == run_id for past in self._past):
            raise NbdagError(f"run {run_id} is no longer in memory; its events are in pipeline.events().")
        raise NbdagError(f"there is no run {run_id}; the last is {self._given_out}.")

    def last_or_error(self) -> Run:
        """The latest run; an error that says what to do when there is none."""
        if self.last is None:
            raise NbdagError("this pipeline has not run yet; pipeline.run() makes something to look at.")
        return self.last

    def record_of(self, task: str) -> TaskRecord:
        """How a task stands in the latest run that had it."""
        run = self._latest_of.get(task)
        if run is None:
            return TaskRecord(task)
        return run.record().tasks.get(task) or TaskRecord(task)  # a run that is just starting has told of none

    def latest(self, tasks: Sequence[str]) -> RunRecord:
        """The latest state of each of these tasks, as if of one run."""
        record = RunRecord(0 if self.last is None else self.last.run_id)
        record.tasks = {task: self.record_of(task) for task in tasks}
        return record

    def result_of(self, task: str) -> Any:
        """A task's result in the latest main-line run that had it; raises NoResult, saying why."""
        run = self._main_of.get(task)
        if run is None:
            raise NoResult(f"task {task!r} has not run yet.", task=task)
        return run.results[task]

    def main_result_of(self, task: str) -> Any:
        """As `result_of`, but None when there is no result."""
        try:
            return self.result_of(task)
        except NoResult:
            return None

    def inputs_of(self, task: str) -> dict[str, Any]:
        """The arguments of a task in the latest run that had it, by name."""
        run = self._latest_of.get(task)
        if run is None:
            raise NoResult(f"task {task!r} has not run yet, so it had no inputs.", task=task)
        return run._inputs_of(task)

    def error_of(self, task: str) -> BaseException | None:
        """The exception a task failed with in the latest run that had it."""
        run = self._latest_of.get(task)
        return None if run is None else run._exception_of(task)

    def log(self, name: str, task: str | None, data: Mapping[str, Any] | None) -> None:
        """Take an event of the user's own, which belongs to no run."""
        given: object = name  # whatever the user wrote
        if not (given and isinstance(given, str)):  # one that is no text would break every table of events from now on
            raise ValueError(f"an event needs a text for its name, not {name!r}.")
        with self._numbering:
            self._own.append(Event(len(self._own) + 1, self._clock.now(), name, task, 0, "", data))

    @property
    def count(self) -> int:
        """How many runs there have been."""
        return len(self._past)

    def events_after(self, count: int) -> list[Event]:
        """The events of all runs but the first `count`."""
        return [event for past in self._past[count:] for event in past.events]

    def status_frame(self, tasks: Sequence[str]) -> "pd.DataFrame":
        """The latest state of these tasks, a row per task."""
        return frames.status_frame(self.latest(tasks), tasks, self._clock.now())

    def events_frame(self) -> "pd.DataFrame":
        """Events of all runs, oldest first, then the user's own."""
        own: list[tuple[int | None, Sequence[Event]]] = [(None, self._own)] if self._own else []
        return frames.events_frame([*((past.run_id, past.events) for past in self._past), *own])

    def gantt_frame(self) -> "pd.DataFrame":
        """Gantt data of all runs."""
        return frames.gantt_frame(self._records(), self._clock.now())

    def runs_frame(self) -> "pd.DataFrame":
        """All runs, a row per run."""
        return frames.runs_frame(self._records(), self._clock.now())

    def _records(self) -> list[RunRecord]:
        records = []
        for past in self._past:
            record = RunRecord(past.run_id)
            record.follow(past.events)
            records.append(record)
        return records

    def scene(
        self, name: str, outline: tuple[Graph, Mapping[str, str]], params: Mapping[str, Any], results: Mapping[str, Any]
    ) -> "Scene":
        """What a picture of the pipeline shows: `outline` is its graph, and by task what is wrong with it."""
        from nbdag.views.scene import Scene
        from nbdag.views.summaries import summary_of

        graph, problems = outline
        record = None if self.last is None else self.latest(graph.names)
        summaries = {task: summary_of(value) for task, value in results.items()}
        return Scene(name, graph, record, params, summaries, problems=problems, now=self._clock.now())

    def forget(self, task: str) -> None:
        """A task is gone from the pipeline: let go of its results."""
        self._latest_of.pop(task, None)
        self._main_of.pop(task, None)

    def rename(self, old: str, new: str) -> None:
        """A task has another name: what it did under the old one is told in the runs that did it."""
        if old != new:
            self.forget(old)


class MainResults(Mapping[str, Any]):
    """`pipeline.results`: each task's result in the latest run without one-run parameters or overrides."""

    def __init__(self, history: History, definitions: Definitions) -> None:
        self._history, self._definitions = history, definitions

    def __getitem__(self, task: Named) -> Any:
        name, tasks = self._definitions.name_of(task), self._definitions.specs
        if name not in tasks:
            raise NoResult(f"{name!r} is not a task of this pipeline.{did_you_mean(name, tasks)}", task=name)
        return self._history.result_of(name)

    def __iter__(self) -> Iterator[str]:
        return (task for task in list(self._definitions.specs) if self._has(task))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _has(self, task: str) -> bool:
        run = self._history._main_of.get(task)
        return run is not None and task in run.results

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<results: {', '.join(self) or 'none yet'}>"
