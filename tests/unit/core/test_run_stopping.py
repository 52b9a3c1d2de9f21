"""How running attempts are stopped: time limits, cancels, run timeouts, clean-up, and threads that never end."""

from nbdag.core.capacity import Capacity, Request
from nbdag.core.reports import Failed, Skipped, Succeeded
from nbdag.core.status import FailureReason, RunStatus, TaskStatus
from nbdag.core.triggers import TriggerRule
from tests.unit.core.story import BOOM, LOOP, TOO_SLOW, graph, kinds, node, started

PENDING, RUNNING, RETRYING = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING
SUCCESS, FAILED = TaskStatus.SUCCESS, TaskStatus.FAILED
UPSTREAM_FAILED, CANCELLED = TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED

DONE = TriggerRule.ALL_DONE


def test_an_overdue_thread_is_given_up_at_once():
    """A thread cannot be stopped: its task fails at the deadline, and the event says that it still runs."""
    # a -> b ;  c waits for the slot
    run = started(graph(a=(), b=("a",), c=()))

    actions = run.overdue("a")

    assert kinds(actions) == ["cancel 0/1", "wake 60.0"]
    assert run.statuses() == {"a": FAILED, "b": UPSTREAM_FAILED, "c": PENDING}
    assert run.said("task_failed").data == {"reason": "timeout", "error": TOO_SLOW}
    assert "still runs in its thread" in run.said("attempt_abandoned").message


def test_an_abandoned_thread_keeps_its_slot_until_it_ends():
    """What waits for the slot starts when the thread is over, however long that takes."""
    run = started(graph(a=(), c=()))
    run.overdue("a")
    assert run.capacity.used_slots["parallel"] == 1

    run.later(30.0)
    assert run.statuses()["c"] is PENDING
    run.succeed("a")

    assert run.statuses() == {"a": FAILED, "c": RUNNING}


def test_an_abandoned_thread_keeps_its_resources():
    """A GPU that an abandoned thread holds is not given to anybody else."""
    gpu = Request("thread", (("gpu", 1.0),))
    run = started(graph(a=node(request=gpu), b=node(request=gpu)), slots=2, resources={"gpu": 1.0})

    run.overdue("a")

    assert (run.statuses(), run.capacity.used) == ({"a": FAILED, "b": PENDING}, {"gpu": 1.0})
    run.succeed("a")
    assert run.statuses()["b"] is RUNNING


def test_a_late_result_is_discarded():
    """What an abandoned attempt returns comes too late, and both facts are in the log."""
    run = started(graph(a=(), b=()))

    run.overdue("a")
    run.succeed("a")

    expected = ["task_started", "attempt_abandoned", "task_failed", "thread_finally_ended", "late_result_discarded"]
    assert run.events("a") == expected
    assert run.said("thread_finally_ended").attempt == 1


def test_a_late_failure_or_skip_is_nothing_but_an_end():
    """Only a value can be discarded."""
    run = started(graph(a=(), b=(), c=()), slots=2)
    run.overdue("a")
    run.overdue("b")

    run.fail("a")
    run.ended("b", Skipped())

    assert run.events("a")[-1] == run.events("b")[-1] == "thread_finally_ended"
    assert run.statuses() == {"a": FAILED, "b": FAILED, "c": RUNNING}


def test_a_late_end_after_the_run_is_still_told():
    """A thread may outlive its run; the capacity it held is free again for the next one."""
    run = started(graph(a=()))
    run.overdue("a")
    assert run.state.finished is RunStatus.FAILED

    run.succeed("a")

    assert [event.name for event in run.state.events][-2:] == ["thread_finally_ended", "late_result_discarded"]
    assert run.capacity.used_slots["parallel"] == 0


def test_a_retry_waits_for_the_thread_of_the_attempt_before():
    """Two attempts of one task never overlap, although slots are free and the delay has passed."""
    run = started(graph(a=node(attempts=2)), slots=2)

    run.overdue("a", retry_after=1.0)
    run.later(5.0)
    assert (run.statuses(), run.attempt("a")) == ({"a": RETRYING}, 1)
    run.succeed("a")

    assert (run.statuses(), run.attempt("a")) == ({"a": RUNNING}, 2)


