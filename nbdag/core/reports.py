"""What the machine is told (reports) and what it wishes (actions).

Reports are facts from outside: an attempt ended, a trace was found, time has passed. `at` is the moment in seconds
since the epoch. Actions are wishes that the driver carries out after it has let go of the run's lock. Starting an
attempt is not among them: a worker that is free pulls its next attempt with `RunState.take`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from nbdag.core.records import ErrorInfo
from nbdag.core.status import FailureReason, RunStatus


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The function returned."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The function raised, or was stopped. `retry_after` is None when the failure may not be tried again."""

    reason: FailureReason
    error: ErrorInfo
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The function raised `Skip`."""

    why: str = ""


Outcome = Succeeded | Failed | Skipped
SUCCEEDED = Succeeded()


@dataclass(frozen=True, slots=True)
class RunBegan:
    """The run may start."""

    at: float


class AttemptEnded(NamedTuple):
    """An attempt is over and its worker is free. The commonest report; a tuple because it is made once a task."""

    node: int
    attempt: int
    outcome: Outcome
    at: float


@dataclass(frozen=True, slots=True)
class AttemptOverdue:
    """An attempt is still running when its time is up; `outcome` is the failure that this makes."""

    node: int
    attempt: int
    outcome: Failed
    at: float


@dataclass(frozen=True, slots=True)
class Expanded:
    """The running attempt of a mapped task found how many items it has; it ends, and the items come into being."""

    node: int
    attempt: int
    count: int
    at: float


@dataclass(frozen=True, slots=True)
class TraceFound:
    """An earlier result fits the node's final key: reuse it. `why` is shown; "given" for one that was handed in."""

    node: int
    at: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class TraceMissing:
    """No earlier result fits: execute. `reasons` say why."""

    node: int
    reasons: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is `at` now: whatever was waiting for a moment up to now is due.

    Told when a `WakeAt` asks for it, and now and then while a run goes on: a run hears nothing of what the others do
    with the capacity they share, and has to look whether only abandoned attempts are left.
    """

    at: float


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody wants the run to stop. Told twice, running attempts are abandoned without their grace."""

    at: float
    why: str = "cancelled"


@dataclass(frozen=True, slots=True)
class RunTimedOut:
    """The run's own time limit has passed."""

    at: float


Report = (
    RunBegan
    | AttemptEnded
    | AttemptOverdue
    | Expanded
    | TraceFound
    | TraceMissing
    | TimePassed
    | CancelRequested
    | RunTimedOut
)


class StartAttempt(NamedTuple):
    """Run this attempt now. `limit` is how many seconds it may take, or None."""

    node: int
    attempt: int
    limit: float | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look whether an earlier result of this node can be reused, and report TraceFound or TraceMissing."""

    node: int


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """Ask a running attempt to stop."""

    node: int
    attempt: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Report TimePassed at this moment."""

    at: float


@dataclass(frozen=True, slots=True)
class FinishRun:
    """Every node is terminal."""

    status: RunStatus


Action = Resolve | CancelAttempt | WakeAt | FinishRun


class IllegalReport(ValueError):
    """A report that cannot be true of this run now; the machine has not changed."""
