"""The magics in a real kernel: what only a front end and its kernel can show."""

import re

import pytest

from tests.kernel.harness import Cell, Kernel, Result


def execute(kernel: Kernel, code: str, *, cell_id: str) -> Result:
    """Run a cell as JupyterLab sends it: with the cell's id."""
    client = kernel._connected()
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = client.session.msg("execute_request", {**content, "user_expressions": {}})
    message["metadata"]["cellId"] = cell_id
    client.shell_channel.send(message)
    return Cell(kernel, message["header"]["msg_id"]).wait()


@pytest.fixture
def notebook(each_kernel: Kernel) -> Kernel:
    """A kernel with the magics and a new, empty pipeline."""
    each_kernel.execute("%reset -f")
    loaded = each_kernel.execute("%load_ext nbdag\nfrom nbdag import DAG\npipeline = DAG('fresh')")
    assert loaded.status == "ok"
    return each_kernel


def test_cells_run_as_tasks(notebook: Kernel):
    """Body, output line, run, and the result pulled into the notebook."""
    said = notebook.execute("%%dag_task raw\n[3, 1, 2]").stdout
    notebook.execute("%%dag_task top\nraw = sorted(raw)\nraw[-1]")
    ran = notebook.execute("%dag_run")
    notebook.execute("%dag_pull top --as best")

    assert said == "raw takes no input\n"
    assert ran.status == "ok"
    assert notebook.execute("best").value == {"text/plain": "3"}


def test_run_at_once_gives_the_result_as_the_cells_value(notebook: Kernel):
    """`--run` is the quick way to try a step."""
    ran = notebook.execute("%%dag_task answer --run\n6 * 7")

    assert ran.value == {"text/plain": "42"}


def test_a_renamed_cell_drops_its_old_task(notebook: Kernel):
    """The front end's cell id tells that it is the same cell; another cell of the same name is told too."""
    number = int(notebook.execute("len(In)").value["text/plain"])
    execute(notebook, "%%dag_task trian\n1", cell_id="one")
    renamed = execute(notebook, "%%dag_task train\n1", cell_id="one")
    copied = execute(notebook, "%%dag_task train\n2", cell_id="two")

    assert renamed.stdout == "train takes no input · dropped trian, this cell's earlier name\n"
    assert copied.stdout == f"train takes no input · replaces the one of Cell In[{number + 1}]\n"
    assert notebook.execute("list(pipeline.tasks)").value == {"text/plain": "['train']"}


def test_a_failure_shows_the_line_of_its_cell(notebook: Kernel):
    """Number of the cell and line as the person sees them; no frame of nbdag or IPython."""
    number = notebook.execute("len(In)").value["text/plain"]
    notebook.execute("%%dag_task bad\n\nrow = {}\nrow['age']")

    error = notebook.execute("%dag_run").error

    assert error.name == "KeyError"
    assert f"Cell In[{number}], line 4" in error.traceback
    assert "----> 4     row['age']" in error.traceback
    assert not re.search(r"nbdag/|run_line_magic", error.traceback)


def test_a_syntax_error_is_that_of_the_cell(notebook: Kernel):
    """The cell fails with the line and the caret, and nothing else."""
    error = notebook.execute("%%dag_task bad\nx = 1\ny = (").error

    assert "line 3" in error.traceback
    assert "'(' was never closed" in error.traceback
    assert "Traceback" not in error.traceback


def test_misuse_stops_run_all(notebook: Kernel):
    """One line on stderr, and the cell counts as failed."""
    said = notebook.execute("%dag_run --froce")

    assert said.status == "error"
    assert said.stderr.strip() == "UsageError: there is no option --froce. Did you mean '--force'?"


def test_debug_lands_in_the_task(notebook: Kernel):
    """The debugger asks, answers with the task's own variables, and leaves on `q`."""
    notebook.execute("%%dag_task bad\nrow = {'name': 'Ada'}\nrow['age']")
    notebook.execute("%dag_run")

    session = notebook.start("%dag_debug bad", answers=["p row['name']", "q"]).wait()

    assert "'Ada'" in session.stdout
    assert "----> 3     row['age']" in re.sub(r"\x1b\[[0-9;]*m", "", session.stdout)


def test_plain_debug_lands_in_the_task_too(notebook: Kernel):
    """After a failed `%dag_run`, `%debug` needs no more."""
    notebook.execute("%%dag_task bad\nrow = {'name': 'Ada'}\nrow['age']")
    notebook.execute("%dag_run")

    session = notebook.start("%debug", answers=["p row['name']", "q"]).wait()

    assert "'Ada'" in session.stdout


def test_getsource_of_a_task_is_its_cell(notebook: Kernel):
    """As Shift-Tab and the debugger of a front end read it."""
    notebook.execute("%%dag_task raw --retries 1\nx = 1\nx")
    source = notebook.execute("import inspect; print(inspect.getsource(pipeline.specs['raw'].func))").stdout

    assert source.rstrip("\n") == "def raw():  # %%dag_task raw --retries 1\n    x = 1\n    x"


def test_tab_completes_and_help_answers(notebook: Kernel):
    """Options, task names and pipelines; the magic's own text on Shift-Tab."""
    notebook.execute("%%dag_task features\n1")

    assert notebook.complete("%dag_run fea") == ["features"]
    assert notebook.complete("%%dag_task x --deps fea") == ["features"]
    assert "--retries" in notebook.complete("%%dag_task x --ret")
    assert "fresh" in notebook.complete("%dag fr")
    assert notebook.complete("%dag_run ") == ["features"]
    assert "%dag_run train evaluate --force" in notebook.inspect("%dag_run")


def test_displays_of_a_task_belong_to_the_run(notebook: Kernel):
    """What a last expression shows while the task runs comes out in the cell that runs it, not where it was defined."""
    defined = notebook.start("%%dag_task table\nimport pandas as pd\ntable = pd.DataFrame({'a': [1]})\ntable")
    defined.wait()
    ran = notebook.execute("%dag_run")

    assert defined.result().displays == ()
    assert [shown["text/plain"] for shown in ran.displays][1:] == ["[table]", "   a\n0  1"]


def test_unloading_takes_everything_away(notebook: Kernel):
    """No magic, no completion of ours; loading again brings them back."""
    notebook.execute("%%dag_task features\n1")
    notebook.execute("%unload_ext nbdag")

    assert "UsageError" in notebook.execute("%dag_run").stderr
    assert "--force" not in notebook.complete("%dag_run --f")
    assert notebook.execute("%load_ext nbdag\n%dag").stdout.startswith("using fresh")
