"""Where the output of concurrent tasks goes."""

import asyncio
import contextvars
import io
import logging
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from nbdag.runtime.capture import Capture
from nbdag.runtime.sink import Sink


def sink(task: str = "train") -> Sink:
    return Sink(task, 1, now=lambda: 0.0, limit=1_000_000)


def attempt(capture: Capture, it: Sink, body):
    """Runs a body as the attempt of a task, in a context of its own."""

    def run():
        capture.enter(it)
        try:
            return body()
        finally:
            capture.leave(it)

    return contextvars.copy_context().run(run)


@contextmanager
def root_handlers(*handlers: logging.Handler, level: int = logging.WARNING):
    """Gives the root logger exactly these handlers for a while."""
    before, level_before = logging.root.handlers, logging.root.level
    logging.root.handlers = list(handlers)
    logging.root.setLevel(level)
    try:
        yield
    finally:
        logging.root.handlers = before
        logging.root.setLevel(level_before)


@pytest.fixture
def hasty_threads():
    """Lets threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def noise(task: str) -> None:
    """Two-part prints, stderr, logging and warnings, with the name of the task in each line."""
    for number in range(200):
        print(f"{task} out {number}", end=" ")
        print("and on")
        sys.stderr.write(f"{task} err {number}\n")
        logging.getLogger("stress").warning("%s log %d", task, number)
        warnings.warn(f"{task} warns {number}", UserWarning, stacklevel=1)
        logging.getLogger(f"nbdag.task.{task}").info("%s own log %d", task, number)


def noise_text(task: str) -> str:
    return "".join(
        f"{task} out {number} and on\n{task} err {number}\nlog: {task} log {number}\nwarning: {task} warns {number}\n"
        f"INFO: {task} own log {number}\n"
        for number in range(200)
    )


def write_warning(message, category, filename, lineno, file=None, line=None):
    """What `warnings` does by itself, where no test runner collects them."""
    sys.stderr.write(f"warning: {message}\n")


def test_concurrent_tasks_get_exactly_their_own_output(capsys, monkeypatch, hasty_threads):
    """32 tasks on 16 threads and the main thread print, log and warn at once: no line is lost or in a wrong place."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("log: %(message)s"))
    stress = logging.getLogger("stress")
    monkeypatch.setattr(stress, "handlers", [handler])
    monkeypatch.setattr(stress, "propagate", False)
    monkeypatch.setattr(warnings, "showwarning", write_warning)
    sinks = [sink(f"task{number}") for number in range(32)]

    with warnings.catch_warnings(), Capture() as capture, ThreadPoolExecutor(16) as pool:
        warnings.simplefilter("always")
        done = [pool.submit(attempt, capture, it, lambda it=it: noise(it.task)) for it in sinks]
        printed = 0
        while printed < 200 or not all(future.done() for future in done):
            print("main", end=" ")
            print(printed)
            printed += 1
    for future in done:
        future.result()

    assert [it.task for it in sinks if it.text() != noise_text(it.task)] == []
    assert capsys.readouterr() == ("".join(f"main {number}\n" for number in range(printed)), "")


def test_coroutines_of_one_loop_get_exactly_their_own_output(capsys):
    """50 coroutines that take turns in the middle of their lines each have whole lines, also from what they start."""
    sinks = [sink(f"task{number}") for number in range(50)]

    async def inner(task):
        print(task, "inner")

    async def body(capture, it):
        capture.enter(it)
        for number in range(20):
            print(it.task, end=" ")
            await asyncio.sleep(0)
            print(number)
        await asyncio.create_task(inner(it.task))
        capture.leave(it)

    async def main(capture):
        await asyncio.gather(*(body(capture, it) for it in sinks))
        print("end")

    with Capture() as capture:
        asyncio.run(main(capture))

    for it in sinks:
        assert it.text() == "".join(f"{it.task} {number}\n" for number in range(20)) + f"{it.task} inner\n"
    assert capsys.readouterr().out == "end\n"


