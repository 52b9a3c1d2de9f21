"""What the panel says, as values."""

from nbdag.core.records import ErrorInfo
from nbdag.core.status import RunStatus, TaskStatus
from nbdag.runtime.ports import Progress
from nbdag.views.rows import Follower, Row
from tests.unit.views.fake_feed import FakeFeed


def rows(feed: FakeFeed) -> dict[str, Row]:
    return {row.task: row for row in Follower(feed).model().rows}


def test_a_failed_run_in_a_sentence():
    """The summary names pipeline, run, state, time and the count of each state."""
    feed = FakeFeed("load", "train", "report", pipeline="ml_training")
    feed.start("load")
    feed.at = 1.5
    feed.succeed("load")
    feed.start("train")
    feed.at = 4.2
    feed.fail("train", ErrorInfo("ValueError", "no rows"))
    feed.say("task_upstream_failed", "report", blamed=("train",))
    feed.finish("failed")

    model = Follower(feed).model()

    assert model.summary == "ml_training · run 3 · failed in 4.2 s: 1 success, 1 failed, 1 upstream_failed"
    assert model.status is RunStatus.FAILED
    assert model.is_finished


def test_overall_fraction_counts_ended_tasks_and_parts_of_running_ones():
    """Four tasks, one ended and one half done, are three eighths of the run."""
    feed = FakeFeed("a", "b", "c", "d")
    feed.start("a")
    feed.succeed("a")
    feed.start("b")
    feed.start("c")
    feed.progress["b"] = Progress(5, 10)

    assert Follower(feed).model().fraction == 0.375


def test_progress_out_of_bounds_stays_in_the_bar():
    """More done than there is, or less than nothing, fills or empties the bar and no more."""
    feed = FakeFeed("a", "b")
    feed.start("a")
    feed.start("b")
    feed.progress.update(a=Progress(30, 10), b=Progress(-3, 10))

    assert [row.fraction for row in Follower(feed).model().rows] == [1.0, 0.0]


def test_a_task_that_does_not_say_has_no_fraction():
    """Without a total nobody knows how far it is, but what it counted is said."""
    feed = FakeFeed("crawl")
    feed.start("crawl")
    feed.progress["crawl"] = Progress(120, None, "pages")
    feed.at = 2.0

    assert rows(feed)["crawl"] == Row(
        "crawl", TaskStatus.RUNNING, None, seconds=2.0, detail="120 pages", span=(0.0, 1.0)
    )


def test_only_what_was_done_fills_its_bar():
    """Success, reuse and failure fill the bar of a task; what was blocked, skipped or cancelled did not happen."""
    feed = FakeFeed("a", "b", "c", "d", "e", "f")
    feed.start("a")
    feed.succeed("a")
    feed.say("task_cached", "b")
    feed.start("c")
    feed.fail("c", ErrorInfo("KeyError", "'x'"))
    feed.say("task_upstream_failed", "d", blamed=("c",))
    feed.say("task_skipped", "e")
    feed.say("task_cancelled", "f")

    model = Follower(feed).model()

    assert [row.fraction for row in model.rows] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert model.fraction == 1.0


def test_attempts_are_told_where_there_are_several():
    """The rows say which attempt of how many runs, that one failed, and how many it took."""
    feed = FakeFeed("a", "b", "c", max_attempts={"a": 3, "b": 3, "c": 3})
    error = ErrorInfo("OSError", "reset")
    for task in ("a", "b", "c"):
        feed.start(task)
        feed.say("task_retrying", task, 1, reason="error", error=error, delay=1.0)
    feed.start("b", 2)
    feed.start("c", 2)
    feed.succeed("c", 2)

    assert {task: row.detail for task, row in rows(feed).items()} == {
        "a": "attempt 1 of 3 failed, trying again",
        "b": "attempt 2 of 3",
        "c": "2 attempts",
    }
    assert rows(feed)["a"].error == "OSError: reset"


def test_why_a_task_has_no_result():
    """A task that was blocked, skipped or cancelled says by what."""
    feed = FakeFeed("load", "train", "deploy", "mail")
    feed.say("task_upstream_failed", "train", blamed=("load", "clean"))
    feed.say("task_skipped", "deploy", 0, "accuracy too low")
    feed.say("task_cancelled", "mail", 0, "the run was cancelled")

    assert {task: row.detail for task, row in rows(feed).items()} == {
        "load": "",
        "train": "blocked by load, clean",
        "deploy": "accuracy too low",
        "mail": "the run was cancelled",
    }


