"""One execution as people hold it: waiting, stopping, what it raises, what it tells afterwards."""

import asyncio
import gc
import math
import threading
import traceback
import weakref

import pytest

from nbdag import Fail, Retry, Skip, log_metric
from nbdag.core.errors import NoResult, RunCancelled, RunError, RunTimeout, TaskFailed, TaskTimeout, UnknownTaskError
from nbdag.testing import run_quietly

LONG = 20.0


def define(pipeline, *names, func=lambda: None, **options):
    for name in names:
        pipeline.task(func, name=name, **options)


def raising(error):
    def fails():
        raise error

    return fails


def states(run):
    return {name: record.status.value for name, record in run.record().tasks.items()}


class Gate:
    """Two events: a task is inside, and it may go on."""

    def __init__(self):
        self.inside, self.open = threading.Event(), threading.Event()

    def task(self):
        self.inside.set()
        return self.open.wait(LONG)


def test_start_returns_at_once(pipeline):
    """A started run goes on by itself; `done`, `state` and `wait` tell of it."""
    gate = Gate()
    define(pipeline, "a", func=gate.task)

    run = pipeline.start(output="none", note="first try")

    assert (run.done, run.state.value, run.ok, run.note) == (False, "running", False, "first try")
    with pytest.raises(TimeoutError, match=r"run 1 is not over after 0.01 s; it goes on"):
        run.wait(0.01)
    gate.open.set()
    assert run.wait(LONG) is run
    assert (run.done, run.state.value, run.ok, run.run_id, run.pipeline) == (True, "success", True, 1, "story")


def test_results_grow_while_the_run_goes_on(pipeline):
    """What is finished can be looked at before the run is over; what is not says where it stands."""
    # a -> b
    gate = Gate()
    define(pipeline, "a", func=lambda: 1)
    pipeline.task(lambda a: gate.task(), name="b")

    run = pipeline.start(output="none")
    assert gate.inside.wait(LONG)

    assert (dict(run.results), states(run)) == ({"a": 1}, {"a": "success", "b": "running"})
    with pytest.raises(NoResult, match="task 'b' has no result in run 1: it is running"):
        run.results["b"]
    assert list(run.status()["status"]) == ["success", "running"]
    gate.open.set()
    run.wait(LONG)


def test_a_run_works_within_a_running_loop(pipeline):
    """Blocking, awaited and started runs work where a loop runs, coroutine tasks too."""

    @pipeline.task
    async def a():
        await asyncio.sleep(0.01)
        return 1

    async def main():
        started = pipeline.start(output="none")
        return [
            pipeline.run(output="none").results["a"],
            (await pipeline.run_async(output="none")).results["a"],
            (await started).results["a"],
            (await started) is started,
        ]

    assert asyncio.run(main()) == [1, 1, 1, True]


async def test_a_run_works_under_pytest_asyncio(pipeline):
    """Tests that are coroutines may await runs, and the loop turns meanwhile."""
    gate, turns = Gate(), 0
    define(pipeline, "a", func=gate.task)

    running = asyncio.create_task(pipeline.run_async(output="none"))
    while not gate.inside.is_set():
        turns += 1
        await asyncio.sleep(0)
    gate.open.set()

    assert (await running).ok
    assert turns


def test_a_run_works_in_a_thread_without_a_loop(pipeline):
    """Any thread may run a pipeline."""

    @pipeline.task
    async def a():
        return 1

    seen = []
    thread = threading.Thread(target=lambda: seen.append(pipeline.run(output="none").results["a"]))
    thread.start()
    thread.join(LONG)

    assert seen == [1]


async def test_cancelling_who_awaits_cancels_the_run(pipeline):
    """The run ends with the task that awaits it; a coroutine's clean-up is waited for."""
    inside, cleaned = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    @pipeline.task
    async def a():
        loop.call_soon_threadsafe(inside.set)
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(True)

    running = asyncio.create_task(pipeline.run_async(output="none"))
    await inside.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (cleaned, pipeline.last_run.state.value) == ([True], "cancelled")


async def test_a_timeout_of_asyncio_ends_a_run(pipeline):
    """`asyncio.timeout` around a run works as around anything else."""
    gate = Gate()
    define(pipeline, "a", func=gate.task)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pipeline.run_async(output="none")

    gate.open.set()
    assert pipeline.last_run.state.value == "cancelled"


