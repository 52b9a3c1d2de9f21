"""Nothing in a task waits for a person at the keyboard."""

import builtins
import contextvars
import getpass
import pdb  # noqa: T100 - its debugger is what a breakpoint starts
import sys

import pytest

from nbdag.runtime.capture import Capture
from nbdag.runtime.sink import Sink


def as_task(capture: Capture, body):
    def run():
        sink = Sink("train", 1, now=lambda: 0.0)
        capture.enter(sink)
        try:
            return body()
        finally:
            capture.leave(sink)

    return contextvars.copy_context().run(run)


@pytest.fixture
def plain_python(monkeypatch):
    """A `breakpoint()` as Python has it, without the test runner's own."""
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)


def test_input_is_refused_at_once():
    """The error names the task and says what to do instead."""
    with (
        Capture() as capture,
        pytest.raises(RuntimeError, match=r"task 'train' called input\(\)\..*parameter of the pipeline"),
    ):
        as_task(capture, lambda: input("name? "))


def test_getpass_is_refused_at_once():
    """A password is asked for like any other answer."""
    with Capture() as capture, pytest.raises(RuntimeError, match=r"task 'train' called getpass\(\)"):
        as_task(capture, getpass_by_name)


def test_breakpoint_is_refused_at_once():
    """The error says how to debug the task."""
    with (
        Capture() as capture,
        pytest.raises(
            RuntimeError,
            match=r"task 'train' called breakpoint\(\)\..*in a cell, or `%dag_debug train` after a failure",
        ),
    ):
        as_task(capture, breakpoint)


def test_a_breakpoint_that_is_switched_off_stays_off(plain_python, monkeypatch):
    """PYTHONBREAKPOINT=0 makes `breakpoint()` do nothing, in a task too."""
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")

    with Capture() as capture:
        assert as_task(capture, breakpoint) is None


def test_outside_a_task_questions_are_asked(monkeypatch):
    """A cell may ask while tasks run in the background."""
    monkeypatch.setattr(builtins, "input", lambda prompt="": f"answer to {prompt}")

    with Capture():
        assert input("who? ") == "answer to who? "


def test_outside_a_task_the_debugger_stops_in_the_callers_frame(plain_python, monkeypatch):
    """The guard is not in the way of a `breakpoint()` in a cell."""
    stopped = []

    class Debugger:
        def set_trace(self, frame):
            stopped.append(frame.f_code.co_name)

    monkeypatch.setattr(pdb, "Pdb", Debugger)

    def cell():
        breakpoint()  # noqa: T100 - the subject of the test

    with Capture():
        cell()

    assert stopped == ["cell"]


def test_another_debugger_is_asked_with_its_arguments(monkeypatch):
    """Who has a hook of their own gets the call as it was made."""
    calls = []
    monkeypatch.setattr(sys, "breakpointhook", lambda *args, **options: calls.append((args, options)))

    with Capture():
        breakpoint(1, header="here")  # noqa: T100 - the subject of the test

    assert calls == [((1,), {"header": "here"})]


def test_a_kernel_that_puts_its_own_input_in_place_is_guarded_again(monkeypatch):
    """An attempt that starts in a later cell is refused as well, and the kernel's input is there afterwards."""

    def kernel_input(prompt=""):
        return "from the kernel"

    monkeypatch.setattr(builtins, "input", input)
    with Capture() as capture:
        builtins.input = kernel_input
        with pytest.raises(RuntimeError, match="task 'train' called input"):
            as_task(capture, input_by_name)
        assert input() == "from the kernel"

    assert builtins.input is kernel_input


def input_by_name():
    return input()


def getpass_by_name():
    return getpass.getpass()


def test_closing_takes_the_guards_away():
    """All three questions are as they were."""
    before = (input, getpass.getpass, sys.breakpointhook)

    with Capture():
        assert input is not before[0]

    assert (input, getpass.getpass, sys.breakpointhook) == before
