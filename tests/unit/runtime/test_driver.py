"""One run driven by hand: who gets which attempt, who is called, what is kept, and how it ends."""

import pytest

from nbdag.core.capacity import Capacity
from nbdag.core.errors import TaskTimeout
from nbdag.core.records import ErrorInfo
from nbdag.core.reports import SUCCEEDED, Failed, Skipped
from nbdag.core.status import FailureReason, RunStatus
from nbdag.runtime.crew import TINY
from nbdag.runtime.driver import Floor
from tests.unit.runtime.driven import HandEngine, HandWorker, begun, driver_of, events, states, task

BOOM = Failed(FailureReason.ERROR, ErrorInfo("ValueError", "boom"))
AGAIN = Failed(FailureReason.ERROR, ErrorInfo("ValueError", "boom"), retry_after=0.0)
LATE = Failed(FailureReason.TIMEOUT, ErrorInfo("TaskTimeout", "late"))


def nothing():
    return None


def test_one_call_reports_the_end_and_gives_the_next_attempt():
    """Work-first: a worker walks down a chain without anybody else being called."""
    # a -> b
    driver, engine, worker = begun(a=nothing, b=lambda a: None)
    first = driver.take("thread", worker)

    second = driver.complete("thread", worker, first, SUCCEEDED, "from a")

    assert [driver.names[first.node], driver.names[second.node]] == ["a", "b"]
    assert (engine.spawned, worker.rung) == (1, 0)
    assert list(driver.results) == ["from a", None]


def test_the_last_end_finishes_the_run():
    """When every node is terminal the run is done, its engine closed, and the worker gets nothing more."""
    driver, engine, worker = begun(a=nothing)
    start = driver.take("thread", worker)

    following = driver.complete("thread", worker, start, SUCCEEDED, 1)

    assert (following, driver.is_over, driver.done.is_set(), driver.outcome) == (None, True, True, RunStatus.SUCCESS)
    assert engine.closed


def test_an_empty_run_is_over_when_it_begins():
    """Nothing to do is a success."""
    driver, _, _ = begun()

    assert (driver.done.is_set(), driver.outcome) == (True, RunStatus.SUCCESS)
    assert events(driver) == ["run_started", "run_finished"]


def test_a_worker_without_work_parks_and_is_rung():
    """Who finds nothing is woken, instead of a new worker, when there is something again."""
    # a -> b ; a -> c
    driver, engine, first = begun(a=nothing, b=lambda a: None, c=lambda a: None)
    second = HandWorker()
    start = driver.take("thread", first)
    assert driver.take("thread", second) is None

    driver.complete("thread", first, start, SUCCEEDED, None)

    assert (second.rung, engine.spawned) == (1, 1)


def test_slots_are_shared_by_overlapping_runs():
    """Two runs of one pipeline together never have more attempts than slots; the end of one lets the other go on."""
    floor = Floor(Capacity(1, 100))
    one, two = (driver_of(floor=floor, a=nothing) for _ in "12")
    engines = [HandEngine(), HandEngine()]
    one.begin([engines[0]])
    start = one.take("thread", HandWorker())
    two.begin([engines[1]])
    assert engines[1].spawned == 0

    one.complete("thread", HandWorker(), start, SUCCEEDED, None)

    assert engines[1].spawned == 1


def test_a_changed_limit_takes_effect_at_once():
    """Raising a limit calls workers for what then fits."""
    floor = Floor(Capacity(1, 100))
    driver, engine = driver_of(floor=floor, a=nothing, b=nothing), HandEngine()
    driver.begin([engine])
    driver.take("thread", HandWorker())
    assert engine.spawned == 1

    floor.change(lambda capacity: capacity.slots.update(parallel=2))

    assert engine.spawned == 2


def used_to_tiny(**tasks):
    """A run of which tiny attempts were seen: one worker holds an attempt, the other has stepped aside."""
    driver, engine, first = begun(**{f"tiny{number}": nothing for number in range(20)}, **tasks)
    second = HandWorker("second")
    start, other = driver.take("thread", first), driver.take("thread", second)
    while other is not None:
        second.since = driver.now() - TINY / 100
        other = driver.complete("thread", second, other, SUCCEEDED, None)
    return driver, engine, first, second, start


def test_tiny_attempts_have_no_company():
    """Under the GIL a worker that has company steps aside when attempts are tiny, and none is called."""
    driver, engine, first, second, start = used_to_tiny()
    assert set(states(driver).values()) == {"success", "running", "pending"}

    first.since = driver.now() - TINY / 100
    following = driver.complete("thread", first, start, SUCCEEDED, None)

    assert driver.names[following.node].startswith("tiny")
    assert (engine.spawned, second.rung) == (2, 0)


def test_rousing_brings_company_again():
    """When an attempt turns out long, whoever stepped aside is called for what is ready."""
    driver, _, _, second, _ = used_to_tiny()
    assert driver.is_held_up("thread")

    driver.rouse("thread")

    assert second.rung == 1


def test_an_abandoned_worker_is_no_company():
    """When the only worker is with an attempt that was given up, another is called, however tiny attempts were."""
    driver, _, first, second, start = used_to_tiny(slow=task(nothing, timeout=1), last=nothing)
    while driver.names[start.node] != "slow":
        first.since = driver.now() - TINY / 100
        start = driver.complete("thread", first, start, SUCCEEDED, None)
    assert second.rung == 0

    driver.overdue(start, LATE, TaskTimeout("late"))

    assert second.rung == 1
    assert driver.names[driver.take("thread", second).node] == "last"


