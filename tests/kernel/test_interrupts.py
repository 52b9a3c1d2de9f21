"""The stop button: what it stops, what the cell raises, and that the kernel goes on after it."""

import pytest

from tests.kernel.gates import Gates
from tests.kernel.harness import Kernel

# A coroutine is stopped where it waits; a thread cannot be stopped, it has to look.
TWO_KINDS = """
import asyncio
from nbdag import DAG
pipeline = DAG("patient")

@pipeline.task
def looks():
    reach("looks")
    wait_at("never", heeds_cancel=True)

@pipeline.task
async def waits():
    reach("waits")
    await asyncio.sleep(600)

@pipeline.task
def after(looks, waits):
    pass
"""
DEAF = """
from nbdag import DAG
pipeline = DAG("stubborn", max_parallel=1)

@pipeline.task
def deaf():
    reach("began")
    wait_at("end")
    reach("ended")

@pipeline.task
def after(deaf):
    pass
"""

SWALLOWS = """
import asyncio
from nbdag import DAG
pipeline = DAG("swallows")

@pipeline.task(kill_grace=600)
async def insists():
    reach("began")
    while not Path("end.gate").exists():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            reach("swallowed")
"""
GRACE = 5
"""Seconds for which an interrupted cell waits for its tasks to stop."""


def prepare(kernel: Kernel, code: str) -> None:
    result = kernel.execute(code)
    assert result.error is None, result.text


def value_of(kernel: Kernel, expression: str) -> str:
    result = kernel.execute(expression)
    assert result.value is not None, result.text
    return str(result.value["text/plain"])


@pytest.mark.parametrize(
    ("starting", "raised"),
    [
        ("pipeline.run()", {"KeyboardInterrupt"}),
        # ipykernel 7 cancels the cell's coroutine, ipykernel 6 breaks into its loop.
        ("await pipeline.run_async()", {"CancelledError", "KeyboardInterrupt"}),
    ],
)
def test_an_interrupt_cancels_the_run_that_is_waited_for(each_kernel: Kernel, starting, raised):
    """The cell ends as any interrupted cell, the run is CANCELLED with all of its tasks, and the kernel goes on."""
    gates = Gates(each_kernel)
    prepare(each_kernel, TWO_KINDS)
    cell = each_kernel.start(starting)
    gates.wait("looks")
    gates.wait("waits")
    each_kernel.interrupt()
    error = cell.wait().error

    assert error is not None
    assert error.name in raised
    waited = each_kernel.execute("pipeline.last_run.wait()").error
    assert waited is not None
    assert waited.name == "RunCancelled"
    assert value_of(each_kernel, "{name: task.status.value for name, task in pipeline.tasks.items()}") == (
        "{'looks': 'cancelled', 'waits': 'cancelled', 'after': 'cancelled'}"
    )


def test_an_interrupt_ends_the_waiting_for_a_started_run_only(each_kernel: Kernel):
    """`run.wait()` can be interrupted; the run that was started in the background goes on."""
    gates = Gates(each_kernel)
    prepare(each_kernel, DEAF)
    prepare(each_kernel, "run = pipeline.start()")
    gates.wait("began")
    cell = each_kernel.start("reach('waiting'); run.wait()")
    gates.wait("waiting")
    each_kernel.interrupt()
    error = cell.wait().error
    state = value_of(each_kernel, "run.state.value")
    gates.open("end")

    assert error is not None
    assert (error.name, state) == ("KeyboardInterrupt", "'running'")
    assert value_of(each_kernel, "run.wait().state.value") == "'success'"


def test_an_interrupt_of_another_cell_leaves_a_started_run_alone(each_kernel: Kernel):
    """The stop button stops the cell that runs, not the runs in the background."""
    gates = Gates(each_kernel)
    prepare(each_kernel, DEAF)
    prepare(each_kernel, "run = pipeline.start()")
    gates.wait("began")
    cell = each_kernel.start("reach('busy'); wait_at('never')")
    gates.wait("busy")
    each_kernel.interrupt()
    error = cell.wait().error
    gates.open("end")

    assert error is not None
    assert error.name == "KeyboardInterrupt"
    assert value_of(each_kernel, "run.wait().state.value") == "'success'"


def test_an_interrupt_between_cells_leaves_a_started_run_alone(each_kernel: Kernel):
    """With no cell running there is nothing to stop."""
    gates = Gates(each_kernel)
    prepare(each_kernel, DEAF)
    prepare(each_kernel, "run = pipeline.start()")
    gates.wait("began")
    each_kernel.interrupt()
    gates.open("end")

    assert value_of(each_kernel, "run.wait().state.value") == "'success'"


def test_a_thread_that_does_not_look_is_left_behind(each_kernel: Kernel):
    """A thread cannot be stopped: the interrupted cell ends all the same, and the panel says what still runs."""
    gates = Gates(each_kernel)
    prepare(each_kernel, DEAF)
    cell = each_kernel.start("pipeline.run()")
    gates.wait("began")
    each_kernel.wait(lambda: bool(cell.result().displays), 30, "no panel was shown")
    each_kernel.interrupt()
    result = cell.wait()
    gates.open("end")
    gates.wait("ended")

    assert result.error is not None
    assert result.error.name == "KeyboardInterrupt"
    assert value_of(each_kernel, "pipeline.last_run.state.value") == "'cancelled'"
    assert "■ deaf   cancelled" in result.text
    assert "the function still runs in its thread" in result.text


def test_a_second_interrupt_gives_up_what_does_not_stop(each_kernel: Kernel):
    """The first interrupt waits some seconds for a coroutine that goes on; the second ends the cell at once."""
    gates = Gates(each_kernel)
    prepare(each_kernel, SWALLOWS)
    cell = each_kernel.start("pipeline.run()")
    gates.wait("began")
    each_kernel.interrupt()
    gates.wait("swallowed")
    each_kernel.interrupt()
    error = cell.wait(timeout=GRACE - 1).error
    gates.open("end")

    assert error is not None
    assert error.name == "KeyboardInterrupt"
    assert value_of(each_kernel, "pipeline.last_run.done, pipeline.last_run.state.value") == "(True, 'cancelled')"


def test_the_next_run_is_a_whole_one(each_kernel: Kernel):
    """After an interrupt the pipeline runs as if nothing had been."""
    gates = Gates(each_kernel)
    prepare(each_kernel, DEAF.replace('"end"', '"end", heeds_cancel=True'))
    cell = each_kernel.start("pipeline.run()")
    gates.wait("began")
    each_kernel.interrupt()
    cell.wait()
    gates.open("end")

    assert value_of(each_kernel, "pipeline.run(output='none').state.value") == "'success'"
