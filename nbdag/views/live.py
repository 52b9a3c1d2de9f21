"""The panel of a run as ipywidgets, changed in place while the run goes on.

Built once, then only told: `show(model)` wishes for new values, `flush()` sends some of them. All of it belongs to one
thread. The rows share their layouts and styles, because each widget costs the front end a message to open.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbdag.core.status import TaskStatus
from nbdag.views import markup
from nbdag.views.flusher import Outbox
from nbdag.views.palette import PALETTE
from nbdag.views.rows import PanelModel, Row

if TYPE_CHECKING:
    import ipywidgets

    BarStyles = Mapping[TaskStatus, ipywidgets.Style]

_COLUMNS = "fit-content(22em) max-content minmax(80px, 200px) minmax(12em, 1fr)"
_STYLE = """<style>
.nbdag-panel .widget-html, .nbdag-panel .widget-html-content
  {line-height: 20px; height: auto; min-height: 0; margin: 0; font-size: 13px; color: var(--jp-ui-font-color1, inherit)}
.nbdag-panel .widget-hprogress {height: 20px; min-width: 0; margin: 0; width: auto}
.nbdag-panel .progress {height: 6px; margin: 7px 0; border-radius: 3px; overflow: hidden; align-self: center;
  background: rgba(128, 128, 128, 0.25)}
