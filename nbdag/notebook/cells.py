"""What a `%%dag_task` cell means: its form, its result, and the text by which tracebacks show it.

A cell is read in one of two forms. In the *def form* it has a top-level `def` of the task's name (or the only `def`,
where no name is given): that function is the task, and what stands around it runs as in any cell. Else the whole cell
is the *body* of the task. Its result is, in this order: what it returns; the variable named as the task; its last
expression. A body with none of these is refused.

Nothing is executed here and nothing of IPython is needed; see `nbdag.notebook.functions` for that.
"""

import ast
import copy
import io
import keyword
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nbdag.core.errors import NbdagError
from nbdag.notebook.flow import Flow, read_flow
from nbdag.notebook.scopes import FUNCTIONS, Function

SHOW = "nbdag.notebook.functions"
"""Where the `show` lives that a body calls for a last expression that is not its result."""


class CellError(NbdagError):
    """A cell or a magic that cannot be understood; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class BodyCell:
    """A cell that is the body of a task."""

    name: str
    text: str
    """The task as a function of its own: what tracebacks and `inspect.getsource` show, line for line as in the cell."""
    function: Function
    """The same as a syntax tree, with the result made a `return`; it has no arguments yet."""
    reads: tuple[str, ...]
    """Names it may read before it binds them: inputs, where tasks or parameters have these names."""
    must_bind: tuple[str, ...]
    """Those among `reads` that can be nothing else than inputs."""


@dataclass(frozen=True, slots=True)
class DefCell:
    """A cell with the `def` of the task, and what stands around it."""

    name: str
    text: str
    module: ast.Module
    line: int
    """Line of the `def` in the cell."""


def read_cell(source: str, name: str | None = None, *, command: str = "") -> BodyCell | DefCell:
    r"""The cell below a `%%dag_task` line, understood.

    Args:
        source: what stands below that line, as plain Python (`!ls` and the like already made calls).
        name: the task's name, where the line gives one.
        command: the rest of that line, shown as line 1 in tracebacks.

    Raises:
        CellError: the cell is no task; the message says what to change.
        SyntaxError: it is not Python; its lines are those of the cell.

    >>> cell = read_cell("rows = table.dropna()\nrows.head(limit)", "preview")
    >>> print(cell.text)
    def preview():  # %%dag_task preview
        rows = table.dropna()
        rows.head(limit)
    >>> cell.reads
    ('table', 'limit')
    """
    command = " ".join(command.split()) or name or ""
    module = parse(f"\n{source}")
    definition = _definition(module.body, name)
    if definition is not None:
        text = f"# %%dag_task {command}".rstrip() + f"\n{source}"
        return DefCell(definition.name, text, module, definition.lineno)
    if name is None:
        raise CellError("give the task a name, as in `%%dag_task load`, or write its `def` in the cell")
    _check_name(name)
    if not module.body:
        raise CellError(f"task {name!r} has an empty cell: write its body, or its def, below the %%dag_task line")
    return _read_body(source, name, command, is_quiet=_ends_quietly(source))


def parse(text: str) -> ast.Module:
    """The syntax tree, without warnings about the text: it is parsed again when it is compiled, and warns then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _definition(statements: Iterable[ast.stmt], name: str | None) -> Function | None:
    """The `def` that is the task, if the cell has the def form."""
    functions = [node for node in statements if isinstance(node, FUNCTIONS)]
    wanted = [node for node in functions if name in (None, node.name)]
    if len(wanted) <= 1:
        return wanted[0] if wanted else None
    listed = ", ".join(f"{node.name} (line {node.lineno})" for node in wanted)
    if name is not None or len({node.name for node in wanted}) == 1:
        raise CellError(f"{wanted[0].name!r} is defined {len(wanted)} times in this cell: {listed}; keep one of them")
    raise CellError(
        f"this cell defines several functions: {listed}; say which is the task: %%dag_task {wanted[0].name}"
    )


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        valid = re.sub(r"\W|^(?=\d)", "_", name)
        hint = f". Did you mean {valid!r}?" if valid != name and valid.strip("_") else ""
        raise CellError(f"{name!r} cannot name a cell's task: other cells read its result as a Python variable{hint}")


