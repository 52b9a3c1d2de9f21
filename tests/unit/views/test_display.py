"""Who looks at a run, and what shows it there."""

import subprocess
import sys
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from nbdag.views import display
from nbdag.views.display import CellOutput, Silence, front_end, taps, viewer_for
from nbdag.views.panel import Panel
from nbdag.views.taps import DisplayTap, PyplotTap
from nbdag.views.terminal import Progress
from tests.unit.views.fake_feed import FakeFeed


class Publisher:
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def publish(self, **call: Any) -> None:
        self.calls.append(call)

    def clear_output(self, wait: bool = False) -> None:
        raise AssertionError("nobody cleared the output")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shell(monkeypatch):
    """The shell that IPython says is running; without a kernel to begin with."""
    shell = SimpleNamespace(display_pub=Publisher())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell


@pytest.fixture
def no_shell(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))


def test_a_shell_with_a_kernel_is_a_notebook(shell):
    """Only a shell that a front end talks to can show widgets."""
    assert front_end() == "ipython"
    shell.kernel = object()
    assert front_end() == "kernel"


def test_without_a_shell_the_stream_decides(monkeypatch, no_shell):
    """A terminal is one to draw in; a file, or no stream at all, is not."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert front_end() == "terminal"
    monkeypatch.setattr(sys, "stdout", StringIO())
    assert front_end() == "plain"
    monkeypatch.setattr(sys, "stdout", None)
    assert front_end() == "plain"


def test_asking_loads_nothing():
    """A script that runs a pipeline pays for no notebook."""
    code = (
        "import sys; from nbdag.views import display, panel; display.front_end(); display.taps();"
        "print([name for name in ('IPython', 'ipywidgets', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_each_front_end_has_its_viewer(shell):
    """A panel in a notebook, a line or plain lines elsewhere, nothing when nothing is wanted."""
    feed = FakeFeed("train")
    assert isinstance(viewer_for(feed), Progress)
    assert isinstance(viewer_for(feed, "none"), Silence)
    shell.kernel = object()
    assert isinstance(viewer_for(feed, "all"), Panel)
    assert isinstance(viewer_for(feed, "none"), Silence)


def test_no_standard_output_shows_nothing(monkeypatch, no_shell):
    """A program without a console has nowhere to show a run, and runs all the same."""
    monkeypatch.setattr(sys, "stdout", None)
    assert isinstance(viewer_for(FakeFeed("train")), Silence)


def test_an_unknown_output_is_refused():
    """The message names the value and the choices."""
    with pytest.raises(ValueError, match=r"output='tial' is not one of 'tail', 'all', 'none'\. Did you mean 'tail'\?"):
        viewer_for(FakeFeed("train"), "tial")


def test_a_notebook_has_both_taps(shell):
    """Displays are taken only where somebody looks; figures are told apart everywhere."""
    assert [type(tap) for tap in taps()] == [PyplotTap]
    shell.kernel = object()
    assert [type(tap) for tap in taps()] == [DisplayTap, PyplotTap]


def test_a_cell_output_updates_by_id(shell):
    """What is published under an id can be replaced; without one there is nothing to replace."""
    cell = CellOutput(shell)
    cell.publish({"text/plain": "1"}, {}, display_id="a")
    cell.publish({"text/plain": "2"}, {}, display_id="a", update=True)
    cell.publish({"text/plain": "3"}, {"k": 1})

    assert shell.display_pub.calls == [
        {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "a"}, "update": False},
        {"data": {"text/plain": "2"}, "metadata": {}, "transient": {"display_id": "a"}, "update": True},
        {"data": {"text/plain": "3"}, "metadata": {"k": 1}, "transient": {}, "update": False},
    ]


def test_a_cell_prints(capsys, shell):
    """Text goes to the cell's own stream."""
    CellOutput(shell).write("[train] epoch 1\n")
    CellOutput(shell).write("")
    assert capsys.readouterr().out == "[train] epoch 1\n"


@pytest.mark.parametrize(("version", "hint"), [((6, 31, 0), "stop button (■)"), ((7, 4, 0), "")])
def test_old_kernels_get_a_hint(monkeypatch, version, hint):
    """Kernels before ipykernel 7 hear clicks only after the cell; the panel says what to use instead."""
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace(version_info=version))
    assert hint in display._hint()
    assert bool(display._hint()) == bool(hint)
