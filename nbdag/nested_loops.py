"""The one place where loops may be nested: for tasks bound to the caller's own loop, by the user's explicit wish."""

import asyncio
import importlib.metadata
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nbdag.core.errors import NbdagError

T = TypeVar("T")


def allow_nested_loops() -> None:
    """Let `asyncio.run(...)`, and `pipeline.run()` with ``loop="caller"`` tasks, work in a cell, where a loop runs.

    Patches asyncio of this process with nest-asyncio2; that cannot be undone, and is never needed for anything else.
    The original nest_asyncio 1.6 loses cells on ipykernel 7: when it is applied already, this refuses.

    Raises:
        NbdagError: nest_asyncio was applied before, or the running loop cannot be patched (uvloop).

    >>> async def answer():
    ...     return 42
    >>> async def cell():
    ...     return asyncio.run(answer())
    >>> allow_nested_loops()  # doctest: +SKIP
    >>> asyncio.run(cell())  # doctest: +SKIP
    42
    """
    original = sys.modules.get("nest_asyncio")
    if original is not None and getattr(asyncio, "_nest_patched", False):
        raise NbdagError(
            "nest_asyncio was applied in this process; it loses cells on ipykernel 7. Restart the kernel, remove "
            "nest_asyncio.apply(), and call nbdag.allow_nested_loops() instead."
        )
    import nest_asyncio2

    try:
        nest_asyncio2.apply()
    except ValueError as error:
        version = importlib.metadata.version("nest-asyncio2")
        raise NbdagError(f"this event loop cannot be nested (nest-asyncio2 {version}): {error}") from error


def run_nested(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on the caller's loop: the running one where nesting is allowed, else a new one."""
    __tracebackhide__ = True
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    if not hasattr(loop, "_nest_patched"):
        raise NbdagError(
            "a task has loop='caller', and the caller's loop is busy with this very call. Use "
            "`await pipeline.run_async()`, or call nbdag.allow_nested_loops() once before."
        )
    return loop.run_until_complete(work())
