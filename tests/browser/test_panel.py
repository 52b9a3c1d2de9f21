"""The live panel, as a person sees it while a cell blocks."""

import re

from tests.browser.gates import IN_KERNEL, Gates
from tests.browser.lab import Lab, Notebook

STEPS = f"""{IN_KERNEL}
from nbdag import DAG, progress
pipeline = DAG("steps", max_parallel=2)

@pipeline.task(retries=2)
def train():
    if current_task().attempt == 1:
        raise ConnectionError("the network is down")
    for done in (2, 7):
        progress(done, 10)
        print(f"{{done}} done")
        wait_at(f"after-{{done}}")

@pipeline.task
def report(train):
    raise ValueError("no <b>paper</b>")

@pipeline.task
def send(report):
    pass
"""
MANY = f"""{IN_KERNEL}
from nbdag import DAG
pipeline = DAG("many", max_parallel=2)

def work(number):
    if number == 7:
        raise ValueError("seven")
    if number > 40:
        wait_at("end")

for number in range(60):
    pipeline.task(name=f"task_{{number}}", dependencies=[])(lambda number=number: work(number))
"""
HOSTILE = f"""{IN_KERNEL}
from nbdag import DAG, Skip, progress
attack = "<img src=x onerror='window.pwned = true'>"
pipeline = DAG(f"{{attack}}")

@pipeline.task(name=f"a{{attack}}")
def first():
    progress(1, 2, attack)
    print(attack)
    print("</pre><script>window.pwned = true</script>")
    wait_at("end")
    raise ValueError(attack)

@pipeline.task(name='b" onmouseover="window.pwned = true')
def second():
    raise Skip(attack)
"""


def colour_of(notebook: Notebook, cell: int, selector: str) -> int:
    """How bright a text is drawn, 0 to 255."""
    style = "element => getComputedStyle(element).color"
    found = notebook.cell(cell).locator(selector).first.evaluate(style)
    return sum(int(part) for part in re.findall(r"\d+", found)[:3]) // 3


def test_the_bars_move_while_the_cell_blocks(lab: Lab):
    """Bars, words, attempts, output and time follow the run; its end says the same without widgets."""
    gates = Gates(lab)
    notebook = lab.open(lab.write("steps.ipynb", [STEPS, "pipeline.run()"]))
    notebook.run_cell(0)
    notebook.start_cell(1)

    notebook.wait_text("[train] 2 done", cell=1)
    notebook.wait_bars(["6.66667%", "20%", "0%", "0%"], cell=1)
    notebook.wait_text(re.compile(r"train\s+► running\s+\d s · attempt 2 of 3 · 2/10\s+report\s+○ pending"), cell=1)
    gates.open("after-2")
    notebook.wait_text("[train] 7 done", cell=1)
    notebook.wait_bars(["23.3333%", "70%", "0%", "0%"], cell=1)
    light = colour_of(notebook, 1, ".nbdag-panel .widget-html-content")
    with notebook.dark():
        dark = colour_of(notebook, 1, ".nbdag-panel .widget-html-content")
    gates.open("after-7")
    notebook.wait_run()

    assert light < 100 < 155 < dark
    assert notebook.bars(1) == []
    assert re.search(r"train\s+✓ success\s+[\d.]+ m?s · 2 attempts", notebook.text(1))
    assert re.search(
        r"report\s+✗ failed\s+\d+ ms ValueError: no <b>paper</b> \(Cell In\[1\], line \d+\)", notebook.text(1)
    )
    assert re.search(r"send\s+⊘ upstream_failed\s+blocked by report", notebook.text(1))
    assert notebook.console_errors() == []
    notebook.close()


def test_a_large_run_shows_what_one_looks_for(lab: Lab):
    """Above 50 tasks the panel counts them, and lists those that run and those that failed."""
    gates = Gates(lab)
    notebook = lab.open(lab.write("many.ipynb", [MANY, "pipeline.run()"]))
    notebook.run_cell(0)
    notebook.start_cell(1)

    notebook.wait_text(re.compile("40 success .*2 running .*1 failed .*17 pending"), cell=1)
    notebook.wait_text("task_42", cell=1)
    rows = notebook.cell(1).locator("tr").all_inner_texts()
    gates.open("end")
    notebook.wait_run()

    assert [row.split()[0] for row in rows] == ["task_7", "task_41", "task_42"]
    assert re.search("59 success .*1 failed", notebook.text(1))
    assert re.search(r"task_7\s+✗ failed\s+\d+ ms ValueError: seven", notebook.text(1))
    assert "task_41" not in notebook.text(1)
    assert notebook.console_errors() == []
    notebook.close()


def test_hostile_texts_are_shown_literally(lab: Lab):
    """Names, output, progress, errors and reasons that hold markup are read as they are, and nothing of them runs."""
    gates = Gates(lab)
    notebook = lab.open(lab.write("hostile.ipynb", [HOSTILE, "pipeline.run()", "pipeline.show()"]))
    attack = "<img src=x onerror='window.pwned = true'>"
    notebook.run_cell(0)
    notebook.start_cell(1)

    notebook.wait_text("</pre><script>window.pwned = true</script>", cell=1)
    live = notebook.text(1)
    gates.open("end")
    notebook.wait_run()
    notebook.run_cell(2)

    assert live.count(attack) == 4  # pipeline, progress, output, reason of the skip; the task's name is cut
    assert f"ValueError: {attack}" in notebook.text(1)
    assert 'b" onmouseover="window.pwned = tr' in notebook.text(1)
    assert notebook.cell(1).locator(".jp-OutputArea img, .jp-OutputArea script").count() == 0
    assert len(notebook.pictures(2)) == 1
    assert notebook.page.evaluate("() => window.pwned") is None
    assert notebook.console_errors() == []
    notebook.close()
