"""Runs as a notebook starts them: blocking, awaited, in the background, several at once; and what each shows."""

import sys

import pytest

from tests.kernel.conftest import python_with_ipykernel_6
from tests.kernel.gates import Gates
from tests.kernel.harness import Kernel, Result, Widget

CHAIN = """
from nbdag import DAG
pipeline = DAG("sums")

@pipeline.task
def numbers():
    return [1, 2, 3]

@pipeline.task
def total(numbers):
    return sum(numbers)
"""
GATED = """
from nbdag import DAG
pipeline = DAG("gated")

@pipeline.task
def waits():
    reach("began")
    wait_at("end")
    return "waited"
"""
ON_OWN_LOOP = """
import asyncio
from nbdag import DAG
pipeline = DAG("loops")

@pipeline.task
async def fetch():
    await asyncio.sleep(0)
    return asyncio.get_running_loop()
"""
ON_CALLERS_LOOP = ON_OWN_LOOP.replace("@pipeline.task", '@pipeline.task(loop="caller")')


def prepare(kernel: Kernel, code: str) -> None:
    result = kernel.execute(code)
    assert result.error is None, result.text


def value_of(kernel: Kernel, expression: str) -> str:
    result = kernel.execute(expression)
    assert result.value is not None, result.text
    return str(result.value["text/plain"])


def panels(result: Result) -> list[str]:
    """The last frame of each panel in a cell's output, as plain text."""
    return [str(shown["text/plain"]) for shown in result.displays if " · run " in str(shown.get("text/plain"))]


def open_widgets(kernel: Kernel) -> list[Widget]:
    return [widget for widget in kernel.widgets().values() if widget.open]


def wait_for_cancel_button(kernel: Kernel) -> None:
    """Wait until the live panel is there; it is built when a run has lasted a moment."""

    def is_there() -> bool:
        return any(widget.state.get("description") == "Cancel" for widget in open_widgets(kernel))

    kernel.wait(is_there, 30, "no live panel was shown")


def test_run_blocks_until_the_results_are_there(each_kernel: Kernel):
    """The line after `run()` can use the results."""
    prepare(each_kernel, CHAIN)
    cell = each_kernel.execute("run = pipeline.run()\nprint(run.results['total'], run.state.value)")

    assert cell.stdout == "6 success\n"


def test_an_awaited_run_leaves_the_notebooks_loop_free(each_kernel: Kernel):
    """While a cell awaits `run_async()`, coroutines on the notebook's loop go on."""
    Gates(each_kernel)
    prepare(each_kernel, GATED)
    prepare(
        each_kernel,
        "import asyncio\nasync def opens():\n    await asyncio.to_thread(wait_at, 'began')\n    reach('end')",
    )
    cell = each_kernel.execute("opening = asyncio.ensure_future(opens())\n(await pipeline.run_async()).state.value")

    assert cell.value == {"text/plain": "'success'"}


def test_cells_run_while_a_started_run_goes_on(each_kernel: Kernel):
    """`start()` returns at once; later cells run beside the run, and `wait()` gives it when it is over."""
    gates = Gates(each_kernel)
    prepare(each_kernel, GATED)
    prepare(each_kernel, "run = pipeline.start()")
    gates.wait("began")
    meanwhile = value_of(each_kernel, "run.done, run.state.value")
    gates.open("end")

    assert meanwhile == "(False, 'running')"
    assert value_of(each_kernel, "run.wait().results['waits'], run.done") == "('waited', True)"


@pytest.mark.parametrize("starting", ["pipeline.run()", "await pipeline.run_async()", "await pipeline.start()"])
def test_run_all_executes_the_cells_after_a_run(each_kernel: Kernel, starting):
    """Cells that are queued behind a run all execute, in order, after it."""
    gates = Gates(each_kernel)
    prepare(each_kernel, GATED + "\nseen = []")
    cells = [each_kernel.start(f"run = {starting}")]
    cells += [each_kernel.start(f"seen.append(({number}, run.done))") for number in range(4)]
    gates.wait("began")
    gates.open("end")

    assert [cell.wait().status for cell in cells] == ["ok"] * 5
    assert value_of(each_kernel, "seen") == "[(0, True), (1, True), (2, True), (3, True)]"


