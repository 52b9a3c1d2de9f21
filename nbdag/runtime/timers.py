"""Calls at a moment: one heap and one thread, started when the first moment is asked for.

Deadlines must hold when an event loop is blocked and when every worker is busy, so they have a thread of their own.
A cancelled moment stays in the heap until it comes up, or until most of the heap is cancelled.
"""

import contextlib
import threading
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

SWEEP_FROM = 512
"""Cancelled entries from which it is worth looking whether most of the heap is cancelled."""


class Timers:
    """Calls functions at moments of a clock, from a daemon thread of its own. The functions must not block."""

    def __init__(self, now: Callable[[], float], name: str = "nbdag-timers") -> None:
        self._now, self._name = now, name
        self._heap: list[tuple[float, int]] = []
        self._acts: dict[int, Callable[[], None]] = {}
        self._tickets = count()
        self._cancelled = 0
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._closed = False

    def at(self, moment: float, act: Callable[[], None]) -> int:
        """Call `act` at `moment`, or at once when that has passed; gives a ticket for `cancel`."""
        with self._changed:
            ticket = next(self._tickets)
            self._acts[ticket] = act
            heappush(self._heap, (moment, ticket))
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            elif self._heap[0][1] == ticket:
                self._changed.notify()
        return ticket

    def cancel(self, ticket: int) -> None:
        """Forget a call that is not due yet; nothing happens when it has been made."""
        with self._changed:
            if self._acts.pop(ticket, None) is None:
                return
            self._cancelled += 1
            if self._cancelled > SWEEP_FROM and self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[1] in self._acts]
                heapify(self._heap)
                self._cancelled = 0

    def close(self) -> None:
        """Make no more calls and let the thread end; does not wait for it."""
        with self._changed:
            self._closed = True
            self._acts.clear()
            self._heap.clear()
            self._changed.notify()

    def _work(self) -> None:
        while (act := self._next_due()) is not None:
            with contextlib.suppress(Exception):  # a call that fails must not take the other deadlines with it
                act()

    def _next_due(self) -> Callable[[], None] | None:
        """Wait for the next due call; None when closed."""
        with self._changed:
            while not self._closed:
                while self._heap and self._heap[0][1] not in self._acts:
                    heappop(self._heap)
                    self._cancelled = max(0, self._cancelled - 1)
                wait = self._heap[0][0] - self._now() if self._heap else None
                if wait is not None and wait <= 0:
                    return self._acts.pop(heappop(self._heap)[1])
                self._changed.wait(None if wait is None else min(wait, threading.TIMEOUT_MAX))
            return None
