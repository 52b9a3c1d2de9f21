"""A task as people hold it."""

from datetime import UTC, datetime, timedelta

import pytest

from nbdag import Task, TaskStatus
from nbdag.runtime.clock import Clock
from nbdag.testing import run_quietly


def test_a_task_that_never_ran_is_pending(pipeline):
    """Before its first run a task has no result, no error and no times."""
    task = pipeline.add_task(Task("a", lambda: 1))

    assert (task.status, task.ok, task.result, task.error, task.attempts) == (TaskStatus.PENDING, False, None, None, 0)
    assert (task.start_time, task.end_time, task.duration) == (None, None, None)
    assert repr(task) == "<Task 'a', pending>"


def test_a_handle_tells_how_the_latest_run_went(pipeline):
    """State, result and times are those of the latest run that had the task; times are in UTC."""
    task = pipeline.add_task(Task("a", lambda: 41))
    before = datetime.fromtimestamp(Clock().now(), UTC)
    run_quietly(pipeline)

    assert (task.status.value, task.ok, task.result, task.attempts) == ("success", True, 41, 1)
    assert timedelta(0) <= task.start_time - before < timedelta(seconds=10)
    assert task.duration == pytest.approx((task.end_time - task.start_time).total_seconds(), abs=1e-5)
    assert repr(task).startswith("<Task 'a', success, 0.")


def test_a_handle_tells_of_a_failure(pipeline):
    """The exception of the last attempt is kept, and shown in a word."""

    @pipeline.task(retries=1)
    def a():
        raise ValueError("bad input")

    run_quietly(pipeline)
    task = pipeline["a"]

    assert (task.status.value, task.ok, str(task.error), task.attempts) == ("failed", False, "bad input", 2)
    assert repr(task).endswith("ValueError: bad input>")


def test_a_success_after_failures_has_no_error(pipeline):
    """What an earlier attempt raised is history."""
    tries = []

    @pipeline.task(retries=1)
    def a():
        tries.append(1)
        return 1 / (len(tries) - 1)

    run_quietly(pipeline)

    assert (pipeline["a"].result, pipeline["a"].error) == (1.0, None)


def test_a_handle_stands_for_its_name(pipeline):
    """When the task is defined anew, the handle tells of the new definition; there is one handle a name."""

    @pipeline.task
    def a():
        return "old"

    handle = pipeline["a"]
    pipeline.remove("a")
    pipeline.task(lambda: "new", name="a")

    assert pipeline["a"] is pipeline.tasks["a"]
    assert run_quietly(pipeline).results[handle] == "new"


def test_dependencies_are_names(pipeline):
    """Listed or inferred, the tasks it needs are told by name."""
    pipeline.task(lambda: 1, name="load")
    task = pipeline.add_task(Task("train", lambda load: 1))

    assert task.dependencies == ["load"]
    assert Task("alone", lambda load: 1, dependencies=["load"]).dependencies == ["load"]


def test_who_takes_a_handle_for_its_result_is_told(pipeline):
    """`train.shape` on a handle says where the result is."""
    task = pipeline.add_task(Task("train", lambda: 1))

    with pytest.raises(AttributeError, match=r"a Task has no 'shape'. Its result may: train.result.shape"):
        task.shape


def test_tasks_of_the_specification(pipeline):
    """The loop that the specification shows works: names, states and results."""
    pipeline.add_task(Task("one", lambda: 1))
    pipeline.add_task(Task("two", lambda one: one + 1, dependencies=["one"]))
    run_quietly(pipeline)

    told = {name: (task.status.value, task.result) for name, task in pipeline.tasks.items()}

    assert told == {"one": ("success", 1), "two": ("success", 2)}
