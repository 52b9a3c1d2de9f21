"""The executor of the specification."""

import asyncio

import pytest

from nbdag import DAG, DAGExecutor, Task


@pytest.fixture
def pipeline():
    """A pipeline: load -> train -> deploy ; report."""
    pipeline = DAG("ml_training")
    pipeline.add_task(Task("load", lambda: 1))
    pipeline.add_task(Task("train", lambda load: 1 / 0, dependencies=["load"]))
    pipeline.add_task(Task("deploy", lambda train: 1, dependencies=["train"]))
    pipeline.add_task(Task("report", lambda: 1))
    return pipeline


async def test_a_failure_is_told_not_raised(pipeline):
    """False means that a task failed; `failed` names it, not those it blocked; `completed` those with a result."""
    executor = DAGExecutor(pipeline, max_parallel=2)
    assert (executor.completed, executor.failed) == (set(), set())

    success = await executor.run(output="none")

    assert (success, executor.completed, executor.failed) == (False, {"load", "report"}, {"train"})


async def test_success_is_true(pipeline):
    """True means that all went well; targets and options are those of a run."""
    executor = DAGExecutor(pipeline)

    assert await executor.run("deploy", overrides={"train": 1}, output="none") is True
    assert (executor.completed, executor.failed) == ({"train", "deploy"}, set())


def test_it_runs_under_asyncio_run_again_and_again(pipeline):
    """An executor may be used for several runs, each on another loop."""
    executor = DAGExecutor(pipeline)

    assert [asyncio.run(executor.run("report", output="none")) for _ in range(3)] == [True] * 3
    assert executor.last_run.run_id == 3


async def test_max_parallel_limits_its_runs():
    """No more tasks run at once than the executor allows, though the pipeline would."""
    pipeline, inside, most = DAG("wide", max_parallel=8), [0], [0]

    def work():
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        inside[0] -= 1

    for number in range(20):
        pipeline.task(work, name=f"t{number}")

    assert await DAGExecutor(pipeline, max_parallel=1).run(output="none")
    assert most[0] == 1


async def test_a_wrong_limit_is_refused(pipeline):
    """A limit that cannot be is an error that names it."""
    with pytest.raises(ValueError, match="max_parallel=0 must be a whole number, 1 or more"):
        await DAGExecutor(pipeline, max_parallel=0).run(output="none")
