"""What only worker threads do: be daemons, be replaced, be few."""

import threading

import pytest

from nbdag import DAG
from nbdag.engines.threads import ThreadEngine
from nbdag.testing import run_quietly

LONG = 20.0


@pytest.fixture
def pipeline():
    return DAG("threads", max_parallel=2)


def test_workers_are_daemons(pipeline):
    """No thread of nbdag keeps the interpreter from its exit."""

    @pipeline.task
    def look():
        return [(thread.name, thread.daemon) for thread in threading.enumerate() if thread.name.startswith("nbdag")]

    threads = run_quietly(pipeline).results["look"]

    assert threads
    assert all(daemon for _, daemon in threads)


def test_a_chain_runs_on_one_thread(pipeline):
    """Work goes on where its input was made, without a hand-over."""

    # t0 -> t1 -> t2 -> t3
    @pipeline.task
    def t0():
        return [threading.get_ident()]

    for number in range(1, 4):
        pipeline.task(lambda **above: [*next(iter(above.values())), threading.get_ident()], name=f"t{number}",
                      dependencies=[f"t{number - 1}"])  # fmt: skip

    idents = run_quietly(pipeline).results["t3"]

    assert (len(idents), len(set(idents))) == (4, 1)


def test_a_long_attempt_behind_tiny_ones_is_not_waited_for(pipeline):
    """A worker that has only seen tiny attempts and then hangs does not hold up what is ready beside it."""
    # t0 -> … -> t99 -> hangs ; t99 -> waits
    release = threading.Event()
    pipeline.task(lambda: None, name="t0")
    for number in range(1, 100):
        pipeline.task(lambda: None, name=f"t{number}", after=[f"t{number - 1}"])

    @pipeline.task(after=["t99"], priority=1)
    def hangs():
        return release.wait(LONG)

    @pipeline.task(after=["t99"])
    def frees():
        release.set()

    assert run_quietly(pipeline).results["hangs"] is True


def test_abandoned_threads_count_as_threads(pipeline):
    """At most `max_parallel` functions are inside at any moment, those that were given up included."""
    inside, most, lock, release = [0], [0], threading.Lock(), threading.Event()

    def slow():
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        release.wait(LONG)
        with lock:
            inside[0] -= 1

    for number in range(4):
        pipeline.task(slow, name=f"slow{number}", timeout=0.05, priority=1)
    pipeline.task(lambda: "quick", name="quick")

    run = pipeline.start(output="none", raise_on_error=False)
    while run.record().count("failed") < 2:
        threading.Event().wait(0.005)
    assert not run.done
    release.set()
    run.wait(LONG)

    assert (run.results["quick"], most[0]) == ("quick", 2)


def test_threads_do_not_pile_up(pipeline):
    """After many runs there are no more threads than before."""
    before = set(threading.enumerate())
    pipeline.task(lambda: 1, name="a")

    @pipeline.task(timeout=10)
    async def b(a):
        return a

    run_quietly(pipeline)
    for _ in range(50):
        run_quietly(pipeline)

    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(LONG)
    assert [thread.name for thread in left if thread.is_alive()] == []


def test_every_run_has_its_guard(monkeypatch):
    """The guard over tiny attempts starts with the first worker, however quick that is to call the second."""
    started = []

    class QuickThread:
        def __init__(self, *, name, **_):
            self.name = name

        def start(self):
            started.append(self.name)
            if self.name == "nbdag-thread-1":
                engine.spawn()  # its worker is at work before `start` returns

    monkeypatch.setattr("nbdag.engines.threads.threading.Thread", QuickThread)
    engine = ThreadEngine(driver=None, performer=None)
    engine.spawn()

    assert started == ["nbdag-guard", "nbdag-thread-1", "nbdag-thread-2"]
