"""The progress of a run where there is no notebook: one line in a terminal, plain lines anywhere else.

In a terminal the line is drawn again in place, ten times a second at most, and what tasks print goes above it. Where
the output goes to a file or a pipe nothing is drawn again: the prints, and a summary at the end.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from typing import TextIO

from nbdag.core.status import TaskStatus
from nbdag.runtime.ports import RunFeed
from nbdag.views.flusher import Flusher
from nbdag.views.rows import Follower, PanelModel, Row
from nbdag.views.wording import cells, cut, cut_to_cells, ticking_span, visible

BAR_WIDTH = 20
MOST_FAILURES = 10
"""Failed tasks that the summary names."""
_CODES = {
    TaskStatus.SUCCESS: "32",
    TaskStatus.CACHED: "34",
    TaskStatus.RUNNING: "33",
    TaskStatus.RETRYING: "33",
    TaskStatus.FAILED: "31",
    TaskStatus.UPSTREAM_FAILED: "31",
}
"""Colours of glyphs; the other states have the terminal's own."""


class Progress:
    """Shows one run on a text stream. `open()` returns at once; `close()` ends it with a summary of a few lines."""

    def __init__(
        self,
        feed: RunFeed,
        stream: TextIO,
        *,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._feed, self._stream, self._width = feed, stream, width
        self._is_terminal = stream.isatty()
        self._has_colour = self._is_terminal and not os.environ.get("NO_COLOR")
        self._follower = Follower(feed)
        self._flusher = Flusher(beat=self._beat, end=self._finish, on_failure=on_failure)
        self._drawn = ""
        self._lines = 0

    def open(self) -> None:
        """Begin to show the run."""
        self._flusher.start()

    def close(self) -> None:
        """Show the summary, and no more."""
        self._flusher.stop()

    def _beat(self) -> bool:
        if self._feed.finished:
            return False
        self._print_output()
        if self._is_terminal:
            self._draw(line(self._follower.model(), self._width() - 1))
        return True

    def _finish(self) -> None:
        self._print_output()
        self._draw("")
        self._stream.write("".join(f"{each}\n" for each in summary(self._follower.model(), self._paint)))
        self._stream.flush()

    def _print_output(self) -> None:
        """Print what tasks wrote since the last time, above the line."""
        first, lines = self._feed.output_since(self._lines)
        lost, self._lines = first - self._lines, first + len(lines)
        texts = [f"[{visible(each.task)}] {visible(each.text)}\n" for each in lines]
        if lost:
            texts.insert(0, f"… {lost} lines left out; run.logs() has what is kept of them …\n")
        if texts:
            self._draw("")
            self._stream.write("".join(texts))
            self._stream.flush()

    def _draw(self, text: str) -> None:
        """Replace the line, without any control sequence but the carriage return."""
        if text == self._drawn:
            return
        blank = " " * (cells(self._drawn) - cells(text))
        self._stream.write(f"\r{text}{blank}" if text else f"\r{blank}\r")
        self._stream.flush()
        self._drawn = text

    def _paint(self, status: TaskStatus, text: str) -> str:
        code = _CODES.get(status) if self._has_colour else None
        return f"\x1b[{code}m{text}\x1b[0m" if code else text


def line(model: PanelModel, width: int) -> str:
    """The run on one line that fits into `width` columns.

    >>> from nbdag.core.records import RunRecord
    >>> from nbdag.views.rows import panel_model
    >>> line(panel_model(RunRecord(3), now=0.0, progress={}), 60)
    ' · run 3 ──────────────────── 0/0 · running'
    """
    filled = round(model.fraction * BAR_WIDTH)
    done = sum(count for status, count in model.counts if status.is_terminal)
    parts = [
        f"{model.title} {'━' * filled}{'─' * (BAR_WIDTH - filled)} {done}/{model.total}",
        "" if model.seconds is None else ticking_span(model.seconds),
        ", ".join(_running(model)) or model.state,
        "cancelling…" if model.is_cancelling else "",
        ", ".join(f"{count} {status}" for status, count in model.counts if status is TaskStatus.FAILED),
    ]
    return cut_to_cells(" · ".join(filter(None, parts)), width)


def _running(model: PanelModel) -> Iterable[str]:
    for row in model.rows:
        if row.status is TaskStatus.RUNNING:
            yield cut(row.task, 24) if row.fraction is None else f"{cut(row.task, 24)} {row.fraction:.0%}"


def summary(model: PanelModel, paint: Callable[[TaskStatus, str], str] = lambda _, text: text) -> Iterable[str]:
    """The run in a few lines: how it ended, then each task that failed and why.

    >>> from nbdag.core.records import RunRecord
    >>> from nbdag.views.rows import panel_model
    >>> list(summary(panel_model(RunRecord(3), now=0.0, progress={})))
    ['►  · run 3 · running: no tasks']
    """
    yield f"{paint(model.task_status, model.look.glyph)} {model.summary}"
    failed = [row for row in model.rows if row.status is TaskStatus.FAILED]
    for row in failed[:MOST_FAILURES]:
        yield f"  {paint(row.status, row.look.glyph)} {_failure(row)}"
    left_out = dict(model.counts).get(TaskStatus.FAILED, 0) - len(failed[:MOST_FAILURES])
    if left_out:
        yield f"  and {left_out} more failed"


def _failure(row: Row) -> str:
    return " · ".join(filter(None, (cut(row.task, 34), row.remarks, row.error)))
