"""A run with targets asks nothing of tasks it does not need."""

import pytest

from nbdag import DAG
from nbdag.core.errors import UnknownInputError


def half_written():
    # load -> train ;  report needs a task that nobody has written yet
    pipeline = DAG("half written")
    pipeline.task(lambda: 2, name="load")
    pipeline.task(lambda load: load + 1, name="train")
    pipeline.task(lambda figures: figures, name="report")
    return pipeline


def test_a_target_runs_beside_a_task_that_is_not_right_yet():
    """What a target does not need may still be wrong."""
    assert half_written().run("train", output="none").results["train"] == 3


@pytest.mark.parametrize("targets", [(), ("report",), ("train", "report")])
def test_what_runs_has_to_be_right(targets):
    """A run of all tasks, or of the wrong one, is refused before the first task starts."""
    pipeline = half_written()

    with pytest.raises(UnknownInputError, match="figures"):
        pipeline.run(*targets, output="none")

    assert pipeline.last_run is None
