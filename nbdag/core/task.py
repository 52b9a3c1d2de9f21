"""What a person declared: one task, its function and its options, checked once and never changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from nbdag.core.retry import RetryPolicy
from nbdag.core.triggers import TriggerRule

Pool = Literal["thread", "loop", "caller"]
"""Where attempts run: a worker thread, the run's worker loop, the caller's own loop."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a task's function."""

    name: str
    has_default: bool = False
    default: Any = None
    positional_only: bool = False


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A declared task. Made by `nbdag.core.options.make_spec`, which checks every option."""

    name: str
    func: Callable[..., Any]
    arguments: tuple[Argument, ...] = ()
    takes_any: bool = False
    """The function has ``**kwargs``: every listed dependency reaches it by name."""
    is_async: bool = False
    dependencies: tuple[str, ...] | None = None
    """None: inferred from the argument names."""
    after: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = None
    """Seconds for one attempt, from the start of the function."""
    total_timeout: float | None = None
    """Seconds for all attempts and the waits between them."""
    kill_grace: float = 5.0
    """Seconds that a stopped attempt gets to clean up."""
    trigger: TriggerRule = TriggerRule.ALL_SUCCESS
    allow_failure: bool = False
    cleanup: bool = False
    priority: int = 0
    resources: tuple[tuple[str, float], ...] = ()
    tags: tuple[str, ...] = ()
    keep: bool = True
    pool: Pool = "thread"
    place: str = ""
    """Where it is defined, for messages: ``"Cell In[3], line 1"`` or ``"steps.py:12"``."""
    caching: tuple[tuple[str, Any], ...] = ()
    """Options that say when a result may be reused (cache, ttl, version, files, env, reads, ignore, trust)."""
    candidates: tuple[str, ...] = ()
    """Free names of a cell's body: each is an input if it is a task or a parameter, else it stays a global."""
    must_bind: tuple[str, ...] = ()
    """Candidates that the body also assigns: these cannot stay globals, so each has to be a task or a parameter."""
    specialise: Callable[[tuple[str, ...]], Callable[..., Any]] | None = None
    """Gives a cell's function with exactly these names as arguments; None where `func` is the function itself."""