def test_what_is_captured_is_not_printed(capsys):
    """A task's print reaches its sink alone, and its last line is completed; after it the context prints as before."""
    it = sink()

    def body():
        print("to the sink", end="")
        sys.stdout.writelines(["; ", "all"])
        sys.stdout.flush()

    with Capture() as capture:
        attempt(capture, it, body)
        capture.enter(it)
        capture.leave(it)
        print("to the cell")

    assert it.text() == "to the sink; all\n"
    assert capsys.readouterr().out == "to the cell\n"


def test_stream_in_a_task_is_no_terminal():
    """Libraries that ask whether they may draw on a terminal get no; the real stream is asked outside a task."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    before, sys.stdout = sys.stdout, Terminal()
    try:
        with Capture() as capture:
            assert attempt(capture, sink(), sys.stdout.isatty) is False
            assert sys.stdout.isatty() is True
    finally:
        sys.stdout = before


def test_unknown_attributes_are_those_of_the_real_stream(monkeypatch):
    """What a kernel adds to its streams can be read, called and set through the stand-in."""

    class KernelStream(io.StringIO):
        def set_parent(self, parent):
            self.parent = parent

    real = KernelStream()
    monkeypatch.setattr(sys, "stdout", real)

    with Capture():
        sys.stdout.set_parent("cell 1")
        sys.stdout.topic = "stream"
        assert sys.stdout.parent == "cell 1"
        assert repr(sys.stdout) == f"<nbdag stands in for {real!r}>"

    assert (real.parent, real.topic) == ("cell 1", "stream")


def test_a_write_that_ipython_patches_for_a_cell_gets_what_the_cell_prints(capsys):
    """A patched `write` sees the cell's text and not that of tasks, and is gone when the method is put back."""
    it, seen = sink(), []
    with Capture() as capture:
        stream = sys.stdout
        original = stream.write

        def tee(text):
            seen.append(text)
            return original(text)

        stream.write = tee
        print("cell", end="")
        attempt(capture, it, lambda: print("task", end=""))
        stream.write = original
        print(" after", end="")

    assert seen == ["cell", ""]
    assert it.text() == "task\n"
    assert capsys.readouterr().out == "cell after"


def test_only_text_can_be_written():
    """Bytes are refused in a task as they are outside."""
    with Capture() as capture, pytest.raises(TypeError, match="must be str, not bytes"):
        attempt(capture, sink(), lambda: sys.stdout.write(b"raw"))


def test_overlapping_captures_share_the_stand_ins():
    """The first to close takes nothing away from the second; the last leaves all as it was."""
    before, it = (sys.stdout, sys.stderr), sink()
    first, second = Capture().open(), Capture()
    stand_in = sys.stdout
    second.open()
    second.open()  # is open already
    assert sys.stdout is stand_in

    first.close()
    first.close()
    attempt(second, it, lambda: print("still captured"))
    second.close()

    assert it.text() == "still captured\n"
    assert (sys.stdout, sys.stderr) == before


def test_a_stream_that_somebody_put_in_place_stays(monkeypatch):
    """Closing undoes only what is still ours."""
    real, other = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", real)

    with Capture():
        sys.stdout = other

    assert sys.stdout is other


def test_a_stand_in_that_was_kept_does_no_harm(monkeypatch):
    """Put back after its time, it passes everything on; the next capture stands before the real stream again."""
    real, it = io.StringIO(), sink()
    monkeypatch.setattr(sys, "stdout", real)
    with Capture():
        kept = sys.stdout
    sys.stdout = kept
    print("one")

    with Capture() as capture:
        assert repr(sys.stdout) == f"<nbdag stands in for {real!r}>"
        attempt(capture, it, lambda: print("two"))
        print("three")

    assert sys.stdout is real
    assert (real.getvalue(), it.text()) == ("one\nthree\n", "two\n")


def test_a_program_without_streams_can_be_captured(monkeypatch):
    """Where there is no console, nothing is put in its place."""
    monkeypatch.setattr(sys, "stdout", None)

    with Capture():
        assert sys.stdout is None

    assert sys.stdout is None


