"""When a task may start, given how its upstreams ended: Airflow's trigger rules as one truth table.

Decided only when all upstreams are terminal. Cancelled wins over failed, failed over skipped; for `all_done` none of
them does. `always` is another name of `all_done`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from nbdag.core.status import TaskStatus


class TriggerRule(StrEnum):
    """Which ends of its upstreams let a task start."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    ONE_FAILED = "one_failed"
    ALWAYS = "always"


Mix = Literal["none", "all_ok", "some_skipped", "all_skipped", "failed", "cancelled"]
"""How a task's upstreams ended, the worst first; "none" where there are no upstreams."""

_RUN, _SKIP, _FAIL, _CANCEL = None, TaskStatus.SKIPPED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED

VERDICTS: dict[TriggerRule, dict[Mix, TaskStatus | None]] = {
    TriggerRule.ALL_SUCCESS: {
        "none": _RUN,
        "all_ok": _RUN,
        "some_skipped": _SKIP,
        "all_skipped": _SKIP,
        "failed": _FAIL,
        "cancelled": _CANCEL,
    },
    TriggerRule.NONE_FAILED: {
        "none": _RUN,
        "all_ok": _RUN,
        "some_skipped": _RUN,
        "all_skipped": _RUN,
        "failed": _FAIL,
        "cancelled": _CANCEL,
    },
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: {
        "none": _RUN,
        "all_ok": _RUN,
        "some_skipped": _RUN,
        "all_skipped": _SKIP,
        "failed": _FAIL,
        "cancelled": _CANCEL,
    },
    TriggerRule.ONE_FAILED: {
        "none": _SKIP,
        "all_ok": _SKIP,
        "some_skipped": _SKIP,
        "all_skipped": _SKIP,
        "failed": _RUN,
        "cancelled": _CANCEL,
    },
    TriggerRule.ALL_DONE: {
        "none": _RUN,
        "all_ok": _RUN,
        "some_skipped": _RUN,
        "all_skipped": _RUN,
        "failed": _RUN,
        "cancelled": _RUN,
    },
}
VERDICTS[TriggerRule.ALWAYS] = VERDICTS[TriggerRule.ALL_DONE]

NEEDS_UPSTREAM = frozenset({TriggerRule.ONE_FAILED, TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS})
"""Rules that mean nothing for a task without upstreams; refused there."""


def mix_of(upstreams: Iterable[TaskStatus]) -> Mix:
    """How upstreams ended, taken together.

    >>> mix_of([TaskStatus.SUCCESS, TaskStatus.SKIPPED])
    'some_skipped'
    """
    seen = set(upstreams)
    if not seen:
        return "none"
    if TaskStatus.CANCELLED in seen:
        return "cancelled"
    if TaskStatus.FAILED in seen or TaskStatus.UPSTREAM_FAILED in seen:
        return "failed"
    if TaskStatus.SKIPPED not in seen:
        return "all_ok"
    return "all_skipped" if len(seen) == 1 else "some_skipped"


def verdict(rule: TriggerRule, upstreams: Iterable[TaskStatus], *, cleanup: bool = False) -> TaskStatus | None:
    """None when the task may start; else the state it ends in without starting.

    A cancelled upstream lets only a `cleanup` task under `all_done` start.

    >>> verdict(TriggerRule.ALL_SUCCESS, [TaskStatus.SUCCESS, TaskStatus.FAILED])
    <TaskStatus.UPSTREAM_FAILED: 'upstream_failed'>
    >>> verdict(TriggerRule.ALL_DONE, [TaskStatus.FAILED]) is None
    True
    """
    mix = mix_of(upstreams)
    if mix == "cancelled" and not cleanup:
        return TaskStatus.CANCELLED
    return VERDICTS[rule][mix]
