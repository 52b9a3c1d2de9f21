"""Rules of a run that everybody meets: order, failures, retries, skips, errors that stop the rest, the end."""

import pytest

from nbdag.core.capacity import Capacity, Request
from nbdag.core.reports import (
    AttemptEnded,
    AttemptOverdue,
    Expanded,
    Failed,
    FinishRun,
    IllegalReport,
    RunBegan,
    StartAttempt,
    Succeeded,
    TimePassed,
    TraceFound,
    TraceMissing,
)
from nbdag.core.status import FailureReason, RunStatus, TaskStatus
from nbdag.core.triggers import TriggerRule
from tests.unit.core.story import BOOM, LOOP, Story, graph, kinds, node, snapshot, started

PENDING, RUNNING, RETRYING = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING
SUCCESS, CACHED, FAILED = TaskStatus.SUCCESS, TaskStatus.CACHED, TaskStatus.FAILED
UPSTREAM_FAILED, SKIPPED, CANCELLED = TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED


def test_a_chain_runs_in_order():
    """A task starts when all its upstreams have succeeded, and the last one's end is the run's."""
    # a -> b -> c
    run = started(graph(a=(), b=("a",), c=("b",)), slots=4)

    run.succeed("a", "b", "c")

    assert run.log("task_started", "task_succeeded", "run_finished") == ["a", "a", "b", "b", "c", "c", ""]
    assert run.state.finished is RunStatus.SUCCESS


def test_a_join_waits_for_all_its_upstreams():
    """A task with several upstreams starts after the last of them, not before."""
    # a -> c ;  b -> c
    run = started(graph(a=(), b=(), c=("a", "b")), slots=4)

    run.succeed("b")

    assert run.statuses() == {"a": RUNNING, "b": SUCCESS, "c": PENDING}
    run.succeed("a")
    assert run.statuses() == {"a": SUCCESS, "b": SUCCESS, "c": RUNNING}


def test_definition_order_needs_not_be_topological():
    """Cells may define a task before the ones it needs."""
    # b -> a
    run = started(graph(a=("b",), b=()), slots=4)

    run.succeed("b", "a")

    assert run.log("task_started") == ["b", "a"]


def test_an_empty_run_finishes_when_it_begins():
    """A run without tasks is a success at once, and its finish is told once."""
    run = Story(graph(), Capacity(1, 1))

    assert run.tell(RunBegan(0.0)) == (FinishRun(RunStatus.SUCCESS),)
    assert run.tell(TimePassed(1.0)) == ()


def test_run_started_tells_names_and_attempts():
    """The first event holds what a viewer needs to draw the run before anything has happened."""
    run = started(graph(a=(), b=node("a", attempts=3)), pipeline="ml")

    assert run.said("run_started").data == {"pipeline": "ml", "tasks": ("a", "b"), "max_attempts": {"b": 3}}


def test_failure_blocks_descendants_only():
    """A failed task stops what is below it and nothing beside it."""
    # a -> b -> c ;  d
    run = started(graph(a=(), b=("a",), c=("b",), d=()), slots=2)

    run.fail("a")

    assert run.statuses() == {"a": FAILED, "b": UPSTREAM_FAILED, "c": UPSTREAM_FAILED, "d": RUNNING}
    run.succeed("d")
    assert run.state.finished is RunStatus.FAILED


def test_a_failure_in_the_middle_fails_the_run():
    """The run looks at all tasks, not only at the leaves."""
    # a -> b, b starts whatever happened
    run = started(graph(a=(), b=node("a", trigger=TriggerRule.ALL_DONE)))

    run.fail("a")
    run.succeed("b")

    assert run.statuses() == {"a": FAILED, "b": SUCCESS}
    assert run.state.finished is RunStatus.FAILED


def test_a_failed_event_tells_reason_and_error():
    """What a viewer shows of a failure is in its event."""
    run = started(graph(a=()))

    run.fail("a")

    event = run.said("task_failed")
    assert (event.attempt, event.message, event.data) == (1, "ValueError: boom", {"reason": "error", "error": BOOM})


