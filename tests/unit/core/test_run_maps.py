"""Mapped tasks: a running attempt finds its items, and the items decide how the task ends."""

from nbdag.core.capacity import Request
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.core.triggers import TriggerRule
from tests.unit.core.story import LOOP, graph, kinds, node, started

PENDING, RUNNING, RETRYING = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING
SUCCESS, SKIPPED, FAILED = TaskStatus.SUCCESS, TaskStatus.SKIPPED, TaskStatus.FAILED
UPSTREAM_FAILED, CANCELLED = TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED


def test_items_run_and_the_task_succeeds_with_the_last():
    """A mapped task is RUNNING while its items run, and opens what is below when all have succeeded."""
    # m -> n
    run = started(graph(m=(), n=("m",)), slots=2)

    run.expand("m", 2)
    assert run.statuses() == {"m": RUNNING, "n": PENDING, "m[0]": RUNNING, "m[1]": RUNNING}
    run.succeed("m[1]")
    assert run.statuses()["m"] is RUNNING
    run.succeed("m[0]")

    assert run.statuses() == {"m": SUCCESS, "n": RUNNING, "m[0]": SUCCESS, "m[1]": SUCCESS}
    assert run.said("task_expanded").data == {"count": 2}


def test_a_map_of_nothing_succeeds():
    """No items: the task succeeds at once."""
    run = started(graph(m=(), n=("m",)))

    run.expand("m", 0)
    run.succeed("n")

    assert (run.statuses(), run.state.finished) == ({"m": SUCCESS, "n": SUCCESS}, RunStatus.SUCCESS)


def test_an_expanded_map_holds_no_slot():
    """Its own attempt is over; only its items hold something, by the same request."""
    gpu = Request("thread", (("gpu", 1.0),))
    run = started(graph(m=node(request=gpu)), slots=9, resources={"gpu": 2.0})

    run.expand("m", 5)

    assert (run.capacity.used_slots["parallel"], run.capacity.used) == (2, {"gpu": 2.0})


def test_a_failed_item_fails_the_task_when_all_are_over():
    """The other items run on; then the task is FAILED, says how many failed, and is blamed."""
    # m -> n
    run = started(graph(m=(), n=("m",)), slots=3)
    run.expand("m", 3)

    run.fail("m[1]")
    assert run.statuses()["m"] is RUNNING
    run.succeed("m[0]", "m[2]")

    assert run.statuses() == {
        "m": FAILED,
        "n": UPSTREAM_FAILED,
        "m[0]": SUCCESS,
        "m[1]": FAILED,
        "m[2]": SUCCESS,
    }
    assert run.said("task_failed", "m").message == "TaskFailed: 1 of 3 items failed: m[1]"
    assert run.said("task_upstream_failed").data == {"blamed": ("m",)}
    assert run.state.finished is RunStatus.FAILED


def test_skipped_items_are_no_failure():
    """Items may skip themselves; the task succeeds."""
    run = started(graph(m=()), slots=2)
    run.expand("m", 2)

    run.skip("m[0]")
    run.succeed("m[1]")

    assert run.statuses() == {"m": SUCCESS, "m[0]": SKIPPED, "m[1]": SUCCESS}


def test_items_have_the_attempts_of_their_task():
    """Each item is tried again by itself; the attempt that expanded the task does not count."""
    run = started(graph(m=node(attempts=2)))
    run.expand("m", 1)

    run.fail("m[0]", retry_after=0.0)
    run.fail("m[0]", retry_after=0.0)

    assert (run.attempt("m"), run.attempt("m[0]"), run.statuses()["m"]) == (1, 2, FAILED)


def test_allowed_failure_of_items():
    """A mapped task that may fail may have failing items; the run succeeds."""
    run = started(graph(m=node(allow_failure=True)))
    run.expand("m", 1)

    run.fail("m[0]")

    assert (run.statuses(), run.state.finished) == ({"m": FAILED, "m[0]": FAILED}, RunStatus.SUCCESS)


def test_a_failed_item_stops_the_run_under_stop():
    """on_error looks at items as at tasks: what waits is cancelled, what runs finishes."""
    # m, x
    run = started(graph(m=(), x=()), slots=2, on_error="stop", max_parallel=2)
    run.succeed("x")
    run.expand("m", 3)

    run.fail("m[0]")
    assert run.statuses() == {"m": RUNNING, "x": SUCCESS, "m[0]": FAILED, "m[1]": RUNNING, "m[2]": CANCELLED}
    run.succeed("m[1]")

    assert (run.statuses()["m"], run.state.finished) == (FAILED, RunStatus.FAILED)


