"""One run as a value: what to call, in which order, under which limits. A driver takes it from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbdag.core.compiled import CompiledGraph
from nbdag.core.run_state import OnError
from nbdag.runtime.calls import NodeCall


@dataclass(frozen=True, slots=True)
class Job:
    """One run to drive: what to call, in which order, under which limits."""

    pipeline: str
    run_id: int
    graph: CompiledGraph
    calls: Sequence[NodeCall]
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values of parameters; of tasks' own ones (``"train.epochs"``) only those that differ from the default."""
    given: Mapping[int, Any] = field(default_factory=dict)
    """Results by node that need not be computed."""
    wanted: frozenset[int] = frozenset()
    """Nodes whose results stay although their task has `keep=False`."""
    on_error: OnError = "continue"
    timeout: float | None = None
    max_parallel: int | None = None
