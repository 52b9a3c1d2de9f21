"""Random small graphs with every option the machine knows, from any source of choices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbdag.core.capacity import Capacity, Request
from nbdag.core.compiled import CompiledGraph, NodeRules
from nbdag.core.triggers import NEEDS_UPSTREAM, TriggerRule

Choose = Callable[[Sequence[Any]], Any]
"""Picks one of several, by chance, by a seed or by a test that searches."""

REQUESTS = (
    Request("thread"),
    Request("loop"),
    Request("caller"),
    Request("thread", (("gpu", 1.0),)),
    Request("loop", (("gpu", 1.0), ("disk", 2.0))),
)
OFTEN_NOT = (False, False, False, True)


@dataclass(frozen=True, slots=True)
class Setting:
    """A run to be: its graph and how it is to be run."""

    graph: CompiledGraph
    on_error: str
    max_parallel: int | None


def capacity_by(choose: Choose) -> Capacity:
    return Capacity(choose((1, 2, 3)), choose((1, 2)), {"gpu": 1.0, "disk": 2.0})


def setting_by(choose: Choose, most: int = 12) -> Setting:
    """A graph of up to `most` tasks, whose ids are in no topological order."""
    size = choose(range(most + 1))
    left, order = list(range(size)), []
    while left:
        order.append(left.pop(choose(range(len(left)))))
    upstream: list[tuple[int, ...]] = [()] * size
    for place, node in enumerate(order):
        upstream[node] = tuple(up for up in order[:place] if choose((True, False, False)))
    downstream = tuple(tuple(low for low in range(size) if up in upstream[low]) for up in range(size))
    rules = tuple(_rules_by(choose, has_upstream=bool(upstream[node])) for node in range(size))
    names = tuple("abcdefghijklmnopqrstuvwxyz"[:size])
    graph = CompiledGraph(names, tuple(upstream), downstream, rules, tuple(choose(range(5)) for _ in range(size)))
    return Setting(graph, choose(("continue", "continue", "stop", "cancel")), choose((None, None, 1, 2)))


def _rules_by(choose: Choose, *, has_upstream: bool) -> NodeRules:
    triggers = [rule for rule in TriggerRule if has_upstream or rule not in NEEDS_UPSTREAM]
    request = choose(REQUESTS)
    return NodeRules(
        request=request,
        attempts=choose((1, 1, 2, 4)),
        trigger=choose([TriggerRule.ALL_SUCCESS, TriggerRule.ALL_SUCCESS, TriggerRule.ALL_DONE, *triggers]),
        allow_failure=choose(OFTEN_NOT),
        cleanup=choose(OFTEN_NOT),
        stoppable=request.pool != "thread",
        grace=choose((0.0, 3.0, 20.0)),
        timeout=choose((None, None, 4.0)),
        total_timeout=choose((None, None, None, 9.0)),
        resolve=choose(OFTEN_NOT),
    )
