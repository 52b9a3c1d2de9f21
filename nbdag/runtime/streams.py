"""Stand-ins for `sys.stdout` and `sys.stderr` that send what a task writes to the task's sink.

A stand-in outlives its use: a person may have kept it (``old = sys.stdout``) and put it back later. Once retired it
passes everything through, and the next stand-in takes the stream below it. Only what is still ours is ever undone.

Logging needs nothing of its own: handlers that write to the old streams are pointed to the stand-ins, so a record of a
task arrives with its task, formatted as the person configured it, and as often as in an ordinary cell. With no
handlers at all, logging's last resort writes to `sys.stderr`, and so do warnings.

What goes past `sys.stdout` (programs that a task starts, C code, ``sys.stdout.buffer``) is not caught.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO

from nbdag.runtime.sink import Sink

STREAMS = ("stdout", "stderr")


class StandIn:
    """Stands in for a text stream: a task writes to its sink, all else goes to the real stream."""

    __slots__ = ("__dict__", "_nbdag_current", "_nbdag_name", "_nbdag_real", "_nbdag_retired")

    _nbdag_real: TextIO
    _nbdag_name: str
    _nbdag_current: Callable[[], Sink | None]
    _nbdag_retired: bool

    def __init__(self, real: TextIO, name: str, current: Callable[[], Sink | None]) -> None:
        own = object.__setattr__
        own(self, "_nbdag_real", real)
        own(self, "_nbdag_name", name)
        own(self, "_nbdag_current", current)
        own(self, "_nbdag_retired", False)

    def write(self, text: str, /) -> int:
        """Write to the task's sink, outside a task to the real stream."""
        sink = self._nbdag_current()
        if sink is None:
            return self._nbdag_real.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        sink.write(self._nbdag_name, text)
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the real stream; a sink has nothing to flush."""
        if self._nbdag_current() is None:
            self._nbdag_real.flush()

    def isatty(self) -> bool:
        """False in a task, whose output is no terminal."""
        return self._nbdag_current() is None and self._nbdag_real.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._nbdag_real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "write":
            self._nbdag_patch(value)
        else:
            setattr(self._nbdag_real, name, value)

    def __repr__(self) -> str:
        return f"<nbdag stands in for {self._nbdag_real!r}>"

    def _nbdag_patch(self, write: Callable[[str], Any]) -> None:
        """Let `write` do the writing outside tasks, until the method itself is put back.

        IPython does so for the time of a cell, to keep what it prints. What tasks print is not the cell's.
        """
        if getattr(write, "__self__", None) is self:
            self.__dict__.pop("write", None)
            return

        def patched(text: str, /) -> Any:
            return write(text) if self._nbdag_current() is None else StandIn.write(self, text)

        self.__dict__["write"] = patched


def stand_in(name: str, current: Callable[[], Sink | None]) -> Callable[[], None]:
    """Stand in for ``sys.stdout`` or ``sys.stderr``; returns what undoes it. Does nothing where there is no stream.

    >>> undo = stand_in("stdout", lambda: None)
    >>> isinstance(sys.stdout, StandIn)
    True
    >>> undo()
    >>> isinstance(sys.stdout, StandIn)
    False
    """
    found: TextIO | None = getattr(sys, name)
    if found is None:  # a program without a console
        return lambda: None
    proxy = StandIn(_below(found), name, current)

    def undo() -> None:
        object.__setattr__(proxy, "_nbdag_retired", True)
        real = _below(proxy)
        if getattr(sys, name) is proxy:
            setattr(sys, name, real)
        _repoint_handlers(real, real)

    setattr(sys, name, proxy)
    _repoint_handlers(_below(found), proxy)
    return undo


def stands_in(stream: object) -> bool:
    """True for a stand-in, also one of an earlier load of this module.

    >>> stands_in(sys.__stdout__)
    False
    """
    return hasattr(type(stream), "_nbdag_retired")


def _below(stream: Any) -> Any:
    """The stream itself, or what a retired stand-in stands before."""
    while stands_in(stream) and stream._nbdag_retired:
        stream = stream._nbdag_real
    return stream


def _repoint_handlers(real: object, new: Any) -> None:
    """Point the log handlers that write to the real stream, straight or through a retired stand-in, to the new one."""
    for logger in [logging.root, *list(logging.root.manager.loggerDict.values())]:
        for handler in getattr(logger, "handlers", ()):  # what is not yet a logger has none
            if isinstance(handler, logging.StreamHandler) and _below(handler.stream) is real:
                with suppress(Exception):  # a person's handler may refuse; it then goes on as it did
                    handler.setStream(new)
