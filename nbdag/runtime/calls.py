"""What one node calls: its function, where its arguments come from, and how failures are judged.

Compiled once when a run starts, so that nothing is looked up by name for each attempt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbdag.core.compiled import CompiledGraph
from nbdag.core.graph import Graph, InputKind
from nbdag.core.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One node's call. Arguments are results of other nodes (`inputs`) and fixed values (`constants`)."""

    task: str
    func: Callable[..., Any]
    retry: RetryPolicy
    inputs: tuple[tuple[str, int], ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    """Names of positional-only arguments, in order."""
    keep: bool = True
    pool: str = "thread"

    def arguments(self, results: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments, the inputs taken from the results by node id."""
        named = {argument: results[node] for argument, node in self.inputs}
        if self.constants:
            named.update(self.constants)
        if not self.positional:
            return [], named
        return [named.pop(name) for name in self.positional if name in named], named


def compile_calls(
    graph: Graph, compiled: CompiledGraph, params: Mapping[str, Any], changed: Mapping[str, Any]
) -> tuple[NodeCall, ...]:
    """The calls of a run's nodes, in node order.

    Args:
        graph: The whole pipeline.
        compiled: The part of it that runs.
        params: The pipeline's parameters with their values for this run.
        changed: Own parameters of tasks (``"train.epochs"``) that differ from their defaults in this run.
    """
    node_of = {task: node for node, task in enumerate(compiled.tasks)}
    return tuple(_compile_call(graph, task, node_of, params, changed) for task in compiled.tasks)


def _compile_call(
    graph: Graph, task: int, node_of: Mapping[int, int], params: Mapping[str, Any], changed: Mapping[str, Any]
) -> NodeCall:
    spec = graph.specs[task]
    inputs: list[tuple[str, int]] = []
    constants: dict[str, Any] = {}
    positional = tuple([each.name for each in spec.arguments if each.positional_only]) if spec.arguments else ()
    # A positional-only argument cannot be left out when a later one is given.
    defaults = {each.name: each.default for each in spec.arguments if each.has_default} if positional else {}
    for each in graph.inputs[task]:
        if each.kind is InputKind.TASK:
            node = node_of.get(graph.index[each.source])
            if node is not None:  # not there when this node's own result is given
                inputs.append((each.argument, node))
        elif each.kind is InputKind.PARAM:
            constants[each.argument] = params[each.source]
        elif each.source in changed:
            constants[each.argument] = changed[each.source]
        elif each.argument in positional:
            constants[each.argument] = defaults[each.argument]
    return NodeCall(
        spec.name, graph.function_of(task), spec.retry, tuple(inputs), constants, positional, spec.keep, spec.pool
    )
