"""Where a run is looked at from, and what shows it there.

The one place that asks which front end there is. It imports neither IPython nor ipywidgets by itself: when IPython is
not loaded, nobody sits in a notebook.
"""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nbdag.core.errors import did_you_mean
from nbdag.runtime.ports import RunFeed, Tap
from nbdag.views import taps as _taps
from nbdag.views.rows import PanelModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nbdag.views.live import LivePanel

FrontEnd = Literal["kernel", "ipython", "terminal", "plain"]
OUTPUTS = ("tail", "all", "none")
"""What `output=` of a run may be."""


class Viewer(Protocol):
    """Shows one run, from `open()` until it is over or `close()` is called. Neither raises, neither waits for long."""

    def open(self) -> None:
        """Begin to show the run."""

    def close(self) -> None:
        """Show how it ended, and no more. May be called more than once."""


def front_end() -> FrontEnd:
    """Who looks: a notebook (``"kernel"``), ``"ipython"`` in a terminal, a ``"terminal"``, or a file (``"plain"``).

    >>> front_end() in ("kernel", "ipython", "terminal", "plain")
    True
    """
    shell = _shell()
    if shell is None:
        return "terminal" if sys.stdout is not None and sys.stdout.isatty() else "plain"
    return "kernel" if getattr(shell, "kernel", None) is not None else "ipython"


def _shell() -> Any:
    """The running IPython shell, or None."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)
    return None if get is None else get()


def viewer_for(feed: RunFeed, output: str = "tail", *, on_failure: Callable[[Exception], None] | None = None) -> Viewer:
    """What shows this run here: a panel in a notebook, a line in a terminal, plain lines elsewhere.

    `output` is ``"tail"``, ``"all"`` (every line that tasks print) or ``"none"`` (show nothing at all). `on_failure` is
    called once with the first exception of the viewer's, from the viewer's own thread.

    Raises:
        ValueError: `output` is none of these.
    """
    if output not in OUTPUTS:
        choices = ", ".join(map(repr, OUTPUTS))
        raise ValueError(f"output={output!r} is not one of {choices}.{did_you_mean(str(output), OUTPUTS)}")
    if output == "none" or sys.stdout is None:
        return Silence()
    if front_end() == "kernel":
        from nbdag.views.panel import Panel

        return Panel(feed, CellOutput(_shell()), output=output, on_failure=on_failure)
    from nbdag.views.terminal import Progress

    return Progress(feed, sys.stdout, on_failure=on_failure)


def cell_marker() -> object:
    """What tells the running cell from others; None outside a notebook.

    >>> cell_marker() is None
    True
    """
    return getattr(_shell(), "execution_count", None) if front_end() == "kernel" else None


def show_run(feed: RunFeed) -> None:
    """Show how a run stands, static, in the output of the running cell or on the terminal."""
    from nbdag.views import frozen
    from nbdag.views.rows import Follower

    model = Follower(feed).model()
    if front_end() != "kernel":
        print(frozen.text(model))  # noqa: T201 - the answer to a person at the prompt
        return
    CellOutput(_shell()).publish({"text/html": frozen.html(model), "text/plain": frozen.text(model)}, {})


def taps() -> list[Tap]:
    """What a run's capture needs in this process to catch displays and figures of tasks.

    >>> [type(tap).__name__ for tap in taps()]
    ['PyplotTap']
    """
    if front_end() != "kernel":
        return [_taps.PyplotTap(draw=None)]
    shell = _shell()
    return [_taps.DisplayTap(shell.display_pub), _taps.PyplotTap(draw=lambda figure: _drawn_by(shell, figure))]


def _drawn_by(shell: Any, figure: "Figure") -> _taps.Bundle:
    """The figure in the formats the user chose for this notebook, else as PNG."""
    data, metadata = shell.display_formatter.format(figure)
    has_image = any(kind.startswith("image/") or kind == "application/pdf" for kind in data)
    return (data, metadata) if has_image else _taps.png_bundle(figure)


def _hint() -> str:
    """What to say under the Cancel button where a click arrives only when the cell has ended."""
    version = getattr(sys.modules.get("ipykernel"), "version_info", (7,))
    return "while this cell runs, use the kernel's stop button (■)" if version[0] < 7 else ""


class Silence:
    """Shows nothing."""

    def open(self) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class CellOutput:
    """The output of the cell whose context the caller runs in: a `panel.Screen`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def publish(
        self, data: Mapping[str, Any], metadata: Mapping[str, Any], *, display_id: str = "", update: bool = False
    ) -> None:
        """Show a mime bundle, or replace the one that was shown under this id."""
        transient = {"display_id": display_id} if display_id else {}
        self._shell.display_pub.publish(
            data=dict(data), metadata=dict(metadata), transient=transient, update=update and bool(display_id)
        )

    def widgets(self, model: PanelModel, on_cancel: Callable[[], None]) -> "LivePanel":
        """The live panel."""
        from nbdag.views.live import LivePanel

        return LivePanel(model, on_cancel=on_cancel, hint=_hint())

    def write(self, text: str) -> None:
        """Append to the cell's printed output."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
