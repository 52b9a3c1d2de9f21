"""What the function of a running task can call."""

import asyncio
import contextvars
import logging
import math
from fractions import Fraction

import numpy as np
import pytest

from nbdag.runtime.context import TaskContext, current_context, current_task, log_metric, progress


class RecordingHost:
    """Keeps what a task tells its run."""

    def __init__(self):
        self.cancelled = False
        self.progress = []
        self.metrics = []

    def is_cancelled(self, task, attempt):
        return self.cancelled

    def report_progress(self, task, attempt, progress):
        self.progress.append((task, attempt, *progress))

    def log_metric(self, task, attempt, name, value):
        self.metrics.append((task, attempt, name, value))


@pytest.fixture
def host():
    return RecordingHost()


@pytest.fixture
def inside(host):
    """Calls a function as the body of task train, attempt 2, of run 7."""

    def call(body):
        context = contextvars.copy_context()
        context.run(current_context.set, TaskContext("train", 2, 7, host))
        return context.run(body)

    return call


def test_task_knows_itself(inside):
    """The current task says its name, attempt and run."""
    task = inside(current_task)

    assert (task.name, task.attempt, task.run_id) == ("train", 2, 7)
    assert repr(task) == "<task 'train', attempt 2, run 7>"


def test_task_sees_a_cancel_while_it_runs(inside, host):
    """`cancelled` is asked anew each time."""
    task = inside(current_task)
    assert task.cancelled is False

    host.cancelled = True

    assert task.cancelled is True


def test_task_logs_under_its_name(inside):
    """The task's logger stands under nbdag.task."""
    assert inside(current_task).log is logging.getLogger("nbdag.task.train")


@pytest.mark.parametrize("call", [current_task, lambda: log_metric("accuracy", 0.9)])
def test_outside_a_task_the_error_says_what_to_do(call):
    """Where there is no task, the error names the remedy for threads."""
    with pytest.raises(RuntimeError, match=r"only inside a task while it runs.*copy_context\(\)\.run"):
        call()


def test_progress_by_number(inside, host):
    """Each call stores how far the task is."""

    def body():
        progress(3)
        progress(5, total=10, text="files")
        progress(np.int64(6), np.float64(10))
        progress(Fraction(1, 2), 1)

    inside(body)

    assert host.progress == [
        ("train", 2, 3, None, ""),
        ("train", 2, 5, 10, "files"),
        ("train", 2, 6, 10, ""),
        ("train", 2, 0.5, 1, ""),
    ]


def test_progress_through_a_list(inside, host):
    """An item counts as done when the next is asked for; the total comes from len()."""
    items = inside(lambda: progress(["a", "b"], text="letters"))

    assert next(items) == "a"
    assert host.progress[-1] == ("train", 2, 0, 2, "letters")
    assert next(items) == "b"
    assert host.progress[-1] == ("train", 2, 1, 2, "letters")
    assert list(items) == []
    assert host.progress[-1] == ("train", 2, 2, 2, "letters")


def test_progress_through_a_generator(inside, host):
    """Without a length the total is unknown, unless it is given."""
    assert inside(lambda: list(progress(letter for letter in "ab"))) == ["a", "b"]
    assert [entry[2:4] for entry in host.progress] == [(0, None), (1, None), (2, None)]

    assert inside(lambda: list(progress(iter("ab"), total=2))) == ["a", "b"]
    assert [entry[2:4] for entry in host.progress[3:]] == [(0, 2), (1, 2), (2, 2)]


def test_progress_through_something_whose_len_raises(inside, host):
    """A loader that has `__len__` and no length is gone through all the same."""

    class Stream:
        def __len__(self):
            raise TypeError("an endless stream has no length")

        def __iter__(self):
            return iter("ab")

    assert inside(lambda: list(progress(Stream()))) == ["a", "b"]
    assert host.progress[-1] == ("train", 2, 2, None, "")


def test_progress_through_an_async_iterable(inside, host):
    """`async for` works likewise, inside a task and outside."""

    async def letters():
        for letter in "ab":
            await asyncio.sleep(0)
            yield letter

    async def body():
        return [letter async for letter in progress(letters(), total=2)]

    assert inside(lambda: asyncio.run(body())) == ["a", "b"]
    assert [entry[2] for entry in host.progress] == [0, 1, 2]
    assert asyncio.run(body()) == ["a", "b"]
    assert len(host.progress) == 3


def test_progress_outside_a_task_shows_nothing_and_passes_items(host):
    """A function with a progress loop still works when it is called in a cell."""
    assert list(progress([1, 2, 3])) == [1, 2, 3]
    assert progress(1, total=2) is None
    assert host.progress == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((-1,), "done must be a finite number from 0 on, not -1"),
        ((math.nan,), "done .* not nan"),
        ((math.inf,), "done .* not inf"),
        ((1, -5), "total .* not -5"),
        ((1, math.nan), "total .* not nan"),
        (([1], -1), "total .* not -1"),
        ((1, "ten"), "total .* not 'ten'"),
    ],
)
def test_bad_numbers_are_refused(inside, host, arguments, what):
    """A negative or infinite amount raises at the call, inside a task and outside, and is not shown."""
    with pytest.raises(ValueError, match=what):
        inside(lambda: progress(*arguments))
    with pytest.raises(ValueError, match=what):
        progress(*arguments)
    assert host.progress == []


def test_words_are_no_amount():
    """A text in the place of a number is taken for the slip it is."""
    with pytest.raises(TypeError, match=r"not the text 'loading'; words go into text="):
        progress("loading")
    with pytest.raises(TypeError, match="takes a number or an iterable, not None"):
        progress(None)


def test_metric_is_logged_as_a_float(inside, host):
    """Any finite number will do, NumPy's too."""

    def body():
        log_metric("accuracy", 0.9)
        log_metric("rows", 12)
        log_metric("loss", np.float32(0.5))
        log_metric("share", Fraction(1, 4))

    inside(body)

    assert host.metrics == [
        ("train", 2, "accuracy", 0.9),
        ("train", 2, "rows", 12.0),
        ("train", 2, "loss", 0.5),
        ("train", 2, "share", 0.25),
    ]
    assert {type(value) for _, _, _, value in host.metrics} == {float}


@pytest.mark.parametrize(
    ("name", "value", "error", "what"),
    [
        ("", 1, ValueError, "task 'train': a metric needs a name, not ''"),
        (7, 1, ValueError, "a metric needs a name, not 7"),
        ("loss", math.nan, ValueError, r"log_metric\('loss'\) in task 'train': nan is not a finite number"),
        ("loss", -math.inf, ValueError, "-inf is not a finite number"),
        ("loss", "0.5", TypeError, "'0.5' is not a number"),
        ("loss", None, TypeError, "None is not a number"),
    ],
)
def test_bad_metrics_are_refused(inside, host, name, value, error, what):
    """The error names the metric, the task and the value."""
    with pytest.raises(error, match=what):
        inside(lambda: log_metric(name, value))
    assert host.metrics == []