def test_allowed_failure_leaves_the_run_a_success():
    """A failure that is allowed counts as failed for what is below, but not for the run."""
    # a -> b ;  a -> c, c handles failures
    run = started(graph(a=node(allow_failure=True), b=("a",), c=node("a", trigger=TriggerRule.ONE_FAILED)))

    run.fail("a")
    run.succeed("c")

    assert run.statuses() == {"a": FAILED, "b": UPSTREAM_FAILED, "c": SUCCESS}
    assert run.state.finished is RunStatus.SUCCESS


def test_allowed_failure_does_not_stop_the_others():
    """on_error does not look at a failure that is allowed."""
    run = started(graph(a=node(allow_failure=True), b=()), on_error="cancel")

    run.fail("a")

    assert run.statuses() == {"a": FAILED, "b": RUNNING}


def test_a_retry_waits_for_its_delay():
    """A failed attempt with tries left is RETRYING until the delay of its outcome has passed."""
    run = started(graph(a=node(attempts=2)))

    actions = run.fail("a", retry_after=4.0)

    assert (kinds(actions), run.statuses()) == (["wake 4.0"], {"a": RETRYING})
    run.later(3.9)
    assert run.statuses() == {"a": RETRYING}
    run.later(0.1)
    assert (run.statuses(), run.attempt("a")) == ({"a": RUNNING}, 2)


def test_a_retry_without_delay_starts_at_once():
    """With no delay the next attempt is ready in the same step."""
    run = started(graph(a=node(attempts=2)))

    actions = run.fail("a", retry_after=0.0)

    assert (actions, run.attempt("a"), run.statuses()) == ((), 2, {"a": RUNNING})


def test_a_waiting_retry_holds_no_slot():
    """While a task waits for its next attempt, another one has its slot and its resources."""
    gpu = Request("thread", (("gpu", 1.0),))
    run = started(graph(a=node(attempts=2, request=gpu), b=node(request=gpu)), resources={"gpu": 1.0})

    run.fail("a", retry_after=10.0)

    assert run.statuses() == {"a": RETRYING, "b": RUNNING}
    run.later(10.0)
    assert run.statuses() == {"a": RETRYING, "b": RUNNING}
    run.succeed("b")
    assert run.statuses() == {"a": RUNNING, "b": SUCCESS}


def test_attempts_are_bounded():
    """A task that fails always gets its attempts and not one more, whatever its outcome wishes."""
    run = started(graph(a=node(attempts=3)))

    for _ in range(3):
        run.fail("a", retry_after=0.0)

    assert run.events("a") == [*["task_started", "task_retrying"] * 2, "task_started", "task_failed"]
    assert run.state.finished is RunStatus.FAILED


def test_a_failure_that_may_not_be_retried_is_final():
    """Tries left do not help when the outcome forbids another."""
    run = started(graph(a=node(attempts=3)))

    run.fail("a", retry_after=None)

    assert run.statuses() == {"a": FAILED}


def test_success_after_retries_lets_the_run_succeed():
    """What failed before the last attempt does not count."""
    run = started(graph(a=node(attempts=3), b=("a",)))

    run.fail("a", retry_after=0.0)
    run.fail("a", retry_after=0.0)
    run.succeed("a", "b")

    assert run.state.finished is RunStatus.SUCCESS


def test_a_retrying_event_tells_why_and_how_long():
    """The wait and its reason are in the event."""
    run = started(graph(a=node(attempts=2)))

    run.fail("a", retry_after=4.0)

    assert run.said("task_retrying").data == {"reason": "error", "error": BOOM, "delay": 4.0}


def test_total_timeout_limits_each_attempt_to_what_is_left():
    """An attempt may take its own timeout, or what the total leaves if that is less."""
    run = started(graph(a=node(attempts=9, timeout=6.0, total_timeout=10.0)))
    first = run.limits["a"]

    run.now = 5.0
    run.fail("a", retry_after=0.0)

    assert (first, run.limits["a"]) == (6.0, 5.0)


def test_limits_of_attempts():
    """Without a total, an attempt has its timeout; without a timeout, the total; without both, no limit."""
    run = started(graph(a=node(timeout=6.0), b=node(total_timeout=7.0), c=()), slots=3)

    assert run.limits == {"a": 6.0, "b": 7.0, "c": None}


