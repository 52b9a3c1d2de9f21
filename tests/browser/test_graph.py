"""The graph in a notebook: one picture, drawn by the browser, that fits its cell."""

from tests.browser.lab import Lab

CELLS = [
    """
from nbdag import DAG
pipeline = DAG("shapes")
step = lambda name, *needs: pipeline.task(name=name, dependencies=list(needs))(lambda: name)
step("load")
names = ["load", *(f"a_rather_long_name_of_step_{number}" for number in range(12))]
for before, name in zip(names, names[1:]):
    step(name, before)
""",
    "pipeline.show()",
    "pipeline.show('load', down=1)",
    "pipeline['load']",
    "pipeline",
]


def test_the_graph_is_drawn_and_fits(lab: Lab):
    """However long the pipeline, its picture is no wider than the cell; a part of it can be shown alone."""
    notebook = lab.open(lab.write("graph.ipynb", CELLS))
    notebook.run_all()

    pictures = [notebook.pictures(cell) for cell in (1, 2, 4)]
    fits = (
        "image => image.getBoundingClientRect().right <= image.closest('.jp-OutputArea').getBoundingClientRect().right"
    )
    images = [notebook.cell(cell).locator(".jp-OutputArea-output img") for cell in (1, 2, 4)]
    assert pictures[0] == ["Pipeline shapes: 13 tasks, not run yet"]
    assert pictures[2] == pictures[0]
    assert len(pictures[1]) == 1
    assert [image.evaluate(fits) for image in images] == [True, True, True]
    assert notebook.console_errors() == []
    notebook.close()