def test_log_handlers_follow_and_come_back():
    """A handler made before writes to the task; a handler made meanwhile writes to the real stream afterwards."""
    early, it = logging.StreamHandler(sys.stderr), sink()
    late = logging.StreamHandler(io.StringIO())
    with root_handlers(early):
        with Capture() as capture:
            attempt(capture, it, lambda: logging.getLogger("disk").error("disk is full"))
            late.setStream(sys.stderr)
            logging.root.addHandler(late)

        assert early.stream is sys.stderr
        assert late.stream is sys.stderr
    assert it.text() == "disk is full\n"


def record_in_a_task(emit, *handlers: logging.Handler, level: int = logging.WARNING) -> str:
    """What a task's sink holds after it logged with these handlers on the root logger."""
    it = sink()
    with root_handlers(*handlers, level=level), Capture() as capture:
        attempt(capture, it, emit)
    return it.text()


def test_without_any_handler_a_warning_appears_once():
    """Logging's last resort writes warnings to stderr, and no more than that, as in an ordinary cell."""

    def emit():
        logging.getLogger("user").info("not shown")
        logging.getLogger("user").warning("shown")

    assert record_in_a_task(emit) == "shown\n"


def test_with_a_handler_on_stderr_a_record_appears_once():
    """The person's own handler decides the format, for a task's own logger too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(message)s>"))

    def emit():
        logging.getLogger("user").info("mine")
        logging.getLogger("nbdag.task.train").info("the task's")

    assert record_in_a_task(emit, handler, level=logging.INFO) == "<mine>\n<the task's>\n"


def test_a_handler_with_a_console_prints_too():
    """Rich's handler writes through a console that asks for `sys.stderr` each time; the record appears once."""

    class Console:
        @property
        def file(self):
            return sys.stderr

    class ConsoleHandler(logging.Handler):
        console = Console()

        def emit(self, record):
            self.console.file.write(f"rich {record.getMessage()}\n")

    emit = lambda: logging.getLogger("nbdag.task.train").info("once")  # noqa: E731
    assert record_in_a_task(emit, ConsoleHandler()) == "rich once\n"


def test_the_task_log_is_shown_from_info_up():
    """Without any set-up, and with handlers that print elsewhere or not at that level, its records land in the sink."""
    elsewhere, only_errors = logging.StreamHandler(io.StringIO()), logging.StreamHandler(sys.stderr)
    only_errors.setLevel(logging.ERROR)

    def emit():
        logging.getLogger("nbdag.task.train").debug("not shown")
        logging.getLogger("nbdag.task.train").info("epoch %d", 3)

    assert record_in_a_task(emit) == "INFO: epoch 3\n"
    assert record_in_a_task(emit, elsewhere, only_errors) == "INFO: epoch 3\n"
    assert elsewhere.stream.getvalue() == "epoch 3\n"
    assert logging.getLogger("nbdag.task").level == logging.NOTSET


def test_a_level_set_for_the_task_log_holds():
    """Who sets a level for the loggers of tasks keeps it, also afterwards."""
    logger = logging.getLogger("nbdag.task")
    logger.setLevel(logging.DEBUG)
    try:
        text = record_in_a_task(lambda: logging.getLogger("nbdag.task.train").debug("shown"))
        assert (text, logger.level) == ("DEBUG: shown\n", logging.DEBUG)
    finally:
        logger.setLevel(logging.NOTSET)


def test_a_log_call_whose_arguments_do_not_fit_fails_no_task():
    """The slip is reported in the task's output, as logging does."""
    text = record_in_a_task(lambda: logging.getLogger("nbdag.task.train").info("%d rows", "many"))

    assert "--- Logging error ---" in text
    assert "'%d rows'" in text


def test_a_background_capture_leaves_logging_to_be_set_up(capsys):
    """`basicConfig` in a cell works while tasks run: the root logger is not touched."""
    with root_handlers():
        with Capture():
            logging.basicConfig(level=logging.INFO, format="%(message)s")
            logging.getLogger("user").info("in the cell")
        assert len(logging.root.handlers) == 1
        assert logging.root.handlers[0].stream is sys.stderr

    assert capsys.readouterr().err == "in the cell\n"


