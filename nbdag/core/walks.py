"""Walks over a graph of integers: order, reach, longest paths, circles. All iterative, all linear but for one heap."""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence

Neighbours = Sequence[Sequence[int]]
"""For each node the nodes next to it, in one direction."""

_MOST_STEPS = 500_000
"""How long the shortest circle is looked for in one tangle, in edges."""


def sorted_nodes(upstream: Neighbours, downstream: Neighbours) -> list[int]:
    """Every node after its upstreams, among the free ones the smallest first; nodes in or below a circle are left out.

    >>> sorted_nodes([[2], [], []], [[], [], [0]])
    [1, 2, 0]
    """
    if all(not above or max(above) < node for node, above in enumerate(upstream)):
        return list(range(len(upstream)))  # as most pipelines are written
    waits_for = [len(above) for above in upstream]
    free = [node for node, count in enumerate(waits_for) if not count]
    ordered = []
    while free:
        node = heapq.heappop(free)
        ordered.append(node)
        for below in downstream[node]:
            waits_for[below] -= 1
            if not waits_for[below]:
                heapq.heappush(free, below)
    return ordered


def reach(neighbours: Neighbours, starts: Iterable[int]) -> frozenset[int]:
    """All nodes that one or more steps lead to.

    >>> sorted(reach([[1], [2], [], [2]], [0]))
    [1, 2]
    """
    reached: set[int] = set()
    waiting = list(starts)
    while waiting:
        new = [node for node in neighbours[waiting.pop()] if node not in reached]
        reached.update(new)
        waiting.extend(new)
    return frozenset(reached)


def path_lengths(order: Iterable[int], before: Neighbours) -> tuple[int, ...]:
    """Number of nodes on the longest path that ends at each node; `order` has every node after those before it.

    >>> path_lengths([0, 1, 2], [[], [0], [0, 1]])
    (1, 2, 3)
    """
    lengths = [1] * len(before)
    for node in order:
        if before[node]:
            lengths[node] = 1 + max(lengths[other] for other in before[node])
    return tuple(lengths)


def circles(upstream: Neighbours, downstream: Neighbours, suspects: Collection[int]) -> Iterator[list[int]]:
    """One circle of every tangle (strongly connected component): its nodes along the edges, the smallest first.

    It is the shortest one, except in a tangle so large that looking at all would take too long.

    >>> list(circles([[1], [0]], [[1], [0]], suspects=[0, 1]))
    [[0, 1]]
    """
    for tangle in sorted(map(sorted, _components(upstream, downstream, suspects))):
        if len(tangle) > 1 or tangle[0] in downstream[tangle[0]]:
            circle = _shortest_circle(downstream, tangle)
            first = circle.index(min(circle))
            yield circle[first:] + circle[:first]


def _components(upstream: Neighbours, downstream: Neighbours, nodes: Collection[int]) -> Iterator[list[int]]:
    """Strongly connected components, by Kosaraju's two walks."""
    left = set(nodes)
    for root in reversed(_finished(downstream, nodes)):
        if root not in left:
            continue
        left.discard(root)
        component = [root]
        for node in component:  # grows while it is walked
            new = [other for other in upstream[node] if other in left]
            left.difference_update(new)
            component.extend(new)
        yield component


def _finished(downstream: Neighbours, nodes: Collection[int]) -> list[int]:
    """Nodes in the order in which a depth-first walk leaves them."""
    left, finished = set(nodes), []
    for root in nodes:
        path = [(root, iter(downstream[root]))] if root in left else []
        left.discard(root)
        while path:
            node, below = path[-1]
            following = next((other for other in below if other in left), None)
            if following is None:
                finished.append(node)
                path.pop()
            else:
                left.discard(following)
                path.append((following, iter(downstream[following])))
    return finished


def _shortest_circle(downstream: Neighbours, tangle: Sequence[int]) -> list[int]:
    inside = frozenset(tangle)
    edges = sum(len(downstream[node]) for node in tangle)
    starts = tangle[: max(1, _MOST_STEPS // edges)]
    return min((_circle_through(start, downstream, inside) for start in starts), key=len)


def _circle_through(start: int, downstream: Neighbours, inside: Collection[int]) -> list[int]:
    """The shortest way from a node back to itself, found breadth first; there is one."""
    came_from: dict[int, int] = {}
    waiting = deque([start])
    while start not in came_from:
        node = waiting.popleft()
        for below in downstream[node]:
            if below in inside and below not in came_from:
                came_from[below] = node
                waiting.append(below)
    circle = [start]
    while came_from[circle[-1]] != start:
        circle.append(came_from[circle[-1]])
    return [start, *reversed(circle[1:])]
