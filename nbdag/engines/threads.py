"""Plain functions in worker threads of our own: daemons, made on demand, as many as the slots allow.

A fixed pool would be blocked by attempts that were given up and still run; here such a thread just never asks for
work again until its function returns. Daemons, so that the interpreter can exit while one of them hangs.
"""

import threading
from itertools import count

from nbdag.runtime.attempt import Performer
from nbdag.runtime.driver import Driver

LONG = 200e-6
"""Seconds; when every running attempt is older, company pays although attempts seemed tiny."""
_SHORTEST_LOOK, _LONGEST_LOOK = 0.001, 0.032


class ThreadEngine:
    """Runs the attempts of the thread pool of one run."""

    pool = "thread"
    shares_gil = True

    def __init__(self, driver: Driver, performer: Performer) -> None:
        self._driver, self._performer = driver, performer
        self._numbers = count(1)
        self._workers: list[_ThreadWorker] = []

    def spawn(self) -> None:
        """Start one more worker thread."""
        worker = _ThreadWorker(f"thread-{next(self._numbers)}", self._driver, self._performer)
        if not self._workers:  # before the worker, which may call the next one as soon as it runs
            threading.Thread(target=self._guard, name="nbdag-guard", daemon=True).start()
        self._workers.append(worker)
        threading.Thread(target=worker.work, name=f"nbdag-{worker.origin['worker']}", daemon=True).start()

    def stop(self, node: int, attempt: int) -> None:
        """A thread cannot be stopped; its function can look at `current_task().cancelled`."""
        self._performer.stop(node, attempt)

    def close(self) -> None:
        """Workers end by themselves when their run is over."""

    def _guard(self) -> None:
        """Bring company when work is ready and all attempts that run turn out long."""
        driver, look = self._driver, _SHORTEST_LOOK
        while not driver.done.wait(look):
            look = min(2 * look, _LONGEST_LOOK)
            if not driver.is_held_up(self.pool):
                continue
            now = driver.now()
            are_long = all(now - since > LONG for worker in self._workers if (since := worker.since) is not None)
            if not are_long or driver.rouse(self.pool):
                look = _SHORTEST_LOOK


class _ThreadWorker:
    """One thread: performs an attempt, reports it, gets the next; parks when there is none."""

    def __init__(self, name: str, driver: Driver, performer: Performer) -> None:
        self.origin = {"worker": name}
        self.since: float | None = None
        self._driver, self._performer = driver, performer
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Wake this worker."""
        self._bell.release()

    def work(self) -> None:
        """Run attempts until the run is over."""
        driver, perform = self._driver, self._performer.perform
        start = driver.take("thread", self)
        while True:
            if start is not None:
                # No name for what it returned: this thread may wait for long, and would keep it alive.
                start = driver.complete("thread", self, start, *perform(start))
            elif driver.is_over:
                return
            else:
                self._bell.acquire()
                start = driver.take("thread", self)
