"""What every place where attempts run keeps: one suite over worker threads, the worker loop and the caller's loop."""

import contextvars
import threading

import pytest

from nbdag.core.capacity import Capacity
from nbdag.core.reports import TimePassed
from nbdag.core.status import RunStatus
from nbdag.runtime.context import current_task
from nbdag.runtime.driver import Floor
from tests.contract.kinds import KINDS, LONG, until
from tests.unit.runtime.driven import events, states

COLOUR = contextvars.ContextVar("colour", default="none")


@pytest.fixture(params=KINDS, ids=repr)
def kind(request):
    return request.param


class Counter:
    """How many are inside at once, and the most there ever were."""

    def __init__(self):
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self._lock:
            self.inside -= 1


def threads_of_runs():
    return [thread for thread in threading.enumerate() if thread.name.startswith("nbdag-")]


def test_a_chain_hands_its_results_on(kind):
    """Each attempt gets the results of its upstreams, in order."""
    # a -> b -> c
    b, c = kind.task(lambda a: a + 1, dependencies=["a"]), kind.task(lambda b: b + 1, dependencies=["b"])
    with kind.driving(a=lambda: 1, b=b, c=c) as driver:
        assert driver.done.wait(LONG)

    assert (list(driver.results), driver.outcome) == ([1, 2, 3], RunStatus.SUCCESS)


def test_independent_attempts_run_at_once(kind):
    """As many as there are slots are inside together; each of these waits for all others."""
    inside, all_in = Counter(), threading.Event()

    def story():
        with inside:
            if inside.inside == 4:
                all_in.set()
            yield all_in

    with kind.driving(slots=4, a=story, b=story, c=story, d=story) as driver:
        assert driver.done.wait(LONG)

    assert (inside.most, driver.outcome) == (4, RunStatus.SUCCESS)


def test_slots_are_never_exceeded(kind):
    """However much is ready, no more attempts run than there are slots."""
    inside = Counter()

    def story():
        with inside:
            yield 0.001

    with kind.driving(slots=3, **{f"t{number}": story for number in range(60)}) as driver:
        assert driver.done.wait(LONG)

    assert (inside.most, set(states(driver).values())) == (3, {"success"})


def test_long_attempts_after_tiny_ones_run_at_once(kind):
    """That attempts were tiny keeps nobody from those that are long."""
    # t0 -> t1 -> … -> t99 -> a ; t99 -> b
    inside, both_in = Counter(), threading.Event()

    def story():
        with inside:
            if inside.inside == 2:
                both_in.set()
            yield both_in

    chain = {f"t{number}": kind.task(lambda: None, after=[f"t{number - 1}"] if number else []) for number in range(100)}
    last = {name: kind.task(story, after=["t99"]) for name in "ab"}
    with kind.driving(slots=2, **chain, **last) as driver:
        assert driver.done.wait(LONG)

    assert driver.outcome is RunStatus.SUCCESS


