"""Displays and figures of tasks reach the task's sink, and nothing else does."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from nbdag.runtime.sink import Sink, current_sink
from nbdag.views.taps import DisplayTap, PyplotTap, display_ids


def sink(task: str) -> Sink:
    return Sink(task, 1, now=lambda: 0.0)


class Publisher:
    """The part of IPython's `display_pub` that matters."""

    def __init__(self) -> None:
        self.shown: list[tuple[Any, ...]] = []
        self.cleared = 0

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        self.shown.append((data, metadata, transient, update))

    def clear_output(self, wait: bool = False) -> None:
        self.cleared += 1


def in_task(task: Sink, act: Callable[[], object]) -> None:
    token = current_sink.set(task)
    try:
        act()
    finally:
        current_sink.reset(token)


@pytest.fixture
def agg() -> Iterator[None]:
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def test_a_display_goes_to_its_task():
    """In a task `display` reaches the task's sink, elsewhere the cell, and afterwards all is as it was."""
    publisher, train = Publisher(), sink("train")
    undo = DisplayTap(publisher).install(current_sink.get)

    in_task(train, lambda: publisher.publish({"text/plain": "inside"}, {"isolated": True}))
    publisher.publish({"text/plain": "outside"}, None, transient={"display_id": "d"}, update=True)
    undo()
    in_task(train, lambda: publisher.publish({"text/plain": "after"}))

    assert [(each.data, each.metadata) for each in train.displays] == [({"text/plain": "inside"}, {"isolated": True})]
    assert publisher.shown == [
        ({"text/plain": "outside"}, None, {"display_id": "d"}, True),
        ({"text/plain": "after"}, None, None, False),
    ]
    assert "publish" not in vars(publisher)


def test_a_display_remembers_its_id():
    """A display that a task updates later can be found again; its own metadata stays."""
    publisher, train = Publisher(), sink("train")
    DisplayTap(publisher).install(current_sink.get)

    in_task(train, lambda: publisher.publish({}, {"w": 3}, transient={"display_id": "d"}))
    in_task(train, lambda: publisher.publish({}, transient={"display_id": "d"}, update=True))

    assert [display_ids(each.metadata) for each in train.displays] == [({"w": 3}, "d", False), ({}, "d", True)]


def test_a_task_cannot_wipe_the_cell():
    """`clear_output()` in a task leaves the panel and what other tasks displayed alone."""
    publisher = Publisher()
    DisplayTap(publisher).install(current_sink.get)

    in_task(sink("train"), publisher.clear_output)
    assert publisher.cleared == 0

    publisher.clear_output()
    assert publisher.cleared == 1


def test_what_others_wrapped_stays_theirs():
    """A wrapper that somebody put on top stays when the tap goes, and one from before comes back."""
    publisher = Publisher()
    earlier = publisher.publish = lambda *args, **options: None
    undo = DisplayTap(publisher).install(current_sink.get)
    undo()
    assert vars(publisher)["publish"] is earlier

    undo = DisplayTap(publisher).install(current_sink.get)
    later = publisher.publish = lambda *args, **options: None
    undo()
    assert vars(publisher)["publish"] is later


def drawn(figure: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"title": figure.axes[0].get_title()}, {}


def test_each_task_has_figures_of_its_own(agg):
    """Two tasks and the cell draw at the same time; each sees its own current figure only."""
    tap, a, b = PyplotTap(draw=drawn), sink("a"), sink("b")
    undo = tap.install(current_sink.get)
    plt.title("cell")
    in_task(a, lambda: plt.title("of a"))
    in_task(b, lambda: (plt.title("of b"), plt.figure(), plt.title("second of b")))
    in_task(a, lambda: plt.plot([1, 2]))

    assert plt.get_fignums() == [1]
    in_task(a, lambda: tap.flush(a))
    in_task(b, lambda: tap.flush(b))
    undo()

    assert [each.data for each in a.displays] == [{"title": "of a"}]
    assert [each.data for each in b.displays] == [{"title": "of b"}, {"title": "second of b"}]
    assert plt.gca().get_title() == "cell"
    assert plt.get_fignums() == [1]


def test_closing_in_a_task_closes_its_own(agg):
    """`plt.close("all")` in a task leaves the figures of others open, and nothing to show of its own."""
    tap, train = PyplotTap(draw=drawn), sink("train")
    undo = tap.install(current_sink.get)
    plt.figure()
    in_task(train, lambda: (plt.figure(), plt.figure(), plt.close("all")))
    in_task(train, lambda: tap.flush(train))
    undo()

    assert train.displays == []
    assert len(plt.get_fignums()) == 1


def test_a_figure_that_cannot_be_drawn_is_reported_in_place(agg):
    """It fails no task; the other figures are shown."""
    tap, train = PyplotTap(draw=drawn), sink("train")
    undo = tap.install(current_sink.get)
    in_task(train, lambda: (plt.figure(), plt.figure(), plt.title("good")))  # the first has no axes to read
    in_task(train, lambda: tap.flush(train))
    undo()

    assert [each.data for each in train.displays] == [{"title": "good"}]
    assert train.text() == "a figure could not be drawn: IndexError: list index out of range\n"


def test_where_nobody_looks_figures_join_the_programs_own(agg):
    """In a script `plt.show()` after the run still has what tasks drew, under numbers of its own."""
    tap, train = PyplotTap(draw=None), sink("train")
    undo = tap.install(current_sink.get)
    plt.title("program")
    in_task(train, lambda: plt.title("of train"))
    in_task(train, lambda: tap.flush(train))
    undo()

    assert [plt.figure(number).axes[0].get_title() for number in plt.get_fignums()] == ["program", "of train"]
    plt.close(plt.figure(2))
    assert plt.get_fignums() == [1]


def test_matplotlib_may_be_imported_inside_a_task():
    """The first task that imports pyplot has its figures to itself already; nothing is imported before."""
    code = """
import sys
from nbdag.runtime.sink import Sink, current_sink
from nbdag.views.taps import PyplotTap

tap, train = PyplotTap(draw=lambda figure: ({"axes": len(figure.axes)}, {})), Sink("train", 1, now=lambda: 0.0)
undo = tap.install(current_sink.get)
assert "matplotlib" not in sys.modules
token = current_sink.set(train)
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
plt.subplots()
current_sink.reset(token)
assert plt.get_fignums() == []
tap.flush(train)
undo()
print(train.displays[0].data, type(plt._pylab_helpers.Gcf.figs).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'axes': 1} OrderedDict\n", "")


def test_an_import_that_never_comes_is_not_waited_for():
    """When the tap goes, nothing is left on the path of imports."""
    before = list(sys.meta_path)
    sys_modules = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "matplotlib._pylab_helpers"}
    try:
        PyplotTap(draw=drawn).install(current_sink.get)()
    finally:
        sys.modules.update(sys_modules)

    assert sys.meta_path == before
