"""A failure in place: what the cell that ran the pipeline shows, and where the debugger lands."""

import re

import pytest

from tests.kernel.harness import CellError, Kernel, Result

FAILING = """\
from nbdag import DAG
pipeline = DAG("broken")

def parse(text):
    return int(text)

@pipeline.task
def rows():
    return ["1", "2", "three"]

@pipeline.task(retries=1)
def numbers(rows):
    parsed = []
    for row in rows:
        parsed.append(parse(row))
    return parsed

@pipeline.task
def total(numbers):
    return sum(numbers)

@pipeline.task
def shown(total):
    print(total)

@pipeline.task
def beside(rows):
    return len(rows)
"""
STARTING = ["pipeline.run()", "await pipeline.run_async()", "pipeline.start().wait()", "await pipeline.start()"]


def prepare(kernel: Kernel, code: str) -> None:
    result = kernel.execute(code)
    assert result.error is None, result.text


def error_of(result: Result) -> CellError:
    assert result.error is not None, result.text
    return result.error


def frames_of(error: CellError) -> list[tuple[str, str]]:
    """Place and arrow line of each frame that the traceback shows."""
    frames = re.findall(
        r"^(Cell In\[\d+\]|File \S+?)(?:,|:).*?^-+> \d+ (.*?)$", error.traceback, re.MULTILINE | re.DOTALL
    )
    return [(re.sub(r"\d+", "n", place), line.strip()) for place, line in frames]


@pytest.mark.parametrize("starting", STARTING)
def test_only_the_users_frames_are_shown(kernel: Kernel, starting):
    """From the cell's line to the line that raised, through the user's own functions; nothing of nbdag or asyncio."""
    prepare(kernel, FAILING)
    error = error_of(kernel.execute(starting))

    assert (error.name, error.value.splitlines()[0]) == (
        "ValueError",
        "invalid literal for int() with base 10: 'three'",
    )
    assert frames_of(error) == [
        ("Cell In[n]", starting),
        ("Cell In[n]", "parsed.append(parse(row))"),
        ("Cell In[n]", "return int(text)"),
    ]


def test_the_failure_is_named_with_its_consequences(each_kernel: Kernel):
    """Below the traceback stand task, run, attempts, and what could not start; the panel shows the same."""
    prepare(each_kernel, FAILING)
    result = each_kernel.execute("pipeline.run()")

    assert "task 'numbers' of broken, run 1, attempt 2; blocked: total, shown" in error_of(result).traceback
    (panel,) = (shown["text/plain"] for shown in result.displays)
    assert "2 success, 1 failed, 2 upstream_failed" in panel
    assert re.search(r"✗ numbers +failed +\d+ ms · 2 attempts", panel)
    assert re.search(r"ValueError: invalid literal .* \(Cell In\[\d+\], line 5\)", panel)
    assert panel.count("blocked by numbers") == 2
    assert "✓ beside" in panel


def test_a_failure_asked_for_again_is_the_same(kernel: Kernel):
    """Waiting twice for a failed run raises the same exception, no longer the second time."""
    prepare(kernel, FAILING + "\nrun = pipeline.start()")
    first, second = (error_of(kernel.execute("run.wait()")) for _ in range(2))

    assert frames_of(first) == frames_of(second)
    assert second.traceback.count("blocked: total, shown") == 1


def test_a_run_may_keep_its_failure_to_itself(kernel: Kernel):
    """With raise_on_error=False the cell succeeds; the run tells what failed."""
    prepare(kernel, FAILING)
    result = kernel.execute(
        "run = pipeline.run(raise_on_error=False)\nfor failure in run.failures.values():\n    print(failure)"
    )

    assert result.stdout == (
        "numbers: ValueError: invalid literal for int() with base 10: 'three' (2 attempts); blocked total, shown\n"
    )


@pytest.mark.parametrize("starting", STARTING)
def test_the_debugger_lands_in_the_users_frame(each_kernel: Kernel, starting):
    """`%debug` after a failed run stands where the user's code raised, with its variables; `up` is the task."""
    prepare(each_kernel, FAILING)
    error_of(each_kernel.execute(starting))
    session = each_kernel.execute("%debug", answers=["p text", "up", "p parsed", "q"])

    assert "'three'" in session.stdout
    assert "[1, 2]" in session.stdout


def test_the_debugger_finds_a_failure_by_the_name_of_its_task(each_kernel: Kernel):
    """`%dag_debug numbers` opens the debugger in that task, when other cells have run since."""
    prepare(each_kernel, "%load_ext nbdag\n" + FAILING)
    error_of(each_kernel.execute("pipeline.run()"))
    prepare(each_kernel, "6 * 7")
    session = each_kernel.execute("%dag_debug numbers", answers=["p text", "q"])

    assert "'three'" in session.stdout


def test_frames_are_released_by_the_next_run(kernel: Kernel):
    """What a failed task held is kept for the debugger until the pipeline runs again."""
    prepare(
        kernel,
        """
import gc, weakref
from nbdag import DAG
pipeline, held = DAG("holding"), weakref.WeakSet()

class Table:
    pass

@pipeline.task
def fails():
    table = Table()
    held.add(table)
    1 / 0
""",
    )
    run = "try:\n    pipeline.run(output='none')\nexcept ZeroDivisionError:\n    pass\ngc.collect()\nprint(len(held))"

    assert [kernel.execute(run).stdout for _ in range(2)] == ["1\n", "1\n"]


@pytest.mark.parametrize(("question", "call"), [("input('name? ')", "input()"), ("breakpoint()", "breakpoint()")])
def test_a_question_in_a_task_fails_at_once(each_kernel: Kernel, question, call):
    """There is nobody to answer in a worker: the task fails and says what to do, where the run would have hung."""
    prepare(
        each_kernel, f"from nbdag import DAG\npipeline = DAG('asks')\n@pipeline.task\ndef asks():\n    {question}\n"
    )
    error = error_of(each_kernel.execute("pipeline.run()", answers=["nobody"]))

    assert error.name == "RuntimeError"
    assert error.value.startswith(f"task 'asks' called {call}")
    assert each_kernel.execute("input('name? ')", answers=["somebody"]).value == {"text/plain": "'somebody'"}


def test_a_pipeline_that_cannot_run_says_all_that_is_wrong(each_kernel: Kernel):
    """Before anything starts, one error lists every problem, and there is no panel."""
    prepare(
        each_kernel,
        "from nbdag import DAG\npipeline = DAG('typos')\n"
        "@pipeline.task\ndef load(): return 1\n"
        "@pipeline.task\ndef clean(laod): return laod\n"
        "@pipeline.task\ndef train(claen): return claen\n",
    )
    result = each_kernel.execute("pipeline.run()")

    assert result.displays == ()
    assert frames_of(error_of(result)) == [("Cell In[n]", "pipeline.run()")]
    assert error_of(result).name == "GraphError"
    assert "the pipeline has 2 problems" in error_of(result).value
    assert "Did you mean 'load'?" in error_of(result).value
    assert "Did you mean 'clean'?" in error_of(result).value


@pytest.mark.parametrize("asked", ["pipeline.results['total']", "pipeline['totl']", "pipeline.get_run(7)"])
def test_a_question_without_an_answer_shows_the_line_that_asked(each_kernel: Kernel, asked):
    """Errors of nbdag's own show the cell's line and the message; the inside of nbdag is nobody's business."""
    prepare(each_kernel, FAILING)
    error = error_of(each_kernel.execute(asked))

    assert frames_of(error) == [("Cell In[n]", asked)]
    assert error.value in error.traceback
