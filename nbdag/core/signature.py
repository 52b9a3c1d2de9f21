"""What can be told of a task's function without calling it: its arguments, its name, whether it is async."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbdag.core.task import Argument

# From Python 3.14 on, reading a signature evaluates the annotations, which may name what only a type checker knows.
_FORMAT = (inspect.signature.__kwdefaults__ or {}).get("annotation_format")
_UNEVALUATED: dict[str, Any] = {} if _FORMAT is None else {"annotation_format": type(_FORMAT).STRING}


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function may be called by argument name."""

    arguments: tuple[Argument, ...]
    takes_any: bool
    """It has ``**kwargs``."""
    is_async: bool
    """Calling it gives an awaitable."""


def read_signature(func: Callable[..., Any]) -> Signature:
    """The arguments of any callable: function, method, class, partial, object with ``__call__``, builtin.

    A builtin that hides its signature has no arguments, and ``*args`` stays empty. Raises TypeError for what is not
    callable, and for generators: they would run only after the task has ended.

    >>> read_signature(lambda data, rate=0.1: data).arguments[1]
    Argument(name='rate', has_default=True, default=0.1, positional_only=False)
    """
    if not callable(func):
        raise TypeError(f"a task needs a function, not {type(func).__name__}")
    called = _called(func)
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise TypeError(
            f"{_described(func)} is a generator: its values would be made only after the task has ended. "
            "Return list(...) of them instead."
        )
    try:
        parameters = inspect.signature(func, **_UNEVALUATED).parameters.values()
    except ValueError:  # a builtin that does not tell
        parameters = {}.values()
    return Signature(
        arguments=tuple(
            Argument(
                name=parameter.name,
                has_default=parameter.default is not parameter.empty,
                default=None if parameter.default is parameter.empty else parameter.default,
                positional_only=parameter.kind is parameter.POSITIONAL_ONLY,
            )
            for parameter in parameters
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ),
        takes_any=any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters),
        is_async=inspect.iscoroutinefunction(called),
    )


def own_name(func: object) -> str | None:
    """The name a function goes by; None for a lambda, a partial and other nameless ones.

    >>> own_name(len), own_name(lambda: 0)
    ('len', None)
    """
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


def _called(func: Any) -> Any:
    """The function that runs when `func` is called: inside partials, or an object's ``__call__``."""
    while isinstance(func, functools.partial):
        func = func.func
    if inspect.isroutine(func) or inspect.isclass(func):
        return func
    return type(func).__call__


def _described(func: object) -> str:
    name = own_name(func)
    return f"the function {name!r}" if name else "the function"