def test_total_timeout_ends_the_retries():
    """No wait begins that would end after the total is up."""
    run = started(graph(a=node(attempts=9, total_timeout=10.0)))

    run.now = 5.0
    run.fail("a", retry_after=4.9)
    run.later(4.9)
    run.fail("a", retry_after=0.1)

    assert run.events("a") == ["task_started", "task_retrying", "task_started", "task_failed"]


def test_total_timeout_ends_a_wait_for_a_slot():
    """A retry that finds no slot before the total is up fails as it last failed."""
    run = started(graph(a=node(attempts=9, total_timeout=10.0), b=(), c=("a",)))

    run.fail("a", retry_after=1.0)
    run.later(1.0)
    assert run.statuses() == {"a": RETRYING, "b": RUNNING, "c": PENDING}
    run.later(9.0)

    assert run.statuses() == {"a": FAILED, "b": RUNNING, "c": UPSTREAM_FAILED}
    assert run.said("task_failed").data == {"reason": "error", "error": BOOM}
    run.succeed("b")
    assert run.log("task_started") == ["a", "b"]


def test_a_wake_that_comes_too_late_starts_nothing():
    """Where the machine hears of the time only after the total is up, the retry does not start."""
    run = started(graph(a=node(attempts=9, total_timeout=10.0)))

    run.fail("a", retry_after=1.0)
    run.later(20.0)

    assert run.statuses() == {"a": FAILED}


def test_a_take_after_the_total_is_up_gives_no_time():
    """An attempt that a worker takes after the total is up, unheard of yet, has zero seconds and never less."""
    run = started(graph(a=node(attempts=2, total_timeout=10.0)))
    run.capacity.slots["parallel"] = 0
    run.fail("a", retry_after=0.0)

    run.now, run.capacity.slots["parallel"] = 11.0, 1
    run.pull()

    assert run.limits["a"] == 0.0


def test_skip_is_no_failure():
    """A task that asks to be skipped is SKIPPED without retry, and the run succeeds."""
    # a -> b ;  a -> c, c does not mind
    run = started(graph(a=node(attempts=3), b=("a",), c=node("a", trigger=TriggerRule.NONE_FAILED)))

    run.skip("a", "no new data")
    run.succeed("c")

    assert run.statuses() == {"a": SKIPPED, "b": SKIPPED, "c": SUCCESS}
    assert run.said("task_skipped", "a").message == "no new data"
    assert run.said("task_skipped", "b").message == "a was skipped"
    assert run.state.finished is RunStatus.SUCCESS


def test_a_handler_with_nothing_to_handle_is_skipped():
    """A one_failed task above which nothing failed is skipped, and says so."""
    run = started(graph(a=(), b=node("a", trigger=TriggerRule.ONE_FAILED)))

    run.succeed("a")

    assert (run.statuses()["b"], run.said("task_skipped").message) == (SKIPPED, "nothing above failed")


def test_stop_starts_nothing_new():
    """on_error="stop" lets running tasks finish, cancels what has not started, fails what waits for a retry."""
    # a, d, r run ;  e waits for a slot ;  d -> f
    tasks = graph(a=(), d=(), r=node(attempts=2), e=(), f=("d",))
    run = started(tasks, slots=3, on_error="stop")
    run.now = 1.0
    run.fail("r", retry_after=5.0)
    run.fail("e", retry_after=None)

    assert run.statuses() == {"a": RUNNING, "d": RUNNING, "r": FAILED, "e": FAILED, "f": CANCELLED}
    run.succeed("a", "d")
    assert run.statuses() == {"a": SUCCESS, "d": SUCCESS, "r": FAILED, "e": FAILED, "f": CANCELLED}
    assert (run.said("task_cancelled").message, run.state.finished) == ("e failed", RunStatus.FAILED)


def test_stop_cancels_what_was_ready():
    """A task that only waited for a slot does not start after the failure."""
    run = started(graph(a=(), b=()), on_error="stop")

    run.fail("a")

    assert (run.statuses(), run.log("task_started")) == ({"a": FAILED, "b": CANCELLED}, ["a"])


def test_stop_keeps_a_running_task_from_another_attempt():
    """What runs on under on_error="stop" is not tried again: nothing new starts."""
    run = started(graph(a=(), b=node(attempts=9)), slots=2, on_error="stop")

    run.fail("a")
    run.fail("b", retry_after=0.0)

    assert run.statuses() == {"a": FAILED, "b": FAILED}