def test_two_runs_at_once_keep_to_their_own(each_kernel: Kernel):
    """Runs of one pipeline may overlap; each has its own number, parameters, results and panel."""
    prepare(
        each_kernel,
        """
import threading
from nbdag import DAG
pipeline, both = DAG("squares", params={"x": 0}, max_parallel=2), threading.Barrier(2, timeout=60)

@pipeline.task
def square(x):
    both.wait()
    return x * x
""",
    )
    first = each_kernel.start("first = pipeline.start(params={'x': 3})")
    second = each_kernel.start("second = pipeline.start(params={'x': 4})")

    assert value_of(each_kernel, "[run.wait().results['square'] for run in (first, second)]") == "[9, 16]"
    assert [panel.split(" in ")[0] for panel in panels(first.result())] == ["squares · run 1 · success"]
    assert [panel.split(" in ")[0] for panel in panels(second.result())] == ["squares · run 2 · success"]


def test_a_run_is_shown_once_and_never_as_its_repr(each_kernel: Kernel):
    """A cell that ends with its own run shows one panel and nothing else; a later cell shows the frozen panel."""
    prepare(each_kernel, CHAIN)
    own = each_kernel.execute("run = pipeline.run()\nrun")
    bare = each_kernel.execute("pipeline.run()")
    later = each_kernel.execute("run")

    assert [(len(panels(result)), len(result.displays)) for result in (own, bare, later)] == [(1, 1)] * 3
    assert "✓ total" in panels(later)[0]
    assert "<Run" not in own.text + bare.text + later.text


def test_a_run_leaves_no_widgets_behind(each_kernel: Kernel):
    """The panel of a run that lasted ends as static HTML in its place, and every widget of it is closed."""
    gates = Gates(each_kernel)
    prepare(each_kernel, GATED)
    cell = each_kernel.start("run = pipeline.run()")
    wait_for_cancel_button(each_kernel)
    gates.open("end")
    result = cell.wait()

    assert [sorted(shown) for shown in result.displays] == [["text/html", "text/plain"]]
    assert "✓ waits  success" in panels(result)[0]
    assert open_widgets(each_kernel) == []


def test_a_click_on_cancel_stops_a_started_run(each_kernel: Kernel):
    """The Cancel button of the panel stops the run whose panel it is."""
    gates = Gates(each_kernel)
    prepare(each_kernel, GATED.replace('"end"', '"end", heeds_cancel=True'))
    cell = each_kernel.start("run = pipeline.start()")
    gates.wait("began")
    wait_for_cancel_button(each_kernel)
    each_kernel.click("Cancel")
    waited = each_kernel.execute("run.wait()")

    assert waited.error is not None
    assert (waited.error.name, waited.error.value) == ("RunCancelled", "run 1 of gated was cancelled")
    assert "■ waits  cancelled" in panels(cell.result())[0]


def test_tasks_bound_to_the_callers_loop_are_awaited(each_kernel: Kernel):
    """A task with loop='caller' runs on the notebook's own loop; other async tasks run beside it."""
    same = "(await pipeline.run_async()).results['fetch'] is asyncio.get_running_loop()"
    prepare(each_kernel, ON_CALLERS_LOOP)
    bound = value_of(each_kernel, same)
    prepare(each_kernel, ON_OWN_LOOP)
    free = value_of(each_kernel, same)

    assert (bound, free) == ("True", "False")


def test_a_blocking_run_of_callers_tasks_says_what_to_do(each_kernel: Kernel):
    """`run()` would block the very loop its task needs: it is refused, with both ways out."""
    prepare(each_kernel, ON_CALLERS_LOOP)
    error = each_kernel.execute("pipeline.run()").error

    assert error is not None
    assert "await pipeline.run_async()" in error.value
    assert "nbdag.allow_nested_loops()" in error.value


@pytest.mark.parametrize("version", [7, 6])
def test_loops_nest_once_they_are_allowed(version):
    """After `allow_nested_loops()` a cell may use `asyncio.run(...)`, and `run()` tasks bound to its own loop."""
    with Kernel(sys.executable if version == 7 else python_with_ipykernel_6()) as kernel:
        prepare(kernel, f"{ON_CALLERS_LOOP}\nimport nbdag; nbdag.allow_nested_loops()")
        cells = [
            kernel.start("asyncio.run(pipeline.run_async()).state.value"),
            kernel.start("pipeline.run(output='none').state.value"),
            kernel.start("'the cell after'"),
        ]

        assert [cell.wait().value for cell in cells] == [
            {"text/plain": "'success'"},
            {"text/plain": "'success'"},
            {"text/plain": "'the cell after'"},
        ]
