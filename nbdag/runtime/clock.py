"""The run's clock: wall time that never runs backwards.

Read once from the system's wall clock, then carried on by its monotonic one, so that events are ordered and durations
true whatever happens to the machine's date meanwhile. Tests put a simulated clock in its place.
"""

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch (UTC), monotonic from the moment the clock was made.

    >>> clock = Clock()
    >>> clock.now() <= clock.now()
    True
    """

    def __init__(self) -> None:
        monotonic = time.monotonic
        offset = time.time() - monotonic()
        self.now: Callable[[], float] = lambda: offset + monotonic()
        """The moment; a plain function, as it is called twice a task."""
