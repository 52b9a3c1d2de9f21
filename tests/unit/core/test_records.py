"""Records: the fold of a run's events, as panel, frames and pictures see it."""

from nbdag.core.events import Event
from nbdag.core.records import AttemptRecord, ErrorInfo, RunRecord, TaskRecord
from nbdag.core.status import RunStatus, TaskStatus

BAD = ErrorInfo("ValueError", "bad")


def folded(*facts):
    """The record of a run with these facts: (time, name, task, attempt, data or message)."""
    record = RunRecord(7)
    record.follow(list(events(*facts)))
    return record


def events(*facts):
    for seq, (at, name, task, attempt, said) in enumerate(facts, 1):
        message, data = (said, None) if isinstance(said, str) else ("", said)
        yield Event(seq, float(at), name, task, attempt, message, data)


STARTED = (0, "run_started", None, 0, {"pipeline": "ml", "tasks": ["load", "train"], "max_attempts": {"train": 3}})


def test_a_run_starts_with_all_its_tasks_pending():
    """Tasks are known in definition order before any of them runs."""
    record = folded(STARTED)

    assert (record.run_id, record.pipeline, record.status) == (7, "ml", RunStatus.RUNNING)
    assert (record.started_at, record.ended_at) == (0.0, None)
    assert list(record.tasks.values()) == [TaskRecord("load"), TaskRecord("train", max_attempts=3)]
    assert record.tasks["load"].attempt == 0
    assert record.tasks["load"].duration is None


def test_a_run_ends_with_its_state():
    """The last event says how the run as a whole ended."""
    record = folded(STARTED, (9, "run_finished", None, 0, {"status": "failed"}))

    assert (record.status, record.ended_at) == (RunStatus.FAILED, 9.0)


def test_an_attempt_that_succeeds_ends_the_task():
    """The task has the times of its attempt."""
    task = folded(
        STARTED,
        (1, "task_started", "load", 1, {"worker": "thread-1", "queued": 0.5}),
        (3, "task_succeeded", "load", 1, None),
    ).tasks["load"]

    assert task == TaskRecord(
        "load",
        status=TaskStatus.SUCCESS,
        attempts=[AttemptRecord(1, 1.0, 0.5, "thread-1", 3.0, TaskStatus.SUCCESS)],
        start=1.0,
        end=3.0,
    )
    assert task.duration == 2.0


RETRYING = (2, "task_retrying", "train", 1, {"reason": "error", "error": BAD, "delay": 5.0})


def test_a_failed_attempt_waits_for_the_next():
    """A retrying task is not at its end; its attempt is, with its error."""
    task = folded(STARTED, (1, "task_started", "train", 1, None), RETRYING).tasks["train"]

    assert (task.status, task.reason, task.error, task.end) == (TaskStatus.RETRYING, "error", BAD, None)
    assert task.attempts == [AttemptRecord(1, 1.0, 0.0, "", 2.0, TaskStatus.FAILED, BAD)]


def test_a_new_attempt_starts_clean():
    """While it runs again a task shows no error; the attempt before keeps its own, and the task its first start."""
    task = folded(
        STARTED, (1, "task_started", "train", 1, None), RETRYING, (7, "task_started", "train", 2, None)
    ).tasks["train"]

    assert (task.status, task.attempt, task.start) == (TaskStatus.RUNNING, 2, 1.0)
    assert (task.reason, task.error, task.message) == ("", None, "")
    assert [attempt.error for attempt in task.attempts] == [BAD, None]


def test_a_task_may_end_while_it_waits_for_a_retry():
    """The end of the attempt that failed before stays as it was."""
    task = folded(
        STARTED, (1, "task_started", "train", 1, None), RETRYING, (4, "task_cancelled", "train", 1, "by you")
    ).tasks["train"]

    assert (task.status, task.message, task.end) == (TaskStatus.CANCELLED, "by you", 4.0)
    assert (task.attempts[0].end, task.attempts[0].status) == (2.0, TaskStatus.FAILED)


