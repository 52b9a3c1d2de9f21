"""What only an event loop can do wrong: be blocked, be closed, be stopped from inside."""

import asyncio
import threading

import pytest

from nbdag import DAG
from nbdag.engines import loops
from nbdag.testing import EventRecorder, run_quietly

LONG = 20.0


@pytest.fixture
def pipeline():
    return DAG("loops")


@pytest.fixture
def soon_blocked(monkeypatch):
    monkeypatch.setattr(loops, "BLOCKED_AFTER", 0.1)


def test_a_coroutine_that_blocks_its_loop_is_named(pipeline, soon_blocked):
    """The event names the task and the user's line, also when that line has called a library."""

    @pipeline.task
    async def blocker():
        threading.Event().wait(0.4)  # blocks in the standard library's code

    recorder = EventRecorder(pipeline)
    run_quietly(pipeline)

    [event] = [event for event in recorder.events if event.name == "loop_blocked"]
    line = blocker.__code__.co_firstlineno + 2
    assert event.task == "blocker"
    assert event.message == f"blocks its event loop at {__file__}, line {line}, in blocker; await, or use a plain def"


def test_a_blocker_started_by_a_task_is_named_too(pipeline, soon_blocked):
    """A coroutine that a task has started itself is no task of the pipeline; its line is told all the same."""

    async def child():
        threading.Event().wait(0.4)

    @pipeline.task
    async def parent():
        await asyncio.create_task(child())

    recorder = EventRecorder(pipeline)
    run_quietly(pipeline)

    [event] = [event for event in recorder.events if event.name == "loop_blocked"]
    assert (event.task, "in child" in event.message) == (None, True)


def test_a_loop_that_turns_is_not_blocked(pipeline, soon_blocked):
    """Waiting for long is no blocking."""

    @pipeline.task
    async def patient():
        await asyncio.sleep(0.4)

    recorder = EventRecorder(pipeline)
    run_quietly(pipeline)

    assert "loop_blocked" not in recorder.names()


def test_a_blocked_loop_delays_no_deadline_elsewhere(pipeline):
    """A thread's deadline and the blocker's own are kept while the loop does not turn."""
    release = threading.Event()

    @pipeline.task(timeout=0.05, kill_grace=0.05)
    async def blocker():
        release.wait(LONG)

    @pipeline.task(timeout=0.05)
    def slow():
        release.wait(LONG)

    run = run_quietly(pipeline)
    release.set()

    assert {name: failure.reason for name, failure in run.failures.items()} == {"blocker": "timeout", "slow": "timeout"}


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exit_in_a_child_does_not_stop_the_loop(pipeline, error):
    """Under asyncio they end the loop; here the child's parent fails, and the others go on."""

    async def child():
        raise error

    @pipeline.task
    async def parent():
        await asyncio.create_task(child())

    @pipeline.task
    async def sibling():
        await asyncio.sleep(0.1)
        return "fine"

    run = run_quietly(pipeline, timeout=LONG)

    assert (run.failures["parent"].error.type, run.results["sibling"]) == (error.__name__, "fine")


def test_a_task_may_cancel_every_task_it_finds(pipeline):
    """Runners that wait for work survive `for task in asyncio.all_tasks(): task.cancel()`."""

    # a -> b ; a -> c ; d
    @pipeline.task
    async def d():
        return "ended before"

    @pipeline.task
    async def a():
        await asyncio.sleep(0.05)
        for other in asyncio.all_tasks() - {asyncio.current_task()}:
            other.cancel()

    @pipeline.task
    async def b(a):
        return "b"

    @pipeline.task
    async def c(a):
        return "c"

    run = run_quietly(pipeline, timeout=LONG)

    assert dict(run.results) == {"d": "ended before", "a": None, "b": "b", "c": "c"}


def test_a_cancellation_of_ones_own_is_a_failure(pipeline):
    """A task that cancels itself fails; nobody asked for a cancel, so it is not CANCELLED, nor is the next one hit."""

    # a -> x ; b after a
    @pipeline.task
    async def a():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    @pipeline.task(after=["a"], trigger="all_done")
    async def b():
        await asyncio.sleep(0.01)
        return "untouched"

    run = run_quietly(pipeline)

    assert (run.failures["a"].reason, run.failures["a"].error.type) == ("error", "CancelledError")
    assert run.results["b"] == "untouched"


def test_timeouts_and_groups_of_asyncio_work(pipeline):
    """`asyncio.timeout` and TaskGroup cancel the task they stand in and take that back."""

    @pipeline.task
    async def structured():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(60))
                group.create_task(_fails())
        except* ValueError:
            pass
        return await asyncio.wait_for(asyncio.to_thread(lambda: "still here"), 10)

    assert run_quietly(pipeline).results["structured"] == "still here"


async def _fails():
    raise ValueError


def test_what_tasks_leave_behind_is_cleaned_up(pipeline):
    """Background tasks and open generators that a task left are cancelled and closed with the loop."""
    ended, both = [], threading.Event()

    async def background():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("background")

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            ended.append("generator")
            both.set()

    kept = []

    @pipeline.task
    async def leaves():
        kept.append(asyncio.create_task(background()))
        kept.append(numbers())
        await anext(kept[-1])
        await asyncio.sleep(0)

    run_quietly(pipeline)

    assert both.wait(LONG)
    assert ended == ["background", "generator"]


def test_coroutines_that_never_wait_let_others_in(pipeline):
    """A long chain of coroutines without a wait does not keep the others from their turns."""
    pipeline.max_async = 2
    stop = []

    @pipeline.task(priority=1)
    async def ticker():
        turns = 0
        while not stop:
            await asyncio.sleep(0)
            turns += 1
        return turns

    async def busy():
        threading.Event().wait(0.005)

    for number in range(20):
        pipeline.task(busy, name=f"busy{number}")

    @pipeline.task(after=[f"busy{number}" for number in range(20)])
    async def last():
        stop.append(True)

    assert run_quietly(pipeline, timeout=LONG).results["ticker"] >= 5


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_callers_loop_that_closes_cancels_the_run(pipeline, seconds):
    """A run whose tasks are bound to a loop that is no more is cancelled, not waited for."""

    # a -> b
    @pipeline.task(loop="caller")
    async def a():
        await asyncio.sleep(3600)

    @pipeline.task(loop="caller")
    async def b(a): ...

    async def main():
        run = pipeline.start(output="none", raise_on_error=False)
        await asyncio.sleep(seconds)
        return run

    run = asyncio.run(main()).wait(LONG)

    assert list(run.status()["status"]) == ["cancelled", "cancelled"]
    assert any("loop='caller'" in event.message for event in run._driver.events if event.name == "cancel_requested")


def test_a_callers_loop_that_closed_while_nobody_ran_cancels_the_run(pipeline):
    """Nor is anybody waited for who would only be called after the loop is gone."""
    # slow -> bound
    release = threading.Event()

    @pipeline.task
    def slow():
        release.wait(LONG)

    @pipeline.task(loop="caller")
    async def bound(slow): ...

    async def main():
        return pipeline.start(output="none", raise_on_error=False)

    run = asyncio.run(main())
    release.set()

    assert [str(status) for status in run.wait(LONG).status()["status"]] == ["success", "cancelled"]
