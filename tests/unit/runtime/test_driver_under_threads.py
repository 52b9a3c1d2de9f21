"""What others may see of a driver, and when: nothing half done, and nothing of the user's under its lock."""

import gc
import threading
import weakref

from nbdag.core.records import ErrorInfo
from nbdag.core.reports import SUCCEEDED, Failed
from nbdag.core.status import FailureReason
from tests.unit.runtime.driven import begun, driver_of, task

AGAIN = Failed(FailureReason.ERROR, ErrorInfo("ValueError", "boom"), retry_after=0.0)


def nothing():
    return None


class Watched:
    """A value that can be watched until it is gone, and may do something then."""

    def __init__(self, when_gone=lambda: None):
        self._when_gone = when_gone

    def __del__(self):
        self._when_gone()


def test_a_guard_only_reads():
    """The guard looks every millisecond: without the lock, so without changing the queue, or a node could be lost."""
    driver, _, _ = begun(a=nothing)
    ready = driver._state._attempts._ready
    ready.forget(0)  # its entry is still in the heap, for whoever holds the lock to clear
    before = [list(heap) for heap in ready._heaps.values()]

    with driver._lock:
        assert not driver.is_held_up("thread")

    assert [list(heap) for heap in ready._heaps.values()] == before


def test_a_result_is_there_before_the_state_says_so():
    """Who sees SUCCESS can read the result at once."""
    driver, _, worker = begun(a=nothing)
    start = driver.take("thread", worker)
    seen = []
    handle = driver._state.handle
    driver._state.handle = lambda report: (seen.append(driver.results[0]), handle(report))[1]

    driver.complete("thread", worker, start, SUCCEEDED, "result")

    assert seen == ["result"]


def test_a_given_result_is_there_before_the_state_says_so():
    """The same holds for results that need not be computed."""
    driver = driver_of(a=nothing, given={"a": "given"})
    seen = []
    handle = driver._state.handle
    driver._state.handle = lambda report: (seen.append((type(report).__name__, driver.results[0])), handle(report))[1]

    driver.begin([])

    assert seen == [("RunBegan", None), ("TraceFound", "given")]


def test_a_result_that_is_dropped_may_do_what_it_likes():
    """A result's end can run the user's code, which may tell the run something; so it does not come under the lock."""
    # a (not kept) -> b
    driver, _, worker = begun(a=task(nothing, keep=False), b=lambda a: None, c=nothing)
    value = Watched(when_gone=lambda: driver.note("metric_logged", data={"name": "closed", "value": 1.0}))
    start = driver.take("thread", worker)
    start = driver.complete("thread", worker, start, SUCCEEDED, value)
    del value

    ending = threading.Thread(target=driver.complete, args=("thread", worker, start, SUCCEEDED, None), daemon=True)
    ending.start()
    ending.join(10)

    assert not ending.is_alive()
    assert [event.data["value"] for event in driver.events if event.name == "metric_logged"] == [1.0]


def test_the_exception_of_an_attempt_goes_when_the_next_one_succeeds():
    """Only failed tasks keep their frames, as these hold the data that the task worked on."""
    driver, _, worker = begun(a=task(nothing, retries=1))
    error = ValueError("boom")
    data = error.data = Watched()
    gone = weakref.ref(data)
    start = driver.take("thread", worker)
    start = driver.complete("thread", worker, start, AGAIN, error)
    del error, data

    driver.complete("thread", worker, start, SUCCEEDED, 1)

    gc.collect()
    assert (driver.errors, gone()) == ({}, None)
