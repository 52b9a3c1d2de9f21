"""A node that needs much is not passed for ever by nodes that need little."""

from nbdag.core.attempts import OVERTAKEN_AT_MOST
from nbdag.core.capacity import Capacity, Request
from nbdag.core.reports import RunBegan
from nbdag.core.status import TaskStatus
from tests.unit.core.story import Story, graph, node, started

BIG, SMALL = Request("thread", (("cpu", 4.0),)), Request("thread", (("cpu", 1.0),))
OTHER, PLAIN = Request("thread", (("disk", 1.0),)), Request("thread")


def crowd(capacity=None, *, big_first=True, **more):
    """A node `big` of the best or the last rank, and small ones: all ready, the first four of the small ones run."""
    small = {f"s{number}": node(request=SMALL) for number in range(12)}
    tasks = {"first": node(request=SMALL), "big": node("first", request=BIG), **small, **more}
    ranks = [0, 1 if big_first else 99, *range(2, 2 + len(small) + len(more))]
    run = started(graph(ranks=ranks, **tasks), capacity=capacity or Capacity(9, 9, {"cpu": 4, "disk": 1}))
    run.succeed("first")
    return run


def running(run):
    return [name for name, status in run.statuses().items() if status is TaskStatus.RUNNING]


def test_a_node_that_needs_little_may_pass():
    """While nobody waits for long, what is free is used."""
    run = crowd()

    run.later(OVERTAKEN_AT_MOST - 1)
    run.succeed("s0")

    assert running(run) == ["s1", "s2", "s3", "s4"]


def test_after_a_while_nobody_passes_any_more():
    """A node that was overtaken for too long gets its resources as they come free, and then the others go on."""
    run = crowd()
    run.later(OVERTAKEN_AT_MOST)
    run.succeed("s0")  # who passes now is the last one
    assert running(run) == ["s1", "s2", "s3", "s4"]

    run.succeed("s1", "s2", "s3")
    assert running(run) == ["s4"]
    run.succeed("s4")
    assert running(run) == ["big"]
    run.succeed("big")

    assert running(run) == ["s5", "s6", "s7", "s8"]


def test_only_what_it_needs_is_held_back():
    """Nodes that need none of its resources start as ever."""
    run = crowd(other=node("s1", request=OTHER), plain=node("s1", request=PLAIN))
    run.later(OVERTAKEN_AT_MOST)

    run.succeed("s0", "s1")

    assert running(run) == ["s2", "s3", "s4", "other", "plain"]


def test_a_lower_rank_has_to_wait():
    """Priority is priority: a node that comes later by rank is not overtaken, it is behind."""
    run = crowd(big_first=False)
    run.later(OVERTAKEN_AT_MOST)

    run.succeed("s0", "s1", "s2")

    assert running(run) == ["s3", "s4", "s5", "s6"]


def test_overlapping_runs_do_not_pass_it_either():
    """The resources are the pipeline's: another run waits too, and goes on when the node has started."""
    capacity = Capacity(9, 9, {"cpu": 4})
    run = crowd(capacity)
    run.later(OVERTAKEN_AT_MOST)
    run.succeed("s0")
    other = Story(graph(x=node(request=SMALL)), capacity)
    other.tell(RunBegan(other.now))

    run.succeed("s1", "s2", "s3")
    assert other.take() is None
    run.succeed("s4")

    assert (running(run), capacity.claim) == (["big"], None)


def test_a_cancelled_node_holds_nobody_back():
    """When the run of the node that waits is cancelled, others get what it waited for."""
    capacity = Capacity(9, 9, {"cpu": 4})
    run = crowd(capacity)
    run.later(OVERTAKEN_AT_MOST)
    run.succeed("s0", "s1")
    assert capacity.claim is not None

    run.cancel()

    assert capacity.claim is None


def test_what_can_never_be_met_holds_nobody_back():
    """When there is less than it needs by now, or abandoned attempts hold some, the others go on."""
    capacity = Capacity(9, 9, {"cpu": 4})
    run = crowd(capacity)
    run.later(OVERTAKEN_AT_MOST)
    run.succeed("s0", "s1")
    assert running(run) == ["s2", "s3", "s4"]

    capacity.resources["cpu"] = 3
    run.succeed("s2")

    assert running(run) == ["s3", "s4", "s5"]


def test_an_abandoned_holder_lets_the_others_pass():
    """What an abandoned attempt holds may never come free, so nobody waits for the node that needs all."""
    run = crowd()
    run.later(OVERTAKEN_AT_MOST)
    run.succeed("s0", "s1")
    assert running(run) == ["s2", "s3", "s4"]

    run.overdue("s2")

    assert running(run) == ["s3", "s4", "s5"]