def test_a_retry_whose_thread_ended_early_waits_for_its_delay():
    """The thread's end does not shorten the delay."""
    run = started(graph(a=node(attempts=2)))
    run.overdue("a", retry_after=5.0)

    run.succeed("a")
    assert run.statuses() == {"a": RETRYING}
    run.later(5.0)

    assert run.statuses() == {"a": RUNNING}


def test_total_timeout_ends_a_wait_for_the_own_thread():
    """A retry that stands behind its own abandoned attempt fails when the total is up, and never starts after it."""
    run = started(graph(a=node(attempts=2, timeout=1.0, total_timeout=10.0)), slots=2)
    run.now = 1.0
    run.overdue("a", retry_after=0.0)

    run.later(9.0)
    assert run.statuses() == {"a": FAILED}
    run.succeed("a")

    assert run.log("task_started") == ["a"]


def test_an_overdue_coroutine_is_asked_to_stop():
    """What can be stopped is asked, and runs until it has cleaned up."""
    run = started(graph(a=node(request=LOOP, grace=3.0)))

    actions = run.overdue("a")

    assert (kinds(actions), run.statuses()) == (["cancel 0/1", "wake 3.0"], {"a": RUNNING})
    run.ended("a", Failed(FailureReason.ERROR, BOOM))
    assert run.said("task_failed").data == {"reason": "timeout", "error": TOO_SLOW}
    assert run.capacity.used_slots["async"] == 0


def test_a_stopped_attempt_is_overdue_even_if_it_succeeds():
    """A value that comes after the deadline does not count."""
    run = started(graph(a=node(request=LOOP)))
    run.overdue("a")

    run.succeed("a")

    assert run.statuses() == {"a": FAILED}


def test_an_overdue_coroutine_may_be_tried_again():
    """After the stop the next attempt follows by the rules of retries."""
    run = started(graph(a=node(request=LOOP, attempts=2)))

    run.overdue("a", retry_after=0.0)
    run.ended("a", Failed(FailureReason.ERROR, BOOM))

    assert (run.statuses(), run.attempt("a")) == ({"a": RUNNING}, 2)


def test_a_coroutine_that_ignores_its_cancel_is_given_up_after_its_grace():
    """A coroutine that swallows its cancellation fails all the same, and keeps its slot while it runs."""
    run = started(graph(a=node(request=LOOP, grace=3.0)))
    run.overdue("a")

    run.later(3.0)

    assert run.statuses() == {"a": FAILED}
    assert "ignored its cancellation" in run.said("attempt_abandoned").message
    assert run.capacity.used_slots["async"] == 1


def test_being_overdue_twice_changes_nothing():
    """The second report about an attempt that is being stopped is dropped."""
    run = started(graph(a=node(request=LOOP)))
    run.overdue("a")

    assert run.overdue("a") == ()


def test_the_grace_of_an_earlier_attempt_does_not_touch_the_next():
    """An attempt that stopped in time leaves its wake behind; the retry runs on when it comes."""
    run = started(graph(a=node(request=LOOP, attempts=2, grace=3.0)))
    run.overdue("a", retry_after=0.0)
    run.fail("a")

    run.later(3.0)

    assert (run.statuses(), run.attempt("a")) == ({"a": RUNNING}, 2)


def test_cancel_stops_everything():
    """Waiting tasks are CANCELLED at once, threads given up, coroutines asked; the run ends when all have."""
    # t, l, r run ;  w waits for a slot ;  t -> n
    tasks = graph(t=(), r=node(attempts=2), l=node(request=LOOP), w=(), n=("t",))
    run = started(tasks, slots=2)
    run.capacity.slots["parallel"] = 1
    run.fail("r", retry_after=9.0)
    assert run.statuses() == {"t": RUNNING, "r": RETRYING, "l": RUNNING, "w": PENDING, "n": PENDING}

    actions = run.cancel("enough")

    assert kinds(actions) == ["cancel 0/1", "cancel 2/1", "wake 5.0", "wake 10.0"]
    assert run.statuses() == {"t": CANCELLED, "r": CANCELLED, "l": RUNNING, "w": CANCELLED, "n": CANCELLED}
    assert run.state.finished is None
    run.ended("l", Succeeded())
    assert set(run.statuses().values()) == {CANCELLED}
    assert run.state.finished is RunStatus.CANCELLED
    assert {run.said("task_cancelled", name).message for name in "tlrwn"} == {"enough"}


