"""What the tasks of a run wrote, displayed and reported: kept for its viewers, readable from any thread."""

import threading
from collections import deque
from collections.abc import Callable
from itertools import takewhile

from nbdag.runtime.ports import OutputLine, OutputSlice, Progress, TaskDisplay
from nbdag.runtime.sink import Sink

MOST_LINES = 20_000
"""Lines of all tasks kept for viewers that print each line; each task's own text is kept by its sinks."""


class RunOutput:
    """The output of one run. Writers append, viewers read by number."""

    def __init__(self) -> None:
        self.displays: list[TaskDisplay] = []
        self.progress: dict[str, Progress] = {}
        self._live: dict[str, Sink] = {}
        self._kept: dict[str, list[Sink]] = {}
        self._lines: deque[tuple[int, OutputLine]] = deque(maxlen=MOST_LINES)
        self._written = 0
        self._numbering = threading.Lock()
        self._on_line, self._on_display = self._add_line, self.displays.append

    def open(self, task: str, attempt: int, now: Callable[[], float]) -> Sink:
        """A sink for one attempt, whose lines and displays become part of this output."""
        if attempt > 1:
            self.progress.pop(task, None)  # how far the attempt before came says nothing about this one
        sink = self._live[task] = Sink(task, attempt, now, self._on_line, on_display=self._on_display)
        return sink

    def close(self, sink: Sink) -> None:
        """An attempt is over: complete its lines, and keep its sink if it wrote anything."""
        if sink.used:
            sink.close()
            self._kept.setdefault(sink.task, []).append(sink)
        self._live.pop(sink.task, None)

    def tail(self, task: str, lines: int) -> list[str]:
        """The last lines of a task's latest attempt, oldest first."""
        sinks = self._sinks_of(task)
        return sinks[-1].tail(lines) if sinks else []

    def text(self, task: str) -> str:
        """All that is kept of what a task wrote, over all its attempts."""
        return "".join(sink.text() for sink in self._sinks_of(task))

    def _sinks_of(self, task: str) -> list[Sink]:
        kept, live = list(self._kept.get(task, ())), self._live.get(task)
        return kept if live is None else [*kept, live]

    def since(self, number: int) -> OutputSlice:
        """The lines of all tasks from the `number`-th on; a later `first` says that some are lost."""
        with self._numbering:
            lines = list(takewhile(lambda entry: entry[0] >= number, reversed(self._lines)))
            written = self._written
        lines.reverse()
        first = lines[0][0] if lines else max(number, written)
        return OutputSlice(first, tuple(line for _, line in lines))

    def _add_line(self, line: OutputLine) -> None:
        with self._numbering:
            self._lines.append((self._written, line))
            self._written += 1
