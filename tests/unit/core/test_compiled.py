"""What a run needs of a graph: targets and all above them, ranks, and rules the machine can read."""

from typing import Any

from nbdag.core.capacity import Request
from nbdag.core.compiled import CompiledGraph, NodeRules, compile_graph, rules_of
from nbdag.core.graph import Graph
from nbdag.core.retry import RetryPolicy
from nbdag.core.task import TaskSpec
from nbdag.core.triggers import TriggerRule


def spec(name: str, *after: str, **options: Any) -> TaskSpec:
    return TaskSpec(name, print, after=after, **options)


def graph(*specs: TaskSpec) -> Graph:
    """A graph by hand, in an order that is topological where the tests need one."""
    index = {task.name: number for number, task in enumerate(specs)}
    upstream = tuple(tuple(index[up] for up in task.after) for task in specs)
    downstream = tuple(tuple(low for low, ups in enumerate(upstream) if up in ups) for up in range(len(specs)))
    order: list[int] = []
    while len(order) < len(specs):
        order.append(next(n for n in index.values() if n not in order and set(upstream[n]) <= set(order)))
    return Graph(specs, index, upstream, downstream, tuple(() for _ in specs), tuple(order))


def in_rank_order(compiled: CompiledGraph) -> list[str]:
    return [compiled.names[node] for node in sorted(range(len(compiled.names)), key=compiled.ranks.__getitem__)]


def test_a_whole_graph_keeps_its_neighbours():
    """Without targets every task is a node, in definition order."""
    # b -> a ;  b -> c
    compiled = compile_graph(graph(spec("a", "b"), spec("b"), spec("c", "b")))

    assert (compiled.names, compiled.tasks) == (("a", "b", "c"), (0, 1, 2))
    assert (compiled.upstream, compiled.downstream) == (((1,), (), (1,)), ((), (0, 2), ()))


def test_targets_bring_what_they_need():
    """A run of some tasks holds them and all their ancestors, with ids of its own."""
    # x ;  a -> b -> c ;  a -> d
    whole = graph(spec("x"), spec("a"), spec("b", "a"), spec("c", "b"), spec("d", "a"))

    compiled = compile_graph(whole, targets=[2, 4])

    assert (compiled.names, compiled.tasks) == (("a", "b", "d"), (1, 2, 4))
    assert (compiled.upstream, compiled.downstream) == (((), (0,), (0,)), ((1, 2), (), ()))


def test_a_shared_ancestor_is_a_node_once():
    """Two ways to one ancestor make one node."""
    # a -> b -> d ;  a -> c -> d
    compiled = compile_graph(graph(spec("a"), spec("b", "a"), spec("c", "a"), spec("d", "b", "c")), targets=[3])

    assert compiled.names == ("a", "b", "c", "d")


def test_nothing_is_wanted():
    """No targets at all make an empty run."""
    assert compile_graph(graph(spec("a")), targets=[]) == CompiledGraph((), (), (), (), (), ())


def test_given_results_cut_off_what_is_above():
    """A task whose result is given needs nothing above it, and is looked up instead of run."""
    # a -> b -> c ;  a -> d
    whole = graph(spec("a"), spec("b", "a"), spec("c", "b"), spec("d", "a"))

    compiled = compile_graph(whole, targets=[2], given=[1])

    assert (compiled.names, compiled.upstream) == (("b", "c"), ((), (0,)))
    assert [rules.resolve for rules in compiled.rules] == [True, False]


def test_a_whole_graph_with_a_given_result_keeps_what_is_above():
    """Without targets every task was asked for, those above a given result too, but it waits for none of them."""
    # a -> b -> c
    compiled = compile_graph(graph(spec("a"), spec("b", "a"), spec("c", "b")), given=[1])

    assert (compiled.names, compiled.upstream, compiled.downstream) == (("a", "b", "c"), ((), (), (1,)), ((), (2,), ()))


def test_a_given_result_asks_no_trigger_rule():
    """With nothing above it, a handler of failures would be skipped; its given result is used."""
    whole = graph(spec("a"), spec("b", "a", trigger=TriggerRule.ONE_FAILED))

    compiled = compile_graph(whole, targets=[1], given=[1])

    assert compiled.rules == (NodeRules(trigger=TriggerRule.ALL_SUCCESS, resolve=True),)


def test_priority_ranks_first():
    """Higher priority starts first (R38)."""
    compiled = compile_graph(graph(spec("a", priority=1), spec("b", priority=5), spec("c", priority=3)))

    assert in_rank_order(compiled) == ["b", "c", "a"]


def test_the_longer_way_ranks_before_the_shorter():
    """With equal priority, what has more below it starts first; then definition order."""
    # a ;  b -> c -> d ;  e -> f ;  g
    specs = spec("a"), spec("b"), spec("c", "b"), spec("d", "c"), spec("e"), spec("f", "e"), spec("g")

    assert in_rank_order(compile_graph(graph(*specs))) == ["b", "c", "e", "a", "d", "f", "g"]


def test_the_remaining_way_is_that_of_the_run():
    """What is not part of the run makes no way longer."""
    # a ;  b -> c
    compiled = compile_graph(graph(spec("a"), spec("b"), spec("c", "b")), targets=[0, 1])

    assert in_rank_order(compiled) == ["a", "b"]


def test_rules_say_what_the_machine_must_know():
    """Every option that decides something is in the rules."""
    task = spec(
        "a",
        retry=RetryPolicy(retries=2),
        timeout=3.0,
        total_timeout=9.0,
        kill_grace=1.0,
        trigger=TriggerRule.ALL_DONE,
        allow_failure=True,
        cleanup=True,
        resources=(("gpu", 1.0),),
        pool="loop",
    )

    assert rules_of(task) == NodeRules(
        request=Request("loop", (("gpu", 1.0),)),
        attempts=3,
        trigger=TriggerRule.ALL_DONE,
        allow_failure=True,
        cleanup=True,
        stoppable=True,
        grace=1.0,
        timeout=3.0,
        total_timeout=9.0,
        resolve=False,
    )
    assert not rules_of(spec("b")).stoppable


def test_equal_rules_are_one_object():
    """Ten thousand plain tasks hold their rules once."""
    compiled = compile_graph(graph(spec("a"), spec("b"), spec("c", priority=1)))

    assert len({id(rules) for rules in compiled.rules}) == 1


def test_max_attempts_names_those_with_more_than_one():
    """What viewers need to say "attempt 2 of 3"; silent about the plain case."""
    compiled = compile_graph(graph(spec("a"), spec("b", retry=RetryPolicy(retries=2))))

    assert compiled.max_attempts() == {"b": 3}
