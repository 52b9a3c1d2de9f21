"""What one node calls: its function, where its arguments come from, and how failures are judged.

Compiled once when a run starts, so that nothing is looked up by name for each attempt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbdag.core.compiled import CompiledGraph
from nbdag.core.graph import Graph, InputKind
from nbdag.core.retry import RetryPolicy
from nbdag.core.task import Argument


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One node's call. Arguments are results of other nodes (`inputs`) and parameters' values (`params`)."""

    task: str
    func: Callable[..., Any]
    retry: RetryPolicy
    inputs: tuple[tuple[str, int], ...] = ()
    """(argument, node whose result it takes)."""
    params: tuple[tuple[str, str], ...] = ()
    """(argument, parameter whose value it takes); one that has no value in a run is left to its default."""
    positional: tuple[Argument, ...] = ()
    """Arguments that can only be given by position, in order."""
    keep: bool = True
    pool: str = "thread"

    def arguments(self, results: Sequence[Any], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments: inputs from the results by node id, parameters from the run's values."""
        named = {argument: results[node] for argument, node in self.inputs}
        if self.params:
            named.update({argument: values[source] for argument, source in self.params if source in values})
        if not self.positional:
            return [], named
        # A default cannot be left out when a later position is given.
        return [named.pop(each.name, each.default) for each in self.positional], named


def compile_calls(graph: Graph, compiled: CompiledGraph) -> tuple[NodeCall, ...]:
    """The calls of a run's nodes, in node order: of the part of the graph that was compiled."""
    node_of = {graph.specs[task].name: node for node, task in enumerate(compiled.tasks)}
    return tuple([_compile_call(graph, task, node_of) for task in compiled.tasks])


def _compile_call(graph: Graph, task: int, node_of: Mapping[str, int]) -> NodeCall:
    spec = graph.specs[task]
    inputs: list[tuple[str, int]] = []
    params: list[tuple[str, str]] = []
    for each in graph.inputs[task]:
        if each.kind is not InputKind.TASK:
            params.append((each.argument, each.source))
        elif each.source in node_of:  # not there when this node's own result is given
            inputs.append((each.argument, node_of[each.source]))
    positional = tuple([each for each in spec.arguments if each.positional_only]) if spec.arguments else ()
    func = graph.function_of(task)
    return NodeCall(spec.name, func, spec.retry, tuple(inputs), tuple(params), positional, spec.keep, spec.pool)
