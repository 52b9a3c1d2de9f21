"""What the tasks of a run wrote, kept for its viewers."""

import pytest

from nbdag.runtime import output as output_module
from nbdag.runtime.output import RunOutput


@pytest.fixture
def output():
    return RunOutput()


def write(output, task, text, attempt=1, *, close=True):
    sink = output.open(task, attempt, lambda: 7.0)
    sink.write("stdout", text)
    if close:
        sink.close()
        output.close(sink)
    return sink


def test_the_text_of_a_task_spans_its_attempts(output):
    """What each attempt wrote is kept, in order, and apart from other tasks."""
    write(output, "train", "first try\n", attempt=1)
    write(output, "load", "rows\n")
    write(output, "train", "second try\n", attempt=2)

    assert output.text("train") == "first try\nsecond try\n"


def test_the_tail_is_of_the_latest_attempt(output):
    """The last lines shown are those of the attempt that runs, or ran last."""
    write(output, "train", "old\n")
    write(output, "train", "a\nb\nc\n", attempt=2, close=False)

    assert output.tail("train", 2) == ["b", "c"]


def test_a_silent_task_has_no_text(output):
    """A task that wrote nothing, or is not known, has the empty text."""
    sink = output.open("quiet", 1, lambda: 7.0)
    output.close(sink)

    assert (output.text("quiet"), output.tail("quiet", 3), output.text("unknown")) == ("", [], "")


def test_lines_of_all_tasks_are_read_by_number(output):
    """A viewer that has seen so many lines gets those after them, each with its task."""
    write(output, "a", "one\n")
    write(output, "b", "two\n")

    slice_ = output.since(1)

    assert (slice_.first, [(line.task, line.text) for line in slice_.lines]) == (1, [("b", "two")])
    assert output.since(2) == (2, ())


def test_lost_lines_are_told(output, monkeypatch):
    """When more lines were written than are kept, the slice begins later than was asked for."""
    kept = RunOutput()
    monkeypatch.setattr(output_module, "MOST_LINES", 3)
    few = RunOutput()
    for sink in (kept, few):
        write(sink, "a", "1\n2\n3\n4\n5\n")

    assert (kept.since(0).first, few.since(0).first) == (0, 2)
    assert [line.text for line in few.since(0).lines] == ["3", "4", "5"]
