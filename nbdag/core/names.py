"""Which notebook names a function reads: told from its code, without running it.

A read that nobody defines is better found before the first task starts than after the third hour. But a false alarm
would forbid a good pipeline, so wherever the code itself may define the name, or is ready for its absence, no alarm
is given: the run will tell.
"""

import builtins
import dis
import functools
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

_READS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_UNSURE = frozenset({"NameError", "globals", "exec", "run_line_magic", "run_cell_magic"})
"""Code that names one of these may define globals in ways that cannot be seen, or is ready for their absence."""

_LIBRARY = functools.wraps.__code__.co_filename.removesuffix("functools.py")
"""The folder of Python's own modules."""
_INSTALLED = ("site-packages", "dist-packages")

_MOST_WRAPPERS = 100
"""An object that makes up every attribute would be unwrapped for ever."""


class _Names(NamedTuple):
    """What one code object, with those inside it, does to global names."""

    reads: tuple[str, ...]
    stores: frozenset[str]
    is_sure: bool
    """It neither defines names unseen nor is ready for a NameError."""


def globals_read(func: Callable[..., Any]) -> tuple[str, ...]:
    """The names a function reads as globals, in the order they appear; builtins are not among them.

    Looks into what is defined inside it (comprehensions, functions, classes), and through partials, methods, objects
    with ``__call__`` and decorators that keep the wrapped function.

    >>> def area(radius):
    ...     return PI * radius ** len([n for n in LIMITS])
    >>> globals_read(area)
    ('PI', 'LIMITS')
    """
    return tuple(
        dict.fromkeys(
            name
            for plain in _plain_functions(func)
            for name in _names_of(plain.__code__).reads
            if name in plain.__globals__ or not hasattr(builtins, name)
        )
    )


def undefined_globals(func: Callable[..., Any]) -> tuple[str, ...]:
    """The names a function reads that neither its module or notebook nor Python defines at this moment.

    Left out are names that it or another function of its module assigns with ``global``, and all names of code that
    catches NameError, looks at ``globals()`` or executes text.

    >>> undefined_globals(lambda radius: PIE * abs(radius))
    ('PIE',)
    """
    return tuple(
        dict.fromkeys(
            name
            for plain in _plain_functions(func)
            for name in _undefined_in(plain)
            if not _is_assigned_in(plain.__globals__, name)
        )
    )


def global_values(func: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The globals a function reads, with the values they have now; undefined ones are left out.

    >>> dict(global_values(namespace_of))
    {'_plain_functions': <function _plain_functions at ...>}
    """
    for plain in _plain_functions(func):
        namespace = plain.__globals__
        for name in _names_of(plain.__code__).reads:
            if name in namespace:
                yield name, namespace[name]


def globals_assigned(func: Callable[..., Any]) -> frozenset[str]:
    """The names a function assigns as globals, with a ``global`` statement.

    >>> def fill():
    ...     global model
    ...     model = 1
    >>> globals_assigned(fill)
    frozenset({'model'})
    """
    return frozenset().union(*(_names_of(plain.__code__).stores for plain in _plain_functions(func)))


def namespace_of(func: Callable[..., Any]) -> tuple[str, ...]:
    """The public names of the module or notebook a function was defined in: what a typo may have meant.

    >>> "globals_read" in namespace_of(globals_read)
    True
    """
    return tuple(name for plain in _plain_functions(func) for name in tuple(plain.__globals__) if name[:1] != "_")


def _undefined_in(plain: FunctionType) -> Iterator[str]:
    names = _names_of(plain.__code__)
    missing = [name for name in names.reads if name not in plain.__globals__ and not hasattr(builtins, name)]
    if missing and names.is_sure and not _is_installed(plain.__code__):
        yield from (name for name in missing if name not in names.stores)


def _is_installed(code: CodeType) -> bool:
    """True for Python's and libraries' code, which may name what only other systems have."""
    return code.co_filename.startswith(_LIBRARY) or any(folder in code.co_filename for folder in _INSTALLED)


def _is_assigned_in(namespace: Mapping[str, Any], name: str) -> bool:
    """Looked at only when a name is missing: one function may fill a global that another reads."""
    return any(
        isinstance(value, FunctionType) and name in _names_of(value.__code__).stores
        for value in tuple(namespace.values())
    )


def _plain_functions(func: object) -> Iterator[FunctionType]:
    """The Python functions that run when `func` is called, as far as it shows them."""
    inside: object = func
    for _ in range(_MOST_WRAPPERS):
        if isinstance(inside, FunctionType):
            yield inside
        inside = _inside(inside)
        if inside is None:
            return


def _inside(func: Any) -> object:
    """What a callable calls in its turn; None where that does not show."""
    if isinstance(func, FunctionType):
        return func.__dict__.get("__wrapped__")
    if isinstance(func, MethodType):
        return func.__func__
    if isinstance(func, functools.partial):
        return func.func
    if hasattr(func, "__wrapped__"):
        return func.__wrapped__
    call = type(func).__call__
    return call if isinstance(call, FunctionType) else None


@functools.lru_cache(maxsize=10_000)  # a pure function of an immutable value: nobody can see that it remembers
def _names_of(code: CodeType) -> _Names:
    own = _own_names(code)
    inner = [_names_of(const) for const in code.co_consts if isinstance(const, CodeType) and _is_executed(const)]
    return _Names(
        reads=tuple(dict.fromkeys(name for names in (own, *inner) for name in names.reads)),
        stores=frozenset().union(own.stores, *(names.stores for names in inner)),
        is_sure=own.is_sure and all(names.is_sure for names in inner),
    )


def _own_names(code: CodeType) -> _Names:
    if not code.co_names:
        return _Names((), frozenset(), is_sure=True)
    names_of: dict[str, list[str]] = {}
    for instruction in dis.get_instructions(code):
        names_of.setdefault(instruction.opname, []).append(instruction.argval)
    # The body of a class reads its own names, and always the module's __name__, in the same way as globals.
    in_class = {*names_of.get("STORE_NAME", ()), "__name__"}
    reads = [name for operation in _READS for name in names_of.get(operation, ()) if name not in in_class]
    return _Names(tuple(reads), frozenset(names_of.get("STORE_GLOBAL", ())), _UNSURE.isdisjoint(code.co_names))


def _is_executed(code: CodeType) -> bool:
    """False for the code of annotations, from Python 3.14 on: it runs only when somebody asks for them."""
    return code.co_name != "__annotate__"
