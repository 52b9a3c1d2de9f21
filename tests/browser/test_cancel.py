"""Stopping a run: the Cancel button of the panel, and the stop button of the notebook."""

import re

from tests.browser.gates import IN_KERNEL, Gates
from tests.browser.lab import Lab, Notebook

WAITING = f"""{IN_KERNEL}
from nbdag import DAG
pipeline = DAG("waiting")

@pipeline.task
def waits():
    print("began")
    wait_at("never")

@pipeline.task
def after(waits):
    pass
"""
STATE = "pipeline.last_run.state.value"


def wait_cancelled(notebook: Notebook, cell: int) -> None:
    """Wait for the frozen panel of a cancelled run."""
    notebook.wait_text(re.compile(r"waiting · run \d · ■ cancelled in [\d.]+ m?s"), cell=cell)
    assert re.search(r"waits\s+■ cancelled\s+[\d.]+ m?s · ", notebook.text(cell))
    assert re.search(r"after\s+■ cancelled", notebook.text(cell))


def test_cancel_stops_a_run_while_its_cell_blocks_and_after(lab: Lab):
    """A click on Cancel stops the run it belongs to, be it that the cell waits for it or that it has long returned."""
    Gates(lab)
    cells = [WAITING, "pipeline.run()", STATE, "run = pipeline.start()", STATE, "run.wait(30)"]
    notebook = lab.open(lab.write("cancel.ipynb", cells))
    notebook.run_cell(0)

    notebook.start_cell(1)
    notebook.wait_text("[waits] began", cell=1)
    notebook.click("Cancel", cell=1)
    notebook.wait_run()
    wait_cancelled(notebook, 1)
    assert "RunCancelled: run 1 of waiting was cancelled" in notebook.text(1)
    notebook.run_cell(2)
    assert "'cancelled'" in notebook.text(2)

    notebook.run_cell(3)
    notebook.wait_text("[waits] began", cell=3)
    notebook.run_cell(4)
    assert "'running'" in notebook.text(4)
    notebook.click("Cancel", cell=3)
    wait_cancelled(notebook, 3)
    notebook.run_cell(5)
    assert "RunCancelled: run 2 of waiting was cancelled" in notebook.text(5)
    assert notebook.console_errors() == []
    notebook.close()


def test_the_stop_button_cancels_the_run_of_the_cell_that_waits(lab: Lab):
    """■ in the toolbar ends the cell as it ends any other, and the panel says that the run was cancelled."""
    Gates(lab)
    cells = [WAITING, "pipeline.run()", STATE, "await pipeline.run_async()", STATE]
    notebook = lab.open(lab.write("stop.ipynb", cells))
    notebook.run_cell(0)
    for cell, raised in ((1, "KeyboardInterrupt"), (3, "CancelledError")):
        notebook.start_cell(cell)
        notebook.wait_text("[waits] began", cell=cell)
        notebook.interrupt()
        notebook.wait_run()

        wait_cancelled(notebook, cell)
        assert notebook.outputs(cell)[-1]["ename"] == raised
        notebook.run_cell(cell + 1)
        assert "'cancelled'" in notebook.text(cell + 1)
    assert notebook.console_errors() == []
    notebook.close()
