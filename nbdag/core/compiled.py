"""A graph made ready for one run: nodes by integer id, each with the rules the machine needs to know.

A node is (task, parameter binding, item of a map). A plain run has one node per task; a mapped task gets item nodes
while the run goes on.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from nbdag.core.capacity import Request
from nbdag.core.graph import Graph
from nbdag.core.task import TaskSpec
from nbdag.core.triggers import TriggerRule


@dataclass(frozen=True, slots=True)
class NodeRules:
    """What the machine must know of a node. Equal for all nodes of one task."""

    request: Request = Request("thread")
    attempts: int = 1
    trigger: TriggerRule = TriggerRule.ALL_SUCCESS
    allow_failure: bool = False
    cleanup: bool = False
    stoppable: bool = False
    """True when a running attempt can be stopped; a thread cannot."""
    grace: float = 5.0
    timeout: float | None = None
    total_timeout: float | None = None
    resolve: bool = False
    """True when an earlier result may be reused, so that `Resolve` comes before the first attempt."""


@dataclass(frozen=True, slots=True)
class CompiledGraph:
    """Nodes by id, in the order their tasks were defined; `ranks` order what is ready (lowest first)."""

    names: tuple[str, ...]
    upstream: tuple[tuple[int, ...], ...]
    downstream: tuple[tuple[int, ...], ...]
    rules: tuple[NodeRules, ...]
    ranks: tuple[int, ...]
    tasks: tuple[int, ...] = ()
    """Id of each node's task in the graph it was compiled from."""

    def max_attempts(self) -> dict[str, int]:
        """Attempts allowed, for the nodes that have more than one."""
        return {name: rules.attempts for name, rules in zip(self.names, self.rules, strict=True) if rules.attempts > 1}


def rules_of(spec: TaskSpec, *, resolve: bool = False) -> NodeRules:
    """The machine's view of a task's options."""
    return NodeRules(
        request=Request(spec.pool, spec.resources),
        attempts=spec.retry.retries + 1,
        trigger=spec.trigger,
        allow_failure=spec.allow_failure,
        cleanup=spec.cleanup,
        stoppable=spec.pool != "thread",
        grace=spec.kill_grace,
        timeout=spec.timeout,
        total_timeout=spec.total_timeout,
        resolve=resolve,
    )


def compile_graph(
    graph: Graph, targets: Collection[int] | None = None, *, given: Collection[int] = ()
) -> CompiledGraph:
    """The part of a graph that a run needs: its targets and all above them.

    Args:
        graph: The validated graph.
        targets: Ids of the wanted tasks; None for all.
        given: Ids of tasks whose results are given: nothing above them is needed for their sake.
    """
    specs = graph.specs
    known: dict[tuple[object, ...], NodeRules] = {}
    if targets is None and not given:
        tasks = tuple(range(len(specs)))
        upstream, downstream = graph.upstream, graph.downstream
    else:
        tasks, upstream, downstream = _part(graph, targets, given)
    return CompiledGraph(
        names=tuple([spec.name for spec in specs] if len(tasks) == len(specs) else [specs[t].name for t in tasks]),
        upstream=upstream,
        downstream=downstream,
        rules=tuple([_shared_rules(known, specs[task], task in given) for task in tasks]),
        ranks=_ranks(graph, tasks, downstream),
        tasks=tasks,
    )


Edges = tuple[tuple[int, ...], ...]


def _part(
    graph: Graph, targets: Collection[int] | None, given: Collection[int]
) -> tuple[tuple[int, ...], Edges, Edges]:
    """The needed tasks by node id, and the edges between them."""
    upstream = [() if task in given else ups for task, ups in enumerate(graph.upstream)]
    needed = _needed(upstream, targets)
    tasks = tuple(task for task in range(len(graph.specs)) if needed[task])
    node_of = {task: node for node, task in enumerate(tasks)}
    node_upstream = tuple(tuple(node_of[up] for up in upstream[task]) for task in tasks)
    downstream: list[list[int]] = [[] for _ in tasks]
    for node, ups in enumerate(node_upstream):
        for up in ups:
            downstream[up].append(node)
    return tasks, node_upstream, tuple(map(tuple, downstream))


def _needed(upstream: list[tuple[int, ...]], targets: Collection[int] | None) -> list[bool]:
    if targets is None:
        return [True] * len(upstream)
    needed = [False] * len(upstream)
    waiting = list(targets)
    while waiting:
        task = waiting.pop()
        if not needed[task]:
            needed[task] = True
            waiting.extend(upstream[task])
    return needed


def _shared_rules(known: dict[tuple[object, ...], NodeRules], spec: TaskSpec, given: bool) -> NodeRules:
    """The rules of a task, one object for all tasks whose options are alike."""
    alike = (
        spec.pool,
        spec.resources,
        spec.retry.retries,
        spec.trigger,
        spec.timeout,
        spec.total_timeout,
        spec.kill_grace,
        spec.allow_failure,
        spec.cleanup,
        given,
    )
    rules = known.get(alike)
    if rules is None:
        rules = rules_of(spec, resolve=given)
        if given:  # what its rule asks of its upstreams no longer matters
            rules = replace(rules, trigger=TriggerRule.ALL_SUCCESS)
        known[alike] = rules
    return rules


def _ranks(graph: Graph, tasks: tuple[int, ...], downstream: Edges) -> tuple[int, ...]:
    """Higher priority first, then the longer remaining path, then definition order."""
    node_of = {task: node for node, task in enumerate(tasks)}
    remaining = [1] * len(tasks)
    for task in reversed(graph.order):
        node = node_of.get(task)
        if node is not None and downstream[node]:
            remaining[node] = 1 + max([remaining[below] for below in downstream[node]])
    keys = [(-graph.specs[task].priority, -remaining[node], node) for node, task in enumerate(tasks)]
    ranks = [0] * len(tasks)
    for rank, (_, _, node) in enumerate(sorted(keys)):
        ranks[node] = rank
    return tuple(ranks)
