"""The magics in a real IPython shell, without a kernel: what a person types, and what they read below."""

import inspect
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nbdag import DAG, current, pipelines
from nbdag.notebook import load_ipython_extension, unload_ipython_extension
from nbdag.notebook.completion import _install_as_hooks


class Notebook:
    """Cells in, text out."""

    def __init__(self, shell: InteractiveShell, read: Callable[[], str]) -> None:
        self.shell, self._read = shell, read
        self.failed = False

    def __call__(self, cell: str, *, id: str | None = None) -> str:
        """Run a cell; what it printed or showed, its error included, without colours."""
        self.shell.parent_header = {"metadata": {"cellId": id} if id else {}}
        self._read()
        self.failed = not self.shell.run_cell(cell, store_history=True).success
        return re.sub(r"\x1b\[[0-9;]*m", "", self._read()).strip()

    def __getitem__(self, name: str):
        return self.shell.user_ns[name]


@pytest.fixture
def notebook(capsys, monkeypatch, tmp_path):
    """A new shell with the extension loaded and no pipeline."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    pipelines._current.clear()
    pipelines._latest.clear()
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    load_ipython_extension(shell)
    yield Notebook(shell, lambda: "".join(capsys.readouterr()))
    InteractiveShell.clear_instance()
    pipelines._current.clear()


# ----------------------------------------------------------------- the body form


def test_cells_become_tasks_and_run(notebook):
    """Two cells, one run; the second reads the first's result by name."""
    notebook("%%dag_task raw\n[3, 1, 2]")
    notebook("%%dag_task top\nraw = sorted(raw)\nraw[-1]")

    notebook("%dag_run")

    assert dict(current().results) == {"raw": [3, 1, 2], "top": 3}


def test_the_output_is_one_line(notebook):
    """Inputs, what is read besides, and what is not defined yet."""
    notebook("p = %dag ml\np.params['lr'] = 0.1\nCFG = {}\ndef ratios(x): return x")
    notebook("%%dag_task features\n1")

    assert notebook("%%dag_task train\nx = ratios(features)\n(x, lr, CFG, tset)") == (
        "train ← features (task), lr=0.1 (param) · reads ratios(), CFG · not defined yet: tset"
    )


def test_the_first_cell_makes_the_pipeline_main(notebook):
    """No other set-up is needed."""
    notebook("%%dag_task raw\n1")

    assert current().name == "main"


def test_the_variable_is_the_task(notebook):
    """In other cells the name stands for the Task; who takes it for the result is told where that is."""
    notebook("%%dag_task train\n[1]")

    assert notebook("train") == "Out[2]: <Task 'train', pending>"
    assert "train.result.shape" in notebook("train.shape")


def test_a_variable_that_is_something_else_stays(notebook):
    """A function, a value or a built-in of that name is not replaced, and the line says how to reach the task."""
    notebook("p = %dag ml\ndef features(): return 1\nrows = 3")

    assert notebook("%%dag_task features\n2") == (
        "features takes no input · features stays your function; the task is p['features']"
    )
    assert notebook("%%dag_task rows\n2") == "rows takes no input · rows stays your int; the task is p['rows']"
    assert notebook("%%dag_task max\n2") == "max takes no input · max stays Python's own; the task is p['max']"
    assert (notebook["features"](), notebook["rows"]) == (1, 3)
    assert set(notebook["p"].tasks) == {"features", "rows", "max"}


def test_the_variable_follows_a_new_pipeline(notebook):
    """A Task of an earlier pipeline gives way to the one that the cell defines now."""
    notebook("%%dag_task raw\n1")
    earlier = notebook["raw"]
    notebook("%dag again")

    assert notebook("%%dag_task raw\n2") == "raw takes no input"
    assert notebook["raw"] is not earlier
    assert notebook["raw"] is current()["raw"]


