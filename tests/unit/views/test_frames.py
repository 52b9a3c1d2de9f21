"""Frames have the same columns and dtypes whatever happened, and say what the events say."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from nbdag.core.events import Event
from nbdag.core.records import ErrorInfo, RunRecord
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.views.frames import events_frame, gantt_frame, runs_frame, status_frame

START = 1_790_000_000.0
STATES = ["pending", "running", "retrying", "success", "cached", "failed", "upstream_failed", "skipped", "cancelled"]
MOMENT = "datetime64[us, UTC]"
BOOM = ErrorInfo("ValueError", "boom")

EVENTS_DTYPES = {
    "time": MOMENT,
    "run_id": "Int64",
    "seq": "int64",
    "task": "string",
    "event": "string",
    "attempt": "Int64",
    "message": "string",
    "data": "object",
}
GANTT_DTYPES = {
    "run_id": "Int64",
    "task": "string",
    "attempt": "Int64",
    "status": "category",
    "start": MOMENT,
    "end": MOMENT,
    "duration": "float64",
    "queued": "float64",
    "worker": "string",
}
STATUS_DTYPES = {
    "task": "string",
    "status": "category",
    "attempt": "Int64",
    "start": MOMENT,
    "end": MOMENT,
    "duration": "float64",
    "reason": "string",
    "message": "string",
    "error": "string",
    "blamed": "string",
}
RUNS_DTYPES = {
    "run_id": "Int64",
    "status": "category",
    "start": MOMENT,
    "end": MOMENT,
    "duration": "float64",
    "tasks": "int64",
    "success": "int64",
    "cached": "int64",
    "failed": "int64",
    "upstream_failed": "int64",
    "skipped": "int64",
    "cancelled": "int64",
}


def recorded(*facts: tuple[float, str, str | None, int, Mapping[str, Any] | None], message: str = "") -> RunRecord:
    """The record of run 7, from facts: (seconds since its start, event, task, attempt, data)."""
    record = RunRecord(7)
    for seq, (seconds, name, task, attempt, data) in enumerate(facts, 1):
        record.apply(Event(seq, START + seconds, name, task, attempt, message, data))
    return record


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def moment(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(START + seconds, unit="s", tz="UTC")


def rows(frame: pd.DataFrame) -> list[list[Any]]:
    """The rows as plain values: None for what is missing, seconds since START for moments."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        if pd.isna(value):
            return None
        return round((value - moment(0)).total_seconds(), 6) if isinstance(value, pd.Timestamp) else value

    return [[plain(value) for value in row] for row in frame.itertuples(index=False)]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (events_frame([]), EVENTS_DTYPES),
        (events_frame([(7, [])]), EVENTS_DTYPES),
        (gantt_frame([], now=START), GANTT_DTYPES),
        (gantt_frame([RunRecord(7)], now=START), GANTT_DTYPES),
        (status_frame(None, [], now=START), STATUS_DTYPES),
        (runs_frame([], now=START), RUNS_DTYPES),
    ],
)
def test_an_empty_frame_has_the_columns_and_dtypes_of_a_full_one(frame: pd.DataFrame, expected: dict[str, str]) -> None:
    """Code written against a full frame works for an empty one."""
    assert dtypes(frame) == expected
    assert len(frame) == 0


def test_a_full_frame_has_the_columns_and_dtypes_of_an_empty_one() -> None:
    """Dtypes do not depend on which values happen to be there."""
    record = recorded(
        (0, "run_started", None, 0, {"tasks": ("a",)}),
        (1, "task_started", "a", 1, {"queued": 1, "worker": "w"}),
        (2, "task_failed", "a", 1, {"reason": "error", "error": BOOM}),
        (2, "run_finished", None, 0, {"status": "failed"}),
    )
    event = Event(1, START, "task_started", "a", 1, "hello", {"queued": 1})

    assert dtypes(events_frame([(7, [event])])) == EVENTS_DTYPES
    assert dtypes(gantt_frame([record], now=START)) == GANTT_DTYPES
    assert dtypes(status_frame(record, ["a"], now=START)) == STATUS_DTYPES
    assert dtypes(runs_frame([record], now=START)) == RUNS_DTYPES


