"""How declared tasks depend on one another: names resolved, every problem found, order and neighbours.

Built from the specs and the names of the pipeline's parameters; never from a function's behaviour. All algorithms are
iterative: a chain of 100,000 tasks is as good as one of ten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nbdag.core.task import TaskSpec


class InputKind(StrEnum):
    """What an argument of a task is bound to."""

    TASK = "task"
    PARAM = "param"
    """A parameter of the pipeline."""
    OWN = "own"
    """An argument with a default: a parameter of its own task, set as ``"train.epochs"``."""


@dataclass(frozen=True, slots=True)
class Input:
    """One bound argument: `source` is the task's or parameter's name (``"train.epochs"`` for an own one)."""

    argument: str
    kind: InputKind
    source: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks by integer id, in definition order. `upstream` and `downstream` hold direct neighbours."""

    specs: tuple[TaskSpec, ...]
    index: Mapping[str, int]
    upstream: tuple[tuple[int, ...], ...]
    downstream: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[Input, ...], ...]
    order: tuple[int, ...]
    """Every task after its upstreams; among the free ones, definition order."""
