"""What is kept of an attempt's output."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from nbdag.runtime.ports import OutputLine, TaskDisplay
from nbdag.runtime.sink import Sink, shown


def sink(**options) -> Sink:
    ticks = count(1)
    return Sink("train", 2, now=lambda: float(next(ticks)), **options)


def test_pieces_become_lines():
    """A line is complete at its newline, however many writes it came in."""
    lines = []
    it = sink(on_line=lines.append)

    for text in ("loss", " ", "0.5", "\nacc", "uracy 0.9\n\nlast"):
        it.write("stdout", text)

    assert lines == [
        OutputLine(1.0, "train", 2, "stdout", "loss 0.5"),
        OutputLine(2.0, "train", 2, "stdout", "accuracy 0.9"),
        OutputLine(2.0, "train", 2, "stdout", ""),
    ]
    assert it.text() == "loss 0.5\naccuracy 0.9\n\nlast"


def test_streams_keep_their_own_open_line():
    """A line of stderr does not cut a line of stdout in two; whole lines stand in the order they were completed."""
    it = sink()

    it.write("stdout", "half ")
    it.write("stderr", "careful\n")
    it.write("log", "INFO: note\n")
    it.write("stdout", "whole\n")

    assert it.text() == "careful\nINFO: note\nhalf whole\n"


def test_tail_is_the_end_oldest_first():
    """The tail holds the last lines, the open one among them."""
    it = sink()
    it.write("stdout", "one\ntwo\nthree\nfo")

    assert it.tail(2) == ["three", "fo"]
    assert it.tail(9) == ["one", "two", "three", "fo"]
    assert it.tail(0) == []


def test_progress_bar_is_one_line():
    """Of what carriage returns overwrite, only the last segment is seen and kept."""
    it = sink()

    it.write("stderr", "\r 10%|#")
    it.write("stderr", "\r 50%|###")
    assert it.tail(1) == [" 50%|###"]
    it.write("stderr", "\r100%|#####\n")

    assert it.text() == "100%|#####\n"


def test_long_bar_takes_no_memory():
    """A bar that is redrawn for ever stays as long as its last segment."""
    it = sink(limit=400)

    for step in range(1000):
        it.write("stderr", f"{step}\r")

    assert it.text() == "999"


def test_windows_line_ends_are_line_ends():
    """A carriage return before the newline overwrites nothing, in one write or two."""
    it = sink()

    it.write("stdout", "one\r\ntwo\r")
    it.write("stdout", "\n")

    assert it.text() == "one\ntwo\n"


def test_wiped_bar_leaves_nothing():
    """A bar that ends by blanking its line is not seen any more."""
    assert shown("100%\r      \r") == ""
    assert shown("   \rnext") == "next"
    assert shown("indented   ") == "indented   "


def test_head_and_tail_are_kept():
    """Beyond the limit the middle goes, and the text says how much of it."""
    it = sink(limit=80)

    for number in range(10):
        it.write("stdout", f"line {number} of the many\n")

    assert it.text().splitlines() == [
        "line 0 of the many",
        "line 1 of the many",
        "… 114 characters dropped …",
        "line 8 of the many",
        "line 9 of the many",
    ]
    assert it.tail(3)[0] == "… 114 characters dropped …"


def test_dropped_and_kept_characters_add_up():
    """Nothing is dropped without being counted."""
    it = sink(limit=1_000)
    for number in range(500):
        it.write("stdout", f"{number:03} {'x' * (number % 40)}\n")

    head, _, rest = it.text().partition("… ")
    dropped, _, tail = rest.partition(" characters dropped …\n")

    written = sum(5 + number % 40 for number in range(500))
    assert len(head) + int(dropped.replace(",", "")) + len(tail) == written
    assert len(head) <= 500
    assert len(tail) <= 500


def test_empty_lines_cannot_fill_the_memory():
    """Short lines count for more than their characters."""
    it = sink(limit=160)

    it.write("stdout", "\n" * 1_000)

    assert it.text() == "\n" * 5 + "… 990 characters dropped …\n" + "\n" * 5


def test_line_without_end_is_broken():
    """A line longer than a quarter of the limit comes in pieces, so that output without newlines is bounded too."""
    lines = []
    it = sink(limit=40, on_line=lines.append)

    it.write("stdout", "abcdefghij" * 2 + "xyz")
    it.write("stdout", "abcdefghijkl\n")

    assert [line.text for line in lines] == ["abcdefghij", "abcdefghij", "xyz", "abcdefghij", "kl"]


def test_closing_completes_open_lines():
    """What an attempt left without a newline is a line once it is over; a second closing adds nothing."""
    lines = []
    it = sink(on_line=lines.append)
    it.write("stdout", "done")

    it.close()
    it.close()

    assert [line.text for line in lines] == ["done"]
    assert it.text() == "done\n"


def test_use_is_seen():
    """A sink knows whether anything was written or displayed, so that those of silent attempts need not be kept."""
    silent, written, displayed = sink(), sink(), sink()
    silent.close()
    written.write("stdout", "x")
    displayed.show({"text/plain": "a table"})

    assert (silent.used, written.used, displayed.used) == (False, True, True)
    assert (silent.text(), silent.tail(3)) == ("", [])


def test_displays_are_kept_in_order():
    """Each display carries its task and attempt, and is handed on at once."""
    seen = []
    it = sink(on_display=seen.append)

    it.show({"text/plain": "a table"}, {"isolated": True})
    it.show({"image/png": "…"})

    assert it.displays == [
        TaskDisplay("train", 2, {"text/plain": "a table"}, {"isolated": True}),
        TaskDisplay("train", 2, {"image/png": "…"}, {}),
    ]
    assert seen == it.displays


def test_write_inside_a_write_is_neither_lost_nor_stuck():
    """What is written while the same thread folds (a `__del__` that prints) comes after."""

    def echo(line: OutputLine) -> None:
        if line.text == "one":
            it.write("stdout", "from within\n")

    it = sink(on_line=echo)

    it.write("stdout", "one\ntwo\n")

    assert it.text() == "one\ntwo\nfrom within\n"


class LockWithAGap:
    """Lets a writer in at the last moment before each release, when the fold has seen an empty inbox."""

    def __init__(self, *writers) -> None:
        self.lock, self.writers = threading.Lock(), list(writers)

    def acquire(self, *, blocking: bool) -> bool:
        return self.lock.acquire(blocking=blocking)

    def release(self) -> None:
        if self.writers:
            self.writers.pop()()
        self.lock.release()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_) -> None:
        self.release()


def test_a_line_that_comes_while_the_fold_is_taken_is_delivered():
    """A writer that finds another writer or a reader at work goes on, and that one delivers its line."""
    lines = []
    it = sink(on_line=lines.append)

    it.write("stdout", "")  # the lock is made for the first write
    it._lock = LockWithAGap(lambda: it.write("stdout", "beside a writer\n"))
    it.write("stdout", "one\n")
    assert [line.text for line in lines] == ["one", "beside a writer"]

    it._lock = LockWithAGap(lambda: it.write("stdout", "beside a reader\n"))
    it.tail(1)
    assert [line.text for line in lines] == ["one", "beside a writer", "beside a reader"]


def test_threads_of_one_task_lose_nothing():
    """Threads that write whole lines at once to one sink, while another reads, each find all their lines, in order."""
    lines = []
    it = sink(on_line=lines.append, limit=10_000_000)
    begin, stop = threading.Barrier(8), threading.Event()

    def write(thread: int) -> None:
        begin.wait()
        for number in range(500):
            it.write("stdout", f"{thread}:{number}\n")

    def read() -> None:
        while not stop.is_set():
            it.tail(3)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    stop.set()
    reader.join()

    written = it.text().splitlines()
    for thread in range(8):
        own = [line for line in written if line.startswith(f"{thread}:")]
        assert own == [f"{thread}:{number}" for number in range(500)]
    assert [line.text for line in lines] == written
    assert len(written) == 8 * 500
