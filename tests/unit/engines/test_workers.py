"""What workers keep while they wait, whom they count, and whom a stop reaches."""

import asyncio
import gc
import threading
import weakref

import pytest

from nbdag import DAG
from nbdag.engines.loops import LoopEngine
from nbdag.testing import run_quietly
from tests.unit.runtime.driven import driver_of, events, performer_of, states, task

LONG = 20.0


class Rows:
    """A result that can be watched until it is gone."""


@pytest.fixture
def pipeline():
    return DAG("workers", max_parallel=2, max_async=2)


def test_a_thread_lets_its_last_result_go(pipeline):
    """A result with keep=False is gone once it is used, whatever the thread that made it does meanwhile."""
    # rows (not kept) -> use -> look ; other ; long
    began, seen, made = threading.Event(), threading.Event(), []

    @pipeline.task(keep=False, priority=9)
    def rows():
        result = Rows()
        made.append(weakref.ref(result))
        return result

    @pipeline.task(priority=9)
    def other():
        began.wait(LONG)

    @pipeline.task(after=["rows"], priority=5)
    def long():
        began.set()
        return seen.wait(LONG)

    @pipeline.task(after=["other"])
    def use(rows): ...

    @pipeline.task(after=["use"])
    def look():
        gc.collect()
        is_gone = made[0]() is None
        seen.set()
        return is_gone

    run = run_quietly(pipeline)

    assert (run.results["look"], run.results["long"]) == (True, True)


def test_a_runner_lets_its_last_result_go(pipeline):
    """The same holds for coroutines."""
    # rows (not kept) -> use -> look ; other ; long
    began, seen, made = asyncio.Event(), asyncio.Event(), []

    @pipeline.task(keep=False, priority=9)
    async def rows():
        result = Rows()
        made.append(weakref.ref(result))
        return result

    @pipeline.task(priority=9)
    async def other():
        await began.wait()

    @pipeline.task(after=["rows"], priority=5)
    async def long():
        began.set()
        return await seen.wait()

    @pipeline.task(after=["other"])
    async def use(rows): ...

    @pipeline.task(after=["use"])
    async def look():
        gc.collect()
        is_gone = made[0]() is None
        seen.set()
        return is_gone

    run = run_quietly(pipeline, timeout=LONG)

    assert (run.results["look"], run.results["long"]) == (True, True)


def test_runners_that_were_cancelled_while_they_waited_are_counted_once():
    """After a task has cancelled an asyncio Task that is not its own, as many coroutines run at once as before."""
    # x ; y ; z ; cancels -> four that meet
    pipeline = DAG("meeting", max_async=4)
    meeting = asyncio.Barrier(4)

    async def short(): ...

    for name in ("x", "y", "z"):
        pipeline.task(short, name=name)

    @pipeline.task
    async def cancels():
        await asyncio.sleep(0.05)
        other = (asyncio.all_tasks() - {asyncio.current_task()}).pop()
        for _ in "12":
            other.cancel()
            await asyncio.sleep(0.01)

    async def meets():
        async with asyncio.timeout(5):
            await meeting.wait()

    for number in range(4):
        pipeline.task(meets, name=f"meets{number}", after=["cancels"])

    run = run_quietly(pipeline, timeout=LONG)

    assert (dict(run.failures), run.ok) == ({}, True)


def test_a_stop_reaches_an_attempt_that_was_just_taken():
    """A runner that gives others their turn has taken nothing yet: what is taken begins at once and can be stopped."""

    # busy -> endless
    async def busy():
        threading.Event().wait(0.02)  # longer than a runner goes on without giving the loop a turn

    async def endless(busy):
        await asyncio.sleep(3600)

    driver = driver_of(busy=busy, endless=task(endless, kill_grace=3600))
    complete = driver.complete

    def complete_and_cancel(*report):
        following = complete(*report)
        if following is not None:
            driver.cancel()
        return following

    driver.complete = complete_and_cancel
    driver.begin([LoopEngine(driver, performer_of(driver))])

    assert driver.done.wait(5)
    assert states(driver) == {"busy": "success", "endless": "cancelled"}
    assert "attempt_abandoned" not in events(driver, "endless")


def test_a_loop_is_not_started_for_a_run_that_is_over():
    """A call for a runner that comes after the end starts no thread, as nobody would end it."""
    driver = driver_of()
    engine = LoopEngine(driver, performer_of(driver))
    driver.begin([engine])
    before = set(threading.enumerate())

    engine.spawn()

    assert [thread.name for thread in threading.enumerate() if thread not in before] == []
