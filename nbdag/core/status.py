"""The states of a task and of a run, and which state may follow which.

The tables here are the single source: the machine obeys them, the pictures colour them, the tests walk them.

    PENDING ──> RUNNING ──> SUCCESS
       │         │   ▲
       │         ▼   │
       │       RETRYING          and from PENDING, RUNNING and RETRYING
       └──> CACHED               into FAILED, SKIPPED or CANCELLED as the table says
"""

from enum import StrEnum


class TaskStatus(StrEnum):
    """Where one task of one run stands."""

    PENDING = "pending"
    """Waits for dependencies, a slot or a resource."""
    RUNNING = "running"
    """An attempt executes."""
    RETRYING = "retrying"
    """Waits for its next attempt; holds no slot and no resource."""
    SUCCESS = "success"
    """Executed; the result is there."""
    CACHED = "cached"
    """Not executed: an earlier result was verified and reused. Counts as success everywhere."""
    FAILED = "failed"
    """Attempts are used up, or the failure may not be retried."""
    UPSTREAM_FAILED = "upstream_failed"
    """Never started, because of a failure above it."""
    SKIPPED = "skipped"
    """Raised `Skip`, or a skip above it decided so under its trigger rule."""
    CANCELLED = "cancelled"
    """Stopped, or never started, because of a cancel or a fail-fast."""

    @property
    def is_terminal(self) -> bool:
        """True when nothing can follow in this run.

        >>> TaskStatus.RETRYING.is_terminal
        False
        """
        return self in TERMINAL

    @property
    def is_ok(self) -> bool:
        """True for SUCCESS and CACHED.

        >>> TaskStatus.CACHED.is_ok
        True
        """
        return self in OK


class RunStatus(StrEnum):
    """Where a run stands. It looks at all tasks, never only at the leaves."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """Its owner died; it can be resumed."""


class FailureReason(StrEnum):
    """Why a task is FAILED."""

    ERROR = "error"
    TIMEOUT = "timeout"
    RUN_TIMEOUT = "run_timeout"
    CRASHED = "crashed"
    MEMORY = "memory"
    INTERRUPTED = "interrupted"
    UNSERIALIZABLE = "unserializable"
    BAD_RETURN = "bad_return"
    ABANDONED = "abandoned"


OK = frozenset({TaskStatus.SUCCESS, TaskStatus.CACHED})
TERMINAL = frozenset(
    {
        TaskStatus.SUCCESS,
        TaskStatus.CACHED,
        TaskStatus.FAILED,
        TaskStatus.UPSTREAM_FAILED,
        TaskStatus.SKIPPED,
        TaskStatus.CANCELLED,
    }
)

FOLLOWS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.PENDING: frozenset(
        {
            TaskStatus.RUNNING,
            TaskStatus.CACHED,
            TaskStatus.SKIPPED,
            TaskStatus.UPSTREAM_FAILED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.RUNNING: frozenset(
        {
            TaskStatus.SUCCESS,
            TaskStatus.RETRYING,
            TaskStatus.FAILED,
            TaskStatus.SKIPPED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.RETRYING: frozenset({TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELLED}),
} | {status: frozenset() for status in TERMINAL}
"""Which states may follow a state; a terminal one is followed by none."""
