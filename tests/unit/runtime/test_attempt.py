"""What happens around one call."""

import asyncio
import contextvars
import dataclasses

import pytest

from nbdag.core.errors import Skip
from nbdag.core.reports import SUCCEEDED, Failed, Skipped
from nbdag.core.status import FailureReason
from nbdag.runtime.context import current_context, current_task, log_metric, progress
from tests.unit.runtime.driven import HandEngine, HandWorker, driver_of, events, performer_of, states, task

COLOUR = contextvars.ContextVar("colour", default="none")


class OwnBase(BaseException):
    pass


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 1


def overflow():
    return overflow()


def performed(func, **options):
    """Outcome, value, and driver of one attempt of one task `it`."""
    driver = driver_of(it=task(func, **options))
    pool = driver.job.graph.rules[0].request.pool
    driver.begin([HandEngine(pool)])
    performer, start = performer_of(driver), driver.take(pool, HandWorker())
    with performer._capture:
        ended = asyncio.run(performer.perform_async(start)) if pool == "loop" else performer.perform(start)
    return *ended, driver


def raising(error):
    def it():
        raise error

    async def it_async():
        raise error

    return it, it_async


def test_a_value_is_a_success():
    """What the function returns is its result, None too."""
    assert performed(lambda: 7)[:2] == (SUCCEEDED, 7)
    assert performed(lambda: None)[:2] == (SUCCEEDED, None)