def test_a_status_column_knows_every_state() -> None:
    """The categories of a status are all states in lower case, in one order, whichever of them occur."""
    assert list(gantt_frame([], now=START)["status"].cat.categories) == STATES
    assert list(status_frame(None, ["a"], now=START)["status"].cat.categories) == STATES
    assert list(runs_frame([], now=START)["status"].cat.categories) == [status.value for status in RunStatus]
    assert {type(name) for name in gantt_frame([], now=START)["status"].cat.categories} == {str}


def test_events_come_run_by_run_with_na_where_nothing_is_meant() -> None:
    """A fact of a whole run has no task and no attempt; an event of no run has no run number."""
    first = [
        Event(1, START, "run_started", None, 0, "", {"pipeline": "ml"}),
        Event(2, START + 0.000_002, "task_started", "load", 1, "", {"queued": 0.5}),
    ]
    own = [Event(1, START + 3, "coffee", None, 0, "made", None)]

    frame = events_frame([(7, first), (None, own)])

    assert rows(frame) == [
        [0.0, 7, 1, None, "run_started", None, "", {"pipeline": "ml"}],
        [0.000002, 7, 2, "load", "task_started", 1, "", {"queued": 0.5}],
        [3.0, None, 1, None, "coffee", None, "made", None],
    ]


def test_text_that_cannot_be_encoded_comes_through() -> None:
    """A message may hold a file name with stray bytes."""
    frame = events_frame([(7, [Event(1, START, "task_failed", "a", 1, "no file 'caf\udce9'", None)])])

    assert frame["message"].tolist() == ["no file 'caf\udce9'"]


def test_data_of_any_shape_stays_one_value() -> None:
    """A person's own events may carry lists as well as mappings; each is one cell."""
    events: list[Any] = [Event(n, START, "own", None, 0, "", [n, n]) for n in (1, 2)]  # type: ignore[arg-type]  # own data

    assert events_frame([(None, events)])["data"].tolist() == [[1, 1], [2, 2]]


def test_every_attempt_is_a_row_of_the_gantt_frame() -> None:
    """A retried task has a failed row for each try that failed, then its last one."""
    record = recorded(
        (0, "run_started", None, 0, {"tasks": ("load",)}),
        (1, "task_started", "load", 1, {"queued": 1.0, "worker": "thread-1"}),
        (2, "task_retrying", "load", 1, {"reason": "error", "error": BOOM, "delay": 3.0}),
        (5, "task_started", "load", 2, {"queued": 0.25, "worker": "thread-2"}),
        (9, "task_succeeded", "load", 2, None),
    )

    assert rows(gantt_frame([record], now=START + 100)) == [
        [7, "load", 1, "failed", 1.0, 2.0, 1.0, 1.0, "thread-1"],
        [7, "load", 2, "success", 5.0, 9.0, 4.0, 0.25, "thread-2"],
    ]


def test_a_running_attempt_has_no_end_and_lasts_until_now() -> None:
    """While it runs, an attempt's duration is what it took so far, and never negative."""
    record = recorded((1, "task_started", "load", 1, {"queued": 0.0, "worker": "thread-1"}))

    assert rows(gantt_frame([record], now=START + 5)) == [[7, "load", 1, "running", 1.0, None, 4.0, 0.0, "thread-1"]]
    assert gantt_frame([record], now=START)["duration"].tolist() == [0.0]


@pytest.mark.parametrize("ending", ["task_cached", "task_upstream_failed", "task_skipped", "task_cancelled"])
def test_a_task_that_was_not_executed_is_one_row_without_times(ending: str) -> None:
    """Tasks that never started are listed with their state and nothing else."""
    record = recorded((0, "run_started", None, 0, {"tasks": ("a", "b")}), (1, ending, "a", 0, None))

    assert rows(gantt_frame([record], now=START + 5)) == [
        [7, "a", None, ending.removeprefix("task_"), None, None, None, None, None],
        [7, "b", None, "pending", None, None, None, None, None],
    ]


