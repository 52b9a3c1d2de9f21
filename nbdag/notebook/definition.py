"""A `%%dag_task` cell put into a pipeline: from the text of the cell to the line that is printed under it."""

import builtins
import itertools
from typing import TYPE_CHECKING, Any

from nbdag.core.options import make_spec
from nbdag.core.task import TaskSpec
from nbdag.notebook.cells import BodyCell, read_cell
from nbdag.notebook.errors import syntax_errors_as_in_a_cell
from nbdag.notebook.functions import function_of, runner_of
from nbdag.notebook.ledger import Ledger
from nbdag.notebook.sentence import sentence
from nbdag.notebook.source import RunningCell, Shell, cell_id, register

if TYPE_CHECKING:
    from nbdag.dag import DAG

MAGIC = "dag_task"


def make_task(
    shell: Shell, body: str, *, name: str | None, command: str, cell: RunningCell, options: dict[str, Any]
) -> TaskSpec:
    """The task that a cell defines. What stands around a `def` has run by then."""
    with syntax_errors_as_in_a_cell(shell, cell.filename):
        read = read_cell(_as_python(shell, body), name, command=command)
    filename = register(shell, read.text, cell=cell, magic=MAGIC, body=body)
    if isinstance(read, BodyCell):
        return _task_of_body(shell, read, filename, place=cell.place, options=options)
    with syntax_errors_as_in_a_cell(shell, filename):
        run = runner_of(read, shell.user_ns, filename=filename, compiler=shell.compile)
    return make_spec(run(), name=read.name, place=f"{cell.place}, line {read.line}", **options)


def _task_of_body(shell: Shell, cell: BodyCell, filename: str, *, place: str, options: dict[str, Any]) -> TaskSpec:
    specialise = function_of(cell, shell.user_ns, filename=filename, compiler=shell.compile)
    with syntax_errors_as_in_a_cell(shell, filename):
        plain = specialise(())
    return make_spec(
        plain,
        name=cell.name,
        place=place,
        candidates=cell.reads,
        must_bind=cell.must_bind,
        specialise=specialise,
        **options,
    )


def _as_python(shell: Shell, body: str) -> str:
    """The body with `!ls`, `%magic` and `name?` as calls. IPython drops blank lines at its start; they are put back."""
    blank = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), body.splitlines()))
    python: str = shell.transform_cell(body)
    return "\n" * blank + python


def put(shell: Shell, dag: "DAG", spec: TaskSpec, *, ledger: Ledger) -> str:
    """Makes it the pipeline's task of that name, binds the variable, and gives the line to print."""
    before = dict(dag.specs)
    replaced = dag.define(spec, replace=True)
    change = ledger.define(dag.name, spec, cell=cell_id(shell), before=before)
    notes = []
    if replaced is not None and change.from_other_cell:
        notes.append(f"replaces the one of {replaced.place}" if replaced.place else "replaces another cell's")
    if change.renamed_from is not None:
        drop(shell, dag, change.renamed_from)
        notes.append(f"dropped {change.renamed_from}, this cell's earlier name")
    if spec.specialise is not None:
        notes += bind_variable(shell, dag, spec.name)
    return sentence(spec, tasks=dag.specs.keys(), params=dag.params, namespace=shell.user_ns, notes=notes)


def bind_variable(shell: Shell, dag: "DAG", name: str) -> list[str]:
    """Binds a notebook variable to its Task; where it is something else already, that stays, and the text says so."""
    handle = dag[name]
    present = shell.user_ns.get(name, handle)
    if not _is_handle(present, handle):
        kind = "function" if callable(present) and not isinstance(present, type) else type(present).__name__
        return [f"{name} stays your {kind}; the task is {_name_of(shell, dag)}[{name!r}]"]
    if name not in shell.user_ns and hasattr(builtins, name):
        return [f"{name} stays Python's own; the task is {_name_of(shell, dag)}[{name!r}]"]
    shell.user_ns[name] = handle
    return []


def drop(shell: Shell, dag: "DAG", name: str) -> None:
    """Removes a task, and its variable if it still is the task."""
    handle = dag[name]
    dag.remove(name)
    if name in shell.user_ns and _is_handle(shell.user_ns[name], handle):
        del shell.user_ns[name]


def _is_handle(value: object, handle: Any) -> bool:
    """True for a Task of that name: also one of an earlier pipeline, which the new definition stands for now."""
    return isinstance(value, type(handle)) and value.name == handle.name


def _name_of(shell: Shell, dag: "DAG") -> str:
    """How the notebook can say this pipeline."""
    names = (name for name, value in shell.user_ns.items() if value is dag and not name.startswith("_"))
    return next(names, "nbdag.current()")