@pytest.mark.parametrize("way", [0, 1], ids=["def", "async def"])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        asyncio.CancelledError("mine"),
        OwnBase("own"),
        Frozen(),
        ExceptionGroup("group", [ValueError("leaf")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_is_a_failure(error, way):
    """Every exception becomes an outcome in the worker, and is kept as it was raised."""
    outcome, value, _ = performed(raising(error)[way])

    assert (outcome.reason, outcome.error.type, value) == (FailureReason.ERROR, type(error).__name__, error)


def test_stop_iteration_is_a_failure():
    """Python turns it into a RuntimeError in a coroutine; in a function it stays what it is."""
    plain, coroutine = raising(StopIteration(5))

    assert performed(plain)[0].error.type == "StopIteration"
    assert performed(coroutine)[0].error.type == "RuntimeError"


def test_endless_recursion_and_lack_of_memory_are_failures():
    """What Python raises for want of room is told like all else."""
    assert performed(overflow)[0].error.type == "RecursionError"
    assert performed(raising(MemoryError())[0])[0].reason is FailureReason.MEMORY


def test_a_failure_begins_in_the_users_frames():
    """The exception's traceback has no frame of nbdag, so that a debugger starts in the task."""

    def it():
        return {}["missing"]

    for func in (it, raising(KeyError("x"))[1]):
        _, error, _ = performed(func)
        assert error.__traceback__.tb_frame.f_code.co_filename == __file__
        assert error.__traceback__.tb_next is None


def test_a_skip_is_no_failure():
    """Skip ends the task as skipped, with its reason."""
    assert performed(raising(Skip("no data"))[0])[0] == Skipped("no data")


@pytest.mark.parametrize("way", ["def", "async def"])
def test_a_coroutine_as_a_result_is_refused(way):
    """What nobody would await is no result; the message says what to do, and nothing is left un-awaited."""

    async def inner(): ...

    async def awaiting():
        return inner()

    def plain():
        return inner()

    outcome, error, _ = performed(awaiting if way == "async def" else plain)

    assert outcome.reason is FailureReason.BAD_RETURN
    remedy = "await it there" if way == "async def" else "make the task itself `async def`"
    assert str(error) == f"task 'it' returned a coroutine that nobody awaits; {remedy}"


def test_an_async_generator_as_a_result_is_refused():
    """An asynchronous generator is no result either."""

    async def numbers():
        yield 1

    def it():
        return numbers()

    assert performed(it)[0].reason is FailureReason.BAD_RETURN


def test_a_generator_as_a_result_is_kept_with_a_warning():
    """A returned generator can be gone through once; the task's output says so."""
    outcome, value, driver = performed(lambda: (n for n in range(3)))

    assert (outcome, list(value)) == (SUCCEEDED, [0, 1, 2])
    assert "returned a generator, which can be gone through only once; return list(...)" in driver.output.text("it")


def test_each_attempt_has_a_context_of_its_own():
    """An attempt sees what was set where the run was started; what it sets itself is gone with it."""

    def it():
        before = COLOUR.get()
        COLOUR.set("red")
        return before, current_task().name, current_task().attempt

    async def it_async():
        return it()

    token = COLOUR.set("blue")
    try:
        assert performed(it)[1] == performed(it_async)[1] == ("blue", "it", 1)
        assert (COLOUR.get(), current_context.get()) == ("blue", None)
    finally:
        COLOUR.reset(token)


def test_a_coroutine_keeps_its_context_over_its_waits():
    """What a coroutine sets is there after it waited, and in the tasks it starts."""

    async def child():
        return COLOUR.get(), current_task().name

    async def it():
        COLOUR.set("green")
        await asyncio.sleep(0)
        return await asyncio.create_task(child())

    assert performed(it)[1] == ("green", "it")


def test_any_awaitable_will_do():
    """A coroutine function may await futures and objects with `__await__`."""

    class Soon:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "soon"

    async def it():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "future")
        return await future, await Soon(), await asyncio.gather(asyncio.sleep(0, "gathered"))

    assert performed(it)[1] == ("future", "soon", ["gathered"])


def test_prints_progress_and_metrics_reach_the_run():
    """What a task prints, reports and logs is kept under its name."""

    def it():
        print("hello")
        progress(1, 4)
        log_metric("loss", 0.5)

    _, _, driver = performed(it)

    assert driver.output.text("it") == "hello\n"
    assert driver.output.progress["it"][:2] == (1, 4)
    [metric] = [event for event in driver.events if event.name == "metric_logged"]
    assert (metric.task, dict(metric.data)) == ("it", {"name": "loss", "value": 0.5})


def test_an_attempt_that_was_stopped_is_not_heard():
    """After it was asked to stop, `cancelled` is true, and its progress and metrics are dropped."""
    seen = []

    def it():
        performer.stop(0, 1)
        progress(3, 4)
        log_metric("loss", 0.5)
        seen.append(current_task().cancelled)

    driver = driver_of(it=it)
    driver.begin([HandEngine()])
    performer = performer_of(driver)
    performer.perform(driver.take("thread", HandWorker()))

    assert (seen, driver.output.progress, events(driver, "it")) == ([True], {}, ["task_started"])


def test_a_deadline_is_kept_while_the_function_runs():
    """At its time limit an attempt fails, whatever its worker does; the message tells limit and attempt."""
    driver = driver_of(it=task(lambda: None, timeout=0.01))
    driver.begin([HandEngine()])
    performer, start = performer_of(driver), driver.take("thread", HandWorker())
    driver.call_of(0)

    performer._limit(start, driver.call_of(0))

    assert driver.done.wait(10)
    assert states(driver) == {"it": "failed"}
    assert str(driver.errors[0]) == "task 'it' took longer than 0.01 s (attempt 1)"
    assert "still runs in its thread" in driver.errors[0].__notes__[0]


def test_an_attempt_in_time_has_no_deadline_left():
    """The deadline of an attempt that ended is forgotten."""
    outcome, _, driver = performed(lambda: 1, timeout=60)

    assert outcome is SUCCEEDED
    assert not driver.timers._acts


def test_the_delay_to_a_retry_is_part_of_the_outcome():
    """The retry options of the task decide whether and when it is tried again."""
    outcome, _, _ = performed(raising(OSError("x"))[0], retries=1, retry_delay=9, retry_on=OSError)

    assert isinstance(outcome, Failed)
    assert outcome.retry_after == 9
