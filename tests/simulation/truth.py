"""The trigger rules' truth table, stated by itself: what the machine does is held against this."""

from collections.abc import Collection

from nbdag.core.status import TaskStatus

RUN = None
SKIP, FAIL, CANCEL = TaskStatus.SKIPPED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED
_FAILURES = {TaskStatus.FAILED, TaskStatus.UPSTREAM_FAILED}

TABLE = {  # columns: all succeeded, some skipped, all skipped, any failed, any cancelled
    "all_success": (RUN, SKIP, SKIP, FAIL, CANCEL),
    "none_failed": (RUN, RUN, RUN, FAIL, CANCEL),
    "none_failed_min_one_success": (RUN, RUN, SKIP, FAIL, CANCEL),
    "one_failed": (SKIP, SKIP, SKIP, RUN, CANCEL),
    "all_done": (RUN, RUN, RUN, RUN, CANCEL),
    "always": (RUN, RUN, RUN, RUN, CANCEL),
}


def cleans_up(rule: str, cleanup: bool) -> bool:
    """True for a task that may start although the run is being stopped."""
    return cleanup and rule in ("all_done", "always")


def expected(rule: str, upstreams: Collection[TaskStatus], *, cleanup: bool = False) -> TaskStatus | None:
    """How a task ends without starting, or None when it starts, if its upstreams have ended so."""
    if not upstreams:
        return SKIP if rule == "one_failed" else RUN
    if CANCEL in upstreams:
        return RUN if cleans_up(rule, cleanup) else CANCEL
    if _FAILURES & set(upstreams):
        return TABLE[rule][3]
    skipped = [status is SKIP for status in upstreams]
    return TABLE[rule][2 if all(skipped) else 1 if any(skipped) else 0]
