"""Ready nodes: the best-ranked that fits comes first."""

from nbdag.core.capacity import Capacity, Request
from nbdag.core.ready import ReadyQueues

PLAIN, GPU, LOOP = Request("thread"), Request("thread", (("gpu", 1.0),)), Request("loop")


def queues(*entries: tuple[Request, int, int]) -> ReadyQueues:
    ready = ReadyQueues()
    for request, rank, node in entries:
        ready.push(request, rank, node)
    return ready


def test_nodes_come_out_by_rank():
    """Rank decides, then the id."""
    ready = queues((PLAIN, 2, 7), (PLAIN, 1, 8), (PLAIN, 2, 6))

    assert [ready.pop("thread", Capacity(9, 9)) for _ in range(4)] == [8, 6, 7, None]


def test_a_blocked_head_is_passed():
    """A node whose resource is taken keeps nobody else from starting, and comes when it is free."""
    ready, without, with_gpu = queues((GPU, 0, 1), (PLAIN, 1, 2)), Capacity(9, 9), Capacity(9, 9, {"gpu": 1})

    assert [ready.pop("thread", without), ready.pop("thread", without)] == [2, None]
    assert ready.pop("thread", with_gpu) == 1


def test_pools_are_apart():
    """A worker gets only what its own pool runs."""
    ready = queues((LOOP, 0, 1), (PLAIN, 1, 2))

    assert (ready.pop("caller", Capacity(9, 9)), ready.pop("thread", Capacity(9, 9))) == (None, 2)
    assert ready.pools() == ("loop", "thread")


def test_has_tells_what_pop_would_do():
    """It is True exactly when a node would come out, and takes nothing."""
    ready = queues((GPU, 0, 1))

    assert [ready.has("thread", Capacity(9, 9)), ready.has("loop", Capacity(9, 9, {"gpu": 1}))] == [False, False]
    assert ready.has("thread", Capacity(9, 9, {"gpu": 1}))
    assert len(ready) == 1


def test_a_forgotten_node_never_comes_out():
    """Forgetting takes a node out of any depth of the heap, and one that is not in does no harm."""
    ready = queues((PLAIN, 0, 1), (PLAIN, 1, 2), (PLAIN, 2, 3))

    for node in (1, 3, 99):
        ready.forget(node)

    assert len(ready) == 1
    assert [ready.pop("thread", Capacity(9, 9)) for _ in range(2)] == [2, None]
    assert not ready.has("thread", Capacity(9, 9))