def test_a_definition_replaces_the_one_of_its_name(notebook):
    """Editing and running a cell again is how one works; another cell of that name is worth a word."""
    notebook("%%dag_task raw\n1", id="c1")
    assert notebook("%%dag_task raw\n2", id="c1") == "raw takes no input"
    assert notebook("%%dag_task raw\n3", id="c2") == "raw takes no input · replaces the one of Cell In[2]"

    notebook("%dag_run")

    assert current().results["raw"] == 3


def test_a_renamed_cell_drops_its_earlier_task(notebook):
    """Where the front end tells cells apart."""
    notebook("%%dag_task trian\n1", id="c1")

    assert notebook("%%dag_task train\n1", id="c1") == (
        "train takes no input · dropped trian, this cell's earlier name"
    )
    assert list(current().tasks) == ["train"]
    assert "trian" not in notebook.shell.user_ns


def test_without_cell_ids_nothing_is_dropped(notebook):
    """A front end that sends no ids: both tasks stay."""
    notebook("%%dag_task trian\n1")
    notebook("%%dag_task train\n1")

    assert list(current().tasks) == ["trian", "train"]


def test_shell_lines_and_magics_work_in_a_body(notebook):
    """The body is IPython's language, not only Python's."""
    notebook("%%dag_task told\nlines = !echo hello\n%env NBDAG_TEST=1\nlines[0]")
    notebook("%dag_run")

    assert current().results["told"] == "hello"


def test_inputs_are_seen_in_shell_lines(notebook):
    """A task's result is filled into a shell line as a notebook variable would be."""
    notebook("%%dag_task word\n'hello'")

    assert notebook("%%dag_task said\nlines = !echo {word} $$HOME\nlines[0].split()[0]") == "said ← word (task)"
    notebook("%dag_run")
    assert current().results["said"] == "hello"


def test_await_works_in_a_body(notebook):
    """The task runs on the run's own loop."""
    notebook("%%dag_task slow\nimport asyncio\nawait asyncio.sleep(0)\n7")
    notebook("%dag_run")

    assert current().results["slow"] == 7


def test_a_last_expression_that_is_not_the_result_is_shown_when_it_runs(notebook):
    """The named variable is the result."""
    notebook("%%dag_task rows\nrows = [1, 2]\nlen(rows)")

    said = notebook("%dag_run")

    assert "[rows] 2" in said
    assert current().results["rows"] == [1, 2]


def test_run_shows_the_result_at_once(notebook):
    """`--run` runs the task and what it needs; the result is the cell's."""
    notebook("%%dag_task raw\n20")

    assert notebook("%%dag_task double --run\nraw * 2").endswith("Out[2]: 40")


def test_show_shows_the_graph(notebook):
    """`--show` prints the tree in a terminal."""
    notebook("%%dag_task raw\n20")

    shown = notebook("%%dag_task double --show\nraw * 2")

    assert shown.startswith("double ← raw (task)")
    assert "raw" in shown.removeprefix("double ← raw (task)")


def test_notebook_values_stand_in_braces(notebook):
    """As in every line of IPython."""
    notebook("n = 4")
    notebook("%%dag_task raw --retries {n}\n1")

    assert current().specs["raw"].retry.retries == 4


def test_future_imports_of_the_notebook_hold(notebook):
    """What an earlier cell imported from `__future__` is in force in a body."""
    notebook("from __future__ import annotations")
    notebook("%%dag_task raw\ndef f(x: nonsense): return 1\nf(0)")
    notebook("%dag_run")

    assert current().results["raw"] == 1


# ------------------------------------------------------------------ the def form


def test_a_def_is_the_task_and_the_rest_is_a_plain_cell(notebook):
    """The function keeps its name in the notebook and stays callable."""
    said = notebook(
        "%%dag_task --retries 1\nimport math\nscale = 2\ndef area(r=1.5):\n    return scale * math.floor(r)\narea(3)"
    )
    notebook("%dag_run")

    assert said.splitlines() == ["Out[1]: 6", "area ← r=1.5 (default) · reads scale"]
    assert (current().results["area"], notebook["area"](5), current().specs["area"].retry.retries) == (2, 10, 1)


