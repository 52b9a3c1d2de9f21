r"""Names in shell lines and magics: IPython fills `{path}` and `$path` in when the line runs.

In a cell's Python these lines are calls such as ``get_ipython().system("head {path}")``; the names stand in a string.
"""

import ast
import re
from collections.abc import Iterator
from string import Formatter

LINE_OF = {"system": 0, "getoutput": 0, "run_line_magic": 1, "run_cell_magic": 1}
"""Which argument of IPython's calls is the line that is filled in."""

_DOLLAR = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)")


def expanded_names(call: ast.Call) -> tuple[str, ...]:
    """Names that IPython looks up to fill in the line of a call; none for any other call.

    >>> expanded_names(ast.parse("get_ipython().system('head -n {rows + 1} $path')", mode="eval").body)
    ('rows', 'path')
    """
    match call:
        case ast.Call(func=ast.Attribute(attr=method, value=ast.Call(func=ast.Name(id="get_ipython")))):
            arguments = call.args[LINE_OF.get(method, len(call.args)) :][:1]
        case _:
            return ()
    lines = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
    return tuple(dict.fromkeys(name for line in lines if isinstance(line, str) for name in _names_in(line)))


def _names_in(line: str) -> Iterator[str]:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(line) if field]
        names = [
            node.id
            for field in fields
            for node in ast.walk(ast.parse(field.strip(), mode="eval"))
            if isinstance(node, ast.Name)
        ]
    except (ValueError, SyntaxError):  # braces of the shell's or of awk's: IPython leaves such a line as it is
        names = []
    yield from names
    yield from _DOLLAR.findall(line)
