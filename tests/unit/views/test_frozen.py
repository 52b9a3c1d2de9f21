"""The panel as it stays in the notebook."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from nbdag.core.records import ErrorInfo
from nbdag.views import frozen
from nbdag.views.frozen import TaskOutput
from nbdag.views.rows import Follower, PanelModel
from tests.unit.views.fake_feed import FakeFeed

KEPT_TAGS = {"div", "span", "b", "table", "tbody", "tr", "td", "details", "summary", "pre"}
KEPT_ATTRIBUTES = {"class", "style", "title"}
KEPT_STYLES = {
    *("background", "background-color", "border", "border-collapse", "border-left", "border-radius", "color"),
    *("cursor", "float", "font-family", "font-size", "height", "line-height", "margin", "margin-bottom"),
    *("margin-left", "margin-top", "max-width", "opacity", "overflow", "padding", "padding-left", "text-align"),
    *("vertical-align", "white-space", "width", "word-wrap"),
}
"""What JupyterLab 4 keeps of the HTML in a notebook it does not trust, as far as the panel uses it."""


class Reader(HTMLParser):
    """What a person reads, and what it is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.styles: set[str] = set()
        self.open: list[str] = []
        self.read: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "style":
                self.styles.update(rule.split(":")[0] for rule in (value or "").split(";") if rule)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.read.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.read)).strip()


def failed_run() -> PanelModel:
    # load -> train -> report ;  mail
    feed = FakeFeed("load", "train", "report", "mail", pipeline="ml_training", max_attempts={"train": 2})
    feed.start("load")
    feed.at = 1.5
    feed.succeed("load")
    feed.start("train")
    feed.at = 2.0
    feed.say("task_retrying", "train", 1, reason="error", error=ErrorInfo("OSError", "reset"), delay=0.1)
    feed.start("train", 2)
    feed.at = 4.2
    feed.fail("train", ErrorInfo("ValueError", "no rows", where="Cell In[4], line 3"), 2)
    feed.say("task_upstream_failed", "report", blamed=("train",))
    feed.say("task_skipped", "mail", 0, "nobody to write to")
    feed.finish("failed")
    return Follower(feed).model()


def test_what_a_person_reads():
    """Header, then each task with its state, time, attempts, reason and error, then the output."""
    outputs = [TaskOutput("load", "40 rows\n"), TaskOutput("train", "")]

    assert Reader(frozen.html(failed_run(), outputs)).text == (
        "ml_training · run 3 · ✗ failed in 4.2 s "
        "✓ 1 success ✗ 1 failed ⊘ 1 upstream_failed ⊘ 1 skipped "
        "load ✓ success 1.5 s "
        "train ✗ failed 2.7 s · 2 attempts ValueError: no rows (Cell In[4], line 3) "
        "report ⊘ upstream_failed blocked by train "
        "mail ⊘ skipped nobody to write to "
        "output: 1 line load · 1 line 40 rows"
    )


def test_plain_text_says_the_same():
    """Where HTML is not shown, the text has the same facts in aligned columns."""
    assert frozen.text(failed_run()) == (
        "ml_training · run 3 · failed in 4.2 s: 1 success, 1 failed, 1 upstream_failed, 1 skipped\n"
        "  ✓ load    success          1.5 s\n"
        "  ✗ train   failed           2.7 s · 2 attempts\n"
        "      ValueError: no rows (Cell In[4], line 3)\n"
        "  ⊘ report  upstream_failed  blocked by train\n"
        "  ⊘ mail    skipped          nobody to write to"
    )


def test_bars_show_when_each_task_ran():
    """After the run the bar of a task starts where it started and is as long as it took."""
    html = frozen.html(failed_run())

    assert "width:35.7%;background-color:transparent" in html
    assert "width:64.3%;background-color:#ad3209" in html


def test_bars_show_how_much_is_done_while_it_runs():
    """Before the end the bar of a task is as full as its progress."""
    feed = FakeFeed("a", "b")
    feed.start("a")
    feed.succeed("a")

    html = frozen.html(Follower(feed).model())

    assert "width:100.0%;background-color:#19804c" in html
    assert "width:50.0%;background-color:#19804c" in html


def test_a_notebook_that_is_not_trusted_shows_all_of_it():
    """Only elements, attributes and styles that survive JupyterLab's cleaning are used, and no variables."""
    html = frozen.html(failed_run(), [TaskOutput("load", "40 rows\n")])
    reader = Reader(html)

    assert reader.tags <= KEPT_TAGS
    assert reader.attributes <= KEPT_ATTRIBUTES
    assert reader.styles <= KEPT_STYLES
    assert "var(" not in html
    assert "inherit" not in html


HOSTILE = "</td><script>alert('x')</script><img src=x onerror=\"y()\"> & \u202egnp.exe \x00\x1b[31m"


def test_hostile_text_is_shown_literally():
    """Markup, quotes, bidi marks and control characters in names, errors and output do nothing."""
    feed = FakeFeed(HOSTILE, pipeline=HOSTILE)
    feed.start(HOSTILE)
    feed.fail(HOSTILE, ErrorInfo("ValueError", HOSTILE, where=HOSTILE))

    html = frozen.html(Follower(feed).model(), [TaskOutput(HOSTILE, HOSTILE)])

    assert Reader(html).tags <= KEPT_TAGS
    assert Reader(html).attributes <= KEPT_ATTRIBUTES
    assert "ValueError: </td><script>alert('x')</script>" in Reader(html).text
    assert "\\u202egnp.exe \\x00" in Reader(html).text
    assert not {"\u202e", "\x00", "\x1b"} & set(html)


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_the_markup(name, message, output):
    """Whatever a task is called, raises or prints, every element that opens is closed and none is added."""
    feed = FakeFeed(name, pipeline=name)
    feed.start(name)
    feed.fail(name, ErrorInfo("ValueError", message))

    reader = Reader(frozen.html(Follower(feed).model(), [TaskOutput(name, output)]))

    assert reader.open == []
    assert reader.tags <= KEPT_TAGS
    assert reader.attributes <= KEPT_ATTRIBUTES


def test_long_output_keeps_its_ends():
    """A notebook does not grow with what a task prints: the first and last lines stay, and a count of the others."""
    lines = [f"line {number:05}" for number in range(20_000)]

    html = frozen.html(failed_run(), [TaskOutput("load", "\n".join(lines))])

    assert len(html) < 80_000
    assert "output: 20000 lines" in html
    assert "line 00000" in html
    assert "line 19999" in html
    assert "… 14182 more lines; run.logs() has them …" in html


def test_a_long_name_is_cut_and_whole_in_its_tooltip():
    """A name that would push the columns apart ends in an ellipsis."""
    feed = FakeFeed("aggregate_by_customer_and_region_weekly")

    html = frozen.html(Follower(feed).model())

    assert '<b title="aggregate_by_customer_and_region_weekly">aggregate_by_customer_and_region_…</b>' in html


def test_a_large_run_stays_small():
    """Of a thousand tasks the frozen panel lists those that failed, not those that did well."""
    tasks = [f"t{number}" for number in range(1000)]
    feed = FakeFeed(*tasks)
    for task in tasks:
        feed.start(task)
    for task in tasks[:30]:
        feed.fail(task, ErrorInfo("KeyError", "'x'"))
    for task in tasks[30:]:
        feed.succeed(task)
    feed.finish("failed")

    read = Reader(frozen.html(Follower(feed).model())).text

    assert "✓ 970 success ✗ 30 failed" in read
    assert read.count("KeyError") == 25
    assert read.endswith("and 5 more failed")