def test_an_error_around_a_def_shows_the_users_frames_only(notebook):
    """Nothing is defined, and the traceback begins in the cell."""
    said = notebook("%%dag_task\n\nrows = []\nrows[0]\ndef load(): return 1")

    assert notebook.failed
    assert "Cell In[1], line 4" in said
    assert "IndexError: list index out of range" in said
    assert not re.search(r"nbdag|run_cell_magic|interactiveshell", said)
    assert current() is None


# ------------------------------------------------------------------------ errors


def test_a_syntax_error_looks_as_in_any_cell(notebook):
    """The right line, the caret, no traceback; the cell fails, so that Run All stops."""
    said = notebook("%%dag_task raw\n\nx = 1\ny = (")

    assert notebook.failed
    assert said.splitlines()[0].strip() == "Cell In[1], line 4"
    assert "y = (" in said
    assert "'(' was never closed" in said
    assert "Traceback" not in said


def test_a_syntax_error_that_the_compiler_finds_looks_the_same(notebook):
    """The line is that of the cell, though the body was compiled as a function."""
    said = notebook("%%dag_task raw\nx = 1\nbreak\nx")

    assert "Cell In[1], line 3" in said
    assert "'break' outside loop" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%dag_task raw --retires 3\n1", "UsageError: there is no option --retires. Did you mean '--retries'?"),
        (
            "%%dag_task raw --retries -3\n1",
            "UsageError: task 'raw': retries=-3 must be a whole number, 0 or more",
        ),
        ("%%dag_task raw --outputs a,b\n1", "UsageError: task 'raw': outputs=['a', 'b'] is not available in nbdag 0.1"),
        ("%%dag_task\n1", "UsageError: give the task a name, as in `%%dag_task load`, or write its `def` in the cell"),
        ("%%dag_task raw\nx = 1", "UsageError: task 'raw' has no result: end its cell with an expression"),
        ("%%dag_task rows\n(x for x in (yield))", "TypeError: "),
        ("%dag_run trian", "UsageError: 'trian' is not a task of this pipeline. Did you mean 'train'?"),
        ("%dag_run --help", "UsageError: a ? after the magic's name shows its help, as in `%dag_run?`"),
        ("%dag_run --froce", "UsageError: there is no option --froce. Did you mean '--force'?"),
        ("%dag_pull train", "UsageError: train has no result yet: `%dag_run train` makes it"),
        ("%dag_pull train --inputs", "UsageError: task 'train' has not run yet"),
        ("%dag_pull train load --as x", "UsageError: --as gives one result a name of its own"),
        ("%dag_pull train --as 1x --force", "UsageError: train has no result yet"),
        ("%dag_drop", "UsageError: the following arguments are required: TASK"),
        ("%dag_debug", "UsageError: nothing failed in the last run of ml"),
        ("%dag_cancel", "UsageError: nothing is running"),
        ("%dag a b", "UsageError: 'b' is one word too many"),
        ("%dag_show --direction XY", "UsageError: argument --direction: invalid choice: 'XY'"),
    ],
)
def test_misuse_is_told_in_one_line(notebook, cell, said):
    """The cell fails without a traceback."""
    notebook("%dag ml")
    notebook("%%dag_task train\n1")
    notebook("%%dag_task load\n1")

    assert notebook(cell).startswith(said)
    assert notebook.failed


@pytest.mark.parametrize("line", ["%dag", "%dag_run", "%dag_show", "%dag_status", "%dag_pull x", "%dag_cancel"])
def test_without_a_pipeline_the_magics_say_how_to_make_one(notebook, line):
    """Nothing else can be done yet."""
    assert notebook(line).startswith("UsageError: there is no pipeline yet: `%dag NAME` creates one")


def test_a_failed_run_shows_the_line_of_the_cell(notebook):
    """The traceback counts as the notebook does and shows no frame of nbdag or IPython."""
    notebook("x = 1")
    notebook("%%dag_task bad\n\n\nrow = {}\nrow['age']")

    said = notebook("%dag_run")

    assert notebook.failed
    assert "Cell In[2], line 5" in said
    assert "KeyError: 'age'" in said
    assert "row['age']" in said
    assert not re.search(r"nbdag/|run_line_magic|interactiveshell", said)