def test_what_comes_too_late_is_dropped():
    """An attempt given up at its deadline keeps its failure and exception; its value is not kept."""
    driver, _, worker = begun(slow=task(nothing, timeout=1), other=nothing)
    start, late = driver.take("thread", worker), TaskTimeout("late")
    driver.overdue(start, LATE, late)

    driver.complete("thread", worker, start, SUCCEEDED, "too late")

    assert states(driver) == {"slow": "failed", "other": "running"}
    assert (driver.results[0], driver.errors[0]) == (None, late)
    assert events(driver, "slow")[-2:] == ["thread_finally_ended", "late_result_discarded"]


def test_cancelling_asks_the_engine():
    """A running attempt is asked to stop through its engine; what waits is cancelled at once."""
    driver, engine, worker = begun(a=nothing, b=lambda a: None)
    start = driver.take("thread", worker)

    driver.cancel()

    assert engine.stopped == [(start.node, 1)]
    assert (states(driver), driver.outcome) == ({"a": "cancelled", "b": "cancelled"}, RunStatus.CANCELLED)


def test_a_given_result_is_taken_and_nothing_above_it_runs():
    """A result that was given makes its task CACHED; its upstreams are not executed for it."""
    # a -> b -> c ; b is given
    driver, engine, worker = (
        driver_of(a=nothing, b=lambda a: 0, c=lambda b: b, given={"b": 5}),
        HandEngine(),
        HandWorker(),
    )
    driver.begin([engine])

    started = driver.names[driver.take("thread", worker).node]

    assert started == "a"  # all tasks were wanted; b does not wait for it
    assert (states(driver)["b"], driver.results[1]) == ("cached", 5)


def run_down(driver, worker, *outcomes):
    """Complete one attempt after another with these outcomes; each returns the name of its task."""
    start = driver.take("thread", worker)
    for outcome in outcomes:
        start = driver.complete("thread", worker, start, outcome, f"of {driver.names[start.node]}")
    return start


def test_a_result_that_is_not_kept_goes_with_its_last_consumer():
    """keep=False lets go of a result when the last task that takes it has ended, and not before."""
    # a -> b -> d ; a -> c -> d
    driver, _, worker = begun(a=task(nothing, keep=False), b=lambda a: 0, c=lambda a: 0, d=lambda b, c: 0)

    start = run_down(driver, worker, SUCCEEDED, SUCCEEDED)
    assert (driver.results[0], driver.dropped) == ("of a", set())
    driver.complete("thread", worker, start, SUCCEEDED, None)

    assert (driver.results[0], driver.dropped) == (None, {0})


def test_a_result_that_is_not_kept_waits_for_retries():
    """A consumer that failed and is tried again finds its input; after its last attempt it is let go."""
    # a -> b -> c
    driver, _, worker = begun(a=task(nothing, keep=False), b=task(lambda a: 0, retries=1), c=lambda b: 0)

    again = run_down(driver, worker, SUCCEEDED, AGAIN)
    assert (again.attempt, driver.results[0]) == (2, "of a")
    driver.complete("thread", worker, again, SUCCEEDED, None)

    assert driver.results[0] is None


def test_a_wanted_result_stays():
    """A target's result is there after the run although its task says keep=False."""
    driver, engine, worker = driver_of(a=task(nothing, keep=False), wanted=["a"]), HandEngine(), HandWorker()
    driver.begin([engine])

    run_down(driver, worker, SUCCEEDED)

    assert (driver.results[0], driver.dropped) == ("of a", set())


def test_what_is_told_when_done_is_told_once():
    """`when_done` calls back when the run ends, and at once when it is over."""
    driver, _, worker = begun(a=nothing)
    told = []
    driver.when_done(lambda: told.append("waiting"))
    assert told == []

    run_down(driver, worker, SUCCEEDED)
    driver.when_done(lambda: told.append("late"))

    assert told == ["waiting", "late"]


def test_a_capture_that_cannot_be_closed_does_not_keep_the_run():
    """What fails while the capture is taken away is noted; the run is done all the same."""
    driver, worker = driver_of(a=nothing), HandWorker()
    driver.begin([HandEngine()], closing=lambda: 1 / 0)

    run_down(driver, worker, SUCCEEDED)

    assert driver.done.is_set()
    assert events(driver)[-1] == "observer_failed"


@pytest.mark.parametrize(("outcome", "state"), [(SUCCEEDED, "success"), (BOOM, "failed"), (Skipped("why"), "skipped")])
def test_only_a_success_has_a_result(outcome, state):
    """What an attempt that failed leaves is its exception, not a result; one that skipped leaves neither."""
    driver, _, worker = begun(a=nothing)

    run_down(driver, worker, outcome)

    assert states(driver) == {"a": state}
    assert driver.results[0] == ("of a" if outcome is SUCCEEDED else None)
    assert driver.errors.get(0) == ("of a" if outcome is BOOM else None)


def test_events_of_a_start_name_the_worker():
    """Who ran an attempt stands in its event."""
    driver, _, _ = begun(a=nothing)

    driver.take("thread", HandWorker("thread-7"))

    [started] = [event for event in driver.events if event.name == "task_started"]
    assert started.data["worker"] == "thread-7"
