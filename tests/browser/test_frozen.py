"""The saved notebook: what a reader without a kernel sees, trusted or not."""

import re

from tests.browser.lab import Lab

PIPELINE = """
from nbdag import DAG, Skip, current_task
pipeline = DAG("story", params={"lr": 0.1})

@pipeline.task(retries=2)
def load():
    print("loading")
    if current_task().attempt < 2:
        raise ConnectionError("busy")

@pipeline.task
def train(load, lr):
    raise ValueError("no data")

@pipeline.task
def tell(load):
    raise Skip("nobody listens")

@pipeline.task
def deploy(train):
    pass
"""


def test_a_reader_without_a_kernel_sees_how_the_run_went(lab: Lab):
    """Reopened without a kernel, also where nobody trusts it, the notebook shows the last panel and the graph."""
    cells = [PIPELINE, "run = pipeline.start(raise_on_error=False)", "run.wait()", "pipeline.show()"]
    notebook = lab.open(lab.write("story.ipynb", cells))
    notebook.run_all()
    notebook.wait_text("story · run 1 · ✗ failed in", cell=1)
    seen = [notebook.text(cell) for cell in (1, 2)]
    saved = notebook.save()
    notebook.close()

    assert [list(output["data"]) for output in saved["cells"][1]["outputs"]] == [["text/html", "text/plain"]]
    assert "widgets" not in saved["metadata"]
    for trusted in (True, False):
        reopened = lab.open_without_kernel("story.ipynb", trusted=trusted)
        assert reopened.is_trusted() is trusted
        assert [reopened.text(cell) for cell in (1, 2)] == seen
        panel = reopened.text(1)
        assert re.search(r"✓ 1 success\s+✗ 1 failed\s+⊘ 1 upstream_failed\s+⊘ 1 skipped", panel)
        assert re.search(r"load\s+✓ success\s+\d+ ms · 2 attempts", panel)
        assert re.search(r"train\s+✗ failed\s+\d+ ms ValueError: no data \(Cell In\[1\], line 12\)", panel)
        assert re.search(r"tell\s+⊘ skipped\s+\d+ ms · nobody listens", panel)
        assert re.search(r"deploy\s+⊘ upstream_failed\s+blocked by train", panel)
        reopened.cell(1).locator("summary", has_text="output: 2 lines").click()
        reopened.wait_text("loading\nloading", cell=1)
        assert reopened.pictures(3) == ["Pipeline story: 1 success, 1 failed (train), 1 upstream_failed, 1 skipped"]
        assert reopened.console_errors() == []
        reopened.close()