class Shelf:
    """A tap: things that a task put on the shelf are displayed when it ends."""

    def __init__(self):
        self.history = []
        self.current = None

    def install(self, current):
        self.history.append("installed")
        self.current = current
        return lambda: self.history.append("undone")

    def flush(self, sink):
        assert self.current() is sink
        sink.show({"text/plain": "left on the shelf"})


def test_taps_show_what_a_task_leaves_open():
    """A tap is flushed in the task's own context when the task ends."""
    shelf, it = Shelf(), sink()

    with Capture([shelf]) as capture:
        attempt(capture, it, lambda: None)

    assert [display.data for display in it.displays] == [{"text/plain": "left on the shelf"}]
    assert shelf.history == ["installed", "undone"]


def test_one_tap_of_a_class_serves_all_runs():
    """A run that overlaps brings only what is not there yet, and all stay until the last run ends."""

    class Other(Shelf):
        pass

    shelf, same, other, it = Shelf(), Shelf(), Other(), sink()
    first, second = Capture([shelf]).open(), Capture([same, other]).open()
    first.close()

    attempt(second, it, lambda: None)
    assert (shelf.history, same.history, other.history) == (["installed"], [], ["installed"])
    second.close()

    assert len(it.displays) == 2
    assert (shelf.history[-1], other.history[-1]) == ("undone", "undone")


def test_a_tap_that_fails_costs_only_itself():
    """A tap that cannot be installed or undone is warned of; one that cannot flush says so in the task's output."""

    class NoInstall(Shelf):
        def install(self, current):
            raise AttributeError("matplotlib has changed")

    class NoUndo(Shelf):
        def install(self, current):
            return lambda: 1 / 0

    class NoFlush(Shelf):
        def flush(self, sink):
            raise ValueError("cannot draw $x")

    before, it = sys.stdout, sink()
    with pytest.warns(RuntimeWarning, match=r"through NoInstall .*matplotlib has changed"):
        capture = Capture([NoInstall(), NoUndo(), NoFlush()]).open()
    attempt(capture, it, lambda: print("body"))
    with pytest.warns(RuntimeWarning, match=r"through NoUndo .*ZeroDivisionError"):
        capture.close()

    assert it.text().startswith("body\nTraceback")
    assert it.tail(1) == ["ValueError: cannot draw $x"]
    assert sys.stdout is before


def test_a_failed_opening_leaves_nothing_behind(monkeypatch):
    """When a later part cannot be installed, the earlier ones are taken away, and the next capture works."""

    def fail(current):
        raise OSError("no")

    before, it = (sys.stdout, sys.stderr, input), sink()
    with monkeypatch.context() as broken:
        broken.setattr("nbdag.runtime.capture.collect_task_log", fail)
        with pytest.raises(OSError, match="no"):
            Capture().open()
    assert (sys.stdout, sys.stderr, input) == before

    with Capture() as capture:
        attempt(capture, it, lambda: print("works"))
    assert it.text() == "works\n"


def test_a_log_handler_that_refuses_fails_no_run():
    """A handler that cannot be pointed elsewhere goes on as it did."""

    class Stubborn(logging.StreamHandler):
        def setStream(self, stream):  # noqa: N802 - logging's name
            raise OSError("no")

    stubborn, before = Stubborn(sys.stderr), sys.stderr
    with root_handlers(stubborn), Capture():
        assert stubborn.stream is before
    assert sys.stderr is before


def test_a_late_thread_of_a_task_still_writes_to_its_task(capsys):
    """A thread started in the task's context that prints after the task has ended, while others run, is not lost."""
    it, ended = sink(), threading.Event()

    def late():
        ended.wait(10)
        print("late")

    def body():
        thread = threading.Thread(target=contextvars.copy_context().run, args=(late,))
        thread.start()
        return thread

    with Capture() as capture:
        thread = attempt(capture, it, body)
        ended.set()
        thread.join()

    assert it.text() == "late\n"
    assert capsys.readouterr().out == ""
