"""The widgets of the live panel; real ipywidgets, without a kernel to send to."""

from collections.abc import Iterator

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from nbdag.core.records import ErrorInfo
from nbdag.runtime.ports import Progress
from nbdag.views.live import LivePanel
from nbdag.views.rows import Follower
from tests.unit.views.fake_feed import FakeFeed


class Screen:
    """A live panel over a fake feed."""

    def __init__(self, feed: FakeFeed, hint: str = "") -> None:
        self.before = set(_instances)
        self.follower = Follower(feed)
        self.live = LivePanel(self.follower.model(), on_cancel=feed.cancel, hint=hint)

    def update(self) -> None:
        self.live.show(self.follower.model())
        self.live.flush()

    def find(self, kind: type) -> list[ipywidgets.Widget]:
        """The widgets of a kind that are on the screen, in order."""
        return [widget for widget in self._all(self.live.root) if isinstance(widget, kind)]

    def _all(self, widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from self._all(child)

    @property
    def html(self) -> str:
        return " ".join(each.value for each in self.find(ipywidgets.HTML))

    @property
    def bars(self) -> list[float]:
        return [each.value for each in self.find(ipywidgets.FloatProgress)]

    @property
    def button(self) -> ipywidgets.Button:
        return self.find(ipywidgets.Button)[0]

    @property
    def left_over(self) -> set[str]:
        return set(_instances) - self.before


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed("load", "train")


def test_a_bar_for_the_run_and_one_for_each_task(feed):
    """The bars say how far the run and its tasks are."""
    screen = Screen(feed)
    feed.start("load")
    feed.succeed("load")
    feed.start("train")
    feed.progress["train"] = Progress(1, 4)
    screen.update()

    assert screen.bars == [0.625, 1.0, 0.25]
    assert "✓</span> success" in screen.html
    assert "1/4" in screen.html


def test_rows_change_in_place(feed):
    """Whatever happens to a task, its row is made of the same widgets."""
    screen = Screen(feed)
    before = screen.find(ipywidgets.Widget)
    feed.start("load")
    feed.fail("load", ErrorInfo("ValueError", "no <rows>"))
    screen.update()

    assert screen.find(ipywidgets.Widget) == before
    assert "ValueError: no &lt;rows&gt;" in screen.html


def test_a_task_that_does_not_say_how_far_it_is_has_a_moving_bar(feed):
    """The bar of such a task moves while the task runs, and only then."""
    screen = Screen(feed)
    bar = screen.find(ipywidgets.FloatProgress)[1]
    feed.start("load")
    screen.update()
    assert bar._dom_classes == ("nbdag-busy",)

    feed.succeed("load")
    screen.update()

    assert bar._dom_classes == ()


def test_prints_stand_under_the_rows(feed):
    """The last three lines of a running task, each led by its name."""
    screen = Screen(feed)
    feed.start("train")
    for number in range(5):
        feed.write("train", f"epoch {number}")
    screen.update()

    assert "[train] epoch 2\n[train] epoch 3\n[train] epoch 4" in screen.html
    assert "epoch 1" not in screen.html


def test_a_click_on_cancel(feed):
    """It asks the run to stop; then the button says so and cannot be clicked again."""
    screen = Screen(feed)
    screen.button.click()
    screen.update()

    assert feed.cancels == 1
    assert screen.button.disabled
    assert screen.button.description == "cancelling…"


def test_the_front_end_may_choose_who_hears_a_click(monkeypatch, feed):
    """On a kernel that would send clicks to the busy shell, the button leaves them where the front end put them."""
    from comm.base_comm import BaseComm

    monkeypatch.setattr(BaseComm, "_reply_subshell_for", lambda self, data, default: "busy", raising=False)

    assert Screen(feed).button.comm._reply_subshell_for({}, "free") == "free"


def test_a_hint_stands_under_the_button(feed):
    """Where clicks arrive late the panel says what to use instead."""
    assert "use the kernel&#x27;s stop button (■)" in Screen(feed, "use the kernel's stop button (■)").html


def test_a_task_costs_four_widgets():
    """Rows share layouts and styles, so that a panel of fifty tasks opens quickly."""
    few = len(Screen(FakeFeed("a")).left_over)
    many = len(Screen(FakeFeed(*"abcdefghijk")).left_over)

    assert many - few == 40


def test_nothing_is_left_when_it_is_closed(feed):
    """All widgets, layouts and styles leave the kernel with the panel."""
    screen = Screen(feed, "a hint")

    screen.live.close()

    assert screen.left_over == set()


def test_tasks_that_come_into_being_get_rows(feed):
    """A task that the run makes while it goes on is added below the others."""
    screen = Screen(feed)
    feed.start("train[0]")
    screen.update()

    assert len(screen.bars) == 4
    assert "train[0]" in screen.html


def test_a_run_that_grows_large_becomes_a_table(feed):
    """Above fifty tasks the rows give way to one table of what runs and what failed; nothing is left behind."""
    screen = Screen(feed)
    for number in range(60):
        feed.start(f"item {number}")
    screen.update()

    assert len(screen.bars) == 1
    assert "item 24" in screen.html
    assert "and 35 more running" in screen.html
    screen.live.close()
    assert screen.left_over == set()