def test_cancel_without_a_reason_still_cancels():
    """An empty reason does not leave the run open."""
    run = started(graph(a=(), b=("a",)))

    run.cancel("")

    assert (run.statuses(), run.state.finished) == ({"a": CANCELLED, "b": CANCELLED}, RunStatus.CANCELLED)


def test_cancel_lets_a_failure_stand():
    """What failed before the cancel stays FAILED; the run is CANCELLED because a person said so."""
    run = started(graph(a=(), b=()))

    run.fail("a")
    run.cancel()

    assert (run.statuses(), run.state.finished) == ({"a": FAILED, "b": CANCELLED}, RunStatus.CANCELLED)


def test_a_coroutine_that_timed_out_before_the_cancel_is_failed():
    """An attempt that is being stopped keeps the reason of its stop, and is not tried again."""
    run = started(graph(a=node(request=LOOP, attempts=2)))
    run.overdue("a", retry_after=0.0)

    run.cancel()
    run.fail("a")

    assert (run.statuses(), run.attempt("a")) == ({"a": FAILED}, 1)


def test_a_second_cancel_gives_up_at_once():
    """Asked twice, the run ends without any grace, clean-up included."""
    # l -> clean ;  x -> tidy, both clean-up
    tidy = node("x", trigger=DONE, cleanup=True, request=LOOP)
    run = started(graph(l=node(request=LOOP), clean=node("l", trigger=DONE, cleanup=True), x=(), tidy=tidy))
    run.cancel()
    assert run.statuses() == {"l": RUNNING, "clean": PENDING, "x": CANCELLED, "tidy": RUNNING}

    run.cancel()

    assert set(run.statuses().values()) == {CANCELLED}
    assert run.state.finished is RunStatus.CANCELLED
    assert run.log("attempt_abandoned") == ["x", "l", "tidy"]


def test_cancel_is_heard_once_in_the_log():
    """The log tells one request, however often it is made."""
    run = started(graph(a=node(request=LOOP)))

    run.cancel("first")
    run.cancel("second")

    assert run.said("cancel_requested").message == "first"


def test_run_timeout_fails_what_runs_or_retries_and_cancels_the_rest():
    """RUNNING and RETRYING end FAILED(run_timeout), PENDING ends CANCELLED, the run FAILED (R30)."""
    tasks = graph(l=node(request=LOOP), r=node(attempts=2), t=(), p=())
    run = started(tasks)
    run.fail("r", retry_after=60.0)

    run.time_out()
    assert run.statuses() == {"l": RUNNING, "r": FAILED, "t": FAILED, "p": CANCELLED}
    run.fail("l")

    assert run.statuses()["l"] is FAILED
    assert {run.said("task_failed", name).data["reason"] for name in "lrt"} == {"run_timeout"}
    assert run.events() == ["run_started", "run_timed_out", "run_finished"]
    assert run.state.finished is RunStatus.FAILED


def test_run_timeout_lets_nothing_be_tried_again():
    """Attempts that are left do not help when the run's time is up."""
    run = started(graph(a=node(request=LOOP, attempts=9)))

    run.time_out()
    run.fail("a", retry_after=0.0)

    assert (run.statuses(), run.attempt("a")) == ({"a": FAILED}, 1)


def test_run_timeout_is_heard_once_and_not_after_a_cancel():
    """Time can run out once; a run that is cancelled has no time limit any more."""
    timed_out, cancelled = started(graph(a=node(request=LOOP))), started(graph(a=node(request=LOOP)))

    timed_out.time_out()
    cancelled.cancel()

    assert (timed_out.time_out(), cancelled.time_out()) == ((), ())


def test_cancel_after_the_run_timeout_makes_it_a_cancelled_run():
    """A person's word is the last one; tasks keep the state they have."""
    run = started(graph(a=node(request=LOOP), b=node(request=LOOP)))
    run.time_out()

    run.cancel()
    run.fail("a")
    run.fail("b")

    assert (run.statuses(), run.state.finished) == ({"a": FAILED, "b": FAILED}, RunStatus.CANCELLED)


