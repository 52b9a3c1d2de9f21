"""What one attempt of a task wrote and displayed, bounded, in order.

Writers never wait: a write goes into an inbox, and whoever finds the fold free folds the inbox into lines. So a
`__del__` that prints while its own thread folds, or a thread that the task started, can neither block nor be lost.
Readers may come from any thread.

    write ──> inbox ──fold──> open line of a stream ──newline──> head │ … dropped … │ tail

`current_sink` says which sink a context writes to. A thread that a task starts itself has no sink on Python < 3.14,
unless it is started as ``Thread(target=contextvars.copy_context().run, args=(func,))``.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from itertools import chain, islice
from threading import Lock
from typing import Any, TypeVar

from nbdag.runtime.ports import OutputLine, TaskDisplay

T = TypeVar("T")

LIMIT = 500_000
"""Characters that are kept of one attempt's output: the first half and the last half."""

LEAST_WEIGHT = 16
"""What a short line counts at least, as even an empty one takes memory."""


_beginning = Lock()


class Sink:
    r"""Takes the output of one attempt.

    `on_line` gets each line as it is completed and `on_display` each display, in order, from the writing thread; both
    have to be quick and must not read this sink. A line ends at ``\n``; what ``\r`` overwrote is not kept, so a
    progress bar is one line; a line longer than a quarter of `limit` is broken.

    >>> sink = Sink("train", 1, now=lambda: 0.0)
    >>> sink.write("stdout", "epoch 1\nepoch")
    >>> sink.write("stdout", " 2\n")
    >>> sink.tail(5)
    ['epoch 1', 'epoch 2']
    """

    __slots__ = (
        "_displays",
        "_inbox",
        "_kept",
        "_limit",
        "_lock",
        "_longest",
        "_now",
        "_on_display",
        "_on_line",
        "_open",
        "attempt",
        "task",
        "used",
    )

    def __init__(
        self,
        task: str,
        attempt: int,
        now: Callable[[], float],
        on_line: Callable[[OutputLine], None] | None = None,
        limit: int = LIMIT,
        *,
        on_display: Callable[[TaskDisplay], None] | None = None,
    ) -> None:
        self.task = task
        self.attempt = attempt
        self.used = False
        """True once anything was written or displayed; all that it takes to keep it is made then, as most never are."""
        self._now = now
        self._on_line = on_line
        self._on_display = on_display
        self._limit = limit

    @property
    def displays(self) -> list[TaskDisplay]:
        """What was displayed, in order."""
        return self._displays if self.used else []

    def _begin(self) -> None:
        with _beginning:  # the task's own threads may be the first writers, two at once
            if not self.used:
                self._longest = self._limit // 4 or 1
                self._displays: list[TaskDisplay] = []
                self._inbox: deque[tuple[str, str]] = deque()
                self._lock = Lock()
                self._open: dict[str, _OpenLine] = {}
                self._kept: _HeadAndTail | None = None
                self.used = True

    def write(self, stream: str, text: str) -> None:
        """Take a piece of text of a stream (stdout, stderr or log), whole lines or not. Never waits.

        >>> sink = Sink("train", 1, now=lambda: 0.0)
        >>> sink.write("stdout", "half a li")
        >>> sink.text()
        'half a li'
        """
        if not self.used:
            self._begin()
        self._inbox.append((stream, text))
        self._fold_inbox()

    def show(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Take something displayed: a mime bundle and its metadata.

        >>> sink = Sink("train", 1, now=lambda: 0.0)
        >>> sink.show({"text/plain": "a table"})
        >>> sink.displays[0].data
        {'text/plain': 'a table'}
        """
        display = TaskDisplay(self.task, self.attempt, data, metadata or {})
        if not self.used:
            self._begin()
        self._displays.append(display)
        if self._on_display is not None:
            self._on_display(display)

    def tail(self, lines: int) -> list[str]:
        """The last lines, oldest first, without line ends; a line that is still open counts.

        >>> Sink("train", 1, now=lambda: 0.0).tail(3)
        []
        """
        return self._read(lambda: [*islice(self._newest_first(), lines)])[::-1] if self.used else []

    def text(self) -> str:
        r"""All that is kept, in order; says in place how much was dropped. Lines that are still open come last.

        >>> sink = Sink("train", 1, now=lambda: 0.0)
        >>> sink.write("stdout", "loading\n")
        >>> sink.text()
        'loading\n'
        """
        if not self.used:
            return ""
        lines, unfinished = self._read(lambda: ([*self._whole_lines()], self._unfinished()))
        return "".join([*(f"{line}\n" for line in reversed(lines)), *unfinished])

    def close(self) -> None:
        r"""Complete the lines that are still open, as the attempt is over; what comes later is taken all the same.

        >>> sink = Sink("train", 1, now=lambda: 0.0)
        >>> sink.write("stdout", "done")
        >>> sink.close()
        >>> sink.text()
        'done\n'
        """
        if self.used:
            self._read(self._complete)

    def _read(self, view: Callable[[], T]) -> T:
        with self._lock:
            self._fold()
            seen = view()
        self._fold_inbox()  # a writer that came meanwhile found the fold taken and went on
        return seen

    def _fold_inbox(self) -> None:
        # The condition is looked at again after each release: a writer that failed to get the lock has left its text.
        while self._inbox and self._lock.acquire(blocking=False):
            try:
                self._fold()
            finally:
                self._lock.release()

    def _fold(self) -> None:
        inbox, open_lines = self._inbox, self._open
        while inbox:
            stream, text = inbox.popleft()
            line = open_lines.get(stream)
            if line is None:
                line = open_lines[stream] = _OpenLine()
            first, newline, rest = text.partition("\n")
            if newline:
                at = self._now()
                self._finish(at, stream, line.end(first))
                if "\n" in rest:
                    *others, rest = rest.split("\n")
                    for other in others:
                        self._finish(at, stream, line.end(other))
            else:
                rest = first
            if rest:
                line.add(rest)
                if line.size > self._longest:
                    self._finish(self._now(), stream, line.end())

    def _finish(self, at: float, stream: str, text: str) -> None:
        if len(text) > self._longest:
            for start in range(0, len(text), self._longest):
                self._finish(at, stream, text[start : start + self._longest])
            return
        kept = self._kept
        if kept is None:
            kept = self._kept = _HeadAndTail(self._limit)
        kept.add(text)
        if self._on_line is not None:
            self._on_line(OutputLine(at, self.task, self.attempt, stream, text))

    def _complete(self) -> None:
        for stream, line in self._open.items():
            if text := line.end():
                self._finish(self._now(), stream, text)

    def _unfinished(self) -> list[str]:
        return [text for line in self._open.values() if (text := line.look())]

    def _newest_first(self) -> Iterator[str]:
        return chain(reversed(self._unfinished()), self._whole_lines())

    def _whole_lines(self) -> Iterator[str]:
        return iter(()) if self._kept is None else self._kept.newest_first()


current_sink: ContextVar[Sink | None] = ContextVar("nbdag_current_sink", default=None)
"""Where this context's output goes; None: where it would go without nbdag."""


def shown(line: str) -> str:
    r"""What a terminal shows of a line: what stands after the last carriage return.

    >>> shown("10%\r50%\r100%\r")
    '100%'
    """
    visible = line.rstrip("\r")
    last = visible.rpartition("\r")[2]
    wiped = len(visible) < len(line) and not last.strip()  # a bar that cleans up after itself writes blanks
    return "" if wiped else last


class _OpenLine:
    """The line a stream is in the middle of."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.size = 0

    def add(self, text: str) -> None:
        """Go on with the line. What a carriage return has overwritten for good is let go, so a bar never grows."""
        if "\r" in text:
            whole = "".join(self._pieces) + text
            text = whole[whole.rstrip("\r").rfind("\r") + 1 :]
            self._pieces.clear()
            self.size = 0
        self._pieces.append(text)
        self.size += len(text)

    def look(self) -> str:
        """The line as a terminal would show it now."""
        text = "".join(self._pieces)
        return shown(text) if "\r" in text else text

    def end(self, text: str = "") -> str:
        """The whole line, of which `text` is the last piece; the next line begins."""
        if not self.size and "\r" not in text:
            return text
        self.add(text)
        whole = self.look()
        self._pieces.clear()
        self.size = 0
        return whole


class _HeadAndTail:
    """The first and the last lines of a long output, each about half of `limit` characters."""

    __slots__ = ("_dropped", "_head", "_head_room", "_room", "_tail", "_tail_size")

    def __init__(self, limit: int) -> None:
        self._room = limit // 2
        self._head: list[str] = []
        self._head_room = self._room
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._dropped = 0

    def add(self, line: str) -> None:
        """Keep a line, and drop from the middle what there is no room for."""
        weight = max(len(line) + 1, LEAST_WEIGHT)
        if weight <= self._head_room:
            self._head.append(line)
            self._head_room -= weight
            return
        self._head_room = 0
        self._tail.append(line)
        self._tail_size += weight
        while self._tail_size > self._room and len(self._tail) > 1:
            oldest = self._tail.popleft()
            self._tail_size -= max(len(oldest) + 1, LEAST_WEIGHT)
            self._dropped += len(oldest) + 1

    def newest_first(self) -> Iterator[str]:
        """All that is kept, from the end, with a note where something is missing."""
        note = [f"… {self._dropped:,} characters dropped …"] if self._dropped else []
        return chain(reversed(self._tail), note, reversed(self._head))
