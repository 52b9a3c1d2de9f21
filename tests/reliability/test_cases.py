"""Hard cases on real threads and loops, each in a `def` and an `async def`, each with the rules of every run."""

import asyncio
import functools
import gc
import logging
import os
import sys
import threading
from pathlib import Path

import pytest

from nbdag import DAG, Fail, Skip, Task, current_task
from nbdag.testing import EventRecorder, run_quietly
from tests.reliability.rules import assert_kept

LONG = 20.0


class OwnBase(BaseException):
    pass


def overflow():
    return overflow()


def chained():
    error = ExceptionGroup("outer", [OSError("leaf one"), ExceptionGroup("inner", [KeyError("leaf two")])])
    error.add_note("a note")
    try:
        raise ValueError("the cause")
    except ValueError as cause:
        raise error from cause


def raises(error):
    def it():
        raise error

    return it


@pytest.fixture(params=["def", "async def"])
def way(request):
    """Turns a plain function into a task's function of either kind."""

    def as_is(function):
        return function

    def as_coroutine(function):
        @functools.wraps(function)
        async def coroutine(*args, **kwargs):
            await asyncio.sleep(0)
            return function(*args, **kwargs)

        return coroutine

    return as_is if request.param == "def" else as_coroutine


@pytest.fixture
def pipeline(way):
    """A pipeline with a healthy sibling, which must succeed whatever happens beside it."""
    pipeline = DAG("hard", max_parallel=2)
    go_on = threading.Event()

    def sibling():
        return go_on.wait(LONG)

    pipeline.task(sibling, name="sibling")
    pipeline.release = go_on
    return pipeline


