"""Runs as pandas DataFrames: what happened, when each attempt ran, where each task and each run stands.

Pure functions from events and records. The columns of a frame and their dtypes are fixed by the tables below, also when
there is nothing to tell, so that code written against one run works for every other, and frames can be concatenated.

A frame is built column by column, never row by row: a million events take about a second. Texts are kept as Python
strings, as a message may hold what cannot be encoded (a file name with stray bytes).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbdag.core.events import Event
from nbdag.core.records import AttemptRecord, RunRecord, TaskRecord
from nbdag.core.status import RunStatus, TaskStatus

if TYPE_CHECKING:
    import pandas as pd

Column = Sequence[Any]
Make = Callable[[Column], "pd.Series[Any]"]


def _moments(values: Column) -> "pd.Series[Any]":
    """Seconds since the epoch as datetime64[us, UTC]; None becomes NaT."""
    import numpy as np
    import pandas as pd

    seconds = np.array(values, dtype="float64")
    known = ~np.isnan(seconds)
    moments = np.full(len(seconds), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    moments[known] = np.rint(seconds[known] * 1e6).astype("int64").astype("datetime64[us]")
    return pd.Series(moments).dt.tz_localize("UTC")


def _numbers(values: Column) -> "pd.Series[Any]":
    """Whole numbers as Int64; None becomes NA."""
    import pandas as pd

    return pd.Series(values, dtype="Int64")


def _counts(values: Column) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(values, dtype="int64")


def _seconds(values: Column) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(values, dtype="float64")


def _texts(values: Column) -> "pd.Series[Any]":
    """Texts as `string`; None becomes NA."""
    import pandas as pd

    return pd.Series(values, dtype=pd.StringDtype("python"))


def _objects(values: Column) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(values, dtype=object)


def _states(states: type[TaskStatus] | type[RunStatus]) -> Make:
    """What makes a category of all these states, whichever of them occur."""
    names = [state.value for state in states]
    code_of = {name: code for code, name in enumerate(names)}

    def make(values: Column) -> "pd.Series[Any]":
        import pandas as pd

        codes = [code_of[value] for value in values]
        return pd.Series(pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(names)))

    return make


EVENTS_COLUMNS: dict[str, Make] = {
    "time": _moments,
    "run_id": _numbers,
    "seq": _counts,
    "task": _texts,
    "event": _texts,
    "attempt": _numbers,
    "message": _texts,
    "data": _objects,
}
GANTT_COLUMNS: dict[str, Make] = {
    "run_id": _numbers,
    "task": _texts,
    "attempt": _numbers,
    "status": _states(TaskStatus),
    "start": _moments,
    "end": _moments,
    "duration": _seconds,
    "queued": _seconds,
    "worker": _texts,
}
STATUS_COLUMNS: dict[str, Make] = {
    "task": _texts,
    "status": _states(TaskStatus),
    "attempt": _numbers,
    "start": _moments,
    "end": _moments,
    "duration": _seconds,
    "reason": _texts,
    "message": _texts,
    "error": _texts,
    "blamed": _texts,
}
COUNTED = tuple(status for status in TaskStatus if status.is_terminal)
"""The states that `runs_frame` counts, a column each."""
RUNS_COLUMNS: dict[str, Make] = {
    "run_id": _numbers,
    "status": _states(RunStatus),
    "start": _moments,
    "end": _moments,
    "duration": _seconds,
    "tasks": _counts,
    **{status.value: _counts for status in COUNTED},
}


def events_frame(runs: Iterable[tuple[int | None, Sequence[Event]]]) -> "pd.DataFrame":
    """Every event of some runs, run by run in the order given, within a run in the order of `seq`.

    Args:
        runs: Pairs of run number and events. The number is None for a person's own events, logged outside any run.
            The events may grow meanwhile; what is there at the call is taken.

    Returns:
        The columns `time run_id seq task event attempt message data`. `task` is NA for facts of a run as a whole,
        `attempt` where no attempt is meant; `data` holds a mapping or None.

    >>> events = [Event(1, 0.0, "run_started", None, 0, "", None), Event(2, 0.5, "task_started", "load", 1, "", None)]
    >>> frame = events_frame([(7, events)])
    >>> frame[["run_id", "seq", "task", "event", "attempt"]].to_csv(index=False).split()
    ['run_id,seq,task,event,attempt', '7,1,,run_started,', '7,2,load,task_started,1']
    """
    run_ids: list[int | None] = []
    events: list[Event] = []
    for run_id, growing in runs:
        seen = tuple(growing)
        run_ids += [run_id] * len(seen)
        events += seen
    return _frame(
        EVENTS_COLUMNS,
        {
            "time": [event.at for event in events],
            "run_id": run_ids,
            "seq": [event.seq for event in events],
            "task": [event.task for event in events],
            "event": [event.name for event in events],
            "attempt": [event.attempt or None for event in events],
            "message": [event.message for event in events],
            "data": [event.data for event in events],
        },
    )


def gantt_frame(records: Iterable[RunRecord], now: float) -> "pd.DataFrame":
    """A row per attempt, and one per task that was not executed, run by run in the order of definition.

    Args:
        records: The runs.
        now: Seconds since the epoch; a running attempt's `duration` goes until now.

    Returns:
        The columns `run_id task attempt status start end duration queued worker`. `status` is how the attempt ended
        (failed, also when another followed); a task that was not executed has its own status and no times.

    >>> record = RunRecord(1)
    >>> for event in (Event(1, 10.0, "task_started", "load", 1, "", {"queued": 0.5, "worker": "thread-1"}),
    ...               Event(2, 12.0, "task_succeeded", "load", 1, "", None)):
    ...     record.apply(event)
    >>> gantt_frame([record], now=20.0)[["task", "attempt", "status", "duration", "queued"]].values.tolist()
    [['load', 1, 'success', 2.0, 0.5]]
    """
    rows = [
        (record.run_id, task, attempt)
        for record in records
        for task in list(record.tasks.values())
        for attempt in (task.attempts or (None,))
    ]
    tries = [attempt for _, _, attempt in rows]
    return _frame(
        GANTT_COLUMNS,
        {
            "run_id": [run_id for run_id, _, _ in rows],
            "task": [task.task for _, task, _ in rows],
            "attempt": [attempt and attempt.attempt for attempt in tries],
            "status": [task.status if attempt is None else attempt.status for _, task, attempt in rows],
            "start": [attempt and attempt.start for attempt in tries],
            "end": [attempt and attempt.end for attempt in tries],
            "duration": [attempt and _spent(attempt, now) for attempt in tries],
            "queued": [attempt and attempt.queued for attempt in tries],
            "worker": [attempt and (attempt.worker or None) for attempt in tries],
        },
    )


def status_frame(record: RunRecord | None, order: Iterable[str], now: float) -> "pd.DataFrame":
    """Where each task stands, a row per task, in the order given.

    Args:
        record: The run to tell of; with None, and for tasks it does not know, a task is pending.
        order: The tasks to list.
        now: Seconds since the epoch; the `duration` of a task that has started and not ended goes until now.

    Returns:
        The columns `task status attempt start end duration reason message error blamed`. `attempt` is the latest;
        `start` is the first attempt's and `duration` spans all of them, waits included; `reason` says why a task is
        failed, `message` why it was skipped or cancelled, `blamed` names the root failures, joined by a comma.

    >>> status_frame(None, ["load", "train"], now=0.0)[["task", "status"]].values.tolist()
    [['load', 'pending'], ['train', 'pending']]
    """
    known: Mapping[str, TaskRecord] = {} if record is None else record.tasks
    tasks = [known.get(name) or TaskRecord(name) for name in order]
    return _frame(
        STATUS_COLUMNS,
        {
            "task": [task.task for task in tasks],
            "status": [task.status for task in tasks],
            "attempt": [task.attempt or None for task in tasks],
            "start": [task.start for task in tasks],
            "end": [task.end for task in tasks],
            "duration": [_spent(task, now) for task in tasks],
            "reason": [task.reason or None for task in tasks],
            "message": [task.message or None for task in tasks],
            "error": [None if task.error is None else str(task.error) for task in tasks],
            "blamed": [", ".join(task.blamed) or None for task in tasks],
        },
    )


def runs_frame(records: Iterable[RunRecord], now: float) -> "pd.DataFrame":
    """A row per run, in the order given: its state, times, and how many of its tasks ended in which state.

    Args:
        records: The runs.
        now: Seconds since the epoch; a running run's `duration` goes until now.

    Returns:
        The columns `run_id status start end duration tasks`, then one for each state in which a task can end. What
        `tasks` counts beyond their sum has not ended.

    >>> runs_frame([RunRecord(3)], now=0.0)[["run_id", "status", "tasks", "failed"]].values.tolist()
    [[3, 'running', 0, 0]]
    """
    runs = list(records)
    return _frame(
        RUNS_COLUMNS,
        {
            "run_id": [run.run_id for run in runs],
            "status": [run.status for run in runs],
            "start": [run.started_at for run in runs],
            "end": [run.ended_at for run in runs],
            "duration": [_until(run.started_at, run.ended_at, now) for run in runs],
            "tasks": [len(run.tasks) for run in runs],
            **{status.value: [run.count(status) for run in runs] for status in COUNTED},
        },
    )


def _frame(columns: Mapping[str, Make], values: Mapping[str, Column]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({name: make(values[name]) for name, make in columns.items()})


def _spent(record: AttemptRecord | TaskRecord, now: float) -> float | None:
    """Seconds from start to end, or until now; None when it has not started."""
    return _until(record.start, record.end, now)


def _until(start: float | None, end: float | None, now: float) -> float | None:
    if start is None:
        return None
    return max(0.0, (now if end is None else end) - start)
