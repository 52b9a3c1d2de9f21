"""Refuses what would wait for a person at a keyboard: `input()`, `getpass()` and `breakpoint()` in a task.

A worker has nobody to answer; without this the run would hang. Outside a task they work as ever. A kernel puts its own
`input` in place in every cell, so the guards are set again whenever an attempt starts.
"""

import builtins
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from nbdag.runtime.sink import Sink

ANSWER = "There is nobody to answer in a worker: give the value as a parameter of the pipeline."
DEBUG = (
    "A debugger cannot stop in a worker: call the function yourself in a cell, or `%dag_debug {task}` after a failure."
)

QUESTIONS = (
    ("builtins", "input", "input()", ANSWER),
    ("getpass", "getpass", "getpass()", ANSWER),
    ("sys", "breakpointhook", "breakpoint()", DEBUG),
)
"""Module and name of each question, what a person calls it, and what to do instead."""


def guard_questions(current: Callable[[], Sink | None]) -> None:
    """Put a guard before each question that has none; `current` gives the sink, and so the task, of the caller.

    >>> guard_questions(lambda: Sink("train", 1, now=lambda: 0.0))
    >>> input()
    Traceback (most recent call last):
    RuntimeError: task 'train' called input(). There is nobody to answer in a worker: ...
    >>> unguard_questions()
    """
    for module, name, call, remedy in QUESTIONS:
        place = sys.modules.get(module)  # nobody asks through a module that nobody has loaded
        asked = getattr(place, name, None)
        if asked is not None and not hasattr(asked, "_nbdag_guards"):
            setattr(place, name, _guard(asked, call, remedy, current))


def is_guarded() -> bool:
    """True while the guards are in place. A kernel replaces `input` and `getpass` together, so one look is enough.

    >>> is_guarded()
    False
    """
    return hasattr(builtins.input, "_nbdag_guards")


def unguard_questions() -> None:
    """Take away the guards that are still in place."""
    for module, name, _, _ in QUESTIONS:
        place = sys.modules.get(module)
        while (guarded := getattr(getattr(place, name, None), "_nbdag_guards", None)) is not None:
            setattr(place, name, guarded)


def _guard(real: Callable[..., Any], call: str, remedy: str, current: Callable[[], Sink | None]) -> Callable[..., Any]:
    @wraps(real)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython's debugger passes over this frame
        sink = current()
        if sink is not None and not _is_off(call):
            _refuse(sink.task, call, remedy)
        if real is sys.__breakpointhook__ and not (args or kwargs or "PYTHONBREAKPOINT" in os.environ):
            return _stop_at(sys._getframe(1))
        return real(*args, **kwargs)

    guarded._nbdag_guards = real  # type: ignore[attr-defined] # functions take attributes; a mark that survives a reload
    return guarded


def _is_off(call: str) -> bool:
    """True for a `breakpoint()` that the environment has switched off."""
    return call == "breakpoint()" and os.environ.get("PYTHONBREAKPOINT") == "0"


def _refuse(task: str, call: str, remedy: str) -> NoReturn:
    raise RuntimeError(f"task {task!r} called {call}. {remedy.format(task=task)}")


def _stop_at(frame: Any) -> None:
    """What `breakpoint()` does, but in the caller's frame and not in the guard's."""
    import pdb  # noqa: T100 - what `breakpoint()` imports, and only then

    pdb.Pdb().set_trace(frame)
