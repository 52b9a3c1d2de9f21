"""What tasks print, log, display and plot, attributed to the task and the cell it belongs to."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from tests.kernel.gates import Gates
from tests.kernel.harness import Kernel, MimeBundle

TASKS, SLOTS, LINES = 32, 16, 40
CROWD = f"""
import logging, sys, threading, warnings
import matplotlib.pyplot as plt
from IPython.display import HTML, display
from nbdag import DAG

pipeline = DAG("crowd", max_parallel={SLOTS})
company = threading.Barrier({SLOTS}, timeout=60)

def work(number):
    company.wait()  # all slots are taken by now, so that all write at once
    plt.figure(figsize=(1, 1 + number / 10), dpi=100)
    for line in range({LINES}):
        print(f"{{number}} line", line)
        print(number, "half", end=" ")
        print("and half", line)
        print(number, "error", line, file=sys.stderr)
    display(HTML(f"<i>by {{number}}</i>"))
    plt.plot([number])
    logging.getLogger("crowd").warning("%d logs", number)
    warnings.warn(f"{{number}} warns", stacklevel=1)

for number in range({TASKS}):
    pipeline.task(name=f"task_{{number}}", dependencies=[])(lambda number=number: work(number))
"""
TALKER = """
from nbdag import DAG
pipeline = DAG("talker")

@pipeline.task
def talks():
    print("one")
    reach("began")
    wait_at("end")
    print("two")
"""


def prepare(kernel: Kernel, code: str) -> None:
    result = kernel.execute(code)
    assert result.error is None, result.text


def written_by(number: int) -> list[str]:
    """The lines that one task of the crowd writes, in order; a warning's own line is told by its end."""
    lines = [
        text
        for line in range(LINES)
        for text in (f"{number} line {line}", f"{number} half and half {line}", f"{number} error {line}")
    ]
    return [*lines, f"{number} logs", f"UserWarning: {number} warns"]


def without_places(lines: Sequence[str]) -> list[str]:
    """A warning begins with its file and line, and ends with the line's source."""
    kept = (line for line in lines if not line.startswith("  "))
    return [re.sub(r"^.*(?=UserWarning: )", "", line) for line in kept]


def displayed_by(displays: Iterable[MimeBundle]) -> Mapping[str, list[str]]:
    """What each task displayed: a display stands directly below a caption with the task's name."""
    found: dict[str, list[str]] = {}
    captions = iter(displays)
    for caption in captions:
        task = str(caption["text/plain"])
        shown = next(captions)
        found.setdefault(task, []).append(str(shown.get("text/html") or shown["text/plain"]))
    return found


def test_every_line_of_a_crowd_belongs_to_its_task(kernel: Kernel):
    """32 tasks on 16 threads print, log, warn, display and plot at once: nothing of one is with another, or lost."""
    prepare(kernel, CROWD)
    cell = kernel.execute("run = pipeline.run()", timeout=120)
    printed = kernel.execute(f"import json; print(json.dumps([run.logs(f'task_{{n}}') for n in range({TASKS})]))")
    logs = json.loads(printed.stdout)
    _, *displays = cell.displays

    assert cell.error is None
    assert (cell.stdout, cell.stderr) == ("", "")
    assert [without_places(log.splitlines()) for log in logs] == [written_by(number) for number in range(TASKS)]
    assert displayed_by(displays) == {
        f"[task_{number}]": [f"<i>by {number}</i>", f"<Figure size 100x{100 + 10 * number} with 1 Axes>"]
        for number in range(TASKS)
    }


def test_what_a_started_run_prints_stays_with_its_cell(each_kernel: Kernel):
    """A line printed while a later cell runs belongs to the cell that started the run, and the cell's own to itself."""
    gates = Gates(each_kernel)
    prepare(each_kernel, TALKER)
    starting = each_kernel.start("run = pipeline.start(output='all')")
    gates.wait("began")
    later = each_kernel.execute("print('mine'); reach('end'); _ = run.wait(); print('mine too')")

    assert starting.result().stdout == "[talks] one\n[talks] two\n"
    assert later.stdout == "mine\nmine too\n"


def test_a_cell_that_blocks_shows_the_output_as_it_comes(each_kernel: Kernel):
    """With output='all' the lines of a running task can be read below the panel before it has ended."""
    gates = Gates(each_kernel)
    prepare(each_kernel, TALKER)
    cell = each_kernel.start("_ = pipeline.run(output='all')")
    first = cell.wait_text("[talks] one")
    gates.open("end")

    assert first.stdout == "[talks] one\n"
    assert cell.wait().stdout == "[talks] one\n[talks] two\n"


def test_the_last_lines_of_a_running_task_can_be_read(each_kernel: Kernel):
    """By default the live panel holds the last lines of what runs, and the frozen one all lines, folded away."""
    gates = Gates(each_kernel)
    prepare(each_kernel, TALKER)
    cell = each_kernel.start("_ = pipeline.run()")

    def is_shown() -> bool:
        return any("[talks] one" in str(widget.state.get("value")) for widget in each_kernel.widgets().values())

    each_kernel.wait(is_shown, 30, "the line was not shown in the live panel")
    gates.open("end")
    result = cell.wait()

    assert result.stdout == ""
    assert "<summary" in result.displays[0]["text/html"]
    assert "one\ntwo" in result.displays[0]["text/html"]


def test_a_run_may_be_silent(each_kernel: Kernel):
    """output='none' shows nothing at all; what was printed is in the logs."""
    Gates(each_kernel).open("end")
    prepare(each_kernel, TALKER)
    cell = each_kernel.execute("run = pipeline.run(output='none')")

    assert (cell.stdout, cell.displays) == ("", ())
    assert each_kernel.execute("print(run.logs('talks'), end='')").stdout == "one\ntwo\n"


def test_what_is_no_task_prints_as_ever(each_kernel: Kernel):
    """While a run goes on, a thread of the notebook's own prints into the cell that started it."""
    gates = Gates(each_kernel)
    prepare(each_kernel, TALKER)
    cell = each_kernel.start("run = pipeline.start()")
    gates.wait("began")
    own = each_kernel.execute(
        "import threading\nthread = threading.Thread(target=print, args=('by hand',))\nthread.start(); thread.join()"
    )
    gates.open("end")
    prepare(each_kernel, "_ = run.wait()")

    assert own.stdout == "by hand\n"
    assert cell.result().stdout == ""