def test_a_failed_run_raises_the_users_own_exception(pipeline):
    """The first root failure's exception comes with one note: task, run, attempts, what is blocked, how many more."""
    # a -> b -> c ; other
    error = KeyError("column")
    define(pipeline, "a", func=raising(error), retries=1, priority=1)
    pipeline.task(lambda a: 1, name="b")
    pipeline.task(lambda b: 1, name="c")
    define(pipeline, "other", func=raising(ValueError("second")), after=[])
    pipeline.max_parallel = 1

    with pytest.raises(KeyError) as caught:
        pipeline.run(output="none")

    assert caught.value is error
    assert error.__notes__ == ["task 'a' of story, run 1, attempt 2; blocked: b, c; 1 more failed"]


def test_the_traceback_ends_in_the_users_line(pipeline):
    """A debugger opens where the task failed; between the caller and that line there are few frames of nbdag's."""
    define(pipeline, "a", func=raising(ValueError("x")))

    with pytest.raises(ValueError, match="x") as caught:
        pipeline.run(output="none")

    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames] == [
        "test_the_traceback_ends_in_the_users_line",
        "run",
        "_wait_or_cancel",
        "fails",
    ]


def test_a_failure_raises_the_same_however_often(pipeline):
    """Waiting again raises the same exception, with the same frames and one note."""
    define(pipeline, "a", func=raising(ValueError("x")))
    run, seen = pipeline.start(output="none"), []

    for _ in range(3):
        with pytest.raises(ValueError, match="x") as caught:
            run.wait(LONG)
        frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        seen.append((frames, len(caught.value.__notes__)))

    assert seen == [(["test_a_failure_raises_the_same_however_often", "wait", "fails"], 1)] * 3


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(5)])
def test_what_would_end_the_caller_is_wrapped(pipeline, error):
    """An exit or interrupt that a task raised is a failure of the task, never taken for the real thing."""
    define(pipeline, "a", func=raising(error))

    with pytest.raises(TaskFailed, match=f"task 'a' raised {type(error).__name__}") as caught:
        pipeline.run(output="none")

    assert caught.value.__cause__ is error


def test_a_timeout_raises_what_it_is(pipeline):
    """Where there is no exception of the user's, nbdag's own says which limit passed."""
    gate = Gate()
    define(pipeline, "a", func=gate.task, timeout=0.05)

    with pytest.raises(TaskTimeout, match=r"task 'a' took longer than 0.05 s") as caught:
        pipeline.run(output="none")

    gate.open.set()
    assert (caught.value.task, caught.value.limit) == ("a", 0.05)


def test_a_run_past_its_limit_fails_as_a_whole(pipeline):
    """Running and waiting-to-retry tasks fail with the run's reason, what had not begun is cancelled."""
    gate = Gate()
    define(pipeline, "runs", func=gate.task)
    define(pipeline, "retries", func=raising(OSError()), retries=1, retry_delay=3600)
    pipeline.task(lambda runs: 1, name="waits")

    with pytest.raises(RunTimeout, match=r"run 1 of story passed its time limit; still running: .*runs"):
        pipeline.run(output="none", timeout=0.1)

    gate.open.set()
    run = pipeline.last_run
    assert states(run) == {"runs": "failed", "retries": "failed", "waits": "cancelled"}
    assert {failure.reason for failure in run.failures.values()} == {"run_timeout"}
    assert run.state.value == "failed"


def test_a_cancelled_run_says_so(pipeline):
    """Cancelling may be asked for by anybody and more than once; the waiting one is told."""
    gate = Gate()
    define(pipeline, "a", func=gate.task)
    pipeline.task(lambda a: 1, name="b")
    run = pipeline.start(output="none")
    assert gate.inside.wait(LONG)

    run.cancel()
    run.cancel()

    with pytest.raises(RunCancelled, match="run 1 of story was cancelled"):
        run.wait(LONG)
    gate.open.set()
    run.cancel()
    assert (states(run), run.state.value, run.failures) == ({"a": "cancelled", "b": "cancelled"}, "cancelled", {})


def test_an_error_may_be_looked_at_instead(pipeline):
    """With raise_on_error=False a failed run is returned."""
    define(pipeline, "a", func=raising(ValueError("x")))

    run = pipeline.run(output="none", raise_on_error=False)

    failure = run.failures["a"]
    assert (run.ok, failure.task, failure.reason, failure.attempts, failure.blocked) == (False, "a", "error", 1, ())
    assert (str(failure), str(failure.exception)) == ("a: ValueError: x (1 attempt)", "x")


