"""Reports and actions as values."""

import pickle

import pytest

from nbdag.core.reports import AttemptEnded, CancelRequested, Failed, FinishRun, IllegalReport, Skipped, Succeeded
from nbdag.core.status import FailureReason, RunStatus
from tests.unit.core.story import BOOM


def test_outcomes_survive_pickling():
    """An outcome may come from another process."""
    outcomes = (Succeeded(), Failed(FailureReason.CRASHED, BOOM, 2.5), Skipped("no data"))

    assert pickle.loads(pickle.dumps(outcomes)) == outcomes


def test_reports_are_values():
    """Equal reports are equal, and cannot be changed."""
    assert AttemptEnded(1, 2, Succeeded(), 3.0) == AttemptEnded(1, 2, Succeeded(), 3.0)
    assert CancelRequested(1.0) == CancelRequested(1.0, "cancelled")
    with pytest.raises(AttributeError):
        FinishRun(RunStatus.SUCCESS).status = RunStatus.FAILED  # type: ignore[misc]  # that is the point


def test_a_failure_is_final_unless_it_says_when():
    """Without a delay, not even zero, a failure is not tried again."""
    assert Failed(FailureReason.ERROR, BOOM).retry_after is None


def test_an_illegal_report_is_a_value_error():
    """It is a defect of the driver, not of the user's task."""
    assert issubclass(IllegalReport, ValueError)
