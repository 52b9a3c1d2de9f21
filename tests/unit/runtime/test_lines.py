"""The bounded, numbered log of what tasks wrote."""

from threading import Thread

from nbdag.runtime.lines import LineLog
from nbdag.runtime.ports import OutputLine


def line(text: str) -> OutputLine:
    return OutputLine(0.0, "train", 1, "stdout", text)


def texts(log: LineLog, number: int) -> tuple[int, list[str]]:
    first, lines = log.since(number)
    return first, [each.text for each in lines]


def test_a_reader_gets_each_line_once():
    """Asking from the number after the last line seen gives exactly what came since."""
    log = LineLog()
    log.add(line("one"))
    log.add(line("two"))
    assert texts(log, 0) == (0, ["one", "two"])

    log.add(line("three"))

    assert texts(log, 2) == (2, ["three"])
    assert texts(log, 3) == (3, [])


def test_a_late_reader_learns_what_it_missed():
    """`first` lies above the number asked for by as many lines as were dropped."""
    log = LineLog(keep=2)
    for text in ("one", "two", "three", "four"):
        log.add(line(text))

    assert texts(log, 1) == (2, ["three", "four"])


def test_threads_lose_no_line():
    """Every line added by any thread is counted and kept."""
    log = LineLog()
    threads = [Thread(target=lambda: [log.add(line("x")) for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(log.since(0).lines) == 4000
    assert texts(log, 4000) == (4000, [])
