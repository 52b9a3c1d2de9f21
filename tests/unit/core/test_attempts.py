"""Who starts when something is free: rank, resources, limits of one run and of runs together."""

from nbdag.core.capacity import Capacity, Request
from nbdag.core.status import RunStatus, TaskStatus
from tests.unit.core.story import LOOP, graph, node, started

PENDING, RUNNING, SUCCESS = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.SUCCESS

GPU = Request("thread", (("gpu", 1.0),))


def test_the_best_rank_starts_first():
    """Of what is ready, the lowest rank starts first, whatever the order of definition (R38)."""
    run = started(graph(a=(), b=(), c=(), ranks=(2, 0, 1)))

    run.succeed("b", "c", "a")

    assert run.log("task_started") == ["b", "c", "a"]


def test_rank_counts_between_different_requests():
    """Tasks that want different resources compete by rank all the same."""
    run = started(graph(a=node(request=GPU), b=(), c=node(request=GPU), ranks=(1, 0, 2)), resources={"gpu": 1.0})

    run.succeed("b", "a", "c")

    assert run.log("task_started") == ["b", "a", "c"]


def test_resources_are_never_exceeded_and_block_nobody_else():
    """Eight tasks share one GPU while eight others fill the slots (R39)."""
    tasks = {f"g{number}": node(request=GPU) for number in range(8)} | {f"t{number}": () for number in range(8)}
    run = started(graph(**tasks), slots=4, resources={"gpu": 1.0})

    assert run.log("task_started") == ["g0", "t0", "t1", "t2"]
    run.succeed("t0")
    assert (run.log("task_started")[-1], run.capacity.used) == ("t3", {"gpu": 1.0})
    run.succeed("g0")

    assert (run.log("task_started")[-1], run.capacity.used) == ("g1", {"gpu": 1.0})


def test_resources_are_taken_all_or_none():
    """A task that needs two resources holds neither while one is missing."""
    both = Request("thread", (("gpu", 1.0), ("disk", 1.0)))
    disk = Request("thread", (("disk", 1.0),))
    run = started(
        graph(a=node(request=GPU), b=node(request=both), c=node(request=disk)),
        slots=9,
        resources={"gpu": 1.0, "disk": 1.0},
    )

    assert run.statuses() == {"a": RUNNING, "b": PENDING, "c": RUNNING}
    run.succeed("a")
    assert (run.statuses()["b"], run.capacity.used) == (PENDING, {"gpu": 0.0, "disk": 1.0})
    run.succeed("c")

    assert (run.statuses()["b"], run.capacity.used) == (RUNNING, {"gpu": 1.0, "disk": 1.0})


def test_threads_and_coroutines_have_slots_of_their_own():
    """A full house of threads leaves the loop its slots, and the caller's loop shares them."""
    caller = node(request=Request("caller"))
    run = started(graph(a=(), b=(), c=node(request=LOOP), d=caller, e=caller), capacity=Capacity(1, 2))

    assert run.statuses() == {"a": RUNNING, "b": PENDING, "c": RUNNING, "d": RUNNING, "e": PENDING}


def test_a_run_may_have_a_limit_of_its_own():
    """max_parallel of a run counts its threads, abandoned ones included, and no coroutines."""
    run = started(graph(a=(), b=(), c=(), d=node(request=LOOP)), slots=9, max_parallel=2)
    assert run.statuses() == {"a": RUNNING, "b": RUNNING, "c": PENDING, "d": RUNNING}

    run.overdue("a")
    assert run.statuses()["c"] is PENDING
    assert not run.state.can_take("thread")
    run.succeed("a")

    assert run.statuses()["c"] is RUNNING


def test_runs_of_one_pipeline_share_its_slots():
    """Together two runs stay within the capacity; what one gives back the other may take."""
    capacity = Capacity(2, 1)
    first = started(graph(a=(), b=()), capacity=capacity)
    second = started(graph(x=()), capacity=capacity)
    assert second.statuses() == {"x": PENDING}

    first.succeed("a")
    second.pull()

    assert (second.statuses(), capacity.used_slots["parallel"]) == ({"x": RUNNING}, 2)


def test_an_abandoned_thread_of_one_run_counts_for_the_other():
    """A run that is over still holds the slots of its threads."""
    capacity = Capacity(1, 1)
    first = started(graph(a=()), capacity=capacity)
    first.overdue("a")
    second = started(graph(x=()), capacity=capacity)
    assert (first.state.finished, second.statuses()) == (RunStatus.FAILED, {"x": PENDING})

    first.succeed("a")
    second.pull()

    assert second.statuses() == {"x": RUNNING}


def test_capacity_may_change_while_the_run_goes_on():
    """Fewer slots stop nothing that runs; more let the next ones start."""
    run = started(graph(a=(), b=(), c=(), d=()), slots=2)

    run.capacity.slots["parallel"] = 1
    run.succeed("a")
    assert run.statuses() == {"a": SUCCESS, "b": RUNNING, "c": PENDING, "d": PENDING}
    run.capacity.slots["parallel"] = 3
    run.pull()

    assert run.statuses() == {"a": SUCCESS, "b": RUNNING, "c": RUNNING, "d": RUNNING}


def test_all_is_given_back():
    """When a run is over and its threads have ended, it holds nothing."""
    run = started(graph(a=node(request=GPU), b=node(request=GPU, attempts=2)), slots=9, resources={"gpu": 2.0})

    run.overdue("a")
    run.fail("b", retry_after=0.0)
    run.skip("b")
    run.fail("a")

    assert (run.capacity.used_slots, run.capacity.used) == ({"parallel": 0, "async": 0}, {"gpu": 0.0})
    assert (run.capacity.live, run.capacity.abandoned) == (0, 0)


def test_queue_time_counts_from_the_moment_a_task_was_ready():
    """Waiting for upstreams or for a delay is no queueing; waiting for a slot is."""
    # a -> b ;  c keeps the slot that b needs
    run = started(graph(a=(), b=("a",), c=(), ranks=(0, 2, 1)))
    run.now = 5.0
    run.succeed("a")
    run.now = 8.0
    run.succeed("c")

    assert [run.said("task_started", name).data["queued"] for name in "acb"] == [0.0, 5.0, 3.0]
