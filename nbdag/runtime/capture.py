"""Sends what tasks print, log, warn and display to their sinks, while anybody runs tasks.

One context variable decides, `current_sink`; nothing is kept per thread, so threads and coroutines are told apart
alike. The stand-ins are process-wide, and one of the few things of nbdag that are: the first run that opens a capture
installs them, runs that overlap share them, the last to close it takes away what is still in its place.
"""

import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from nbdag.runtime.ports import Tap
from nbdag.runtime.questions import guard_questions, is_guarded, unguard_questions
from nbdag.runtime.sink import Sink, current_sink
from nbdag.runtime.streams import STREAMS, stand_in
from nbdag.runtime.task_log import collect_task_log


class Capture:
    """One run's use of the capture: open while tasks may run. `open` and `close` may be called from any threads.

    Taps bring further ways of showing things. Of each class of tap one is installed for the whole process, by the
    first run that brings it.

    >>> sink = Sink("train", 1, now=lambda: 0.0)
    >>> def attempt():
    ...     capture.enter(sink)
    ...     print("hello")
    ...     capture.leave(sink)
    >>> import contextvars
    >>> with Capture() as capture:
    ...     contextvars.copy_context().run(attempt)
    >>> sink.tail(1)
    ['hello']
    """

    def __init__(self, taps: Sequence[Tap] = ()) -> None:
        self._wanted = tuple(taps)
        self._installation: _Installation | None = None

    def open(self) -> Self:
        """Install what is not yet installed. An error here leaves nothing behind."""
        if self._installation is None:
            self._installation = _Installation.shared(self._wanted)
        return self

    def close(self) -> None:
        """Give the capture up; done by the last that holds it, all is as before. A second call does nothing."""
        installation, self._installation = self._installation, None
        if installation is not None:
            installation.release()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def enter(self, sink: Sink) -> None:
        """From here on, what this context writes and shows goes to `sink`. Called where an attempt starts."""
        if not is_guarded():
            guard_questions(current_sink.get)
        current_sink.set(sink)

    def leave(self, sink: Sink) -> None:
        """Show what the task left open, such as figures, and complete its last line. Called in the same context."""
        installation = self._installation
        for tap in installation.taps if installation is not None else ():
            try:
                tap.flush(sink)
            except Exception:  # noqa: BLE001 - a figure that cannot be drawn is reported in place and fails no task
                sink.write("stderr", traceback.format_exc())
        sink.close()
        current_sink.set(None)


class _Installation:
    """All stand-ins that are in place at one time, with the number of captures that use them."""

    _lock = threading.RLock()  # a person's code may run meanwhile: a log handler, a filter of warnings
    _live: "_Installation | None" = None

    def __init__(self) -> None:
        self.taps: tuple[Tap, ...] = ()
        self._users = 0
        self._undo = ExitStack()

    @classmethod
    def shared(cls, taps: Sequence[Tap]) -> "_Installation":
        """The live installation, made where there is none, with these taps as well."""
        with cls._lock:
            installation = cls._live or cls()
            installation._users += 1
            try:
                if installation._users == 1:
                    installation._install()
                for tap in taps:
                    installation._add(tap)
            except BaseException:  # an interrupt too: leave nothing behind
                installation.release()
                raise
            return installation

    def release(self) -> None:
        """Give up one use; the last takes everything away."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _Installation._live = None
                self._undo.close()

    def _install(self) -> None:
        _Installation._live, current = self, current_sink.get
        for name in STREAMS:
            self._undo.callback(stand_in(name, current))
        self._undo.callback(collect_task_log(current))
        self._undo.callback(unguard_questions)
        guard_questions(current)

    def _add(self, tap: Tap) -> None:
        if any(type(tap) is type(installed) for installed in self.taps):
            return
        try:
            undo = tap.install(current_sink.get)
        except Exception as error:  # noqa: BLE001 - taps reach into IPython and matplotlib, whose insides may change
            _warn_without(tap, error)
            return
        self.taps += (tap,)
        self._undo.callback(_undo_tap, tap, undo)


def _undo_tap(tap: Tap, undo: Callable[[], None]) -> None:
    try:
        undo()
    except Exception as error:  # noqa: BLE001 - as for installing; the rest has to be undone all the same
        _warn_without(tap, error)


def _warn_without(tap: Tap, error: Exception) -> None:
    warnings.warn(
        f"what tasks show through {type(tap).__name__} will not appear with the task: {error!r}",
        RuntimeWarning,
        stacklevel=5,
    )
