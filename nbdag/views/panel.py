"""The live panel of one run in a notebook: opened by the cell, kept up to date by one thread, frozen at the end.

    open() ── a frame of static HTML, at once ──> widgets, when the run lasts ──> close(): static HTML again
                        └───────────── a run that is over soon ───────────────────────^

All frames are one output of the cell (one display id), so the saved notebook shows the last of them. What tasks
display comes below it, in the order it was made. Nothing that goes wrong here reaches the run.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import uuid4

from nbdag.runtime.ports import RunFeed, TaskDisplay
from nbdag.views import frozen, markup
from nbdag.views.flusher import Flusher
from nbdag.views.frozen import TaskOutput
from nbdag.views.rows import Follower, PanelModel
from nbdag.views.taps import display_ids
from nbdag.views.wording import visible

GRACE = 2
"""Beats before widgets are built; a run that ends sooner costs the front end two messages."""
SLOW = 3
"""A large run is looked at on every so many beats, as its table is sent as a whole."""


class Live(Protocol):
    """The widgets of a panel."""

    @property
    def root(self) -> Any:
        """The widget to display."""

    def show(self, model: PanelModel) -> None:
        """Wish that the widgets said what the model says."""

    def flush(self) -> int:
        """Send some of what is wished for."""

    def close(self) -> None:
        """Remove the widgets."""


class Screen(Protocol):
    """Where a panel shows itself: the output of a cell."""

    def publish(
        self, data: Mapping[str, Any], metadata: Mapping[str, Any], *, display_id: str = "", update: bool = False
    ) -> None:
        """Show a mime bundle; `update` replaces what was shown under this id, wherever it is."""

    def write(self, text: str) -> None:
        """Append text to the cell's printed output."""

    def widgets(self, model: PanelModel, on_cancel: Callable[[], None]) -> Live:
        """Widgets that say what the model says; a click on Cancel calls `on_cancel`."""


class Panel:
    """The panel of one run. `open()` and `close()` may be called from any thread; both return soon.

    `output` is ``"tail"`` (the last lines of running tasks; all of them on a click when the run is over) or ``"all"``
    (every line below the panel). `on_failure` is called once, with the first thing that went wrong here.
    """

    def __init__(
        self,
        feed: RunFeed,
        screen: Screen,
        *,
        output: str = "tail",
        on_failure: Callable[[Exception], None] | None = None,
        flusher: Callable[..., Flusher] = Flusher,
    ) -> None:
        self._feed, self._screen, self._output = feed, screen, output
        self._follower = Follower(feed)
        self._flusher = flusher(beat=self._beat, end=self._freeze, on_failure=on_failure)
        self._display_id = f"nbdag-{uuid4().hex}"
        self._live: Live | None = None
        self._is_large = False
        self._is_static = False  # where widgets do not work, the first frame stays until the last
        self._beats = self._displays = self._lines = 0

    def open(self) -> None:
        """Show the panel in the output of the calling cell, and keep it up to date."""
        is_shown = True  # it may be, also when an interrupt ends the showing
        try:
            is_shown = self._flusher.attempt(lambda: self._publish_frame(self._follower.model(), update=False))
        finally:
            if is_shown:
                self._flusher.start()

    def close(self) -> None:
        """Show the last frame, static, and remove the widgets."""
        self._flusher.stop()

    def _beat(self) -> bool:
        """One look at the run; False when it is over."""
        if self._feed.finished:
            return False
        self._beats += 1
        self._show_output()
        is_due = self._beats >= GRACE and not (self._is_large and self._beats % SLOW)
        if is_due and not self._is_static:
            self._is_static = not self._flusher.attempt(self._show_live)
        return True

    def _show_live(self) -> None:
        model = self._follower.model()
        self._is_large = model.is_large
        if self._live is None:
            self._live = self._screen.widgets(model, self._feed.cancel)
            self._screen.publish(self._live.root._repr_mimebundle_(), {}, display_id=self._display_id, update=True)
        else:
            self._live.show(model)
            self._live.flush()

    def _freeze(self) -> None:
        try:
            self._show_output()
            self._publish_frame(self._follower.model(), update=True)
        finally:
            if self._live is not None:
                self._live.close()

    def _publish_frame(self, model: PanelModel, *, update: bool) -> None:
        outputs = self._outputs() if update and self._output == "tail" else ()
        data = {"text/html": frozen.html(model, outputs), "text/plain": frozen.text(model)}
        self._screen.publish(data, {}, display_id=self._display_id, update=update)

    def _outputs(self) -> tuple[TaskOutput, ...]:
        return tuple(TaskOutput(task, self._feed.output_text(task)) for task in self._follower.tasks)

    def _show_output(self) -> None:
        """Pass on what tasks displayed, and printed if all of it is wanted, since the last time."""
        displays = self._feed.displays
        for index in range(self._displays, end := len(displays)):
            self._show_display(displays[index])
        self._displays = end
        if self._output == "all":
            first, lines = self._feed.output_since(self._lines)
            self._lines = first + len(lines)
            self._screen.write("".join(f"[{visible(line.task)}] {line.text}\n" for line in lines))

    def _show_display(self, shown: TaskDisplay) -> None:
        task = visible(shown.task)
        metadata, display_id, is_update = display_ids(shown.metadata)
        if not is_update:
            caption = f'<div style="font-size:12px;opacity:0.7">[{markup.escaped(task)}]</div>'
            self._screen.publish({"text/html": caption, "text/plain": f"[{task}]"}, {})
        self._screen.publish(shown.data, metadata, display_id=display_id, update=is_update)