def test_stop_still_cleans_up():
    """Clean-up starts, and is tried again, although nothing else does."""
    # a -> clean
    run = started(graph(a=(), clean=node("a", trigger=TriggerRule.ALL_DONE, cleanup=True, attempts=2)), on_error="stop")

    run.fail("a")
    run.fail("clean", retry_after=1.0)
    run.later(1.0)
    run.succeed("clean")

    assert run.statuses() == {"a": FAILED, "clean": SUCCESS}
    assert run.state.finished is RunStatus.FAILED


def test_fail_fast_stops_running_tasks():
    """on_error="cancel" cancels running tasks too; the run is FAILED all the same."""
    run = started(graph(a=(), d=node(request=LOOP), e=(), f=("d",)), slots=2, on_error="cancel")

    actions = run.fail("a")

    assert run.statuses() == {"a": FAILED, "d": RUNNING, "e": CANCELLED, "f": CANCELLED}
    assert kinds(actions) == ["cancel 1/1", "wake 5.0", "cancel 2/1", "wake 10.0"]
    run.ended("d", Failed(FailureReason.ERROR, BOOM))
    assert (run.statuses()["d"], run.state.finished) == (CANCELLED, RunStatus.FAILED)


def test_a_found_trace_is_a_success_without_an_attempt():
    """A node that may be reused is looked up when its upstreams are done; a hit is CACHED and opens what is below."""
    # a -> b -> c
    run = started(graph(a=(), b=node("a", resolve=True), c=("b",)))

    assert kinds(run.ended("a", Succeeded())) == ["resolve 1"]
    assert run.statuses() == {"a": SUCCESS, "b": PENDING, "c": PENDING}
    run.found("b")
    assert run.statuses() == {"a": SUCCESS, "b": CACHED, "c": RUNNING}
    run.succeed("c")
    assert run.state.finished is RunStatus.SUCCESS


def test_a_missing_trace_makes_the_task_run():
    """A node without an earlier result starts as any other."""
    run = started(graph(a=node(resolve=True)))
    assert run.statuses() == {"a": PENDING}

    run.missing("a")

    assert run.statuses() == {"a": RUNNING}


def test_a_node_that_cannot_start_is_not_looked_up():
    """What its trigger rule ends gets no Resolve."""
    run = started(graph(a=(), b=node("a", resolve=True)))

    assert kinds(run.fail("a")) == ["finish failed"]


@pytest.mark.parametrize("answer", ["found", "missing"])
def test_an_answer_after_the_cancel_is_dropped(answer):
    """The store may answer after the run was stopped; nothing happens then."""
    run = started(graph(a=node(resolve=True)))
    run.cancel()

    assert getattr(run, answer)("a") == ()
    assert run.statuses() == {"a": CANCELLED}


ILLEGAL = {
    "begun twice": RunBegan(1.0),
    "end of a task that never started": AttemptEnded(1, 0, Succeeded(), 1.0),
    "end of an attempt to come": AttemptEnded(0, 2, Succeeded(), 1.0),
    "end of attempt 0": AttemptEnded(0, 0, Succeeded(), 1.0),
    "end of no task": AttemptEnded(9, 1, Succeeded(), 1.0),
    "end of task -1": AttemptEnded(-4, 1, Succeeded(), 1.0),
    "end of a finished task": AttemptEnded(2, 1, Succeeded(), 1.0),
    "end of a mapped task that has items": AttemptEnded(3, 1, Succeeded(), 1.0),
    "overdue, never started": AttemptOverdue(1, 1, Failed(FailureReason.TIMEOUT, BOOM), 1.0),
    "overdue, no task": AttemptOverdue(9, 1, Failed(FailureReason.TIMEOUT, BOOM), 1.0),
    "expanded, not running": Expanded(1, 1, 2, 1.0),
    "expanded, no task": Expanded(9, 1, 2, 1.0),
    "expanded into less than nothing": Expanded(0, 1, -1, 1.0),
    "expanded twice": Expanded(3, 1, 2, 1.0),
    "expanded item": Expanded(4, 1, 2, 1.0),
    "trace found, not asked for": TraceFound(0, 1.0),
    "trace found of no task": TraceFound(9, 1.0),
    "trace missing, not asked for": TraceMissing(2, (), 1.0),
}


