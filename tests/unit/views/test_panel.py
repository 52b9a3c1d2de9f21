"""The life of a panel: a first frame, widgets, a last frame; with fakes for the cell, the thread and the widgets."""

from collections.abc import Callable
from typing import Any

import pytest

from nbdag.runtime.ports import Progress, TaskDisplay
from nbdag.views.panel import Panel
from nbdag.views.rows import PanelModel
from tests.unit.views.fake_feed import FakeFeed


class HandFlusher:
    """A flusher that beats when the test says so."""

    def __init__(self, *, beat: Callable[[], bool], end: Callable[[], None], on_failure: Any = None) -> None:
        self._beat, self._end, self._on_failure = beat, end, on_failure
        self.is_open = False

    def start(self) -> None:
        self.is_open = True

    def beat(self) -> None:
        if self.is_open and not self._beat():
            self.stop()

    def stop(self) -> None:
        if self.is_open:
            self.is_open = False
            self._end()

    def attempt(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except Exception as error:
            self._on_failure(error)
            return False
        return True


class FakeLive:
    """Widgets that remember what they were told."""

    def __init__(self, model: PanelModel, on_cancel: Callable[[], None]) -> None:
        self.shown, self.click, self.is_closed, self.flushes = [model], on_cancel, False, 0
        self.root = self

    def _repr_mimebundle_(self) -> dict[str, str]:
        return {"widget": "view"}

    def show(self, model: PanelModel) -> None:
        self.shown.append(model)

    def flush(self) -> int:
        self.flushes += 1
        return 0

    def close(self) -> None:
        self.is_closed = True


class FakeCell:
    """The output area of a cell: outputs in order, each what it shows now."""

    def __init__(self) -> None:
        self.outputs: list[tuple[str, dict[str, Any]]] = []
        self.printed = ""
        self.live: FakeLive | None = None
        self.has_widgets = True

    def publish(self, data: Any, metadata: Any, *, display_id: str = "", update: bool = False) -> None:
        if not update:
            self.outputs.append((display_id, dict(data)))
            return
        self.outputs = [(each, dict(data) if each == display_id else shown) for each, shown in self.outputs]

    def write(self, text: str) -> None:
        self.printed += text

    def widgets(self, model: PanelModel, on_cancel: Callable[[], None]) -> FakeLive:
        if not self.has_widgets:
            raise RuntimeError("no widgets here")
        self.live = FakeLive(model, on_cancel)
        return self.live

    @property
    def kinds(self) -> list[list[str]]:
        return [sorted(data) for _, data in self.outputs]


class Stage:
    """A panel on a fake cell, beaten by hand."""

    def __init__(self, feed: FakeFeed, output: str = "tail") -> None:
        self.cell, self.failures = FakeCell(), []
        self.panel = Panel(feed, self.cell, output=output, on_failure=self.failures.append, flusher=self._flusher_made)
        self.panel.open()

    def _flusher_made(self, **calls: Any) -> Any:
        self.flusher = HandFlusher(**calls)
        return self.flusher

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.flusher.beat()


FROZEN = ["text/html", "text/plain"]


def test_a_long_run_is_live_and_then_frozen():
    """One output of the cell is a first frame, the widgets, and the last frame; the widgets are closed."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    assert stage.cell.kinds == [FROZEN]
    stage.beat(2)
    assert stage.cell.kinds == [["widget"]]

    feed.start("train")
    feed.succeed("train")
    feed.finish("success")
    stage.beat()

    assert stage.cell.kinds == [FROZEN]
    assert stage.cell.outputs[0][1]["text/plain"].startswith("ml · run 3 · success")
    assert stage.cell.live is not None
    assert stage.cell.live.is_closed


def test_a_short_run_costs_no_widgets():
    """A run that ends before one could look at it goes from the first frame to the last."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    stage.beat()
    feed.finish("success")

    stage.panel.close()

    assert stage.cell.live is None
    assert stage.cell.kinds == [FROZEN]
    assert "success" in stage.cell.outputs[0][1]["text/plain"]


def test_widgets_follow_the_run():
    """Each beat tells the widgets how the run stands now."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    stage.beat(2)
    feed.start("train")
    feed.progress["train"] = Progress(1, 4)
    stage.beat()

    assert stage.cell.live is not None
    assert stage.cell.live.shown[-1].rows[0].fraction == 0.25
    assert stage.cell.live.flushes == 1


def test_cancel_only_asks_the_run():
    """A click asks the run to stop; the panel goes on until the run has stopped."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    stage.beat(2)
    assert stage.cell.live is not None
    stage.cell.live.click()
    stage.beat()

    assert feed.cancels == 1
    assert stage.cell.live.shown[-1].is_cancelling
    assert not stage.cell.live.is_closed


def test_closing_early_shows_how_it_stands():
    """A panel closed before its run has ended is frozen as the run stands, and says that it runs."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    stage.beat(2)

    stage.panel.close()
    stage.panel.close()

    assert stage.cell.kinds == [FROZEN]
    assert "run 3 · running" in stage.cell.outputs[0][1]["text/plain"]


def test_displays_come_below_with_their_task():
    """What a task displays stands under the panel once, each with a caption, the last ones also."""
    feed = FakeFeed("plot")
    stage = Stage(feed)
    feed.displays.append(TaskDisplay("plot", 1, {"image/png": "one"}, {}))
    stage.beat(2)
    feed.displays.append(TaskDisplay("plot", 1, {"image/png": "two"}, {}))
    feed.finish("success")
    stage.beat()

    assert stage.cell.kinds == [FROZEN, FROZEN, ["image/png"], FROZEN, ["image/png"]]
    assert [data["image/png"] for _, data in stage.cell.outputs if "image/png" in data] == ["one", "two"]
    assert stage.cell.outputs[1][1]["text/plain"] == "[plot]"


def test_a_display_that_is_updated_stays_one():
    """`handle.update(...)` in a task replaces what it displayed before, and gets no caption of its own."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    feed.displays.append(TaskDisplay("train", 1, {"text/html": "1 %"}, {"nbdag_display_id": "h"}))
    feed.displays.append(TaskDisplay("train", 1, {"text/html": "2 %"}, {"nbdag_display_id": "h", "nbdag_update": True}))
    stage.beat()

    assert [data.get("text/html") for _, data in stage.cell.outputs[2:]] == ["2 %"]


def test_tail_keeps_output_for_a_click():
    """With "tail" the frozen panel holds what was printed, and nothing is printed below it."""
    feed = FakeFeed("train")
    feed.write("train", "epoch 1")
    stage = Stage(feed)
    feed.finish("success")
    stage.beat()

    assert "epoch 1" in stage.cell.outputs[0][1]["text/html"]
    assert stage.cell.printed == ""


def test_all_prints_each_line_once():
    """With "all" each line is printed below the panel when it comes, led by its task."""
    feed = FakeFeed("train")
    stage = Stage(feed, output="all")
    feed.write("train", "epoch 1")
    stage.beat(2)
    feed.write("train", "epoch 2")
    feed.finish("success")
    stage.beat()

    assert stage.cell.printed == "[train] epoch 1\n[train] epoch 2\n"
    assert "epoch 1" not in stage.cell.outputs[0][1]["text/html"]


def test_a_large_run_is_shown_less_often():
    """The table of a large run is sent as a whole, so it is sent on every third beat."""
    stage = Stage(FakeFeed(*(f"t{number}" for number in range(60))))
    stage.beat(2)
    assert stage.cell.live is not None
    before = len(stage.cell.live.shown)

    stage.beat(9)

    assert len(stage.cell.live.shown) - before == 3


def test_without_widgets_the_last_frame_still_comes():
    """Where widgets cannot be made the failure is reported once and the run is still shown when it ends."""
    feed = FakeFeed("train")
    stage = Stage(feed)
    stage.cell.has_widgets = False
    stage.beat(5)
    feed.finish("success")
    stage.beat()

    assert [str(error) for error in stage.failures] == ["no widgets here"]
    assert "success" in stage.cell.outputs[0][1]["text/plain"]


def test_a_broken_front_end_never_reaches_the_run():
    """A panel that cannot be shown at all reports it, and opening and closing it does nothing more."""

    class Gone(FakeCell):
        def publish(self, *args: Any, **options: Any) -> None:
            raise ConnectionError("the front end is gone")

    failures: list[Exception] = []
    panel = Panel(FakeFeed("train"), Gone(), on_failure=failures.append)

    panel.open()
    panel.close()

    assert [str(error) for error in failures] == ["the front end is gone"]


def test_an_interrupted_opening_is_still_closed():
    """A person who interrupts while the first frame is sent does not keep a panel that says "running" for ever."""

    class Interrupted(FakeCell):
        def publish(self, data: Any, metadata: Any, *, display_id: str = "", update: bool = False) -> None:
            super().publish(data, metadata, display_id=display_id, update=update)
            if not update:
                raise KeyboardInterrupt

    feed, cell = FakeFeed("train"), Interrupted()
    panel = Panel(feed, cell)
    with pytest.raises(KeyboardInterrupt):
        panel.open()
    feed.finish("cancelled")
    panel.close()

    assert cell.outputs[0][1]["text/plain"].startswith("ml · run 3 · cancelled")


def test_the_real_thread_freezes_by_itself():
    """Nobody has to close the panel of a run that ends after its cell has returned."""
    feed, cell = FakeFeed("train"), FakeCell()
    panel = Panel(feed, cell)
    panel.open()
    feed.finish("success")
    thread = panel._flusher._thread
    assert thread is not None

    thread.join(10)

    assert "success" in cell.outputs[0][1]["text/plain"]
