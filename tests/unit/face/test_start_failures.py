"""Runs whose start goes wrong: interrupted half-way, or without a thread to be had."""

import sys
import threading

import pytest

from nbdag import DAG
from nbdag.core.errors import RunCancelled
from nbdag.runtime.driver import Driver
from nbdag.testing import EventRecorder, run_quietly

LONG = 20.0


@pytest.fixture
def pipeline():
    pipeline = DAG("starting", max_parallel=2)
    pipeline.task(lambda: 1, name="a")
    return pipeline


@pytest.fixture
def no_more_threads(monkeypatch):
    """The system gives no thread to a worker of this name."""
    refused = []
    start = threading.Thread.start

    def start_or_refuse(thread):
        if thread.name in refused:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_refuse)
    return refused


def test_a_start_that_is_interrupted_before_it_began_leaves_nothing(pipeline, monkeypatch):
    """The interrupt comes through, the run is over, and what stood in for the streams is gone."""
    before = sys.stdout

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Driver, "begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pipeline.start(output="none")

    assert (pipeline.last_run.state.value, pipeline.last_run.done, sys.stdout) == ("cancelled", True, before)
    assert run_quietly(pipeline).ok


def test_without_any_thread_a_run_is_cancelled(pipeline, no_more_threads):
    """A run that nobody can work on says why, and does not wait for ever."""
    no_more_threads.append("nbdag-thread-1")

    with pytest.raises(RunCancelled, match="run 1 of starting was cancelled: no worker could be started: can't start"):
        pipeline.start(output="none").wait(LONG)


def test_with_one_thread_a_run_goes_on(pipeline, no_more_threads):
    """Where there is one worker, a second one that cannot be had is done without."""
    no_more_threads.extend(f"nbdag-thread-{number}" for number in range(2, 1000))
    for name in ("b", "c", "d"):
        pipeline.task(lambda: 1, name=name)

    assert dict(run_quietly(pipeline, timeout=LONG).results) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_without_a_loop_a_run_is_cancelled(pipeline, no_more_threads):
    """The same holds for the thread of the loop that coroutines run on."""
    no_more_threads.append("nbdag-loop")

    @pipeline.task
    async def b(a): ...

    run = run_quietly(pipeline, timeout=LONG)

    assert list(run.status()["status"]) == ["success", "cancelled"]


def test_a_listener_may_fail_in_the_oddest_way(pipeline):
    """An exception that cannot even be shown ends neither the run nor the other listeners."""

    class Odd(Exception):
        def __str__(self):
            raise ValueError

    class Listener:
        def __call__(self, event):
            raise Odd

        def __repr__(self):
            raise ValueError

    heard, over = [], threading.Event()
    pipeline.on("*", Listener())
    pipeline.on("*", lambda event: (heard.append(event.name), event.name == "run_finished" and over.set()))
    recorder = EventRecorder(pipeline)

    assert run_quietly(pipeline).ok

    assert over.wait(LONG)
    failed = [event.message for event in recorder.events if event.name == "observer_failed"]
    assert [message.split(":")[0] for message in failed] == [f"a {Listener.__qualname__}"]
    assert "task_succeeded" in heard
