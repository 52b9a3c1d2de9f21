"""What source files are called for people: a cell by its number, anything else by its path."""

import sys
from collections.abc import Callable
from typing import Any


def file_namer() -> Callable[[str], str]:
    """A function that words a source file: ``"Cell In[4]"`` for a cell of this notebook, else the path as it is.

    >>> file_namer()("steps.py")
    'steps.py'
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    compiler: Any = getattr(shell, "compile", None)
    if not hasattr(compiler, "format_code_name"):  # a plain script, or an IPython that gives cells no names
        return str

    def name_file(filename: str) -> str:
        named = compiler.format_code_name(filename)
        return filename if named is None else " ".join(named)

    return name_file