def test_a_task_that_never_starts_names_who_is_to_blame():
    """It has an end, no start and no duration."""
    task = folded(STARTED, (4, "task_upstream_failed", "train", 0, {"blamed": ["load"]})).tasks["train"]

    assert (task.status, task.blamed, task.attempts) == (TaskStatus.UPSTREAM_FAILED, ("load",), [])
    assert (task.start, task.end, task.duration) == (None, 4.0, None)


def test_every_end_has_its_state():
    """Reused, failed and skipped tasks are told apart."""
    record = folded(
        STARTED,
        (1, "task_cached", "load", 0, None),
        (2, "task_failed", "train", 1, {"reason": "timeout", "error": BAD}),
        (3, "task_skipped", "other", 1, "no data"),
    )

    assert {name: task.status.value for name, task in record.tasks.items()} == {
        "load": "cached",
        "train": "failed",
        "other": "skipped",
    }
    assert record.tasks["train"].reason == "timeout"
    assert record.count(TaskStatus.CACHED, TaskStatus.FAILED) == 2


def test_what_happens_around_a_task_leaves_it_as_it_is():
    """A value that came too late, or a loop that hung, changes no state."""
    record = folded(STARTED, (1, "late_result_discarded", "load", 1, None), (2, "loop_blocked", "load", 1, "line 3"))

    assert record.tasks["load"] == TaskRecord("load")


def test_an_abandoned_attempt_is_seen_until_it_ends():
    """A thread that runs past its timeout is said to be still running."""
    facts = [STARTED, (1, "task_started", "load", 1, None), (2, "attempt_abandoned", "load", 1, None)]

    assert folded(*facts).tasks["load"].still_running
    assert not folded(*facts, (9, "thread_finally_ended", "load", 1, None)).tasks["load"].still_running


def test_items_and_metrics_belong_to_their_task():
    """A mapped task knows how many items it has, and a metric's latest value counts."""
    record = folded(
        STARTED,
        (1, "task_expanded", "load", 0, {"count": 3}),
        (2, "metric_logged", "train", 1, {"name": "loss", "value": 0.5}),
        (3, "metric_logged", "train", 1, {"name": "loss", "value": 0.25}),
        (4, "task_succeeded", "load[0]", 1, None),
    )

    assert record.tasks["load"].items == 3
    assert record.tasks["train"].metrics == {"loss": 0.25}
    assert list(record.tasks) == ["load", "train", "load[0]"]


def test_a_persons_own_fact_changes_nothing():
    """Whatever somebody logs about a task, or about what is no task, the record stays as it was."""
    record = folded(
        STARTED, (1, "checked", "train", 0, None), (2, "noted", "nobody", 0, None), (3, "lunch", None, 0, "")
    )

    assert list(record.tasks.values()) == [TaskRecord("load"), TaskRecord("train", max_attempts=3)]


def test_facts_about_the_run_leave_its_tasks_alone():
    """A cancel that was only asked for has ended nothing yet."""
    assert folded(STARTED, (1, "cancel_requested", None, 0, None)).status is RunStatus.RUNNING


def test_a_follower_takes_what_is_new():
    """A growing list is read on from where it was left."""
    record, growing = RunRecord(1), []
    assert not record.follow(growing)

    for event in events(STARTED, (1, "task_started", "load", 1, None)):
        growing.append(event)
        assert record.follow(growing)

    assert record.tasks["load"].attempt == 1
    assert not record.follow(growing)


def test_an_error_reads_as_python_would_say_it():
    """Type and message; the type alone where there is no message."""
    assert str(BAD) == "ValueError: bad"
    assert str(ErrorInfo("KeyboardInterrupt", "")) == "KeyboardInterrupt"


def test_the_repr_of_an_error_leaves_its_traceback_out():
    """`run.failures` as the last line of a cell stays readable."""
    error = ErrorInfo("KeyError", "'b'", traceback="Traceback (most recent call last): …", where="Cell In[4], line 3")

    assert repr(error) == """ErrorInfo(type='KeyError', message="'b'", where='Cell In[4], line 3')"""
