"""The workers of one pool as a driver sees them: who is parked, who is on the way, and when company helps.

Under the GIL, tiny attempts gain nothing from a second thread and lose more to lock and GIL convoys than they cost
themselves. So a thread that sees tiny attempts and has company steps aside; a guard that looks once a millisecond
rouses the parked when the attempts that run turn out long. All of it is read and written under the driver's lock.
"""

from collections.abc import Callable

from nbdag.runtime.ports import Worker

TINY = 40e-6
"""Seconds; below this running mean a second thread costs more than it brings."""
UNKNOWN = 1e-3
"""Seconds an attempt is taken to last before any was seen: company is welcome."""
_FALL, _RISE = 0.2, 0.05
"""Weights of a shorter and of a longer attempt than the mean so far."""
_LONGEST = 8 * TINY
"""What one attempt counts at most: a pause of the garbage collector in a tiny one is no reason to call company."""


class Crew:
    """One pool's workers. At most one is on its way at a time; the one that arrives calls the next if more is ready."""

    def __init__(self, pool: str, spawn: Callable[[], None], *, shares_gil: bool) -> None:
        self.pool = pool
        self.parked: list[Worker] = []
        self.active = 0
        """Workers that are not parked, those on their way included."""
        self.lost = 0
        """Those of them whose attempt was given up and still runs: nobody can count on them."""
        self._spawn, self._shares_gil = spawn, shares_gil
        self._coming = False
        self._mean = UNKNOWN

    def arrived(self) -> None:
        """A worker that was called asks for work."""
        self._coming = False

    def stayed_away(self) -> bool:
        """A worker that was called could not be made; True when there is no other that could be counted on."""
        self._coming = False
        self.active -= 1
        return self.active <= self.lost

    def park(self, worker: Worker) -> None:
        """A worker has nothing to do and waits for its bell."""
        self.active -= 1
        self.parked.append(worker)

    def saw(self, seconds: float) -> None:
        """Learn how long an attempt lasted."""
        step = min(seconds, _LONGEST) - self._mean
        self._mean += step * (_FALL if step < 0 else _RISE)

    def expect_long(self) -> None:
        """Forget that attempts were tiny."""
        self._mean = max(self._mean, UNKNOWN)

    def should_step_aside(self) -> bool:
        """True for a thread that has company while attempts are tiny."""
        return self._shares_gil and self.active - self.lost > 1 and self._mean < TINY

    def wants_company(self) -> bool:
        """True when another worker may be called, given that something can start."""
        return not self._coming and (self.active <= self.lost or not self._shares_gil or self._mean >= TINY)

    def call(self) -> Callable[[], None]:
        """Count one more worker as coming; gives what brings it, to be called after the lock is let go."""
        self._coming = True
        self.active += 1
        return self.parked.pop().ring if self.parked else self._spawn
