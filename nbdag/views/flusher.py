"""One thread that looks at a run ten times a second and shows what changed; and a box that keeps only the newest.

`Flusher` owns everything its view shows: nobody else writes to it. It runs in a copy of the context it was started
from, which is how Jupyter knows the cell the output belongs to. Whatever the view raises ends the view, is reported
once, and never reaches the run.
"""

import contextvars
from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Any

PERIOD = 0.1
"""Seconds between two looks at the run."""


class Flusher:
    """Calls `beat` every `PERIOD` seconds until it returns False or `stop()` is called, then `end` once.

    `end` is called also after a failure of `beat`, as whatever was opened must be closed.
    """

    def __init__(
        self,
        *,
        beat: Callable[[], bool],
        end: Callable[[], None],
        on_failure: Callable[[Exception], None] | None = None,
        period: float = PERIOD,
    ) -> None:
        self._beat, self._end, self._on_failure, self._period = beat, end, on_failure, period
        self._stopped = Event()
        self._thread: Thread | None = None
        self._has_failed = False

    def start(self) -> None:
        """Begin; output made by `beat` and `end` belongs to the caller's cell."""
        context = contextvars.copy_context()
        self._thread = Thread(target=context.run, args=(self._run,), name="nbdag-view", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End the view and wait until it has ended. May be called more than once, and before `start`."""
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not current_thread():
            thread.join(timeout)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Call `act`; False when it failed, which is reported the first time only."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - a frontier: a broken front end must not disturb the run
            if not self._has_failed and self._on_failure is not None:
                self._has_failed = True
                self._on_failure(error)
            return False
        return True

    def _run(self) -> None:
        self.attempt(self._watch)
        self.attempt(self._end)

    def _watch(self) -> None:
        while not self._stopped.wait(self._period) and self._beat():
            pass


class Outbox:
    """The newest value for each attribute of each widget, sent a few at a time.

    A value that the widget already has is not sent, a newer value replaces a waiting one in its place, and the wishes
    that wait longest go first. At most `burst` messages go in one flush, and `rate` a flush in the long run.
    """

    def __init__(self, *, rate: int = 10, burst: int = 60) -> None:
        self._rate, self._burst = rate, burst
        self._allowance = burst
        self._waiting: dict[tuple[int, str], tuple[Any, Any]] = {}

    def put(self, widget: object, attribute: str, value: object) -> None:
        """Wish that the attribute had this value."""
        key = id(widget), attribute
        if getattr(widget, attribute) == value:
            self._waiting.pop(key, None)
        else:
            self._waiting[key] = widget, value

    def flush(self) -> int:
        """Send what the allowance permits; the number of messages sent."""
        self._allowance = min(self._burst, self._allowance + self._rate)
        sent = self._send(self._allowance)
        self._allowance -= sent
        return sent

    def flush_all(self) -> int:
        """Send everything now; the number of messages sent."""
        return self._send(len(self._waiting))

    def forget(self) -> None:
        """Drop all wishes, as their widgets are gone."""
        self._waiting.clear()

    def _send(self, most: int) -> int:
        sent = 0
        for key in list(self._waiting)[:most]:
            widget, value = self._waiting.pop(key)
            setattr(widget, key[1], value)
            sent += 1
        return sent
