"""Facts of a run, in the past tense: what is logged, shown, listened to and folded into records.

An event says what happened to which task at which attempt. `seq` counts from 1 within its run without gaps,
`at` is seconds since the epoch (UTC; it never runs backwards within a run). `EVENTS` is the whole vocabulary;
what a person logs with `DAGMonitor.log_event` is a fact of their own and may have any other name.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

EVENTS: dict[str, str] = {
    "run_started": "a run began; data: pipeline, tasks (names in definition order), max_attempts (only those above 1)",
    "run_finished": "every task is terminal; data: status (of the run)",
    "cancel_requested": "somebody asked the run to stop",
    "run_timed_out": "the run's own time limit passed",
    "task_started": "an attempt began; data: worker, queued (seconds between ready and started)",
    "task_succeeded": "the task has a result",
    "task_cached": "an earlier result was verified and reused",
    "task_retrying": "an attempt failed and another will follow; data: reason, error, delay (seconds)",
    "task_failed": "the last attempt failed; data: reason, error",
    "task_upstream_failed": "a failure above the task keeps it from starting; data: blamed (root failures)",
    "task_skipped": "the task asked to be skipped, or a skip above it decided so; message says why",
    "task_cancelled": "the task was stopped, or never started, because of a cancel or fail-fast; message says why",
    "task_expanded": "a mapped task became items; data: count",
    "metric_logged": "the task's function logged a number; data: name, value",
    "attempt_abandoned": "an attempt was given up but its thread or coroutine still runs, and keeps its slot",
    "thread_finally_ended": "an abandoned attempt ended at last; its slot is free again",
    "late_result_discarded": "an abandoned attempt returned a value; it was dropped",
    "loop_blocked": "a coroutine keeps its event loop from running; message names the line",
    "observer_failed": "a listener or the panel raised; the run was not disturbed",
}
"""Every name an event of nbdag can have, with what it means and what its `data` holds."""


class Event(NamedTuple):
    """One fact of a run. `task` is None for facts of the run as a whole, and `attempt` 0 where none is meant."""

    seq: int
    at: float
    name: str
    task: str | None
    attempt: int
    message: str
    data: Mapping[str, Any] | None
