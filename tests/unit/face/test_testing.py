"""What people test their pipelines with."""

import asyncio
from dataclasses import replace

import pytest

from nbdag import DAG, Retry, Skip, Task, current_task, log_metric, progress
from nbdag.testing import EventRecorder, call, instant_retries, run_quietly


def failing_task(pipeline, **options):
    calls = []

    @pipeline.task(**options)
    def fails():
        calls.append(current_task().attempt)
        raise Retry("busy", after=3600)

    return calls


def test_a_quiet_run_shows_and_raises_nothing(pipeline, capsys):
    """A failure is in the run that is given back, and nothing is printed."""
    pipeline.task(lambda: 1 / 0, name="a")

    run = run_quietly(pipeline)

    assert (run.ok, run.failures["a"].error.type) == (False, "ZeroDivisionError")
    assert capsys.readouterr() == ("", "")


def test_a_quiet_run_may_raise(pipeline):
    """Options of a run are taken as they are."""
    pipeline.task(lambda: 1 / 0, name="a")

    with pytest.raises(ZeroDivisionError):
        run_quietly(pipeline, raise_on_error=True)


def test_retries_do_not_wait(pipeline):
    """Every delay is zero, those of Retry(after=…) too; how often is tried stays, and so does the definition."""
    calls = failing_task(pipeline, retries=3, retry_delay=lambda retry, error: 3600)
    before = pipeline["fails"].spec

    run_quietly(pipeline)

    assert (calls, pipeline["fails"].spec is before) == ([1, 2, 3, 4], True)


def test_instant_retries_keep_what_is_defined_meanwhile(pipeline):
    """What a test defines or removes within the block stays so."""
    failing_task(pipeline, retries=1)
    pipeline.task(lambda: 1, name="gone")

    with instant_retries(pipeline):
        pipeline.remove("gone")
        pipeline.remove("fails")
        pipeline.task(lambda: "new", name="fails")

    assert (list(pipeline), run_quietly(pipeline).results["fails"]) == (["fails"], "new")


def test_a_quiet_run_hangs_no_test(pipeline):
    """A run has a time limit of its own."""
    release = asyncio.Event()

    @pipeline.task
    async def hangs():
        await release.wait()

    assert run_quietly(pipeline, timeout=0.05).failures["hangs"].reason == "run_timeout"


def test_a_task_is_called_alone(pipeline):
    """Inputs are given by name; parameters and defaults need not be."""
    pipeline.params["lr"] = 0.5
    pipeline.task(lambda: 1 / 0, name="load")

    @pipeline.task
    def train(load, lr, epochs=3):
        return load, lr, epochs

    assert call(pipeline["train"], load="rows") == ("rows", 0.5, 3)
    assert call(pipeline["train"], load="rows", lr=1, epochs=9) == ("rows", 1, 9)
    assert pipeline.last_run is None


def test_a_task_of_no_pipeline_is_called_too():
    """A Task need not be added to anything."""
    assert call(Task("double", lambda x: 2 * x), x=4) == 8


def test_inputs_that_are_missing_or_unknown_are_told(pipeline):
    """A typo names the nearest, what is missing is listed."""
    pipeline.task(lambda: 1, name="load")
    pipeline.task(lambda load, lr: 1, name="train")

    with pytest.raises(TypeError, match="task 'train' needs load=…, lr=…"):
        call(pipeline["train"])
    with pytest.raises(TypeError, match=r"task 'train' has no input 'laod'; it takes load, lr. Did you mean 'load'"):
        call(pipeline["train"], laod=1, lr=2)
    with pytest.raises(TypeError, match="'load' has no input 'x'; it takes none"):
        call(pipeline["load"], x=1)


def test_positional_only_and_any_keyword_inputs(pipeline):
    """However the function takes its inputs, they are given by name."""
    pipeline.task(lambda: 1, name="a")
    pipeline.task(lambda: 1, name="b")

    def merge(a, /, **parts):
        return a, parts

    pipeline.task(dependencies=["a", "b"])(merge)

    assert call(pipeline["merge"], a=1, b=2, c=3) == (1, {"b": 2, "c": 3})


def test_a_cell_is_called_like_a_function(pipeline):
    """The body of a cell is a function of the names that it takes."""

    def specialise(arguments):
        return lambda **given: (arguments, given)

    pipeline.task(lambda: 1, name="load")
    spec = Task("cell", lambda: None).spec
    pipeline.define(replace(spec, candidates=("load", "np"), specialise=specialise))

    assert call(pipeline["cell"], load=3) == (("load",), {"load": 3})


def test_inside_a_call_the_task_is_current(pipeline):
    """`current_task()`, `progress` and `log_metric` work; nothing is logged anywhere."""

    @pipeline.task
    def train():
        log_metric("loss", 0.5)
        progress(1, 2)
        context = current_task()
        return context.name, context.attempt, context.run_id, context.cancelled

    assert call(pipeline["train"]) == ("train", 1, 0, False)
    with pytest.raises(RuntimeError, match="works only inside a task"):
        current_task()


def test_what_a_task_raises_is_raised(pipeline):
    """Signals and errors come out as they are."""

    def skips():
        raise Skip("no data")

    async def fails():
        raise KeyError("x")

    pipeline.task(skips)
    pipeline.task(fails)

    with pytest.raises(Skip, match="no data"):
        call(pipeline["skips"])
    with pytest.raises(KeyError, match="x"):
        call(pipeline["fails"])


def test_a_coroutine_is_run(pipeline):
    """An async task is called like any other, within a running loop too."""

    @pipeline.task
    async def fetch(n):
        await asyncio.sleep(0)
        return n, current_task().name

    async def main():
        return call(pipeline["fetch"], n=2)

    assert (call(pipeline["fetch"], n=1), asyncio.run(main())) == ((1, "fetch"), (2, "fetch"))


def test_events_are_recorded_from_now_on():
    """A recorder has the events of later runs only, all of them or those of one task."""
    pipeline = DAG("recorded")
    pipeline.task(lambda: 1, name="a")
    run_quietly(pipeline)
    recorder = EventRecorder(pipeline)
    assert (recorder.events, repr(recorder)) == ([], "<0 events>")

    run_quietly(pipeline)
    run_quietly(pipeline)

    assert recorder.names("a") == ["task_started", "task_succeeded"] * 2
    assert recorder.names()[:1] + recorder.names()[-1:] == ["run_started", "run_finished"]
    assert [event.seq for event in recorder.events] == [1, 2, 3, 4] * 2