def test_cancel_while_items_run():
    """Running items are stopped, waiting ones cancelled; the task is CANCELLED with the last, never stopped itself."""
    run = started(graph(m=node(request=LOOP, grace=3.0), n=("m",)), slots=1)
    run.capacity.slots["async"] = 2
    run.expand("m", 3)

    actions = run.cancel("enough")
    assert kinds(actions) == ["cancel 2/1", "wake 3.0", "cancel 3/1", "wake 3.0", "wake 10.0"]
    assert run.statuses() == {"m": RUNNING, "n": CANCELLED, "m[0]": RUNNING, "m[1]": RUNNING, "m[2]": CANCELLED}
    run.fail("m[0]")
    run.later(3.0)

    assert set(run.statuses().values()) == {CANCELLED}
    assert (run.said("task_cancelled", "m").message, run.state.finished) == ("enough", RunStatus.CANCELLED)


def test_a_map_that_expands_after_a_stop_starts_no_items():
    """Under on_error="stop" the running attempt may finish, but its items would be new: they are cancelled."""
    run = started(graph(a=(), m=()), slots=2, on_error="stop")
    run.fail("a")

    run.expand("m", 2)

    assert run.statuses() == {"a": FAILED, "m": CANCELLED, "m[0]": CANCELLED, "m[1]": CANCELLED}
    assert run.state.finished is RunStatus.FAILED


def test_a_map_of_nothing_after_a_stop_succeeds():
    """With no items there is nothing that the stop could keep from starting."""
    run = started(graph(a=(), m=()), slots=2, on_error="stop")
    run.fail("a")

    run.expand("m", 0)

    assert (run.statuses(), run.said("task_succeeded").message) == ({"a": FAILED, "m": SUCCESS}, "")


def test_an_expansion_that_comes_too_late_is_an_end():
    """Items found by an abandoned attempt never come into being."""
    run = started(graph(m=(), x=()))
    run.overdue("m")

    run.expand("m", 5)

    assert run.statuses() == {"m": FAILED, "x": RUNNING}
    assert "thread_finally_ended" in run.events("m")


def test_an_expansion_of_a_stopped_attempt_is_an_end():
    """Items found while the coroutine was asked to stop never come into being either."""
    run = started(graph(m=node(request=LOOP)))
    run.cancel()

    run.expand("m", 5)

    assert (run.statuses(), run.state.finished) == ({"m": CANCELLED}, RunStatus.CANCELLED)


def test_clean_up_may_be_mapped():
    """When the grace of a mapped clean-up is over its items are stopped, and it ends with them, once."""
    run = started(graph(a=(), m=node("a", trigger=TriggerRule.ALL_DONE, cleanup=True)), slots=9)
    run.cancel()
    run.expand("m", 2)
    run.succeed("m[0]")

    run.later(10.0)

    assert run.statuses() == {"a": CANCELLED, "m": CANCELLED, "m[0]": SUCCESS, "m[1]": CANCELLED}
    assert run.events("m") == ["task_started", "task_expanded", "task_cancelled"]
    assert run.capacity.used_slots["parallel"] == 2  # the threads of a and m[1] still run


def test_run_timeout_while_items_run():
    """Running items fail with the run's timeout, and their task with them."""
    run = started(graph(m=()), slots=1)
    run.expand("m", 2)

    run.time_out()

    assert run.statuses() == {"m": FAILED, "m[0]": FAILED, "m[1]": CANCELLED}
    assert run.said("task_failed", "m[0]").data["reason"] == "run_timeout"


def test_a_hundred_items():
    """Items share their task's rank, so that they start in order."""
    run = started(graph(m=(), n=("m",)), slots=8)
    run.expand("m", 100)

    for number in range(100):
        run.succeed(f"m[{number}]")
    run.succeed("n")

    assert run.log("task_started") == ["m", *(f"m[{number}]" for number in range(100)), "n"]
    assert run.state.finished is RunStatus.SUCCESS


def test_items_queue_from_the_moment_they_come_into_being():
    """The queue time of an item counts from the expansion."""
    run = started(graph(m=()))
    run.now = 10.0
    run.expand("m", 2)

    run.now = 13.0
    run.succeed("m[0]")

    assert run.said("task_started", "m[1]").data["queued"] == 3.0
