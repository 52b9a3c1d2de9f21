"""The main job as a person does it: open the quickstart, run all cells, look."""

import shutil
from pathlib import Path

import nbformat

from tests.browser.lab import Lab

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_the_quickstart_from_the_first_cell_to_the_last(lab: Lab):
    """Run All shows the graph, bars that move, the failure in place, tables and chart, without one complaint."""
    shutil.copy(QUICKSTART, lab.root / QUICKSTART.name)
    at = {cell.id: number for number, cell in enumerate(nbformat.read(QUICKSTART, as_version=4).cells)}
    notebook = lab.open(QUICKSTART.name)
    notebook.start_all()

    notebook.wait_text("[train_network] epoch 2: loss", cell=at["first-run"], timeout=90)
    earlier = notebook.bars(at["first-run"])
    notebook.wait_text("[train_network] epoch 9: loss", cell=at["first-run"])
    later = notebook.bars(at["first-run"])
    whole, network = 0, 5  # the bars of the run, and of train_network
    assert float(earlier[whole].rstrip("%")) < float(later[whole].rstrip("%"))
    assert float(earlier[network].rstrip("%")) < float(later[network].rstrip("%"))

    notebook.wait_executed(at["events"], timeout=180)
    assert notebook.pictures(at["show"]) == ["Pipeline digits: 7 tasks, not run yet"]
    assert "6 success" in notebook.text(at["first-run"])
    assert "skipped" in notebook.text(at["first-run"])
    assert "ValueError: too many values to unpack (expected 2)" in notebook.text(at["broken-run"])
    assert "7 success" in notebook.text(at["second-run"])
    assert notebook.pictures(at["show-run"]) == ["Pipeline digits: 7 success"]
    assert len(notebook.pictures(at["gantt"])) == 1
    assert notebook.cell(at["gantt"]).locator("table.dataframe").count() == 1
    assert notebook.cell(at["events"]).locator("table.dataframe").count() == 1
    assert notebook.console_errors() == []
    notebook.close()
