"""The magics: thin words for the notebook that parse their line and call the public face."""

import argparse
import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import MagicArgumentParser
from IPython.display import display

from nbdag import dag as face
from nbdag.core.errors import UnknownTaskError
from nbdag.notebook.cells import CellError
from nbdag.notebook.definition import drop, make_task, put
from nbdag.notebook.errors import tells_plainly, users_frames
from nbdag.notebook.ledger import Ledger
from nbdag.notebook.options import add_options, parse_line, read_options, split_names
from nbdag.notebook.source import Shell, running_cell

if TYPE_CHECKING:
    from nbdag.dag import DAG


def argument(*names: str, **how: Any) -> Callable[[argparse.ArgumentParser], None]:
    """One word of a magic's line, for `magic`."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(*names, **how)

    return add


def magic(
    command: str, *words: Callable[[argparse.ArgumentParser], None], usage: str | None = None
) -> Callable[[Any], Any]:
    """A method as a magic: it gets the parsed line, shows errors plainly, and its docstring is the help of `?`."""

    def wrapped(method: Callable[..., Any]) -> Any:
        parser = MagicArgumentParser(
            prog=command,
            usage=usage and usage.replace("%", "%%"),  # argparse fills in %(prog)s
            description=inspect.cleandoc(method.__doc__ or ""),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # type: ignore[no-untyped-call]  # IPython has no types here
        parser.allow_abbrev = False
        for word in words:
            word(parser)

        @functools.wraps(method)
        def called(self: "DagMagics", line: str, *cell: str) -> Any:
            return method(self, parse_line(parser, line), *cell, **({"line": line} if cell else {}))

        del called.__wrapped__  # IPython 7 would call it by the method's signature
        called.__doc__ = parser.format_help()
        mark = cell_magic if command.startswith("%%") else line_magic
        return mark(tells_plainly(called))

    return wrapped


_TASKS = argument("tasks", nargs="*", metavar="TASK", help="names of tasks")
_TASK = argument("task", metavar="TASK", help="name of a task")


@magics_class
class DagMagics(Magics):
    """All magics of nbdag, for one shell."""

    shell: Shell

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._ledger = Ledger()
        self._made: dict[str, DAG] = {}  # pipelines that no variable may hold

    @magic(
        "%%dag_task",
        argument("name", nargs="?", metavar="NAME", help="name of the task; needed unless the cell has just one def"),
        add_options,
        argument("--run", action="store_true", help="run it, with what it needs, and show its result"),
        argument("--show", action="store_true", help="show the graph"),
        usage="%%dag_task [NAME] [--OPTION …]",
    )
    def dag_task(self, given: argparse.Namespace, cell: str, *, line: str) -> Any:
        """Make the cell a task of the current pipeline.

        %%dag_task features                     the cell is the task's body
        clean = raw.dropna()                    `raw` is a task or a parameter: an input
        clean[["age", "income"]]                the last expression is the result, or `return`,
                                                or a variable named `features`

        %%dag_task --retries 2 --timeout 60     the cell has a def: that function is the task
        def load(path="data.csv"):
            return pd.read_csv(path)

        %%dag_task train --deps features --retry-on OSError --run
        """
        options = read_options(vars(given), self.shell.user_ns)
        spec = make_task(
            self.shell, cell, name=given.name, command=line, cell=running_cell(self.shell), options=options
        )
        dag = face.current()
        if dag is None:  # an empty pipeline is one too, although it is falsy
            dag = self._make("main")
        print(put(self.shell, dag, spec, ledger=self._ledger))  # noqa: T201 - the cell's output
        if given.show:
            display(dag.show())  # type: ignore[no-untyped-call]  # IPython has no types here
        if given.run:
            dag.run(spec.name)
            return dag[spec.name].result
        return None

    @magic("%dag", argument("name", nargs="?", metavar="NAME", help="name of the pipeline"))
    def dag(self, given: argparse.Namespace) -> Any:
        """Create or choose the current pipeline, to which `%%dag_task` adds.

        %dag training           create it, or go on with it
        %dag                    say which is the current one, and which others there are
        p = %dag                the DAG object
        """
        dag = self._pipeline() if given.name is None else face.find(given.name)
        if dag is None:
            dag, said = self._make(given.name), "created"
        else:
            face.choose(dag)
            said = "using"
        others = [name for name in face.names() if name != dag.name] if given.name is None else []
        also = f" · others: {', '.join(others)}" if others else ""
        print(f"{said} {dag.name} ({_count(len(dag.tasks), 'task')}){also}")  # noqa: T201 - the magic's output
        is_statement = running_cell(self.shell).line.startswith("get_ipython().run_line_magic('dag'")
        return None if is_statement else dag  # as the last line of a cell it would show itself as well

    @magic(
        "%dag_run",
        _TASKS,
        argument("--force", action="store_true", help="execute them whether or not anything changed"),
        argument("--background", action="store_true", help="return at once; `%%dag_cancel` stops it"),
    )
    def dag_run(self, given: argparse.Namespace) -> Any:
        """Run the pipeline, or the named tasks and what they need; gives the Run.

        %dag_run
        %dag_run train evaluate --force
        run = %dag_run --background
        """
        dag, tasks = self._named(given.tasks)
        start = dag.start if given.background else dag.run
        return start(*tasks, force=given.force)

    @magic(
        "%dag_show",
        argument("task", nargs="?", metavar="TASK", help="show only what is around this task"),
        argument("--up", type=int, metavar="N", default=argparse.SUPPRESS, help="so many steps above it"),
        argument("--down", type=int, metavar="N", default=argparse.SUPPRESS, help="so many steps below it"),
        argument("--full", action="store_true", default=argparse.SUPPRESS, help="show every task of a large pipeline"),
        argument("--direction", choices=("LR", "TB"), default=argparse.SUPPRESS, help="left to right, or top down"),
    )
    def dag_show(self, given: argparse.Namespace) -> Any:
        """Show the graph of the pipeline.

        %dag_show
        %dag_show train --up 2 --down 1
        %dag_show --full --direction TB
        """
        how = vars(given)
        task = how.pop("task")
        dag, tasks = self._named([task] if task else [])
        return dag.show(*tasks, **how)

    @magic("%dag_status")
    def dag_status(self, _: argparse.Namespace) -> Any:
        """Show where each task stands, as a DataFrame.

        %dag_status
        state = %dag_status
        """
        return self._pipeline().status()

    @magic("%dag_events")
    def dag_events(self, _: argparse.Namespace) -> Any:
        """Show what happened, as a DataFrame.

        %dag_events
        events = %dag_events
        """
        return self._pipeline().events()

    @magic("%dag_gantt", argument("--plot", action="store_true", help="draw it"))
    def dag_gantt(self, given: argparse.Namespace) -> Any:
        """Show when each attempt ran, as a DataFrame or as a picture.

        %dag_gantt
        %dag_gantt --plot
        """
        dag = self._pipeline()
        if not given.plot:
            return dag.gantt()
        dag.plot_gantt()  # the notebook shows the figure; the Axes would only print themselves below it
        return None

    @magic(
        "%dag_pull",
        argument("tasks", nargs="+", metavar="TASK", help="names of tasks"),
        argument("--as", dest="variable", metavar="NAME", help="name of the variable; for one task"),
        argument("--inputs", action="store_true", help="bind the task's arguments, not its result"),
        argument("--force", action="store_true", help="replace functions of the notebook too"),
    )
    def dag_pull(self, given: argparse.Namespace) -> None:
        """Bind results of tasks to notebook variables, to look at them or to go on by hand.

        %dag_pull features
        %dag_pull features labels
        %dag_pull features --as f
        %dag_pull train --inputs        the arguments of its last run: try its body in a plain cell
        """
        dag, tasks = self._named(given.tasks)
        if given.variable is not None and (len(tasks) > 1 or given.inputs):
            raise CellError("--as gives one result a name of its own: write one task, and no --inputs")
        values: dict[str, Any] = {}
        for task in tasks:
            if given.inputs:
                values |= dag.inputs(task)
            elif task not in dag.results:
                raise CellError(f"{task} has no result yet: `%dag_run {task}` makes it")
            else:
                values[given.variable or task] = dag.results[task]
        self._bind(values, force=given.force)

    def _bind(self, values: dict[str, Any], *, force: bool) -> None:
        namespace = self.shell.user_ns
        for name in values:
            if not name.isidentifier():
                raise CellError(f"{name!r} cannot be a variable; give it another name with --as NAME")
            if callable(namespace.get(name)) and not force:
                raise CellError(f"{name} is a function of the notebook: `--as NAME` keeps it, `--force` replaces it")
        namespace.update(values)
        print(", ".join(f"{name}: {_sketch(value)}" for name, value in values.items()))  # noqa: T201 - the magic's output

    @magic("%dag_cancel")
    def dag_cancel(self, _: argparse.Namespace) -> None:
        """Stop the last run of the pipeline.

        %dag_cancel
        """
        run = self._pipeline().last_run
        if run is None or run.done:
            raise CellError("nothing is running")
        run.cancel()
        print(f"asked run {run.run_id} to stop")  # noqa: T201 - the magic's output

    @magic("%dag_drop", _TASK)
    def dag_drop(self, given: argparse.Namespace) -> None:
        """Remove a task from the pipeline.

        %dag_drop train
        """
        dag, (task,) = self._named([given.task])
        drop(self.shell, dag, task)
        print(f"dropped {task} ({_count(len(dag.tasks), 'task')} left)")  # noqa: T201 - the magic's output

    @magic(
        "%dag_debug", argument("task", nargs="?", metavar="TASK", help="name of the task; else the first that failed")
    )
    def dag_debug(self, given: argparse.Namespace) -> None:
        """Look around where a task of the last run failed, in the debugger. `q` leaves it.

        %dag_debug train
        """
        dag, tasks = self._named([given.task] if given.task else [])
        failures = {} if dag.last_run is None else dag.last_run.failures
        if not failures:
            raise CellError(f"nothing failed in the last run of {dag.name}")
        task = tasks[0] if tasks else next(iter(failures))
        if task not in failures:
            raise CellError(f"{task} did not fail in the last run; {', '.join(failures)} did")
        error = failures[task].exception
        if error is None:
            raise CellError(f"what {task} failed with is no longer in memory: run it again")
        post_mortem(self.shell, error)

    # ----------------------------------------------------------------- lookups

    def _make(self, name: str) -> "DAG":
        dag = face.DAG(name)
        self._made[name] = dag
        return dag

    def _pipeline(self) -> "DAG":
        dag = face.current()
        if dag is None:
            raise CellError("there is no pipeline yet: `%dag NAME` creates one, and so does the first `%%dag_task`")
        return dag

    def _named(self, words: Sequence[str]) -> tuple["DAG", list[str]]:
        """The pipeline and the tasks that these words name, parted by spaces or commas."""
        dag = self._pipeline()
        tasks = [name for word in words for name in split_names(word)]
        for task in tasks:
            if task not in dag.tasks:
                raise UnknownTaskError(task, dag.tasks)
        return dag, tasks


def post_mortem(shell: Shell, error: BaseException) -> None:
    """IPython's debugger where `error` was raised."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, users_frames(error.__traceback__)
    sys.last_exc = error  # type: ignore[attr-defined]  # what Python 3.12 looks at
    shell.debugger(force=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sketch(value: object) -> str:
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"{kind} {shape}" if isinstance(shape, tuple) else kind