.nbdag-panel .progress-bar {height: 6px; border-radius: 3px; transition: width 0.12s linear}
.nbdag-rows .widget-html, .nbdag-rows .widget-html-content {white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; min-width: 0}
.nbdag-busy .progress-bar {width: 30% !important; animation: nbdag-busy 1.6s ease-in-out infinite alternate}
@keyframes nbdag-busy {from {margin-left: 0} to {margin-left: 70%}}
@media (prefers-reduced-motion: reduce) {.nbdag-busy .progress-bar {animation: none; opacity: 0.4}}
</style>"""


class LivePanel:
    """The widgets of one panel; `root` is the one to display.

    `on_cancel` is called on a thread of the front end's choice. `hint` stands under the Cancel button.
    """

    def __init__(self, model: PanelModel, *, on_cancel: Callable[[], None], hint: str = "") -> None:
        import ipywidgets
        from ipywidgets.widgets.widget_int import ProgressStyle  # type: ignore[import-untyped]  # it has no types

        self._outbox = Outbox()
        self._styles = {status: ProgressStyle(bar_color=look.stroke) for status, look in PALETTE.items()}
        self._rows: dict[str, _LiveRow] = {}
        self._heading = ipywidgets.HTML(markup.heading(model), layout={"flex": "1 1 auto"})
        self._cancel = _cancel_button(on_cancel)
        self._overall = ipywidgets.FloatProgress(model.fraction, max=1.0, style=self._styles[_overall(model)])
        self._grid = ipywidgets.GridBox(
            layout={"grid_template_columns": _COLUMNS, "grid_gap": "0 14px", "overflow": "hidden"},
            _dom_classes=("nbdag-rows",),
        )
        self._table, self._tails = ipywidgets.HTML(), ipywidgets.HTML()
        css = ipywidgets.HTML(_STYLE, layout={"display": "none"})
        header = ipywidgets.HBox([self._heading, self._cancel], layout={"align_items": "center"})
        advice = [ipywidgets.HTML(markup.aside(hint))] if hint else []
        parts = [css, header, *advice, self._overall, self._grid, self._table, self._tails]
        self.root = ipywidgets.VBox(parts, layout={"max_width": "960px"}, _dom_classes=("nbdag-panel",))
        self._own = [self.root, *parts, self._heading, self._cancel]
        self.show(model)
        self._outbox.flush_all()

    def show(self, model: PanelModel) -> None:
        """Wish that the widgets said what the model says."""
        put = self._outbox.put
        if model.is_cancelling:
            put(self._cancel, "disabled", True)
            put(self._cancel, "description", "cancelling…")
        put(self._overall, "value", model.fraction)
        put(self._overall, "style", self._styles[_overall(model)])
        put(self._heading, "value", markup.heading(model))
        if model.is_large:
            self._drop_rows()
        else:
            self._show_rows(model)
        put(self._table, "value", markup.table(model) if model.is_large else "")
        put(self._tails, "value", markup.tails(model))

    def flush(self) -> int:
        """Send what the limit on messages permits; the number sent."""
        return self._outbox.flush()

    def close(self) -> None:
        """Take the widgets off the front end and out of the kernel."""
        self._outbox.forget()
        self._drop_rows()
        for widget in [*self._own, *self._styles.values()]:
            _close(widget)

    def _show_rows(self, model: PanelModel) -> None:
        """Change the rows in place, and add those of tasks that came into being."""
        for row in model.rows:
            if row.task in self._rows:
                self._rows[row.task].show(row, self._outbox)
        added = [row for row in model.rows if row.task not in self._rows]
        if added:
            first = next(iter(self._rows.values()), None)
            for row in added:
                self._rows[row.task] = made = _LiveRow(row, self._styles, like=first)
                first = first or made
            self._grid.children = tuple(widget for row in self._rows.values() for widget in row.widgets)

    def _drop_rows(self) -> None:
        """A run that grew too large for rows shows a table instead."""
        if self._rows:
            self._grid.children = ()
            for row in self._rows.values():
                row.close()
            self._rows.clear()
            self._outbox.forget()


class _LiveRow:
    """Name, state, bar and remarks of one task, in the columns of the grid."""

    def __init__(self, row: Row, styles: "BarStyles", *, like: "_LiveRow | None") -> None:
        import ipywidgets

        self._styles = styles
        shared = _shared_traits(like)
        self._name = ipywidgets.HTML(markup.name(row), **shared["text"])
        self._state = ipywidgets.HTML(markup.state(row.look), **shared["text"])
        self._remarks = ipywidgets.HTML(_remarks(row), **shared["text"])
        self._bar = ipywidgets.FloatProgress(
            row.fraction or 0.0, max=1.0, style=styles[row.status], _dom_classes=_classes(row), **shared["bar"]
        )
        self.shared = shared
        self.widgets = (self._name, self._state, self._bar, self._remarks)

    def show(self, row: Row, outbox: Outbox) -> None:
        outbox.put(self._state, "value", markup.state(row.look))
        outbox.put(self._bar, "style", self._styles[row.status])
        outbox.put(self._bar, "_dom_classes", _classes(row))
        outbox.put(self._bar, "value", row.fraction or 0.0)
        outbox.put(self._remarks, "value", _remarks(row))

    def close(self) -> None:
        for widget in self.widgets:
            _close(widget)


def _shared_traits(like: "_LiveRow | None") -> dict[str, dict[str, Any]]:
    """The layouts and styles of the rows: those of a row that is there, else new ones."""
    import ipywidgets
    from ipywidgets.widgets.widget_string import HTMLStyle  # type: ignore[import-untyped]  # it has no types

    if like is not None:
        return like.shared
    return {
        "text": {"layout": ipywidgets.Layout(), "style": HTMLStyle()},
        "bar": {"layout": ipywidgets.Layout(width="auto")},
    }


def _classes(row: Row) -> tuple[str, ...]:
    """A task that does not say how far it is has a bar that only moves."""
    return ("nbdag-busy",) if row.fraction is None else ()


def _remarks(row: Row) -> str:
    return f'<span title="{markup.escaped(row.error)}">{markup.remarks(row)} {markup.error(row)}</span>'


def _overall(model: PanelModel) -> TaskStatus:
    """The state that colours the bar of the whole run."""
    met = {status for status, _ in model.counts}
    if TaskStatus.FAILED in met:
        return TaskStatus.FAILED
    return TaskStatus.CANCELLED if model.is_cancelling or TaskStatus.CANCELLED in met else TaskStatus.SUCCESS


def _cancel_button(on_cancel: Callable[[], None]) -> "ipywidgets.Button":
    import ipywidgets

    button = ipywidgets.Button(description="Cancel", icon="stop", layout={"width": "auto", "flex": "0 0 auto"})
    button.on_click(lambda _: on_cancel())
    if hasattr(button.comm, "_reply_subshell_for"):
        # ipykernel 7.4 answers a comm on the shell that published last, which is busy with the very cell one wants to
        # cancel. This lets the front end choose; it chooses a subshell, which is free.
        button.comm._reply_subshell_for = lambda _data, default: default
    return button


def _close(widget: "ipywidgets.Widget") -> None:
    """Close a widget and the layout and style that came with it; closing twice does nothing."""
    for part in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
        if part is not None:
            part.close()
