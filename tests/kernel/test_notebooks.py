"""The notebooks are the manual: each is executed as a reader would, with "Run All" in a kernel of its own."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SECONDS_PER_CELL = 120


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def outputs_of(notebook: NotebookNode, cell_id: str) -> list[NotebookNode]:
    return next(cell.outputs for cell in notebook.cells if cell.id == cell_id)


def text_of(notebook: NotebookNode, cell_id: str) -> str:
    """What can be read under a cell, as plain text."""
    outputs = outputs_of(notebook, cell_id)
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> dict[str, NotebookNode]:
    """Every notebook by its name, executed. A cell that raises without saying so in its tags is an error here."""
    done = {}
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        folder = tmp_path_factory.mktemp(path.stem)
        NotebookClient(notebook, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(folder)}}).execute()
        done[path.stem] = notebook
    return done


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    """Outputs would hide changes, and show another machine's numbers."""
    notebook = nbformat.read(path, as_version=4)

    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_to_its_end(executed, name):
    """Each cell executes, in order; only what is tagged so raises; nothing complains on stderr."""
    cells = list(code_cells(executed[name]))
    raising = [cell.id for cell in cells if any(output.output_type == "error" for output in cell.outputs)]
    complaining = [cell.id for cell in cells if any(output.get("name") == "stderr" for output in cell.outputs)]

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert raising == [cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])]
    assert complaining == []


def test_the_quickstart_tells_its_story(executed):
    """Skip, failure in place, mending, retry: each is there to be seen where the text speaks of it."""
    notebook = executed["quickstart"]
    failure = outputs_of(notebook, "broken-run")[-1]

    assert "6 success, 1 skipped" in text_of(notebook, "first-run")
    assert (failure.ename, failure.evalue) == ("ValueError", "too many values to unpack (expected 2)")
    assert "2 success, 1 failed, 4 upstream_failed" in text_of(notebook, "broken-run")
    assert "7 success" in text_of(notebook, "second-run")
    assert "2 attempts" in text_of(notebook, "second-run")
    assert [output.output_type for output in outputs_of(notebook, "gantt")] == ["execute_result", "display_data"]
    assert "task_retrying" in text_of(notebook, "events")


def test_the_specified_example_gives_what_it_promises(executed):
    """The specification's own pipeline: success, every task with its state and result, and the monitor's tables."""
    lines = text_of(executed["specification"], "results").splitlines()
    states = [line for line in lines if not line.startswith(" ")]

    assert states == [
        "success: True",
        "load_data: success",
        "preprocess: success",
        "split_data: success",
        "train_model: success",
        "evaluate: success",
        "deploy: success",
    ]
    assert lines[-1] == "    LogisticRegression deployed with accuracy 0.965"
    assert "approved" in text_of(executed["specification"], "events")
