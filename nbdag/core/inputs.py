"""Where each argument of a task gets its value from.

A name in a signature is, in this order: a task; a parameter of the pipeline; an argument with a default, which is a
parameter of its own task. A cell's body has no signature: its free names are candidates, and those that are neither
task nor parameter stay globals.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

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


class Binding(NamedTuple):
    """A task's bound arguments, and the names of those that nothing could be found for."""

    inputs: tuple[Input, ...]
    unbound: tuple[str, ...]


def bind(spec: TaskSpec, tasks: Container[str], params: Container[str]) -> Binding:
    """Binds every argument of a task. With listed dependencies no other task can be an input.

    >>> from nbdag.core.options import make_spec
    >>> spec = make_spec(lambda data, lr, epochs=3: None, name="train")
    >>> [(i.argument, str(i.kind), i.source) for i in bind(spec, tasks={"data"}, params={"lr"}).inputs]
    [('data', 'task', 'data'), ('lr', 'param', 'lr'), ('epochs', 'own', 'train.epochs')]
    """
    listed = spec.dependencies
    inputs, unbound = [], []
    for name, has_default, may_stay_global in _asked(spec):
        if name in tasks and (listed is None or name in listed):
            inputs.append(Input(name, InputKind.TASK, name))
        elif name in params:
            inputs.append(Input(name, InputKind.PARAM, name))
        elif has_default:
            inputs.append(Input(name, InputKind.OWN, f"{spec.name}.{name}"))
        elif not may_stay_global:
            unbound.append(name)
    if spec.takes_any and listed:
        taken = {argument.name for argument in spec.arguments}
        inputs.extend(Input(name, InputKind.TASK, name) for name in listed if name in tasks and name not in taken)
    return Binding(tuple(inputs), tuple(unbound))


def _asked(spec: TaskSpec) -> Iterator[tuple[str, bool, bool]]:
    """What a task asks for by name: (name, has a default, may stay a global)."""
    if spec.specialise is None:
        for argument in spec.arguments:
            yield argument.name, argument.has_default, False
    else:
        for name in spec.candidates:
            yield name, False, name not in spec.must_bind
