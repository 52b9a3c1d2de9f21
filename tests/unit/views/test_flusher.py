"""The thread that shows a run, and the box that keeps only the newest values."""

from contextvars import ContextVar
from threading import Event, Thread, current_thread

import pytest

from nbdag.views.flusher import Flusher, Outbox


class Widget:
    """Records every assignment, as each is a message to the front end."""

    def __init__(self, log: list[tuple[str, object]], **traits: object) -> None:
        self.__dict__.update(traits)
        self._log = log

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            self._log.append((name, value))
        self.__dict__[name] = value


def test_the_newest_value_wins():
    """Of many wishes between two flushes only the last is sent."""
    log: list[tuple[str, object]] = []
    bar, outbox = Widget(log, value=0), Outbox()
    for value in range(1, 100):
        outbox.put(bar, "value", value)

    assert outbox.flush() == 1
    assert log == [("value", 99)]


def test_an_unchanged_value_is_not_sent():
    """A wish for what the widget already says costs nothing, also when another was waiting."""
    log: list[tuple[str, object]] = []
    bar, outbox = Widget(log, value=1), Outbox()
    outbox.put(bar, "value", 2)
    outbox.put(bar, "value", 1)

    assert outbox.flush() == 0
    assert log == []


def test_a_burst_is_spread_over_flushes():
    """At most a burst at once, then the rate; the oldest wishes go first, and none is lost."""
    log: list[tuple[str, object]] = []
    bars = [Widget(log, value=0) for _ in range(50)]
    outbox = Outbox(rate=10, burst=20)
    for number, bar in enumerate(bars, 1):
        outbox.put(bar, "value", number)

    assert [outbox.flush() for _ in range(5)] == [20, 10, 10, 10, 0]
    assert [value for _, value in log] == list(range(1, 51))


def test_a_waiting_wish_keeps_its_turn():
    """A value that changes all the time cannot push others back, nor be pushed back by them."""
    log: list[tuple[str, object]] = []
    first, second = Widget(log, value=0), Widget(log, value=0)
    outbox = Outbox(rate=1, burst=1)
    outbox.put(first, "value", "old")
    outbox.put(second, "value", "other")
    outbox.put(first, "value", "new")
    outbox.flush()
    outbox.flush()

    assert log == [("value", "new"), ("value", "other")]


def test_everything_goes_at_the_end():
    """A forced flush knows no limit."""
    log: list[tuple[str, object]] = []
    outbox = Outbox(rate=1, burst=1)
    for bar in [Widget(log, value=0) for _ in range(7)]:
        outbox.put(bar, "value", 1)

    assert outbox.flush_all() == 7


def test_beats_until_there_is_no_more():
    """`beat` is called until it returns False; then `end` is called once, also when stopped again."""
    calls: list[str] = []
    ended = Event()

    def beat() -> bool:
        calls.append("beat")
        return len(calls) < 3

    flusher = Flusher(beat=beat, end=lambda: (calls.append("end"), ended.set()), period=0.001)
    flusher.start()

    assert ended.wait(10)
    flusher.stop()
    assert calls == ["beat", "beat", "beat", "end"]


def test_stopping_ends_the_view_before_it_returns():
    """When `stop` returns, `end` has been called, even if the next beat was far away."""
    calls: list[str] = []
    flusher = Flusher(beat=lambda: True, end=lambda: calls.append("end"), period=1000)
    flusher.start()

    flusher.stop()

    assert calls == ["end"]


def test_stop_before_start_does_nothing():
    """A view that was never opened can be closed."""
    Flusher(beat=lambda: True, end=lambda: pytest.fail("never began")).stop()


def test_stop_after_a_start_that_was_interrupted_does_nothing(monkeypatch):
    """A view whose thread never came to be can be closed like any other."""

    class Interrupted(Thread):
        def start(self):
            raise KeyboardInterrupt

    monkeypatch.setattr("nbdag.views.flusher.Thread", Interrupted)
    flusher = Flusher(beat=lambda: True, end=lambda: pytest.fail("never began"))
    with pytest.raises(KeyboardInterrupt):
        flusher.start()

    flusher.stop()


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_is_reported_once_and_goes_nowhere():
    """The first exception is reported, the view ends, later ones are dropped."""
    reported: list[Exception] = []
    ended = Event()

    def beat() -> bool:
        raise RuntimeError("the front end is gone")

    def end() -> None:
        ended.set()
        raise RuntimeError("and cannot be closed")

    flusher = Flusher(beat=beat, end=end, on_failure=reported.append, period=0.001)
    flusher.start()
    assert ended.wait(10)
    flusher.stop()

    assert [str(error) for error in reported] == ["the front end is gone"]


def test_output_belongs_to_the_cell_that_opened_it():
    """Beats run in a copy of the context that started them, and can be stopped from within."""
    cell: ContextVar[str] = ContextVar("cell", default="none")
    seen: list[tuple[str, str]] = []

    def beat() -> bool:
        seen.append((cell.get(), current_thread().name))
        flusher.stop()
        return True

    flusher = Flusher(beat=beat, end=lambda: None, period=0.001)
    token = cell.set("In[4]")
    flusher.start()
    cell.reset(token)
    assert flusher._thread is not None
    flusher._thread.join(10)

    assert seen == [("In[4]", "nbdag-view")]
