"""Many tasks gathered into few boxes, so that a large pipeline can still be read.

Three ways, each only when the one before leaves too much: identical tasks of a fan-out become one box; then links of a
chain; then whole ranks. Each keeps the drawing free of circles: the first because the depth is part of what makes
tasks identical, the second because nothing enters or leaves a chain midway, the third because edges go down the ranks.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbdag.core.graph import Graph

DRAWN_WHOLE = 60
"""Up to here every task has its own box."""
SMALL_FANS_WHOLE = 150
"""Up to here identical tasks are gathered only when one of their fan-outs is at least `LARGE_FAN` wide."""
LARGE_FAN, LEAST_FAN = 8, 3
MOST_BOXES = 300
"""Beyond, chains are gathered as well."""
MOST_DRAWN = 1000
"""Beyond, ranks are gathered into at most `MOST_BANDS` boxes."""
MOST_BANDS = 60

_LEAST_CHAIN = 20
_MOST_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are drawn as one box; a group of one is a task's own box."""

    members: tuple[int, ...]
    kind: Literal["one", "fan", "chain", "band"] = "one"


def fold(graph: Graph) -> tuple[Group, ...]:
    """The boxes that the tasks of a graph are drawn in, ordered by their first member.

    >>> from nbdag.core.graph import build_graph
    >>> from nbdag.core.options import make_spec
    >>> specs = [make_spec(lambda: 1, name="load"), make_spec(lambda load: 2, name="train")]
    >>> [group.members for group in fold(build_graph(specs, params=()))]
    [(0,), (1,)]
    """
    size = len(graph.specs)
    if size <= DRAWN_WHOLE:
        return singles(range(size))
    groups = _fans(graph, at_least=LEAST_FAN if size <= SMALL_FANS_WHOLE else 2)
    if size <= SMALL_FANS_WHOLE and max(len(group.members) for group in groups) < LARGE_FAN:
        return singles(range(size))
    if len(groups) > MOST_BOXES:
        groups = _chains(groups, quotient(graph, groups))
    return _bands(graph) if len(groups) > MOST_DRAWN else groups


def singles(tasks: Iterable[int]) -> tuple[Group, ...]:
    """A box for each of these tasks."""
    return tuple(Group((task,)) for task in tasks)


def quotient(graph: Graph, groups: Sequence[Group]) -> Mapping[tuple[int, int], tuple[tuple[int, int], ...]]:
    """Edges between boxes, each with the edges between tasks that it stands for; those inside a box are left out."""
    owner = {task: number for number, group in enumerate(groups) for task in group.members}
    edges: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for task, box in owner.items():
        for upstream in graph.upstream[task]:
            above = owner.get(upstream, box)
            if above != box:
                edges[above, box].append((upstream, task))
    return {pair: tuple(inner) for pair, inner in edges.items()}


def depths(size: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The rank of each node: 0 without upstreams, else one below its lowest upstream.

    >>> depths(3, [(0, 1), (1, 2), (0, 2)])
    [0, 1, 2]
    """
    below: list[list[int]] = [[] for _ in range(size)]
    waiting = [0] * size
    for tail, head in edges:
        below[tail].append(head)
        waiting[head] += 1
    rank = [0] * size
    ready = [node for node in range(size) if not waiting[node]]
    for node in ready:  # grows while it is walked
        for head in below[node]:
            rank[head] = max(rank[head], rank[node] + 1)
            waiting[head] -= 1
            if not waiting[head]:
                ready.append(head)
    return rank


def _fans(graph: Graph, *, at_least: int) -> tuple[Group, ...]:
    """Tasks of the same code whose neighbours, above and below, are in the same groups: partition refinement."""
    group_of = _numbered(zip(map(_code_of, (spec.func for spec in graph.specs)), graph.depths, strict=True))
    for _ in range(_MOST_ROUNDS):
        refined = _numbered(
            (own, frozenset(group_of[up] for up in above), frozenset(group_of[down] for down in below))
            for own, above, below in zip(group_of, graph.upstream, graph.downstream, strict=True)
        )
        if max(refined) == max(group_of):
            break
        group_of = refined
    members = defaultdict(list)
    for task, number in enumerate(group_of):
        members[number].append(task)
    return _in_order(
        group
        for tasks in members.values()
        for group in ([Group(tuple(tasks), "fan")] if len(tasks) >= at_least else singles(tasks))
    )


def _code_of(func: Callable[..., Any]) -> Hashable:
    while isinstance(func, functools.partial) or hasattr(func, "__wrapped__"):
        func = func.func if isinstance(func, functools.partial) else func.__wrapped__
    code: Hashable = getattr(func, "__code__", None) or id(func)
    return code


def _numbered(keys: Iterable[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _chains(groups: Sequence[Group], edges: Iterable[tuple[int, int]]) -> tuple[Group, ...]:
    """Boxes in a line, each with nothing else above or below, gathered into one; a very long line into some thirty."""
    longest = max(_LEAST_CHAIN, len(groups) // 30)
    edges = list(edges)
    leaving, entering = Counter(tail for tail, _ in edges), Counter(head for _, head in edges)
    following = {tail: head for tail, head in edges if leaving[tail] == 1 == entering[head]}
    inner = set(following.values())
    chains: list[Group] = []
    for start in range(len(groups)):
        if start in inner:
            continue
        links = [start]
        while links[-1] in following:
            links.append(following[links[-1]])
        parts = (links[first : first + longest] for first in range(0, len(links), longest))
        chains += [_chain([groups[link] for link in part]) for part in parts]
    return _in_order(chains)


def _chain(links: Sequence[Group]) -> Group:
    return Group(tuple(task for link in links for task in link.members), "chain") if len(links) > 1 else links[0]


def _bands(graph: Graph) -> tuple[Group, ...]:
    rank = graph.depths
    ranks_a_band = -(-max(rank) // MOST_BANDS)
    members = defaultdict(list)
    for task in graph.order:
        members[(rank[task] - 1) // ranks_a_band].append(task)
    return tuple(Group(tuple(members[band]), "band" if len(members[band]) > 1 else "one") for band in sorted(members))


def _in_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: group.members[0]))
