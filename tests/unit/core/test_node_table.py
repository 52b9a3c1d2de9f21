"""Ends and what follows from them: who is blamed, what messages say, what a map adds."""

import pytest

from nbdag.core.node_table import MOST_BLAMED, NodeTable
from nbdag.core.reports import IllegalReport
from nbdag.core.status import TaskStatus
from nbdag.core.triggers import TriggerRule
from tests.unit.core.story import graph, node, started

SUCCESS, FAILED, CANCELLED = TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.CANCELLED


def test_blamed_are_the_root_failures():
    """A blocked task names the tasks that failed, however far above, never the blocked ones between."""
    # a -> b -> d ;  c -> d
    run = started(graph(a=(), b=("a",), c=(), d=("b", "c")), slots=2)

    run.fail("c")
    run.fail("a")

    assert run.said("task_upstream_failed", "b").data == {"blamed": ("a",)}
    assert run.said("task_upstream_failed", "d").data == {"blamed": ("a", "c")}
    assert run.said("task_upstream_failed", "d").message == "blocked by a, c"


def test_a_root_failure_is_blamed_once():
    """A failure that reaches a task on two ways is named once."""
    # a -> b -> d ;  a -> c -> d
    run = started(graph(a=(), b=("a",), c=("a",), d=("b", "c")))

    run.fail("a")

    assert run.said("task_upstream_failed", "d").data == {"blamed": ("a",)}


def test_a_task_that_ran_in_spite_of_a_failure_hides_it():
    """What is below a task that ran after a failure and failed itself blames that task alone."""
    # a -> b, b starts whatever happened -> c
    run = started(graph(a=(), b=node("a", trigger=TriggerRule.ALL_DONE), c=("b",)))

    run.fail("a")
    run.fail("b")

    assert run.said("task_upstream_failed").data == {"blamed": ("b",)}


def test_blame_is_bounded():
    """A task below many failures names the first twenty, so that events stay small."""
    failing = {f"f{number}": () for number in range(30)}
    run = started(graph(**failing, last=tuple(failing)), slots=30)

    for name in failing:
        run.fail(name)

    assert run.said("task_upstream_failed").data == {"blamed": tuple(f"f{number}" for number in range(MOST_BLAMED))}


def test_consequences_are_told_the_nearest_first():
    """The log of a failure reads downward, level by level, in definition order."""
    # a -> b -> d ;  a -> c -> e
    run = started(graph(a=(), b=("a",), c=("a",), d=("b",), e=("c",)))

    run.fail("a")

    assert run.log("task_upstream_failed") == ["b", "c", "d", "e"]


def test_end_gives_what_may_start_now():
    """Ending the last upstream of several tasks opens them all, and those only."""
    # a -> b ;  a -> c ;  a, b -> d
    nodes = NodeTable(graph(a=(), b=("a",), c=("a",), d=("a", "b")))

    assert nodes.open_roots(0.0) == [0]
    assert nodes.end(0, SUCCESS, 1.0) == [1, 2]
    assert nodes.left == 3


def test_roots_that_cannot_start_open_what_is_below():
    """A root ended by its own rule may let others start in the same step."""
    # a -> b, b does not mind
    never = node(trigger=TriggerRule.ONE_FAILED)
    nodes = NodeTable(graph(a=never, b=node("a", trigger=TriggerRule.ALL_DONE)))

    assert nodes.open_roots(0.0) == [1]


def test_a_halted_table_opens_clean_up_alone():
    """Once halted only clean-up may start; once closed, nothing."""
    cleanup = node("a", trigger=TriggerRule.ALL_DONE, cleanup=True)
    halted, closed = NodeTable(graph(a=(), b=("a",), c=cleanup)), NodeTable(graph(a=(), b=("a",), c=cleanup))
    halted.halted = closed.halted = "enough"
    closed.closed = True

    assert (halted.end(0, FAILED, 0.0), closed.end(0, FAILED, 0.0)) == ([2], [])
    assert [event.name for event in closed.events][-1] == "task_cancelled"


def test_a_task_below_a_cancelled_one_says_so():
    """Where the run as a whole was not stopped, the message names the cause above."""
    nodes = NodeTable(graph(a=(), b=("a",)))

    nodes.end(0, CANCELLED, 0.0, "by hand")

    assert [event.message for event in nodes.events] == ["by hand", "a task above was cancelled"]


def test_items_are_named_after_their_task():
    """An expansion adds nodes of the same rules and rank, and the last item's end completes the map."""
    nodes = NodeTable(graph(m=node(attempts=3), n=("m",), ranks=(7, 8)))

    items = nodes.expand(0, 2)

    assert (items, nodes.names) == (range(2, 4), ["m", "n", "m[0]", "m[1]"])
    assert (nodes.rules[2].attempts, nodes.ranks, nodes.left) == (3, [7, 8, 7, 7], 4)
    assert [nodes.is_item(number) for number in range(4)] == [False, False, True, True]
    assert [nodes.completed_map(number) for number in (1, 2, 3)] == [None, None, 0]


def test_a_cancelled_item_does_not_hide_a_failed_one():
    """A map with failed and cancelled items has failed."""
    nodes = NodeTable(graph(m=()))
    nodes.expand(0, 3)

    nodes.end(1, SUCCESS, 0.0)
    nodes.end(2, CANCELLED, 0.0)
    assert nodes.sum_up(0) == (CANCELLED, "")
    nodes.end(3, FAILED, 0.0)

    assert nodes.sum_up(0) == (FAILED, "1 of 3 items failed: m[2]")


def test_many_failed_items_are_counted_and_the_first_named():
    """The message of a map stays short."""
    nodes = NodeTable(graph(m=()))
    for item in nodes.expand(0, 9):
        nodes.end(item, FAILED, 0.0)

    assert nodes.sum_up(0) == (FAILED, "9 of 9 items failed: m[0], m[1], m[2], m[3], m[4]")


@pytest.mark.parametrize("number", [-1, 2])
def test_require_refuses_what_does_not_exist(number):
    """Ids count from 0; a negative one is no way to the last."""
    nodes = NodeTable(graph(a=(), b=()))

    with pytest.raises(IllegalReport, match=f"there is no node {number}"):
        nodes.require(number)