@pytest.mark.parametrize("report", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_an_illegal_report_changes_nothing(report):
    """A report that cannot be true raises, and the machine is as it was in every part."""
    # a -> b ;  done ;  m with items m[0], m[1]
    run = started(graph(a=(), b=("a",), done=(), m=()), slots=4)
    run.succeed("done")
    run.expand("m", 2)
    before = snapshot(run.state)

    with pytest.raises(IllegalReport):
        run.state.handle(report)

    assert snapshot(run.state) == before


def test_nothing_is_heard_before_the_run_begins():
    """A report before RunBegan is illegal."""
    run = Story(graph(a=()), Capacity(1, 1))

    with pytest.raises(IllegalReport, match="has not begun"):
        run.state.handle(TimePassed(1.0))

    assert run.state.events == []


def test_an_end_is_heard_once():
    """The same end cannot be told twice."""
    run = started(graph(a=()))
    run.succeed("a")

    with pytest.raises(IllegalReport, match="attempt 1 of 'a' is not running"):
        run.succeed("a")


def test_an_overdue_report_that_crossed_the_end_is_dropped():
    """The clock and the worker may report at the same moment: the first one counts."""
    run = started(graph(a=(), b=("a",)))
    run.succeed("a")

    assert run.overdue("a") == ()
    assert run.statuses() == {"a": SUCCESS, "b": RUNNING}


def test_late_reports_after_the_end_change_nothing():
    """A finished run drops cancels, its time limit and the passing of time."""
    run = started(graph(a=()))
    run.succeed("a")
    before = list(run.state.events)

    assert (run.cancel(), run.time_out(), run.later(100.0)) == ((), (), ())
    assert list(run.state.events) == before


def test_can_take_tells_what_take_would_do():
    """can_take is True exactly when take would start something."""
    run = started(graph(a=(), b=(), c=node(request=LOOP)), pull=False)

    asked = [run.state.can_take("thread"), run.take(), run.state.can_take("thread"), run.take()]

    assert asked == [True, StartAttempt(0, 1, None), False, None]
    assert (run.state.can_take("loop"), run.state.can_take("caller")) == (True, False)


def test_has_ready_looks_at_no_capacity():
    """It is True while a node waits for nothing but a slot or a resource."""
    # a -> c ;  b
    run = started(graph(a=(), b=(), c=("a",)), slots=1)
    waiting = [run.state.has_ready()]

    run.succeed("a")
    waiting.append(run.state.has_ready())
    run.capacity.slots["parallel"] = 2
    run.pull()
    waiting.append(run.state.has_ready())

    assert waiting == [True, True, False]


def test_accepts_tells_whose_outcome_counts():
    """The outcome of an attempt counts while it runs and was neither stopped nor given up."""
    run = started(graph(a=(), b=node(request=LOOP), c=()), slots=1)
    before = [run.state.accepts(number, 1) for number in range(3)]

    run.overdue("a")
    run.overdue("b")

    assert (before, [run.state.accepts(number, 1) for number in range(3)]) == ([True, True, False], [False] * 3)
    assert run.state.abandoned == {0: 1}


def test_a_start_tells_its_worker_and_how_long_it_queued():
    """The event of a start says who runs it and how long it was ready."""
    run = started(graph(a=()), pull=False)

    run.state.take("thread", 2.5, {"worker": "thread-1"})

    assert run.said("task_started").data == {"worker": "thread-1", "queued": 2.5}


def test_a_note_is_logged_and_changes_no_state():
    """Facts such as metrics go into the log beside the attempt they belong to."""
    run = started(graph(a=()))

    run.state.note("metric_logged", 1.0, 0, "", {"name": "loss", "value": 0.1})
    run.check()

    assert run.said("metric_logged") == (3, 1.0, "metric_logged", "a", 1, "", {"name": "loss", "value": 0.1})


def test_time_never_runs_backwards_in_the_log():
    """Two workers may read the clock in one order and report in the other."""
    run = started(graph(a=(), b=()), slots=2)

    run.tell(AttemptEnded(0, 1, Succeeded(), 5.0))
    run.tell(AttemptEnded(1, 1, Succeeded(), 4.9))

    assert [event.at for event in run.state.events] == [0.0, 0.0, 0.0, 5.0, 5.0, 5.0]
