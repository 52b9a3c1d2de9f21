"""Walks over integers: order, reach, longest paths, circles; against brute force on small random graphs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdag.core.walks import circles, path_lengths, reach, sorted_nodes


def both_ways(count, edges):
    """Neighbours up and down, from (upstream, downstream) pairs."""
    up, down = [[] for _ in range(count)], [[] for _ in range(count)]
    for above, below in sorted(edges):
        up[below].append(above)
        down[above].append(below)
    return up, down


graphs = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        st.just(count), st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14)
    )
)


def reached(count, edges, start):
    """All that can be reached, found by going on until nothing is new."""
    found = {below for above, below in edges if above == start}
    while more := {below for above, below in edges if above in found} - found:
        found |= more
    return found


def shortest_circle(count, edges, members):
    """Length of the shortest circle among some nodes, found by trying all."""
    for length in range(1, count + 1):
        for path in itertools.permutations(members, length):
            if all(step in edges for step in zip(path, (*path[1:], path[0]), strict=True)):
                return length
    raise AssertionError


@given(graphs)
def test_reach_is_what_steps_lead_to(graph):
    """Reach holds a node exactly when some path of at least one step leads there."""
    count, edges = graph
    _, down = both_ways(count, edges)

    assert [reach(down, [node]) for node in range(count)] == [reached(count, edges, node) for node in range(count)]


@given(graphs)
def test_order_puts_every_node_after_its_upstreams(graph):
    """The order holds exactly the nodes that no circle stops, the smallest free one first."""
    count, edges = graph
    ways = {node: reached(count, edges, node) for node in range(count)}
    in_circle = {node for node in ways if node in ways[node]}
    stopped = in_circle.union(*(ways[node] for node in in_circle))
    expected = []
    while len(expected) < count - len(stopped):
        expected.append(
            min(
                node
                for node in range(count)
                if node not in expected and all(above in expected for above, below in edges if below == node)
            )
        )

    assert sorted_nodes(*both_ways(count, edges)) == expected


@given(graphs)
def test_one_shortest_circle_for_each_tangle(graph):
    """Every tangle gives one circle along real edges, no longer than any other in it, the smallest node first."""
    count, edges = graph
    ways = {node: reached(count, edges, node) for node in range(count)}
    tangles = {frozenset(other for other in ways[node] if node in ways[other]) for node in ways} - {frozenset()}

    found = list(circles(*both_ways(count, edges), suspects=range(count)))

    assert {next(tangle for tangle in tangles if circle[0] in tangle) for circle in found} == tangles
    assert len(found) == len(tangles)
    for circle in found:
        assert all(step in edges for step in zip(circle, [*circle[1:], circle[0]], strict=True))
        tangle = next(tangle for tangle in tangles if circle[0] in tangle)
        assert len(circle) == shortest_circle(count, edges, tangle)
        assert circle[0] == min(circle)


@pytest.mark.parametrize(
    ("edges", "lengths"),
    [(set(), (1, 1, 1, 1)), ({(0, 1), (1, 2), (0, 2), (2, 3)}, (1, 2, 3, 4)), ({(3, 2), (1, 0)}, (2, 1, 2, 1))],
)
def test_the_longest_path_counts_its_nodes(edges, lengths):
    """A node alone has a path of one."""
    up, down = both_ways(4, edges)

    assert path_lengths(sorted_nodes(up, down), up) == lengths
