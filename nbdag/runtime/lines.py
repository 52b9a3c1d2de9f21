"""The latest lines a run's tasks wrote, numbered, for viewers that print each line once.

Many threads add, viewers read by number whenever they like. The log is bounded: a viewer that comes too late learns
from `OutputSlice.first` how many lines it missed, and nobody ever waits for it.
"""

from collections import deque
from itertools import islice
from threading import Lock

from nbdag.runtime.ports import OutputLine, OutputSlice


class LineLog:
    """The last `keep` lines of a run, numbered from 0 in the order they came. For any number of threads.

    >>> log = LineLog(keep=2)
    >>> for text in ("one", "two", "three"):
    ...     log.add(OutputLine(0.0, "train", 1, "stdout", text))
    >>> log.since(0).first, [line.text for line in log.since(0).lines]
    (1, ['two', 'three'])
    """

    def __init__(self, keep: int = 10_000) -> None:
        self._lines: deque[OutputLine] = deque(maxlen=keep)
        self._count = 0
        self._lock = Lock()

    def add(self, line: OutputLine) -> None:
        """Append a line; the oldest goes when the log is full."""
        with self._lock:
            self._lines.append(line)
            self._count += 1

    def since(self, number: int) -> OutputSlice:
        """The lines from the `number`-th on that are still kept.

        >>> LineLog().since(0)
        OutputSlice(first=0, lines=())
        """
        with self._lock:
            first = max(number, self._count - len(self._lines))
            skip = first - (self._count - len(self._lines))
            return OutputSlice(first, tuple(islice(self._lines, skip, None)))
