"""The states of a task, and which may follow which."""

import pytest

from nbdag.core.status import FOLLOWS, OK, TERMINAL, RunStatus, TaskStatus


def test_states_are_known_by_their_words():
    """Frames and the command line show a state's value; it is its name in lower case."""
    assert all(status.value == status.name.lower() == str(status) for status in (*TaskStatus, *RunStatus))


@pytest.mark.parametrize("status", TaskStatus)
def test_only_the_first_three_states_can_change(status):
    """A task waits, runs or waits again; all else is its end, and nothing follows an end."""
    open_states = {TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING}

    assert status.is_terminal == (status not in open_states)
    assert (status in TERMINAL) == (not FOLLOWS[status])


def test_every_state_can_be_reached_and_every_end_too():
    """From PENDING some way leads to each state."""
    reached = {TaskStatus.PENDING}
    while more := {after for status in reached for after in FOLLOWS[status]} - reached:
        reached |= more

    assert reached == set(TaskStatus)


def test_a_task_runs_before_it_succeeds_or_waits_again():
    """Only an attempt can succeed or be retried, and a retry starts a new attempt."""
    before = {after: {status for status in TaskStatus if after in FOLLOWS[status]} for after in TaskStatus}

    assert before[TaskStatus.SUCCESS] == before[TaskStatus.RETRYING] == {TaskStatus.RUNNING}
    assert before[TaskStatus.RUNNING] == {TaskStatus.PENDING, TaskStatus.RETRYING}
    assert before[TaskStatus.CACHED] == before[TaskStatus.UPSTREAM_FAILED] == {TaskStatus.PENDING}
    assert before[TaskStatus.PENDING] == set()


def test_a_reused_result_is_as_good_as_a_new_one():
    """SUCCESS and CACHED are ok, nothing else is."""
    assert {status for status in TaskStatus if status.is_ok} == OK == {TaskStatus.SUCCESS, TaskStatus.CACHED}
