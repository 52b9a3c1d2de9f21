"""Where the running cell stands: its file name, its number, its id; and the text that tracebacks show for it.

IPython gives each cell a file name of its own, which the debugger of a front end and the label `Cell In[3]` go by. A
task that was defined by a cell keeps that file name, so only the text that Python keeps for it is replaced: what the
kernel really ran was one call of a magic.
"""

import linecache
import re
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

Shell = Any
"""IPython's InteractiveShell, of any version from 7.34 on: what of it is typed, and how, differs between them."""


_CELLS = ("<module>", "<cell line: ")
"""How the code of a cell is called, by most versions of IPython and by some around 8.0."""


@dataclass(frozen=True, slots=True)
class RunningCell:
    """The cell that calls a magic."""

    filename: str
    number: int
    line: str
    """The line that runs at this moment, as Python."""

    @property
    def place(self) -> str:
        """Where things are that this cell defines: ``"Cell In[3]"``."""
        return f"Cell In[{self.number}]"


def running_cell(shell: Shell) -> RunningCell:
    """The cell whose code calls us now. Its number is that of its own file: the shell's counter may be one ahead."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals is shell.user_global_ns and frame.f_code.co_name.startswith(_CELLS):
            filename = frame.f_code.co_filename
            line = linecache.getline(filename, frame.f_lineno).strip()
            return RunningCell(filename, _number_of(shell, filename), line)
        frame = frame.f_back
    return RunningCell("", shell.execution_count, "")


def _number_of(shell: Shell, filename: str) -> int:
    """IPython 8 has a table; before, the number stands in the file name, or (ipykernel) nowhere."""
    known: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    if filename in known:
        return known[filename]
    in_name = re.match(r"<ipython-input-(\d+)-", filename)
    return int(in_name[1]) if in_name else shell.execution_count


def register(shell: Shell, text: str, *, cell: RunningCell, magic: str, body: str) -> str:
    """The file name to compile a cell's task with, once tracebacks and `inspect.getsource` show `text` for it.

    The cell's own file name is kept where the magic is all that stands in the cell; else the text gets a new one.
    """
    start = f"get_ipython().run_cell_magic({magic!r}, "
    if not (cell.line.startswith(start) and cell.line.endswith(f", {body!r})")):
        filename: str = shell.compile.cache(text, cell.number)
        return filename
    entry = (len(text), None, [line + "\n" for line in text.splitlines()], cell.filename)
    linecache.cache[cell.filename] = entry
    older: dict[str, Any] = getattr(linecache, "_ipython_cache", {})  # IPython 7 restores linecache from it
    older[cell.filename] = entry
    return cell.filename


def cell_id(shell: Shell) -> str | None:
    """The front end's id of the running cell; it stays the same when the cell is edited. None where there is none."""
    parent = getattr(shell, "parent_header", None)
    if not isinstance(parent, dict):
        return None
    found = parent.get("metadata", {}).get("cellId")
    return found if isinstance(found, str) else None