def test_clean_up_runs_after_a_cancel():
    """A cleanup task under all_done starts although the run was cancelled, and another all_done task does not."""
    # a -> clean ;  a -> other
    run = started(graph(a=(), clean=node("a", trigger=DONE, cleanup=True), other=node("a", trigger=DONE)), slots=2)

    run.cancel()
    assert run.statuses() == {"a": CANCELLED, "clean": RUNNING, "other": CANCELLED}
    run.succeed("clean")

    assert (run.statuses()["clean"], run.state.finished) == (SUCCESS, RunStatus.CANCELLED)


def test_cleanup_without_all_done_is_no_clean_up():
    """Only a task that does not mind how its upstreams ended can clean up."""
    run = started(graph(a=(), b=node("a", cleanup=True)), slots=2)

    run.cancel()

    assert run.statuses() == {"a": CANCELLED, "b": CANCELLED}


def test_running_clean_up_goes_on_after_a_cancel():
    """Clean-up that already runs is not stopped before its grace is over."""
    run = started(graph(a=(), clean=node(trigger=DONE, cleanup=True)), slots=2)

    run.cancel()
    run.later(9.9)
    assert run.statuses() == {"a": CANCELLED, "clean": RUNNING}
    run.later(0.1)

    assert (run.statuses()["clean"], run.state.finished) == (CANCELLED, RunStatus.CANCELLED)


def test_clean_up_has_ten_seconds():
    """Ten seconds after the cancel, clean-up is stopped as everything else, waiting or running."""
    # a -> one -> two ;  a -> late retries
    clean = {"trigger": DONE, "cleanup": True}
    late = node("a", **clean, attempts=5)
    run = started(graph(a=(), one=node("a", **clean, request=LOOP), two=node("one", **clean), late=late), slots=2)
    run.cancel()
    run.fail("late", retry_after=30.0)
    assert run.statuses() == {"a": CANCELLED, "one": RUNNING, "two": PENDING, "late": RETRYING}

    actions = run.later(10.0)
    assert (kinds(actions), run.statuses()["one"]) == (["cancel 1/1", "wake 15.0"], RUNNING)
    assert (run.statuses()["two"], run.statuses()["late"]) == (CANCELLED, CANCELLED)
    run.fail("one")

    assert run.statuses()["one"] is CANCELLED
    assert run.state.finished is RunStatus.CANCELLED


def test_clean_up_is_not_tried_again_after_its_grace():
    """Clean-up that is being stopped for its own timeout when the grace ends fails, and does not retry."""
    run = started(graph(a=(), clean=node("a", trigger=DONE, cleanup=True, request=LOOP, attempts=5)))
    run.cancel()
    run.later(9.0)
    run.overdue("clean", retry_after=0.0)

    run.later(1.0)
    run.fail("clean")

    assert (run.statuses()["clean"], run.state.finished) == (FAILED, RunStatus.CANCELLED)


def test_a_trace_of_clean_up_that_comes_after_its_grace_is_dropped():
    """Clean-up whose trace is looked up when the grace ends is CANCELLED once and for all."""
    run = started(graph(a=(), clean=node("a", trigger=DONE, cleanup=True, resolve=True)))
    run.cancel()
    run.later(10.0)

    run.found("clean")

    assert run.events("clean") == ["task_cancelled"]


def test_clean_up_behind_its_own_thread_does_not_start_after_its_grace():
    """When the abandoned thread ends at last, the task is long CANCELLED and stays so."""
    run = started(graph(a=(), clean=node("a", trigger=DONE, cleanup=True, attempts=2)), slots=2)
    run.succeed("a")
    run.overdue("clean", retry_after=0.0)
    run.cancel()

    run.later(10.0)
    run.succeed("clean")

    assert run.events("clean")[-3:] == ["task_cancelled", "thread_finally_ended", "late_result_discarded"]


def test_clean_up_after_a_run_timeout():
    """The run's time limit leaves clean-up its grace, too, and the run stays FAILED (R35)."""
    run = started(graph(a=(), clean=node("a", trigger=DONE, cleanup=True)), slots=2)

    run.time_out()
    run.succeed("clean")

    assert (run.statuses(), run.state.finished) == ({"a": FAILED, "clean": SUCCESS}, RunStatus.FAILED)


