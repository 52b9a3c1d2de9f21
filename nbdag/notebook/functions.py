"""Cells made into functions: compiled in the notebook's namespace, so that helpers and globals stay live."""

import ast
import copy
import functools
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Protocol

from nbdag.notebook.cells import BodyCell, CellError, DefCell
from nbdag.notebook.scopes import needs_async


class Compiler(Protocol):
    """The built-in `compile`, or a notebook's, which remembers the `__future__` imports of earlier cells."""

    def __call__(self, source: ast.Module | ast.Interactive, filename: str, mode: str, /) -> CodeType:
        """The tree as code."""


def function_of(
    cell: BodyCell, namespace: dict[str, Any], *, filename: str = "<cell>", compiler: Compiler = compile
) -> Callable[[tuple[str, ...]], FunctionType]:
    """What gives a cell's function with exactly the asked names as arguments; all other names stay globals.

    Each is compiled once, when it is first asked for.

    >>> from nbdag.notebook.cells import read_cell
    >>> make = function_of(read_cell("x + y", "total"), {"y": 2})
    >>> make(("x",))(40), make(("x", "y"))(1, 2)
    (42, 3)
    """

    @functools.cache
    def specialise(names: tuple[str, ...]) -> FunctionType:
        function = copy.copy(cell.function)
        function.args = ast.arguments(
            posonlyargs=[],
            args=[ast.arg(name, lineno=1, col_offset=0) for name in names],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        )
        code = compiler(ast.Module([function], type_ignores=[]), filename, "exec")
        made: dict[str, FunctionType] = {}
        exec(code, namespace, made)  # noqa: S102 - the user's own cell
        return made[cell.name]

    return specialise


def runner_of(
    cell: DefCell, namespace: dict[str, Any], *, filename: str = "<cell>", compiler: Compiler = compile
) -> Callable[[], Callable[..., Any]]:
    r"""What runs the cell as a plain one and gives the function that it defines, as its decorators left it.

    A last expression is shown, as in any cell.

    >>> from nbdag.notebook.cells import read_cell
    >>> notebook = {}
    >>> load = runner_of(read_cell("half = 0.5\ndef load(): return half"), notebook)()
    >>> load(), notebook["half"]
    (0.5, 0.5)
    """
    *statements, last = cell.module.body
    if needs_async(cell.module.body):
        raise CellError(
            f"`await` outside of `def {cell.name}` cannot run here; move it into the function or into another cell"
        )
    if not isinstance(last, ast.Expr):
        statements.append(last)
    codes = [compiler(ast.Module(statements, type_ignores=[]), filename, "exec")]
    if isinstance(last, ast.Expr):
        codes.append(compiler(ast.Interactive([last]), filename, "single"))

    def run() -> Callable[..., Any]:
        for code in codes:
            exec(code, namespace)  # noqa: S102 - the user's own cell
        function = namespace[cell.name]
        if not callable(function):
            kind = type(function).__name__
            raise CellError(f"{cell.name!r} is no function any more once its decorators have run, but of type {kind}")
        return function  # type: ignore[no-any-return]  # just seen to be callable

    return run


def show(value: object) -> None:
    """Shows a task's last expression where it is not the result; None is not shown, as in any cell.

    >>> show(None)
    """
    if value is None:
        return
    from IPython.display import display

    display(value)  # type: ignore[no-untyped-call]  # IPython has no types here