def _read_body(source: str, name: str, command: str, *, is_quiet: bool) -> BodyCell:
    text = _as_function(source, f"def {name}():  # %%dag_task {command}")
    function = _only_function(text)
    flow = read_flow(function.body)
    if flow.is_async:
        text = f"async {text}"
        function = _only_function(text)
    if name in flow.must_bind or (name in flow.reads and name not in flow.binds):
        raise CellError(
            f"task {name!r} reads its own name before it assigns it, so it would wait for itself; "
            f"rename the task or the variable"
        )
    function.body = _with_result(function.body, flow, name, is_quiet=is_quiet)
    return BodyCell(
        name=name,
        text=text,
        function=ast.fix_missing_locations(function),
        reads=tuple(read for read in flow.reads if read != name),
        must_bind=flow.must_bind,
    )


def _only_function(text: str) -> Function:
    function = parse(text).body[0]
    assert isinstance(function, FUNCTIONS)
    return function


# ---------------------------------------------------------------------- result


def _with_result(body: Sequence[ast.stmt], flow: Flow, name: str, *, is_quiet: bool) -> list[ast.stmt]:
    """The body, ending with a `return` of its result on the paths that had none."""
    *before, last = body
    if not flow.falls_through:
        return [*body]
    if name in flow.binds:
        shown = [_shown(last)] if isinstance(last, ast.Expr) and not is_quiet else [last]
        return [*before, *shown, _at_end_of(last, ast.Return(ast.Name(name, ast.Load())))]
    if isinstance(last, ast.Expr):
        return [*before, ast.copy_location(ast.Return(last.value), last)]
    if flow.returns_value:
        return [*body]
    raise CellError(
        f"task {name!r} has no result: end its cell with an expression, assign a variable named {name}, or return "
        f"something; where None is meant, write None on the last line"
    )


def _shown(last: ast.Expr) -> ast.stmt:
    """The last expression, displayed as a cell would, where it is not the result."""
    call = parse(f"__import__({SHOW!r}, fromlist=['show']).show(None)").body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    for node in ast.walk(call):
        if isinstance(node, ast.expr):
            ast.copy_location(node, last.value)
    call.value.args = [last.value]
    return ast.copy_location(call, last)


def _at_end_of(last: ast.stmt, added: ast.stmt) -> ast.stmt:
    place = copy.copy(last)
    place.lineno, place.col_offset = last.end_lineno or last.lineno, last.end_col_offset or 0
    for node in ast.walk(added):
        if isinstance(node, ast.expr | ast.stmt):
            ast.copy_location(node, place)
    return added


# ------------------------------------------------------------------------ text


def _as_function(source: str, header: str) -> str:
    """The body indented under a header, so that its first line is line 2, as in the cell.

    Lines that begin within a string stay as they are: indenting them would change the string.
    """
    within_strings = set(_lines_within_strings(source))
    lines = source.splitlines(keepends=True)
    indented = (
        line if number in within_strings or not line.strip() else f"    {line}" for number, line in enumerate(lines, 1)
    )
    return f"{header}\n" + "".join(indented).rstrip("\n")


def _lines_within_strings(source: str) -> Iterator[int]:
    start, depth = 0, 0
    for token in _tokens(source):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            yield from range(token.start[0] + 1, token.end[0] + 1)
        elif kind in ("FSTRING_START", "TSTRING_START"):  # these are made of several tokens since Python 3.12
            start = token.start[0] if depth == 0 else start
            depth += 1
        elif kind in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if depth == 0:
                yield from range(start + 1, token.end[0] + 1)


def _ends_quietly(source: str) -> bool:
    """True when the last line ends with a semicolon, by which IPython shows nothing."""
    layout = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
    said = [token for token in _tokens(source) if token.type not in layout]
    return bool(said) and said[-1].string == ";"


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source).readline)