def test_gantt_frames_of_runs_follow_one_another() -> None:
    """Several runs come in the order given, each with its number."""
    first, second = RunRecord(1), RunRecord(2)
    for record in (first, second):
        record.apply(Event(1, START, "run_started", None, 0, "", {"tasks": ("a",)}))

    assert gantt_frame([second, first], now=START)["run_id"].tolist() == [2, 1]


def test_status_before_the_first_run_is_pending() -> None:
    """With no run, and for a task the run does not know, a task is pending and has no times."""
    nothing = [None] * 8
    record = recorded((0, "run_started", None, 0, {"tasks": ("a",)}), (1, "task_cached", "a", 0, None))

    assert rows(status_frame(None, ["a"], now=START)) == [["a", "pending", *nothing]]
    assert rows(status_frame(record, ["new"], now=START)) == [["new", "pending", *nothing]]


def test_status_has_a_row_per_task_in_the_order_asked_for() -> None:
    """Each row says where its task stands, and why."""
    # load -> train -> deploy ;  tune
    record = recorded(
        (0, "run_started", None, 0, {"tasks": ("load", "train", "deploy", "tune")}),
        (0, "task_started", "load", 1, {"queued": 0.0, "worker": "w"}),
        (0, "task_started", "tune", 1, {"queued": 0.0, "worker": "w"}),
        (1, "task_retrying", "load", 1, {"reason": "timeout", "error": BOOM, "delay": 1.0}),
        (2, "task_started", "load", 2, {"queued": 0.0, "worker": "w"}),
        (3, "task_failed", "load", 2, {"reason": "error", "error": BOOM}),
        (3, "task_upstream_failed", "train", 0, {"blamed": ("load", "other")}),
    )

    assert rows(status_frame(record, ["train", "load", "tune", "deploy"], now=START + 10)) == [
        ["train", "upstream_failed", None, None, 3.0, None, None, None, None, "load, other"],
        ["load", "failed", 2, 0.0, 3.0, 3.0, "error", None, "ValueError: boom", None],
        ["tune", "running", 1, 0.0, None, 10.0, None, None, None, None],
        ["deploy", "pending", None, None, None, None, None, None, None, None],
    ]


def test_status_tells_why_a_task_was_skipped() -> None:
    """What a task said when it skipped itself is its message."""
    record = recorded((1, "task_skipped", "load", 0, None), message="no new data")

    assert status_frame(record, ["load"], now=START)["message"].tolist() == ["no new data"]


def test_runs_are_rows_that_count_how_their_tasks_ended() -> None:
    """A finished run has its own duration, a running one lasts until now and its open tasks are in no count."""
    finished = recorded(
        (0, "run_started", None, 0, {"tasks": ("a", "b", "c")}),
        (0, "task_started", "a", 1, None),
        (1, "task_failed", "a", 1, {"reason": "error", "error": BOOM}),
        (1, "task_upstream_failed", "b", 0, {"blamed": ("a",)}),
        (1, "task_cached", "c", 0, None),
        (2, "run_finished", None, 0, {"status": "failed"}),
    )
    running = recorded((3, "run_started", None, 0, {"tasks": ("a", "b")}), (3, "task_started", "a", 1, None))

    assert rows(runs_frame([finished, running], now=START + 10)) == [
        [7, "failed", 0.0, 2.0, 2.0, 3, 0, 1, 1, 1, 0, 0],
        [7, "running", 3.0, None, 7.0, 2, 0, 0, 0, 0, 0, 0],
    ]


def test_missing_seconds_are_nan() -> None:
    """Spans are plain floats, so arithmetic on them needs no care for NA."""
    record = recorded((0, "run_started", None, 0, {"tasks": ("a",)}))

    assert math.isnan(gantt_frame([record], now=START)["queued"].tolist()[0])


def test_every_state_has_its_place_in_the_counts() -> None:
    """A state a task can end in is a column of the runs frame."""
    assert set(RUNS_DTYPES) >= {status.value for status in TaskStatus if status.is_terminal}