def test_a_graph_error_is_shown_without_a_traceback(notebook):
    """What is wrong is in the cells, not on the stack."""
    notebook("%%dag_task a\nb")
    notebook("%%dag_task b\na")

    said = notebook("%dag_run")

    assert said.startswith("CycleError: tasks depend on each other in a circle: a -> b -> a.")
    assert "Traceback" not in said


def test_getsource_gives_the_cell(notebook):
    """The text of a task's function is its cell, below a line with its options."""
    notebook("%%dag_task raw --retries 1\n\nx = 1  # why\nx")

    assert inspect.getsource(current().specs["raw"].func) == (
        "def raw():  # %%dag_task raw --retries 1\n\n    x = 1  # why\n    x\n"
    )


def test_the_place_of_a_task_is_the_number_of_its_cell(notebook):
    """The shell's counter may be ahead of the cell that runs; its own number counts."""
    notebook("1")
    notebook("ip = get_ipython()\nip.execution_count += 5\nip.run_cell_magic('dag_task', 'raw', '1\\n')")

    assert current().specs["raw"].place == "Cell In[2]"


def test_a_magic_called_from_code_has_a_text_of_its_own(notebook):
    """Two tasks that one cell defines do not share lines."""
    notebook("for name in ('one', 'two'):\n    get_ipython().run_cell_magic('dag_task', name, f'\"{name}\"\\n')")

    sources = [inspect.getsource(spec.func) for spec in current().specs.values()]

    assert sources == ['def one():  # %%dag_task one\n    "one"\n', 'def two():  # %%dag_task two\n    "two"\n']


# -------------------------------------------------------------- the other magics


def test_dag_creates_or_chooses(notebook):
    """The line says which, and without a name lists the others."""
    assert notebook("%dag ml") == "created ml (0 tasks)"
    notebook("%%dag_task raw\n1")
    assert notebook("%dag other") == "created other (0 tasks)"
    assert notebook("%dag ml") == "using ml (1 task)"
    assert notebook("%dag") == "using ml (1 task) · others: other"


def test_dag_gives_the_pipeline_where_it_is_asked_for(notebook):
    """`p = %dag` binds it; as a statement of its own it does not show itself twice."""
    notebook("p = %dag ml")

    assert notebook["p"] is current()
    assert notebook("%dag ml") == "using ml (0 tasks)"


def test_a_new_dag_is_the_current_one(notebook):
    """Cells go where the notebook made its pipeline."""
    notebook("import nbdag\nmine = nbdag.DAG('mine')")
    notebook("%%dag_task raw\n1")

    assert list(notebook["mine"].tasks) == ["raw"]


def test_dag_run_runs_what_is_named_and_what_it_needs(notebook):
    """Words are parted by spaces or commas; the Run is the value."""
    for cell in ("a\n1", "b\na + 1", "c\n5", "d\n6"):
        notebook(f"%%dag_task {cell}")

    notebook("run = %dag_run b,c --force")

    assert dict(notebook["run"].results) == {"a": 1, "b": 2, "c": 5}


def test_dag_run_in_the_background_returns_at_once(notebook):
    """The run goes on by itself and can be cancelled."""
    notebook("import threading\ngo = threading.Event()")
    notebook("%%dag_task waits\ngo.wait(20)")

    notebook("run = %dag_run --background")
    assert not notebook["run"].done
    assert notebook("%dag_cancel") == f"asked run {notebook['run'].run_id} to stop"
    notebook("go.set()")

    notebook["run"]._driver.done.wait(20)
    assert notebook("%dag_cancel") == "UsageError: nothing is running"