def test_a_starved_run_gives_the_rest_up():
    """After 60 s of nothing but abandoned attempts the rest is CANCELLED, and the run FAILED naming them."""
    # a hangs in the only slot ;  b, c wait ;  b -> d
    run = started(graph(a=node(allow_failure=True), b=(), c=(), d=("b",)))

    actions = run.overdue("a")
    assert kinds(actions) == ["cancel 0/1", "wake 60.0"]
    run.later(59.0)
    assert run.statuses() == {"a": FAILED, "b": PENDING, "c": PENDING, "d": PENDING}
    run.later(1.0)

    assert run.statuses() == {"a": FAILED, "b": CANCELLED, "c": CANCELLED, "d": CANCELLED}
    assert run.said("task_cancelled", "c").message == "only abandoned attempts hold what is needed: a"
    assert run.state.finished is RunStatus.FAILED


def test_a_starved_retry_fails_as_it_last_failed():
    """A task that waits only for its own abandoned thread ends with the failure it had."""
    run = started(graph(a=node(attempts=2)), slots=2)

    run.overdue("a", retry_after=0.0)
    run.later(60.0)

    assert run.said("task_failed").data == {"reason": "timeout", "error": TOO_SLOW}
    assert run.state.finished is RunStatus.FAILED


def test_a_starved_retry_that_may_fail_leaves_the_run_a_success():
    """Nothing else was given up, and this failure is allowed."""
    run = started(graph(a=node(attempts=2, allow_failure=True)), slots=2)

    run.overdue("a", retry_after=0.0)
    run.later(60.0)

    assert (run.statuses(), run.state.finished) == ({"a": FAILED}, RunStatus.SUCCESS)


def test_starved_clean_up_is_given_up_too():
    """Clean-up that waits behind its own thread is CANCELLED with the rest, and the run FAILED."""
    clean = node(trigger=DONE, cleanup=True, attempts=2)
    run = started(graph(clean=clean), slots=2)

    run.overdue("clean", retry_after=0.0)
    run.later(60.0)

    assert (run.statuses(), run.state.finished) == ({"clean": CANCELLED}, RunStatus.FAILED)


def test_starvation_counts_from_the_last_sign_of_hope():
    """An attempt that could run in between begins the minute anew."""
    # a hangs ;  b waits for it
    run = started(graph(a=(), b=(), c=()), slots=2)
    run.overdue("a")
    run.later(50.0)
    run.overdue("b")

    run.later(59.0)
    assert run.state.finished is None
    run.later(1.0)

    assert run.state.finished is RunStatus.FAILED


def test_no_starvation_while_a_retry_waits_for_its_moment():
    """A delay is no starvation: the run waits it out, and counts from its end."""
    run = started(graph(a=(), r=node(attempts=2)), slots=2, max_parallel=None)
    run.fail("r", retry_after=100.0)
    run.overdue("a")
    run.capacity.slots["parallel"] = 1

    run.later(90.0)
    assert run.statuses()["r"] is RETRYING
    run.later(10.0)
    run.later(59.0)
    assert run.state.finished is None
    run.later(1.0)

    assert run.statuses() == {"a": FAILED, "r": FAILED}


def test_no_starvation_while_a_trace_is_looked_up():
    """The store may take its time."""
    run = started(graph(a=(), b=node(resolve=True)))
    run.overdue("a")

    run.later(100.0)

    assert run.statuses() == {"a": FAILED, "b": PENDING}


def test_a_starvation_that_ended_is_forgotten():
    """When the abandoned thread ends, its minute ends with it: the next one counts from its own beginning."""
    # the slot is shared with another run
    capacity = Capacity(1, 1)
    run, other = started(graph(a=(), b=()), capacity=capacity), started(graph(x=()), capacity=capacity)
    run.overdue("a")
    capacity.slots["parallel"] = 0
    run.succeed("a")
    capacity.slots["parallel"] = 1
    other.pull()
    other.now = run.now = 100.0
    other.overdue("x")

    run.later(0.0)

    assert run.statuses() == {"a": FAILED, "b": PENDING}
    run.later(60.0)
    assert run.said("task_cancelled").message == "only abandoned attempts hold what is needed: another run"
