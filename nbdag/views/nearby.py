"""The neighbourhood of one task: what is a few steps above and below it, and how much is left out around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nbdag.core.graph import Graph

MOST_NEARBY = 60

Side = Literal["upstream", "downstream"]


@dataclass(frozen=True, slots=True)
class Stub:
    """Neighbours that are left out at the border: `hidden` tasks on one side of all the `drawn` ones."""

    side: Side
    hidden: frozenset[int]
    drawn: tuple[int, ...]


def nearby(graph: Graph, centre: int, *, up: int, down: int) -> tuple[int, ...]:
    """The task, what it needs `up` steps far and what needs it `down` steps far; the nearest, at most 60.

    >>> from nbdag.core.graph import build_graph
    >>> from nbdag.core.options import make_spec
    >>> specs = [make_spec(lambda: 1, name="load"), make_spec(lambda load: 2, name="train")]
    >>> nearby(build_graph(specs, params=()), 1, up=0, down=2)
    (1,)
    """
    chosen = {centre: None}
    above, below = [centre], [centre]
    for step in range(max(up, down)):
        above = _next(graph.upstream, above, chosen) if step < up else []
        below = _next(graph.downstream, below, chosen) if step < down else []
    return tuple(sorted(chosen))


def _next(neighbours: Sequence[Sequence[int]], tasks: Sequence[int], chosen: dict[int, None]) -> list[int]:
    reached = []
    for task in tasks:
        for other in neighbours[task]:
            if other not in chosen and len(chosen) < MOST_NEARBY:
                chosen[other] = None
                reached.append(other)
    return reached


def stubs(graph: Graph, drawn: Sequence[int]) -> tuple[Stub, ...]:
    """What is left out around the drawn tasks; tasks that lack the same neighbours share a stub."""
    inside = frozenset(drawn)
    sides: Mapping[Side, Sequence[Sequence[int]]] = {"upstream": graph.upstream, "downstream": graph.downstream}
    found: dict[tuple[Side, frozenset[int]], list[int]] = {}
    for side, neighbours in sides.items():
        for task in drawn:
            hidden = frozenset(neighbours[task]) - inside
            if hidden:
                found.setdefault((side, hidden), []).append(task)
    return tuple(Stub(side, hidden, tuple(tasks)) for (side, hidden), tasks in found.items())