def test_pull_binds_results(notebook):
    """Under the task's name, or another; a line says what they are."""
    notebook("%%dag_task rows\n[1, 2]")
    notebook("%%dag_task total --run\nsum(rows)")

    assert notebook("%dag_pull rows total") == "rows: list, total: int"
    assert notebook("%dag_pull rows --as r") == "r: list"
    assert (notebook["rows"], notebook["total"], notebook["r"]) == ([1, 2], 3, [1, 2])


def test_pull_binds_inputs(notebook):
    """A task's arguments, to try its body by hand."""
    notebook("p = %dag ml\np.params['low'] = 1")
    notebook("%%dag_task rows\n[1, 2]")
    notebook("%%dag_task top --run\n[r for r in rows if r > low]")

    assert notebook("%dag_pull top --inputs") == "rows: list, low: int"
    assert (notebook["rows"], notebook["low"]) == ([1, 2], 1)


def test_pull_binds_the_result_of_the_main_line(notebook):
    """A run with parameters of its own leaves no result to pull, and takes none away."""
    notebook("p = %dag ml\np.params['rows'] = 1")
    notebook("%%dag_task raw\nrows / rows")
    notebook("p.run(params={'rows': 2}, output='none')")
    assert notebook("%dag_pull raw") == "UsageError: raw has no result yet: `%dag_run raw` makes it"

    notebook("%dag_run")
    notebook("p.run(params={'rows': 0}, output='none')")
    notebook("%dag_pull raw --as kept")

    assert notebook["kept"] == 1.0


def test_pull_binds_no_inputs_that_never_were(notebook):
    """A task that could not start had no inputs; nothing is bound, and the line says why."""
    notebook("%%dag_task raw\n1 / 0")
    notebook("%%dag_task top\nraw[0]")
    notebook("%dag_run")

    said = notebook("%dag_pull top --inputs")

    assert said == "UsageError: task 'top' did not start in run 1: 'raw' is failed."


def test_pull_replaces_no_function(notebook):
    """The def form leaves a function of the task's name; only --force replaces it."""
    notebook("%%dag_task --run\ndef rows(): return [1]")

    assert notebook("%dag_pull rows").startswith("UsageError: rows is a function of the notebook: `--as NAME` keeps it")
    assert notebook("%dag_pull rows --force") == "rows: list"
    assert notebook["rows"] == [1]


def test_a_task_pulled_and_defined_again_leaves_the_value(notebook):
    """What was pulled is the notebook's own value from then on."""
    notebook("%%dag_task rows --run\n[1]")
    notebook("%dag_pull rows")

    assert notebook("%%dag_task rows\n[2]").endswith("rows stays your list; the task is nbdag.current()['rows']")
    assert notebook["rows"] == [1]


def test_drop_removes_the_task_and_its_variable(notebook):
    """Both are gone; a variable of one's own stays."""
    notebook("%%dag_task rows\n[1]")
    notebook("mine = 1")
    notebook("%%dag_task mine\n[1]")

    assert notebook("%dag_drop rows") == "dropped rows (1 task left)"
    assert notebook("%dag_drop mine") == "dropped mine (0 tasks left)"
    assert "rows" not in notebook.shell.user_ns
    assert notebook["mine"] == 1


def test_status_events_and_gantt_are_frames(notebook):
    """The same tables as the pipeline's own."""
    notebook("%%dag_task rows --run\n[1]")
    notebook("s = %dag_status\ne = %dag_events\ng = %dag_gantt")

    assert list(notebook["s"]["task"]) == ["rows"]
    assert "task_succeeded" in set(notebook["e"]["event"])
    assert list(notebook["g"]["task"]) == ["rows"]


def test_gantt_can_be_drawn(notebook):
    """The figure is shown by the notebook; no Axes prints itself below."""
    import matplotlib as mpl

    mpl.use("agg")
    notebook("%%dag_task rows --run\n[1]")

    assert notebook("%dag_gantt --plot") == ""
    import matplotlib.pyplot as plt

    assert len(plt.get_fignums()) == 1
    plt.close("all")