def test_a_thousand_tiny_attempts_all_end(kind):
    """Workers that park and are called lose nobody."""
    with kind.driving(**{f"t{number}": lambda: None for number in range(1_000)}) as driver:
        assert driver.done.wait(LONG)

    assert set(states(driver).values()) == {"success"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_a_failure_takes_nobody_with_it(kind, error):
    """Whatever a task raises, its sibling goes on and the engine takes further attempts."""
    go_on = threading.Event()

    def fails():
        raise error

    def sibling():
        yield go_on
        return "fine"

    def after(sibling):
        return sibling

    with kind.driving(bad=fails, sibling=sibling, after=kind.task(after, dependencies=["sibling"])) as driver:
        driver.report(TimePassed(driver.now()))
        go_on.set()
        assert driver.done.wait(LONG)

    assert states(driver) == {"bad": "failed", "sibling": "success", "after": "success"}
    assert isinstance(driver.errors[0], error)


def test_a_deadline_holds_and_the_rest_goes_on(kind):
    """An attempt that is too slow fails at its deadline; what does not depend on it is not held up."""
    release = threading.Event()

    def slow():
        yield release

    with kind.driving(slots=2, slow=kind.task(slow, timeout=0.05), other=lambda: 1) as driver:
        assert driver.done.wait(LONG)
        release.set()

    assert states(driver) == {"slow": "failed", "other": "success"}
    assert str(driver.errors[0]) == "task 'slow' took longer than 0.05 s (attempt 1)"


def test_a_deadline_counts_from_the_start_of_the_function(kind):
    """Waiting for a slot is no part of the time limit."""
    with kind.driving(slots=1, **{name: kind.task(_pause, timeout=1.0) for name in "abcdefgh"}) as driver:
        assert driver.done.wait(LONG)

    assert set(states(driver).values()) == {"success"}


def _pause():
    yield 0.2


def test_cancelling_ends_the_run(kind):
    """What waits is cancelled, what runs is asked to stop, and the run is over."""
    running, release = threading.Event(), threading.Event()

    def story():
        running.set()
        yield release

    with kind.driving(slots=1, a=story, b=lambda: 1) as driver:
        assert running.wait(LONG)
        driver.cancel()
        assert driver.done.wait(LONG)
        release.set()

    assert (states(driver), driver.outcome) == ({"a": "cancelled", "b": "cancelled"}, RunStatus.CANCELLED)


def test_an_attempt_can_see_that_it_should_stop(kind):
    """`current_task().cancelled` is true in an attempt that was given up."""
    running, seen, checked = threading.Event(), [], threading.Event()

    def story():
        context = current_task()
        running.set()
        try:
            while not context.cancelled:
                yield 0.001
        finally:
            seen.append(context.cancelled)
            checked.set()

    with kind.driving(a=story) as driver:
        assert running.wait(LONG)
        driver.cancel()
        assert checked.wait(LONG)
        assert driver.done.wait(LONG)

    assert seen == [True]


def test_a_stopped_attempt_may_clean_up(kind):
    """A coroutine's `finally` may wait for a moment before its task is cancelled; a thread is not waited for."""
    running, cleaned = threading.Event(), []

    def story():
        running.set()
        try:
            yield 60 if kind.can_stop else 0.2
        finally:
            yield 0.05
            cleaned.append(True)

    with kind.driving(a=story) as driver:
        assert running.wait(LONG)
        driver.cancel()
        assert driver.done.wait(LONG)
        ended_clean = list(cleaned)

    assert (states(driver), ended_clean) == ({"a": "cancelled"}, [True] if kind.can_stop else [])


def test_an_abandoned_attempt_keeps_its_slot(kind):
    """A task that does not stop fails at its deadline, and nobody gets its slot before it really ends."""
    release, order = threading.Event(), []

    def stubborn():
        while not release.is_set():
            try:
                yield 0.001
            except BaseException:
                order.append("refused")
        order.append("ended")

    slow = kind.task(stubborn, timeout=0.05, kill_grace=0.05, priority=1)
    with kind.driving(slots=1, slow=slow, other=lambda: order.append("other")) as driver:
        until(lambda: "attempt_abandoned" in events(driver, "slow"))
        assert (states(driver), "other" in order) == ({"slow": "failed", "other": "pending"}, False)
        release.set()
        assert driver.done.wait(LONG)

    assert [word for word in order if word != "refused"] == ["ended", "other"]
    assert "thread_finally_ended" in events(driver, "slow")


def test_two_attempts_of_one_task_never_overlap(kind):
    """A retry after a deadline waits for the attempt that was given up."""
    inside, tries = Counter(), []

    def story():
        with inside:
            tries.append(current_task().attempt)
            until = 3 if len(tries) == 1 else 0
            for _ in range(100 * until):
                try:
                    yield 0.001
                except BaseException:
                    continue

    with kind.driving(a=kind.task(story, timeout=0.05, kill_grace=0.05, retries=1)) as driver:
        assert driver.done.wait(LONG)

    assert (states(driver), tries, inside.most) == ({"a": "success"}, [1, 2], 1)


def test_a_retry_is_another_attempt(kind):
    """A task that fails twice and then succeeds makes three attempts, each of them told."""

    def story():
        if current_task().attempt < 3:
            raise OSError(current_task().attempt)
        return "at last"

    with kind.driving(a=kind.task(story, retries=2)) as driver:
        assert driver.done.wait(LONG)

    expected = ["task_started", "task_retrying", "task_started", "task_retrying", "task_started", "task_succeeded"]
    assert (events(driver, "a"), driver.results[0]) == (expected, "at last")


def test_attempts_see_the_starters_context_and_keep_theirs(kind):
    """Context variables come from where the run was started; what an attempt sets stays in it."""

    # a -> b
    def story(**_):
        before = COLOUR.get()
        COLOUR.set("red")
        yield 0
        return before, COLOUR.get()

    token = COLOUR.set("blue")
    try:
        with kind.driving(slots=1, a=story, b=kind.task(story, dependencies=["a"])) as driver:
            assert driver.done.wait(LONG)
    finally:
        COLOUR.reset(token)

    assert list(driver.results) == [("blue", "red")] * 2


def test_prints_belong_to_their_task(kind):
    """Attempts that run at once and print in turns are told apart."""

    def story():
        for number in range(20):
            print(current_task().name, number)
            yield 0

    with kind.driving(slots=8, **dict.fromkeys("abcdefgh", story)) as driver:
        assert driver.done.wait(LONG)

    texts = {name: driver.output.text(name) for name in "abcdefgh"}
    assert texts == {name: "".join(f"{name} {number}\n" for number in range(20)) for name in "abcdefgh"}


def test_raised_limits_start_what_waits(kind):
    """When the limits grow while attempts run, more of them start at once."""
    floor, inside, all_in = Floor(Capacity(1, 1)), Counter(), threading.Event()
    first_in = threading.Event()

    def story():
        with inside:
            first_in.set()
            if inside.inside == 3:
                all_in.set()
            yield all_in

    with kind.driving(floor=floor, a=story, b=story, c=story) as driver:
        assert first_in.wait(LONG)
        floor.change(lambda capacity: capacity.slots.update({"parallel": 3, "async": 3}))
        assert driver.done.wait(LONG)

    assert driver.outcome is RunStatus.SUCCESS


def test_workers_that_run_at_once_have_names_of_their_own(kind):
    """The events of attempts that overlap name different workers."""
    inside, both_in = Counter(), threading.Event()

    def story():
        with inside:
            if inside.inside == 2:
                both_in.set()
            yield both_in

    with kind.driving(slots=2, a=story, b=story) as driver:
        assert driver.done.wait(LONG)

    workers = [event.data["worker"] for event in driver.events if event.name == "task_started"]
    assert len(set(workers)) == 2
    assert all(worker.startswith(f"{kind.pool}-") for worker in workers)


def test_nothing_is_left_when_the_run_is_over(kind):
    """Workers, loop, guard and timers end by themselves."""
    others = threads_of_runs()
    with kind.driving(slots=4, **{f"t{number}": kind.task(_pause, timeout=30) for number in range(4)}) as driver:
        mine = [thread for thread in threads_of_runs() if thread not in others]
        assert driver.done.wait(LONG)

    for thread in mine:
        thread.join(LONG)
    assert [thread.name for thread in mine if thread.is_alive()] == []
