"""An exception made into data: text that can be kept, cut to the user's own frames, and what follows from it.

Errors become data where they are caught, in the worker: an exception that travelled through asyncio or a future could
stop a loop, hang a run or be lost (`StopIteration`, `SystemExit`, `KeyboardInterrupt`).
"""

import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import TracebackType

from nbdag.core.errors import Skip
from nbdag.core.records import ErrorInfo
from nbdag.core.reports import Failed, Outcome, Skipped
from nbdag.core.retry import RetryPolicy
from nbdag.core.status import FailureReason

MOST_TEXT = 10_000
"""Characters kept of an error's message, and ten times that of its traceback."""

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


def outcome_of(
    error: BaseException, attempt: int, policy: RetryPolicy, random: Random, name_file: Callable[[str], str] = str
) -> Outcome:
    """What an attempt that raised comes to: skipped, failed for good, or failed with a delay to the next attempt.

    `name_file` words a source file for people: ``"Cell In[4]"`` for a cell's.
    """
    if isinstance(error, Skip):
        return Skipped(_text_of(error))
    reason = FailureReason.MEMORY if isinstance(error, MemoryError) else FailureReason.ERROR
    return failure_of(error, attempt, policy, random, reason, name_file)


def failure_of(
    error: BaseException,
    attempt: int,
    policy: RetryPolicy,
    random: Random,
    reason: FailureReason,
    name_file: Callable[[str], str] = str,
) -> Failed:
    """A failure with its text, and the seconds to its retry where the policy allows one.

    A policy's own function that raises means no retry; its error is chained to the original one.
    """
    retry_after: float | None = None
    try:
        if policy.allows(error, attempt):
            retry_after = policy.delay_before(attempt, error, random)
    except Exception as mistake:  # noqa: BLE001 - the user's predicate or delay function: its error is shown, the first stays first
        if error.__context__ is None and mistake is not error:
            mistake.__context__ = None
            error.__context__ = mistake
        error.add_note(f"and retry_on or retry_delay itself failed, so it was not tried again: {describe(mistake)}")
    return Failed(reason, describe(error, name_file), retry_after)


def describe(error: BaseException, name_file: Callable[[str], str] = str) -> ErrorInfo:
    """The exception as text: its own frames are the user's, nbdag's are cut."""
    frames = user_traceback(error.__traceback__)
    try:
        lines = traceback.TracebackException(type(error), error, frames, compact=True).format()
        text = _with_names("".join(lines), frames, name_file)
    except Exception as broken:  # noqa: BLE001 - an exception whose __str__ raises, or a source file that went away
        text = f"{type(error).__qualname__} (its text cannot be shown: {type(broken).__name__})\n"
    return ErrorInfo(
        type=type(error).__qualname__,
        message=_cut(_text_of(error), MOST_TEXT),
        traceback=_cut(text, 10 * MOST_TEXT),
        where=_place_of(frames, name_file),
    )


def user_traceback(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not nbdag's; None where all of them are."""
    while tb is not None and is_own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    return tb


def is_own(filename: str) -> bool:
    """True for the source files of nbdag itself."""
    return filename.startswith(_PACKAGE)


def frames_of(tb: TracebackType | None) -> Iterator[TracebackType]:
    """The links of a traceback, from the outermost to where it was raised."""
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _with_names(text: str, tb: TracebackType | None, name_file: Callable[[str], str]) -> str:
    """The text of a traceback with its source files worded for people."""
    for filename in {link.tb_frame.f_code.co_filename for link in frames_of(tb)}:
        if (name := name_file(filename)) != filename:
            text = text.replace(f'File "{filename}"', name)
    return text


def _place_of(tb: TracebackType | None, name_file: Callable[[str], str]) -> str:
    """The innermost user's line that is not in an installed library, else the innermost of all."""
    places = [(link.tb_frame.f_code.co_filename, link.tb_lineno) for link in frames_of(tb)]
    if not places:
        return ""
    own = [place for place in places if "site-packages" not in place[0] and not place[0].startswith("<frozen")]
    filename, line = (own or places)[-1]
    return f"{Path(name_file(filename)).name}, line {line}"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - the user's own __str__
        return f"<its message cannot be shown: {type(broken).__name__}>"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2 - 30
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
