"""What a pipeline says of its runs afterwards: only what was so."""

import pytest

from nbdag import DAG, DAGMonitor, current_task, progress
from nbdag.core.errors import NoResult
from nbdag.testing import run_quietly


@pytest.fixture
def pipeline():
    return DAG("looking back")


def test_a_task_that_did_not_start_had_no_inputs(pipeline):
    """Its upstream gave nothing, so there is nothing to tell; not even None."""
    # load -> train
    pipeline.task(lambda: 1 / 0, name="load")
    pipeline.task(lambda load: load, name="train")
    run_quietly(pipeline)

    with pytest.raises(NoResult, match="task 'train' did not start in run 1: 'load' is failed"):
        pipeline.inputs("train")


def test_a_task_that_may_do_without_an_input_had_none(pipeline):
    """Under all_done a failed upstream is None, and that is what the task was given."""
    # load -> tidy
    pipeline.task(lambda: 1 / 0, name="load")
    pipeline.task(lambda load: load, name="tidy", trigger="all_done")
    run_quietly(pipeline)

    assert pipeline.inputs("tidy") == {"load": None}


def test_progress_begins_anew_with_each_attempt(pipeline):
    """How far the attempt before came says nothing about this one."""
    seen = []

    @pipeline.task(retries=1)
    def train():
        seen.append(dict(run_output.progress))
        progress(8, 10)
        if current_task().attempt == 1:
            raise ValueError

    @pipeline.task(priority=1)
    def before():
        nonlocal run_output
        run_output = pipeline.last_run._driver.output

    run_output = None
    pipeline.max_parallel = 1
    run_quietly(pipeline)

    assert seen == [{}, {}]


@pytest.mark.parametrize("name", [None, 5, ""])
def test_an_event_of_ones_own_has_a_name(pipeline, name):
    """What would break the table of events is refused before it is in it."""
    with pytest.raises(ValueError, match="an event needs a text for its name"):
        DAGMonitor(pipeline).log_event(name)

    assert len(pipeline.events()) == 0


def test_a_function_of_two_tasks_stands_for_the_latest_that_is_left(pipeline):
    """Taking one of them away does not take the function from the other."""

    def load():
        return 1

    pipeline.task(name="first")(load)
    pipeline.task(name="second")(load)

    pipeline.remove("first")

    assert pipeline[load].name == "second"