def test_show_draws_all_or_what_is_around_a_task(notebook):
    """With the options of `pipeline.show`."""
    for cell in ("a\n1", "b\na + 1", "c\nb + 1"):
        notebook(f"%%dag_task {cell}")

    everything, around = notebook("%dag_show --full --direction TB"), notebook("%dag_show a --up 0 --down 1")

    assert re.search(r"\bc\b", everything)
    assert re.search(r"\bb\b", around)


def test_debug_opens_where_the_task_failed(notebook):
    """The debugger gets the task's own frame, with its variables."""
    import sys

    landed = []

    def debugger(force):
        traceback = sys.last_traceback
        while traceback.tb_next:
            traceback = traceback.tb_next
        landed.append((force, traceback.tb_frame.f_code.co_name, traceback.tb_frame.f_locals["row"]))

    notebook.shell.debugger = debugger
    notebook("%%dag_task bad\nrow = {'name': 1}\nrow['age']")
    notebook("%%dag_task good\n1")
    notebook("%dag_run")

    notebook("%dag_debug bad")
    notebook("%dag_debug")

    assert landed == [(True, "bad", {"name": 1})] * 2
    assert notebook("%dag_debug good") == "UsageError: good did not fail in the last run; bad did"
    del sys.last_type, sys.last_value, sys.last_traceback


# -------------------------------------------------------- help, completion, life


@pytest.mark.parametrize("name", ["dag", "dag_run", "dag_show", "dag_pull", "dag_debug", "dag_gantt", "dag_drop"])
def test_help_has_examples(notebook, name):
    """`%dag_run?` shows how it is used."""
    said = notebook(f"%{name}?")

    assert f"usage: %{name}" in said
    assert said.count(f"%{name}") >= 2


def test_help_of_the_cell_magic_lists_its_options(notebook):
    """With what each does."""
    said = notebook("%%dag_task?")

    assert "usage: %%dag_task [NAME] [--OPTION …]" in said
    assert re.search(r"--retries N\s+extra attempts after a failure", said)


def test_the_shell_completes(notebook):
    """Options and names, through IPython's own completer, and nothing else beside them."""
    notebook("p = %dag ml")
    notebook("%%dag_task rows\n1")

    def complete(line):
        with provisionalcompleter():
            return [found.text for found in notebook.shell.Completer.completions(line, len(line))]

    assert complete("%dag_run ro") == ["rows"]
    assert complete("%%dag_task x --deps ro") == ["rows"]
    assert "--retries" in complete("%%dag_task x --ret")
    assert complete("%dag m") == ["ml"]


def test_older_shells_complete_by_hooks(notebook):
    """IPython before 8.6 has no matchers of this kind: each magic gets a hook, which goes with the extension."""
    unload_ipython_extension(notebook.shell)
    undo = _install_as_hooks(notebook.shell)
    notebook.shell.run_cell("import nbdag; p = nbdag.DAG('ml')")
    (hook,) = notebook.shell.strdispatchers["complete_command"].s_matches("%dag")

    assert hook(SimpleNamespace(text_until_cursor="%dag m")) == ["ml"]
    undo()
    assert list(notebook.shell.strdispatchers["complete_command"].s_matches("%dag")) == []


def test_unloading_leaves_the_shell_as_it_was(notebook):
    """No magic, no matcher; loading again works; twice is once."""
    shell = notebook.shell
    load_ipython_extension(shell)
    assert len(shell.Completer.custom_matchers) == 1

    unload_ipython_extension(shell)

    assert shell.Completer.custom_matchers == []
    assert notebook("%dag_run").startswith("UsageError: Line magic function `%dag_run` not found")
    unload_ipython_extension(shell)
    load_ipython_extension(shell)
    assert notebook("%dag ml") == "created ml (0 tasks)"


def test_pipelines_made_by_name_stay_alive(notebook):
    """No variable holds them, but choosing another does not lose them."""
    notebook("%dag one")
    notebook("%%dag_task max\n1")
    notebook("%dag two")

    assert notebook("%dag one") == "using one (1 task)"
    assert isinstance(current(), DAG)
