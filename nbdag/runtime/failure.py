"""An exception made into data: text that can be kept, cut to the user's own frames, and what follows from it.

Errors become data where they are caught, in the worker: an exception that travelled through asyncio or a future could
stop a loop, hang a run or be lost (`StopIteration`, `SystemExit`, `KeyboardInterrupt`).
"""

import contextlib
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from types import TracebackType

from nbdag.core.errors import Retry, Skip
from nbdag.core.records import ErrorInfo
from nbdag.core.reports import Failed, Outcome, Skipped
from nbdag.core.retry import RetryPolicy
from nbdag.core.status import FailureReason

MOST_TEXT = 10_000
"""Characters kept of an error's message, and ten times that of its traceback."""

_STDLIB = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - as co_filename has it
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
    failed = failure_of(error, attempt, policy, random, reason, name_file)
    return _without_retry(failed, error, policy) if isinstance(error, Retry) and attempt > policy.retries else failed


def _without_retry(failed: Failed, error: Retry, policy: RetryPolicy) -> Failed:
    """The failure of a task that asked for another attempt and has none left: it says so."""
    why = f"retries={policy.retries}: no attempt left"
    error.add_note(why)
    message = f"{failed.error.message} ({why})" if failed.error.message else why
    return replace(failed, error=replace(failed.error, message=message))


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
    except BaseException as mistake:  # noqa: BLE001 - the user's predicate or delay function: its error is shown, the first stays first
        _chain(error, mistake)
    return Failed(reason, describe(error, name_file), retry_after)


def _chain(error: BaseException, mistake: BaseException) -> None:
    """Show beside an error that its own retry policy failed; an error that takes no attributes stays as it is."""
    with contextlib.suppress(Exception):
        if error.__context__ is None and mistake is not error:
            mistake.__context__ = None
            error.__context__ = mistake
        error.add_note(f"and retry_on or retry_delay itself failed, so it was not tried again: {describe(mistake)}")


def describe(error: BaseException, name_file: Callable[[str], str] = str) -> ErrorInfo:
    """The exception as text: its own frames are the user's, nbdag's are cut."""
    frames = user_traceback(error.__traceback__)
    try:
        lines = traceback.TracebackException(type(error), error, frames, compact=True).format()
        text = _with_names("".join(lines), frames, name_file)
    except BaseException as broken:  # noqa: BLE001 - an exception whose __str__ raises, or a source file that went away
        text = f"{type(error).__qualname__} (its text cannot be shown: {type(broken).__name__})\n"
    return ErrorInfo(
        type=type(error).__qualname__,
        message=_cut(_text_of(error), MOST_TEXT),
        traceback=_cut(text, 10 * MOST_TEXT),
        where=_place_of(frames, name_file),
    )


def user_traceback(tb: TracebackType | None) -> TracebackType | None:
    """The traceback without nbdag's own frames; None where all of them are."""
    links = list(frames_of(tb))
    theirs = [link for link in links if not is_own(link.tb_frame.f_code.co_filename)]
    if len(theirs) == len(links):
        return tb
    cut: TracebackType | None = None
    for link in reversed(theirs):
        cut = TracebackType(cut, link.tb_frame, link.tb_lasti, link.tb_lineno)
    return cut


def is_own(filename: str) -> bool:
    """True for the source files of nbdag itself."""
    return filename.startswith(_PACKAGE)


def is_library(filename: str) -> bool:
    """True for the source files of installed packages and of Python itself: not where users look for their mistake."""
    return filename.startswith((_STDLIB, "<frozen")) or "site-packages" in filename or "dist-packages" in filename


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
    """The innermost line that is not in a library, else the innermost of all."""
    places = [(link.tb_frame.f_code.co_filename, link.tb_lineno) for link in frames_of(tb)]
    if not places:
        return ""
    own = [place for place in places if not is_library(place[0])]
    filename, line = (own or places)[-1]
    return f"{Path(name_file(filename)).name}, line {line}"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # noqa: BLE001 - the user's own __str__
        return f"<its message cannot be shown: {type(broken).__name__}>"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2 - 30
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