def test_a_thread_that_goes_on_is_said_to():
    """After a timeout the row says that the function has not stopped; when it has, it no longer does."""
    feed = FakeFeed("train")
    feed.start("train")
    feed.say("task_failed", "train", 1, reason="timeout", error=ErrorInfo("TaskTimeout", "took longer than 5 s"))
    feed.say("attempt_abandoned", "train", 1)
    assert rows(feed)["train"].detail == "the function still runs in its thread"

    feed.say("thread_finally_ended", "train", 1)

    assert rows(feed)["train"].detail == ""


def test_an_error_is_one_line_with_its_place():
    """Of a long message the row shows the first line, and where it was raised."""
    feed = FakeFeed("train")
    feed.start("train")
    feed.fail("train", ErrorInfo("ValueError", "bad shape\nexpected (3, 2)", where="Cell In[4], line 3"))

    assert rows(feed)["train"].error == "ValueError: bad shape (Cell In[4], line 3)"


def test_metrics_of_a_task_stand_in_its_row():
    """What a task logged as a metric is read off the panel when it ended."""
    feed = FakeFeed("train")
    feed.start("train")
    feed.say("metric_logged", "train", 1, name="accuracy", value=0.96667)
    feed.succeed("train")

    assert rows(feed)["train"].detail == "accuracy 0.9667"


def test_only_running_tasks_show_their_last_lines():
    """Three lines while it runs, none when it ended."""
    feed = FakeFeed("a", "b")
    for task in ("a", "b"):
        feed.start(task)
        for number in range(5):
            feed.write(task, f"line {number}")
    feed.succeed("b")

    assert rows(feed)["a"].lines == ("line 2", "line 3", "line 4")
    assert rows(feed)["b"].lines == ()


def test_a_large_run_lists_what_one_looks_for():
    """Above fifty tasks the rows are failed and running tasks in definition order; the rest is counted."""
    tasks = [f"t{number}" for number in range(60)]
    feed = FakeFeed(*tasks)
    for task in tasks[:38]:
        feed.start(task)
    feed.fail("t5", ErrorInfo("KeyError", "'x'"))

    model = Follower(feed).model()

    assert [row.task for row in model.rows] == tasks[:25]
    assert model.more == "and 13 more running"
    assert model.tally == "37 running, 1 failed, 22 pending"


def test_many_failures_leave_room_for_what_runs():
    """With more failures than rows, half the rows still show what goes on."""
    tasks = [f"t{number}" for number in range(100)]
    feed = FakeFeed(*tasks)
    for task in tasks[:60]:
        feed.start(task)
    for task in tasks[:40]:
        feed.fail(task, ErrorInfo("KeyError", "'x'"))

    model = Follower(feed).model()

    assert [row.status for row in model.rows] == [TaskStatus.FAILED] * 13 + [TaskStatus.RUNNING] * 12
    assert model.more == "and 8 more running, 27 more failed"


def test_cancelling_is_seen_until_the_end():
    """Between the wish and the end of the run the state is cancelling."""
    feed = FakeFeed("a")
    feed.start("a")
    feed.cancel()
    assert Follower(feed).model().state == "cancelling…"

    feed.say("task_cancelled", "a", 1)
    feed.finish("cancelled")

    assert Follower(feed).model().state == "cancelled"


def test_a_run_without_work_says_so():
    """When everything was reused the panel says why nothing happened and what to do."""
    feed = FakeFeed("a", "b")
    feed.say("task_cached", "a")
    feed.say("task_cached", "b")
    feed.finish("success")

    assert Follower(feed).model().summary == (
        "ml · run 3 · success in 0 ms: nothing changed, everything was reused; run(force=True) runs anyway"
    )


def test_a_follower_sees_each_event_once():
    """A model taken later includes what came since, and nothing twice."""
    feed = FakeFeed("a")
    follower = Follower(feed)
    follower.model()
    feed.start("a")
    follower.model()
    feed.say("task_retrying", "a", 1, reason="error", error=ErrorInfo("E", ""))
    feed.start("a", 2)
    feed.succeed("a", 2)

    assert follower.model().rows[0].detail == "2 attempts"


def test_the_span_places_a_task_in_its_run():
    """A task that ran through the third quarter of a run says so."""
    feed = FakeFeed("a")
    feed.at = 2.0
    feed.start("a")
    feed.at = 3.0
    feed.succeed("a")
    feed.at = 4.0
    feed.finish("success")

    assert rows(feed)["a"].span == (0.5, 0.75)


def test_an_empty_pipeline_is_done_when_it_ended():
    """No tasks: an empty bar before the end, a full one after."""
    feed = FakeFeed()
    assert Follower(feed).model().fraction == 0.0

    feed.finish("success")

    assert Follower(feed).model().fraction == 1.0
    assert Follower(feed).model().summary == "ml · run 3 · success in 0 ms: no tasks"