def test_an_allowed_failure_fails_no_run(pipeline):
    """A task with allow_failure=True is FAILED and shown, the run succeeds."""
    define(pipeline, "a", func=raising(ValueError("x")), allow_failure=True)
    define(pipeline, "b")

    run = pipeline.run(output="none")

    assert (run.ok, states(run), list(run.failures)) == (True, {"a": "failed", "b": "success"}, ["a"])


def test_an_exception_that_takes_no_notes_is_raised_all_the_same(pipeline):
    """The note is left out where the exception refuses it."""

    class Sealed(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    define(pipeline, "a", func=raising(Sealed("kept")))

    with pytest.raises(Sealed, match="kept"):
        pipeline.run(output="none")


def test_a_run_that_failed_for_no_task_says_why(pipeline, monkeypatch):
    """When only abandoned attempts hold what is needed, the rest is cancelled and the run names them."""
    monkeypatch.setattr("nbdag.core.run_state.STARVED_AFTER", 0.05)
    gate = Gate()
    pipeline.max_parallel = 1
    define(pipeline, "hangs", func=gate.task, timeout=0.05, allow_failure=True, priority=1)
    define(pipeline, "starves")

    with pytest.raises(RunError, match="only abandoned attempts hold what is needed: hangs"):
        pipeline.run(output="none")

    gate.open.set()
    assert states(pipeline.last_run) == {"hangs": "failed", "starves": "cancelled"}


def failing_beside_a_slow_one(pipeline, **options):
    """The states of: fails ; slow -> after, with one more that has not begun when `fails` does."""
    gate, failed = Gate(), threading.Event()

    def fails():
        gate.inside.wait(LONG)
        raise ValueError

    define(pipeline, "slow", func=gate.task)
    define(pipeline, "fails", func=fails)
    define(pipeline, "unbegun")
    pipeline.on("task_failed", lambda event: failed.set())
    run = pipeline.start(output="none", raise_on_error=False, **options)
    assert failed.wait(LONG)
    if options["on_error"] != "cancel":
        gate.open.set()
    run.wait(LONG)
    gate.open.set()
    return states(run), run.state.value


def test_by_default_independent_branches_go_on(pipeline):
    """A failure stops only what is below it."""
    expected = {"slow": "success", "fails": "failed", "unbegun": "success"}
    assert failing_beside_a_slow_one(pipeline, on_error="continue") == (expected, "failed")


def test_on_error_stop_starts_nothing_new(pipeline):
    """What runs may finish, the rest is cancelled; the run is FAILED, not CANCELLED."""
    expected = {"slow": "success", "fails": "failed", "unbegun": "cancelled"}
    assert failing_beside_a_slow_one(pipeline, on_error="stop") == (expected, "failed")


def test_on_error_cancel_stops_what_runs(pipeline):
    """What runs is cancelled too."""
    expected = {"slow": "cancelled", "fails": "failed", "unbegun": "cancelled"}
    assert failing_beside_a_slow_one(pipeline, on_error="cancel") == (expected, "failed")


def test_on_error_stop_fails_what_waits_for_a_retry(pipeline):
    """A task that waits for its next attempt ends FAILED when nothing new may start."""
    retrying = threading.Event()
    pipeline.on("task_retrying", lambda event: retrying.set())

    def fails():
        retrying.wait(LONG)
        raise ValueError

    define(pipeline, "waits", func=raising(OSError("first")), retries=1, retry_delay=3600)
    define(pipeline, "fails", func=fails)

    run = pipeline.run(output="none", on_error="stop", raise_on_error=False)

    assert {name: failure.error.type for name, failure in run.failures.items()} == {
        "waits": "OSError",
        "fails": "ValueError",
    }


def test_retries_are_extra_attempts(pipeline):
    """retries=2 allows three calls; each attempt's failure keeps its own traceback."""
    calls = []

    def fails():
        calls.append(1)
        raise ValueError(f"attempt {len(calls)}")

    define(pipeline, "a", func=fails, retries=2)

    run = run_quietly(pipeline)

    attempts = run.record().tasks["a"].attempts
    assert [attempt.attempt for attempt in attempts] == [1, 2, 3]
    assert [attempt.error.message for attempt in attempts] == ["attempt 1", "attempt 2", "attempt 3"]
    assert all("raise ValueError" in attempt.error.traceback for attempt in attempts)
    assert (len(calls), run.failures["a"].attempts) == (3, 3)


@pytest.mark.parametrize(
    ("error", "options", "calls"),
    [
        (ValueError(), {"retry_on": (OSError,)}, 1),
        (ConnectionError(), {"retry_on": (OSError,)}, 6),
        (ConnectionError(), {"retry_on": OSError, "no_retry_on": ConnectionError}, 1),
        (ValueError(), {"retry_on": lambda error, attempt: attempt < 3}, 3),
        (Fail("no"), {}, 1),
        (Retry("again"), {"retry_on": OSError}, 6),
        (KeyboardInterrupt(), {}, 1),
    ],
)
def test_which_failures_are_tried_again(pipeline, error, options, calls):
    """retry_on and no_retry_on choose; Fail is final, Retry asks for another; what ends programs is no Exception."""
    count = []

    def fails():
        count.append(1)
        raise error

    define(pipeline, "a", func=fails, retries=5, **options)
    run_quietly(pipeline)

    assert len(count) == calls


def test_a_retry_without_retries_left_says_so(pipeline):
    """A Retry beyond the retries fails, and its error tells that no attempt was left."""
    define(pipeline, "a", func=raising(Retry("busy", after=1)))

    failure = run_quietly(pipeline).failures["a"]

    assert failure.error.message == "busy (retries=0: no attempt left)"
    assert failure.exception.__notes__ == ["retries=0: no attempt left"]


def test_a_skip_is_no_failure(pipeline):
    """A skipped task skips what needs it under all_success, and the run succeeds."""
    # a -> b ; a -> c (all_done)
    define(pipeline, "a", func=raising(Skip("no data")))
    pipeline.task(lambda a: 1, name="b")
    pipeline.task(lambda a: a, name="c", trigger="all_done")

    run = run_quietly(pipeline)

    assert (run.ok, states(run)) == (True, {"a": "skipped", "b": "skipped", "c": "success"})
    assert (run.record().tasks["a"].message, run.results["c"]) == ("no data", None)


def test_a_cleanup_that_succeeds_saves_no_run(pipeline):
    """The state of a run looks at all its tasks, never only at the last ones."""
    define(pipeline, "a", func=raising(ValueError()))
    pipeline.task(lambda: "cleaned", name="cleanup", after=["a"], trigger="all_done", cleanup=True)

    run = run_quietly(pipeline)

    assert (run.state.value, run.results["cleanup"]) == ("failed", "cleaned")


def test_priorities_order_what_is_ready(pipeline):
    """Higher first; equal ones by the longer path that remains, then as defined."""
    # p1 ; p5 ; p3 ; long -> next ; first
    order = []
    pipeline.max_parallel = 1
    for name, priority in {"first": 0, "p1": 1, "p5": 5, "p3": 3, "long": 0}.items():
        define(pipeline, name, func=lambda name=name: order.append(name), priority=priority)
    pipeline.task(lambda: order.append("next"), name="next", after=["long"])

    run_quietly(pipeline)

    assert order == ["p5", "p3", "p1", "long", "first", "next"]


def test_a_result_that_was_not_kept_says_so(pipeline):
    """keep=False lets a result go; asking for it tells what to do, and it is not among the results."""
    # a -> b
    define(pipeline, "a", func=lambda: [1], keep=False)
    pipeline.task(lambda a: [*a, 2], name="b")

    run = run_quietly(pipeline)

    assert dict(run.results) == {"b": [1, 2]}
    with pytest.raises(NoResult, match=r"was not kept, as it has keep=False. Run it as a target"):
        run.results["a"]
    with pytest.raises(NoResult, match="input 'a' of task 'b' was not kept"):
        pipeline.inputs("b")
    assert run_quietly(pipeline, "a").results["a"] == [1]


def test_a_result_that_was_not_kept_is_there_for_every_attempt(pipeline):
    """A consumer that is tried again gets its input again."""
    # a -> b
    seen = []
    define(pipeline, "a", func=lambda: [1], keep=False)

    @pipeline.task(retries=2)
    def b(a):
        seen.append(a)
        if len(seen) < 3:
            raise ValueError
        return a

    run_quietly(pipeline)

    assert seen == [[1]] * 3


def test_a_result_that_was_not_kept_leaves_memory(pipeline):
    """When the run is over nothing of nbdag's holds it any more."""

    class Big:
        pass

    refs = []

    def make():
        big = Big()
        refs.append(weakref.ref(big))
        return big

    define(pipeline, "a", func=make, keep=False)
    pipeline.task(lambda a: None, name="b")

    run = run_quietly(pipeline)
    gc.collect()

    assert (run.ok, refs[0]()) == (True, None)


def test_unknown_names_are_told(pipeline):
    """Asking for a task that the run has not names the nearest."""
    define(pipeline, "train")
    run = run_quietly(pipeline)

    with pytest.raises(NoResult, match=r"run 1 has no task 'trian'. Did you mean 'train'"):
        run.results["trian"]
    with pytest.raises(UnknownTaskError, match="Did you mean 'train'"):
        run.logs("trian")
    assert "trian" not in run.results


def test_odd_results_are_results(pipeline):
    """Any object may be a result; nbdag never compares or copies it."""

    class Odd:
        def __eq__(self, other):
            raise RuntimeError("compared")

        __hash__ = None

        def __bool__(self):
            raise RuntimeError("asked for its truth")

        def __repr__(self):
            raise RuntimeError("shown")

    odd, lock = Odd(), threading.Lock()
    define(pipeline, "odd", func=lambda: odd)
    define(pipeline, "lock", func=lambda: lock)
    define(pipeline, "nothing")
    define(pipeline, "nan", func=lambda: math.nan)
    pipeline.task(lambda odd, lock: (odd, lock), name="both")

    run = run_quietly(pipeline)

    assert (run.ok, run.results["odd"] is odd, run.results["both"][1] is lock) == (True, True, True)
    assert (run.results["nothing"], math.isnan(run.results["nan"])) == (None, True)
    assert repr(run.results) == "<results of run 1: odd, lock, nothing, nan, both>"


def test_a_metric_is_an_event(pipeline):
    """Numbers that tasks log are in the events and in the record."""

    @pipeline.task
    def train():
        log_metric("loss", 0.5)
        log_metric("loss", 0.25)

    run = run_quietly(pipeline)

    logged = run.events().query("event == 'metric_logged'")
    assert [data["value"] for data in logged["data"]] == [0.5, 0.25]
    assert run.record().tasks["train"].metrics == {"loss": 0.25}


def test_what_a_task_wrote_is_kept(pipeline):
    """`logs` gives all that a task printed, over all its attempts."""

    def talks():
        print("hello")
        raise ValueError

    define(pipeline, "a", func=talks, retries=1)

    assert run_quietly(pipeline).logs("a") == "hello\nhello\n"


def test_the_frames_of_a_failure_are_let_go_by_the_next_run(pipeline):
    """A failed task's variables are kept for the debugger until the next run starts."""

    class Big:
        pass

    refs = []

    def fails():
        big = Big()
        refs.append(weakref.ref(big))
        raise ValueError("x")

    define(pipeline, "a", func=fails)
    run = run_quietly(pipeline)
    gc.collect()
    assert refs[0]() is not None
    assert run.failures["a"].exception.__traceback__.tb_frame.f_code.co_name == "fails"

    run_quietly(pipeline)
    gc.collect()

    assert (refs[0](), run.failures["a"].exception, run.failures["a"].error.message) == (None, None, "x")


def test_the_tables_of_a_run_are_its_own(pipeline):
    """Events, status and Gantt of a run tell of that run alone."""
    define(pipeline, "a", "b")
    run_quietly(pipeline, "a")

    run = run_quietly(pipeline)

    assert set(run.events()["run_id"]) == {2}
    assert (list(run.status()["task"]), list(run.gantt()["task"])) == (["a", "b"], ["a", "b"])
    assert repr(run) == "<Run 2 of story: success>"


def test_many_failures_are_told_quickly(pipeline):
    """What thousands of failures blocked is found in one look at the record."""
    for number in range(2_000):
        define(pipeline, f"a{number}", func=raising(ValueError()))
        pipeline.task(lambda **above: 1, name=f"b{number}", dependencies=[f"a{number}"])

    run = run_quietly(pipeline)

    failures = run.failures
    assert (len(failures), failures["a1999"].blocked) == (2_000, ("b1999",))
