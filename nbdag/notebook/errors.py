"""How errors of magics look: one line for misuse, a syntax error as IPython shows one, and the user's frames only.

IPython asks an exception for `_render_traceback_` before it draws a traceback itself; both kinds of drawing here go
by that.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from IPython.core.error import UsageError

from nbdag.core.errors import NbdagError, NoResult, OptionError, UnknownTaskError
from nbdag.notebook.cells import CellError
from nbdag.notebook.source import Shell

_MISUSE = (CellError, OptionError, UnknownTaskError, NoResult)
"""What is told in one line, unless it comes out of the user's own code."""

P = ParamSpec("P")
R = TypeVar("R")


class CellSyntaxError(NbdagError):
    """The body of a cell is not Python. `cause_lines` is what IPython shows for a cell that is not."""

    def _render_traceback_(self) -> list[str]:
        lines: list[str] = self.__dict__["cause_lines"]
        return lines


def tells_plainly(magic: Callable[P, R]) -> Callable[P, R]:
    """A magic whose errors show no frame of nbdag or IPython."""

    @functools.wraps(magic)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            return magic(*args, **kwargs)
        except (UsageError, CellSyntaxError):
            raise
        except BaseException as error:  # a frontier: whatever comes through is the user's, and only its drawing changes
            frames = users_frames(error.__traceback__)
            if isinstance(error, _MISUSE) and frames is None:
                raise UsageError(str(error)) from None
            _draw_with(error, frames)
            raise

    return told


@contextmanager
def syntax_errors_as_in_a_cell(shell: Shell, filename: str) -> Iterator[None]:
    """Within it a SyntaxError is that of the cell's own text."""
    try:
        yield
    except SyntaxError as error:
        lines = shell.SyntaxTB.structured_traceback(type(error), _placed(error, filename), [])
        raise CellSyntaxError(f"{type(error).__name__}: {error}", cause_lines=lines) from None


def _placed(error: SyntaxError, filename: str) -> SyntaxError:
    """The same error in that file. IPython 7 reads the arguments, later ones the attributes."""
    match error.args:
        case (message, (_, *where)) if filename:
            return type(error)(message, (filename, *where))
        case _:
            return error


def users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without nbdag's own frames; None when no other is there."""
    frames = []
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] != "nbdag":
            frames.append(traceback)
        traceback = traceback.tb_next
    kept = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def _draw_with(error: BaseException, frames: TracebackType | None) -> None:
    from IPython import get_ipython

    def drawn() -> list[str]:
        del error._render_traceback_  # type: ignore[attr-defined]  # set below; an error that travels on is as it was
        tracebacks: Any = get_ipython().InteractiveTB
        lines: list[str]
        if frames is None:
            lines = tracebacks.get_exception_only(type(error), error)
        else:
            lines = tracebacks.structured_traceback(type(error), error, frames, tb_offset=0)
        return lines

    with suppress(AttributeError, TypeError):  # an exception that takes no attributes is drawn with all frames
        error._render_traceback_ = drawn  # type: ignore[attr-defined]  # what IPython asks for
