"""How errors of nbdag's own look in IPython: the user's frames and the message, no frame of nbdag's.

They tell a person what to change in the notebook; where in nbdag they were found helps nobody there. IPython asks an
exception for `_render_traceback_` before it draws the traceback itself.
"""

from typing import Any

from nbdag.core.errors import NbdagError
from nbdag.runtime.failure import user_traceback


def show_errors_plainly() -> None:
    """From now on IPython shows errors of nbdag without nbdag's frames; a second time changes nothing.

    >>> show_errors_plainly()
    """
    NbdagError._render_traceback_ = _drawn  # type: ignore[attr-defined]  # what IPython asks for


def _drawn(error: NbdagError) -> list[str]:
    from IPython import get_ipython

    tracebacks: Any = get_ipython().InteractiveTB
    lines: list[str] = tracebacks.structured_traceback(type(error), error, user_traceback(error.__traceback__))
    return lines
