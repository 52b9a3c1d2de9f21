"""How often and how soon a failed attempt is tried again: arithmetic only, no waiting.

The names and rules are Airflow's and Prefect's: `retries` counts extra attempts; before retry k (k = 1, 2, …) the wait
is ``min(retry_delay * backoff ** (k - 1), max_retry_delay)``, then jittered, and the cap holds after the jitter too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from nbdag.core.errors import Fail, Retry

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A task's retry options, checked.

    >>> RetryPolicy(retries=3, delay=1.0, backoff=2.0).delay_before(3, ValueError(), Random(1))
    4.0
    """

    retries: int = 0
    """Extra attempts after the first."""
    delay: float | tuple[float, ...] | Callable[[int, BaseException], float] = 0.0
    """Seconds; or one value per retry (the last repeats); or a function of (retry number, exception)."""
    backoff: float = 1.0
    max_delay: float = 300.0
    jitter: float = 0.0
    retry_on: ExceptionTypes | Callable[[BaseException, int], bool] = Exception
    no_retry_on: ExceptionTypes = ()
    instant: bool = False
    """True where nobody wants to wait, as in a test: every delay is zero."""

    def allows(self, error: BaseException, attempt: int) -> bool:
        """True when this failure of attempt number `attempt` may be tried again; a predicate's own error comes through.

        >>> RetryPolicy(retries=1, retry_on=(OSError,)).allows(ConnectionError(), attempt=1)
        True
        """
        if attempt > self.retries or isinstance(error, Fail):
            return False
        if isinstance(error, Retry):
            return True
        if isinstance(error, self.no_retry_on):
            return False
        if isinstance(self.retry_on, (type, tuple)):
            return isinstance(error, self.retry_on)
        return bool(self.retry_on(error, attempt))

    def delay_before(self, retry: int, error: BaseException, random: Random) -> float:
        """Seconds to wait before retry number `retry` (from 1); a `Retry(after=…)` decides for itself."""
        if self.instant:
            return 0.0
        if isinstance(error, Retry) and error.after is not None:
            return error.after
        capped = min(self._planned(retry, error), self.max_delay)
        if not self.jitter:
            return capped
        # Drawn between the bounds, not cut afterwards: else many delays would be the cap itself, and come together.
        return random.uniform(capped * (1 - self.jitter), min(capped * (1 + self.jitter), self.max_delay))

    def _planned(self, retry: int, error: BaseException) -> float:
        if callable(self.delay):
            return max(0.0, float(self.delay(retry, error)))
        if isinstance(self.delay, tuple):
            return self.delay[min(retry, len(self.delay)) - 1] if self.delay else 0.0
        if not self.delay:
            return 0.0
        try:
            return self.delay * self.backoff ** (retry - 1)
        except OverflowError:  # the cap is what counts then
            return self.max_delay
