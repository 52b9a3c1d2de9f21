"""Calls at a moment."""

import threading

import pytest

from nbdag.runtime.clock import Clock
from nbdag.runtime.timers import SWEEP_FROM, Timers

LONG = 30.0
"""Seconds after which a wait of these tests has failed."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timers(clock):
    timers = Timers(clock.now)
    yield timers
    timers.close()


def test_no_thread_before_the_first_moment(clock):
    """A run without deadlines costs no thread."""
    timers = Timers(clock.now, name="idle timers")

    assert not any(thread.name == "idle timers" for thread in threading.enumerate())
    timers.close()


def test_calls_come_in_the_order_of_their_moments(timers, clock):
    """The order in which moments were asked for does not matter, except among equal ones."""
    called, done = [], threading.Event()
    moment = clock.now() + 0.05

    timers.at(moment + 0.02, lambda: (called.append("late"), done.set()))
    timers.at(moment, lambda: called.append("early, first"))
    timers.at(moment, lambda: called.append("early, second"))
    timers.at(moment + 0.01, lambda: called.append("middle"))

    assert done.wait(LONG)
    assert called == ["early, first", "early, second", "middle", "late"]


def test_no_call_comes_before_its_moment(timers, clock):
    """A call is made at its moment or after it."""
    at, done = [], threading.Event()
    moment = clock.now() + 0.03

    timers.at(moment, lambda: (at.append(clock.now()), done.set()))

    assert done.wait(LONG)
    assert at[0] >= moment


def test_an_earlier_moment_does_not_wait_for_a_later_one(timers, clock):
    """A moment that comes first is called first, though the thread already waits for another; a passed one at once."""
    never, done = threading.Event(), threading.Event()
    timers.at(clock.now() + 3600, never.set)

    timers.at(clock.now() - 1, done.set)

    assert done.wait(LONG)
    assert not never.is_set()


def test_a_cancelled_call_is_not_made(timers, clock):
    """Cancelling forgets the call, and only that one."""
    called, done = [], threading.Event()
    moment = clock.now() + 0.03
    ticket = timers.at(moment, lambda: called.append("cancelled"))
    timers.at(moment + 0.01, lambda: (called.append("kept"), done.set()))

    timers.cancel(ticket)

    assert done.wait(LONG)
    assert called == ["kept"]


def test_cancelling_what_was_called_does_nothing(timers, clock):
    """A ticket whose call was made, or that was cancelled before, may be cancelled again."""
    first, second = threading.Event(), threading.Event()
    ticket = timers.at(clock.now(), first.set)
    assert first.wait(LONG)

    timers.cancel(ticket)
    timers.cancel(ticket)
    timers.at(clock.now(), second.set)

    assert second.wait(LONG)


def test_a_call_that_fails_takes_no_other_with_it(timers, clock):
    """The next deadline holds, whatever an earlier call raised."""
    done = threading.Event()
    moment = clock.now()
    timers.at(moment, lambda: 1 / 0)

    timers.at(moment, done.set)

    assert done.wait(LONG)


def test_a_moment_that_never_comes_harms_nobody(timers, clock):
    """Waiting longer than the system can is waiting as long as it can."""
    done = threading.Event()
    timers.at(float("inf"), lambda: 1 / 0)
    timers.at(clock.now() + 1e12, lambda: 1 / 0)

    timers.at(clock.now() + 0.01, done.set)

    assert done.wait(LONG)


def test_nothing_is_called_once_closed(clock):
    """Closing forgets what is due and ends the thread; what is asked for later is not called either."""
    timers, called = Timers(clock.now, name="timers under test"), []
    timers.at(clock.now() + 3600, lambda: called.append("before"))
    [thread] = [thread for thread in threading.enumerate() if thread.name == "timers under test"]

    timers.close()
    timers.at(clock.now(), lambda: called.append("after"))
    thread.join(LONG)

    assert not thread.is_alive()
    assert called == []


def test_cancelled_moments_do_not_pile_up(timers, clock):
    """A run of many attempts, each with a deadline that is cancelled, keeps the heap small."""
    for _ in range(20 * SWEEP_FROM):
        timers.cancel(timers.at(clock.now() + 3600, lambda: None))

    assert len(timers._heap) <= SWEEP_FROM + 1


def test_many_threads_may_ask_and_cancel(timers, clock):
    """Each call that is not cancelled is made exactly once."""
    called, lock, done = [], threading.Lock(), threading.Event()

    def call(number):
        with lock:
            called.append(number)
            if len(called) == 8 * 100:
                done.set()

    def ask(thread):
        for number in range(100):
            timers.at(clock.now() + 0.001, lambda number=number: call((thread, number)))
            timers.cancel(timers.at(clock.now() + 0.001 + LONG, lambda: call("cancelled")))

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done.wait(LONG)
    assert sorted(called) == [(thread, number) for thread in range(8) for number in range(100)]