def finish(pipeline, **options):
    """Run; let the sibling end when all else has ended."""
    run = pipeline.start(output="none", raise_on_error=False, timeout=LONG, **options)
    while any(not task.status.is_terminal for task in run.record().tasks.values() if task.task != "sibling"):
        threading.Event().wait(0.002)
        assert not run.done or run.record().status.value != "running"
    pipeline.release.set()
    run.wait(LONG)
    assert_kept(run)
    assert run.results["sibling"] is True
    return run


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (raises(KeyboardInterrupt()), "KeyboardInterrupt"),
        (raises(SystemExit(3)), "SystemExit"),
        (raises(GeneratorExit()), "GeneratorExit"),
        (raises(OwnBase("own")), "OwnBase"),
        (raises(MemoryError()), "MemoryError"),
        (raises(asyncio.CancelledError("mine")), "CancelledError"),
        (raises(TimeoutError()), "TimeoutError"),
        (raises(None), "TypeError"),
        (raises(ValueError), "ValueError"),
        (overflow, "RecursionError"),
        (chained, "ExceptionGroup"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_a_task_raises_it_fails_alone(pipeline, way, act, name):
    """The task is FAILED with the exception's name, what needs it is blocked by it, nobody else is touched."""
    # bad -> child ; sibling
    pipeline.task(way(act), name="bad")
    pipeline.task(lambda bad: 1, name="child")

    run = finish(pipeline)

    failure = run.failures["bad"]
    assert (failure.error.type.rpartition(".")[2], failure.blocked, run.state.value) == (name, ("child",), "failed")
    assert run.record().tasks["child"].blamed == ("bad",)


def test_stop_iteration_does_not_hang(pipeline, way):
    """The exception that plain asyncio waits on for ever is a failure like any other."""
    pipeline.task(way(raises(StopIteration(5))), name="bad")

    assert finish(pipeline).failures["bad"].error.type in ("StopIteration", "RuntimeError")


def test_the_whole_story_of_an_error_is_told(pipeline, way):
    """Leaves of groups, cause and notes are in the text, without a frame of nbdag's."""
    pipeline.task(way(chained), name="bad")

    text = finish(pipeline).failures["bad"].error.traceback

    assert [word in text for word in ("leaf one", "leaf two", "the cause", "a note")] == [True] * 4
    assert "/nbdag/runtime/" not in text


def test_a_decorator_that_fails_is_the_users(pipeline, way):
    """What wraps the function and raises before its body is named as the place."""

    def broken(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            raise RuntimeError("before the body")

        return wrapper

    pipeline.task(way(broken(lambda: 1)), name="bad")

    failure = finish(pipeline).failures["bad"]

    assert (failure.error.message, failure.error.where.startswith("test_cases.py")) == ("before the body", True)


def test_a_huge_message_is_kept_short(pipeline, way):
    """An exception of 50 MB leaves 10 kB, marked as cut."""
    pipeline.task(way(raises(ValueError("x" * 50_000_000))), name="bad")

    message = finish(pipeline).failures["bad"].error.message

    assert (len(message) <= 10_000, "characters left out" in message) == (True, True)


def test_skip_and_fail_from_deep_within(pipeline, way):
    """Signals work from any depth of the user's code; Fail ends a task at once."""
    tries = []

    def deep(signal):
        tries.append(signal)
        raise signal

    pipeline.task(way(lambda: deep(Skip("none"))), name="skips", retries=5)
    pipeline.task(way(lambda: deep(Fail("never"))), name="fails", retries=5)

    run = finish(pipeline)

    assert (len(tries), run.record().tasks["skips"].status.value, list(run.failures)) == (2, "skipped", ["fails"])


def test_odd_results_pass(pipeline, way):
    """Values that cannot be pickled, compared or shown are results all the same."""

    class Odd:
        __hash__ = None

        def __eq__(self, other):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

        def __len__(self):
            raise RuntimeError

    for name, value in {"odd": Odd(), "lock": threading.Lock(), "function": lambda: 1, "none": None}.items():
        pipeline.task(way(lambda value=value: value), name=name)
        pipeline.task(lambda **above: type(next(iter(above.values()))).__name__, name=f"{name}_", dependencies=[name])

    run = finish(pipeline)

    assert [run.results[name] for name in ("odd_", "lock_", "function_", "none_")] == [
        "Odd",
        "lock",
        "function",
        "NoneType",
    ]


def test_what_hangs_is_given_up_at_its_deadline(way):
    """The message says what still runs; when it ends at last that is told once, and its value is dropped."""
    pipeline, release = DAG("deadline"), threading.Event()

    @pipeline.task(timeout=0.1)
    def hangs():
        release.wait(LONG)
        return "too late"

    recorder = EventRecorder(pipeline)
    run = run_quietly(pipeline)
    failure = run.failures["hangs"]
    assert (failure.reason, failure.error.type) == ("timeout", "TaskTimeout")
    assert "still runs in its thread, which cannot be stopped" in failure.error.traceback
    assert run.record().tasks["hangs"].still_running

    release.set()
    while "late_result_discarded" not in recorder.names():
        threading.Event().wait(0.002)

    assert recorder.names().count("thread_finally_ended") == 1
    assert (run.record().tasks["hangs"].still_running, run.state.value) == (False, "failed")
    assert "hangs" not in run.results
    assert_kept(run)


def test_a_total_timeout_spans_attempts_and_delays():
    """`total_timeout` ends a task that is tried again and again, also while it waits."""
    pipeline = DAG("total")

    @pipeline.task(retries=1000, retry_delay=0.02, total_timeout=0.15)
    def fails():
        raise ValueError

    @pipeline.task(retries=3, retry_delay=3600, total_timeout=0.05)
    def waits():
        raise ValueError

    run = pipeline.run(output="none", raise_on_error=False, timeout=LONG)

    assert_kept(run)
    assert {name: 1 <= failure.attempts < 100 for name, failure in run.failures.items()} == {
        "fails": True,
        "waits": True,
    }


def test_there_is_no_barrier():
    """A chain goes on beside a long task; nobody waits for a level of the graph to be complete."""
    # long ; s0 -> s1 -> … -> s9 -> frees ; long waits for frees
    pipeline, freed = DAG("no barrier", max_parallel=2), threading.Event()
    pipeline.task(lambda: freed.wait(LONG), name="long", priority=1)
    pipeline.task(lambda: None, name="s0")
    for number in range(1, 10):
        pipeline.task(lambda: None, name=f"s{number}", after=[f"s{number - 1}"])
    pipeline.task(freed.set, name="frees", after=["s9"])

    run = run_quietly(pipeline, timeout=LONG)

    assert_kept(run, {"parallel": 2})
    assert run.results["long"] is True


def test_a_resource_is_held_by_one_at_a_time():
    """Tasks that want the one GPU take turns, the others fill the slots; one that fails gives it back."""
    pipeline = DAG("gpu", max_parallel=4, resources={"gpu": 1})
    inside, most, lock = [0], [0], threading.Lock()

    def wants(fail):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.005)
        with lock:
            inside[0] -= 1
        if fail:
            raise ValueError

    for number in range(8):
        pipeline.task(lambda number=number: wants(number % 2), name=f"gpu{number}", resources={"gpu": 1})
        pipeline.task(lambda: None, name=f"cpu{number}")

    run = run_quietly(pipeline, timeout=LONG)

    assert_kept(run, {"parallel": 4, "gpu": 1})
    assert (most[0], len(run.failures)) == (1, 4)


def test_order_by_priority_is_the_same_every_time():
    """5, 3, 1; equal ones by the longer path, then as defined: the same in a hundred runs."""
    pipeline = DAG("order", max_parallel=1)
    for name, priority in (("p1", 1), ("p5", 5), ("p3", 3), ("x", 0), ("long", 0), ("y", 0)):
        pipeline.task(lambda: None, name=name, priority=priority)
    pipeline.task(lambda: None, name="next", after=["long"])

    orders = set()
    for _ in range(100):
        recorder = EventRecorder(pipeline)
        run_quietly(pipeline)
        orders.add(tuple(event.task for event in recorder.events if event.name == "task_started"))

    assert orders == {("p5", "p3", "p1", "long", "x", "y", "next")}


def test_cancelling_in_every_state():
    """Whatever a task does when the cancel comes, it ends CANCELLED, or as it had ended before."""
    # done -> child ; runs -> waits ; retries ; coroutine
    pipeline, inside = DAG("cancel", max_parallel=2), threading.Barrier(3)

    @pipeline.task(priority=2)
    def done(): ...

    @pipeline.task(priority=1, retries=1, retry_delay=3600)
    def retries():
        raise ValueError

    @pipeline.task
    def runs():
        inside.wait(LONG)
        while not current_task().cancelled:
            threading.Event().wait(0.001)

    @pipeline.task
    async def coroutine():
        await asyncio.to_thread(inside.wait, LONG)
        await asyncio.sleep(3600)

    pipeline.task(lambda runs: 1, name="waits")
    run = pipeline.start(output="none", raise_on_error=False)
    inside.wait(LONG)
    run.cancel()
    run.wait(LONG)

    assert_kept(run)
    states = {task.task: task.status.value for task in run.record().tasks.values()}
    assert states == {
        "done": "success",
        "retries": "cancelled",
        "runs": "cancelled",
        "coroutine": "cancelled",
        "waits": "cancelled",
    }


def test_cleanup_runs_after_a_cancel():
    """A clean-up task starts although everything else was stopped, and the run stays CANCELLED."""
    pipeline, inside = DAG("cleanup"), threading.Event()

    @pipeline.task
    async def opens():
        inside.set()
        await asyncio.sleep(3600)

    pipeline.task(lambda: "closed", name="closes", after=["opens"], trigger="all_done", cleanup=True)
    run = pipeline.start(output="none", raise_on_error=False)
    assert inside.wait(LONG)
    run.cancel()
    run.wait(LONG)

    assert_kept(run)
    assert (run.state.value, run.results["closes"]) == ("cancelled", "closed")


def test_many_pipelines_in_many_threads():
    """8 threads, 20 runs each, of 8 pipelines: every one right, every one for itself."""
    pipelines = []
    for number in range(8):
        pipeline = DAG(f"p{number}", params={"n": number})
        pipeline.add_task(Task("a", lambda n: n))
        pipeline.add_task(Task("b", lambda a: a * 10))
        pipelines.append(pipeline)
    wrong = []

    def work(offset):
        for turn in range(20):
            number = (turn + offset) % 8
            run = run_quietly(pipelines[number])
            if dict(run.results) != {"a": number, "b": number * 10}:
                wrong.append(run)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert wrong == []
    assert [len(pipeline.runs()) for pipeline in pipelines] == [20] * 8


async def test_coroutines_survive_the_garbage_collector():
    """Runs that only the loop knows of are not collected."""
    pipeline = DAG("garbage")

    @pipeline.task
    async def waits():
        for _ in range(5):
            await asyncio.sleep(0)
        return 1

    runs = [asyncio.create_task(pipeline.run_async(output="none")) for _ in range(50)]
    while not all(run.done() for run in runs):
        gc.collect()
        await asyncio.sleep(0)

    assert [run.result().results["waits"] for run in runs] == [1] * 50


def test_a_task_that_breaks_its_surroundings():
    """Replaced streams, disabled logging and a policy without loops do not stop the engines."""
    pipeline, before, folder = DAG("rude"), (sys.stdout, sys.stderr, logging.root.manager.disable), Path.cwd()

    @pipeline.task
    def rude():
        sys.stdout = sys.stderr = None
        logging.disable()
        os.chdir("/")
        asyncio.set_event_loop(None)

    @pipeline.task
    async def polite(rude):
        print("still here")
        await asyncio.sleep(0)
        return "fine"

    try:
        run = run_quietly(pipeline)
    finally:
        sys.stdout, sys.stderr = before[:2]
        logging.disable(before[2])
        os.chdir(folder)

    assert_kept(run)
    assert run.results["polite"] == "fine"
