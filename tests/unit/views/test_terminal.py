"""What a run looks like in a terminal and in a log file."""

from io import StringIO

import pytest

from nbdag.core.records import ErrorInfo
from nbdag.runtime.ports import OutputSlice
from nbdag.runtime.ports import Progress as Said
from nbdag.views.rows import Follower
from nbdag.views.terminal import Progress, line, summary
from nbdag.views.wording import cells
from tests.unit.views.fake_feed import FakeFeed


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """The lines a person sees in the end, without colours."""
        return [_overwritten(text) for text in self.getvalue().split("\n")]


def _overwritten(text: str) -> str:
    seen: list[str] = []
    for part in text.split("\r"):
        seen[: len(part)] = list(part)
    return "".join(seen).rstrip()


def failed_feed() -> FakeFeed:
    feed = FakeFeed("load", "train", "report")
    feed.start("load")
    feed.write("load", "40 rows")
    feed.at = 4.2
    feed.fail("load", ErrorInfo("KeyError", "'x'", where="Cell In[4], line 3"))
    for task in ("train", "report"):
        feed.say("task_upstream_failed", task, blamed=("load",))
    return feed


def shown(feed: FakeFeed, stream: StringIO) -> None:
    """A whole life: some beats, then the end."""
    progress = Progress(feed, stream, width=lambda: 80)
    progress._beat()
    feed.finish("failed")
    progress._finish()


def test_a_file_gets_prints_and_a_summary():
    """No control character goes to a file: the prints of tasks, how it ended, and why."""
    stream = StringIO()
    shown(failed_feed(), stream)

    assert stream.getvalue() == (
        "[load] 40 rows\n"
        "✗ ml · run 3 · failed in 4.2 s: 1 failed, 2 upstream_failed\n"
        "  ✗ load · 4.2 s · KeyError: 'x' (Cell In[4], line 3)\n"
    )


def test_a_terminal_gets_a_line_that_is_drawn_again(monkeypatch):
    """Prints stand above the line; in the end the summary stands where the line was."""
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    shown(failed_feed(), stream)

    assert "\rml · run 3 ━━━━━━━━━━━━━━━━━━━━ 3/3 · 4 s" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert stream.screen == [
        "[load] 40 rows",
        "✗ ml · run 3 · failed in 4.2 s: 1 failed, 2 upstream_failed",
        "  ✗ load · 4.2 s · KeyError: 'x' (Cell In[4], line 3)",
        "",
    ]


def test_colour_only_in_a_terminal_that_wants_it(monkeypatch):
    """Glyphs are coloured in a terminal, unless NO_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    shown(failed_feed(), stream)

    assert "\x1b[31m✗\x1b[0m ml" in stream.getvalue()


def test_the_line_tells_what_runs():
    """How much is done, for how long, and what runs now, in at most the given width."""
    feed = FakeFeed("load", "train_forest", "日本語のタスク", "d")
    feed.start("load")
    feed.succeed("load")
    feed.start("train_forest")
    feed.start("日本語のタスク")
    feed.progress["train_forest"] = Said(1, 2)
    feed.at = 75.0
    model = Follower(feed).model()

    assert line(model, 100) == "ml · run 3 ━━━━━━━━──────────── 1/4 · 1 min 15 s · train_forest 50%, 日本語のタスク"
    assert line(model, 70) == "ml · run 3 ━━━━━━━━──────────── 1/4 · 1 min 15 s · train_forest 50%, …"
    assert cells(line(model, 70)) <= 70


def test_lost_lines_are_counted():
    """When more was printed than is kept for viewers, the gap is said."""

    class Loud(FakeFeed):
        def output_since(self, number: int) -> OutputSlice:
            return OutputSlice(900, tuple(self.lines)) if number < 900 else OutputSlice(number, ())

    feed, stream = Loud("train"), StringIO()
    feed.write("train", "line 900")
    feed.finish("success")
    Progress(feed, stream)._finish()

    assert stream.getvalue().splitlines()[:2] == [
        "… 900 lines left out; run.logs() has what is kept of them …",
        "[train] line 900",
    ]


def test_the_summary_names_ten_failures():
    """Of many failures the first ten are named and the others counted."""
    tasks = [f"t{number}" for number in range(60)]
    feed = FakeFeed(*tasks)
    for task in tasks:
        feed.start(task)
        feed.fail(task, ErrorInfo("KeyError", "'x'"))
    feed.finish("failed")

    lines = list(summary(Follower(feed).model()))

    assert len(lines) == 12
    assert lines[-1] == "  and 50 more failed"


def test_prints_cannot_take_the_terminal_over():
    """Control sequences that a task prints are not passed on to a terminal."""
    feed, stream = FakeFeed("train"), Terminal()
    feed.write("train", "\x1b[2J\x1b]0;owned\x07safe\r\u202e")
    feed.finish("success")
    Progress(feed, stream)._finish()

    assert "[train] safe\\r\\u202e\n" in stream.getvalue()


@pytest.mark.parametrize("stream", [StringIO(), Terminal()])
def test_open_and_close(stream):
    """The thread of the viewer has written the summary when `close` returns."""
    feed = FakeFeed("train")
    progress = Progress(feed, stream, width=lambda: 80)
    progress.open()
    feed.finish("success")

    progress.close()

    assert "ml · run 3 · success" in stream.getvalue()
