"""Exceptions made into data."""

import dataclasses
import re
from random import Random

import pytest

from nbdag.core.errors import Fail, Retry, Skip
from nbdag.core.reports import Skipped
from nbdag.core.retry import RetryPolicy
from nbdag.core.status import FailureReason
from nbdag.runtime import failure
from nbdag.runtime.context import current_task
from nbdag.runtime.failure import MOST_TEXT, describe, frames_of, is_library, outcome_of, user_traceback


def raised(act):
    """The exception that a function raises, with its traceback."""
    try:
        act()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def outcome(error, attempt=1, **policy):
    return outcome_of(error, attempt, RetryPolicy(**policy), Random(0))


def boom():
    raise ValueError("bad input")


def test_a_failure_tells_type_message_and_line():
    """What is kept names the exception's class, its text and the user's line."""
    info = describe(raised(boom))

    assert (info.type, info.message) == ("ValueError", "bad input")
    assert info.where == f"test_failure.py, line {boom.__code__.co_firstlineno + 1}"
    assert 'raise ValueError("bad input")' in info.traceback


def test_a_retry_follows_while_tries_are_left():
    """The delay to the next attempt is part of the failure; after the last there is none."""
    error = raised(boom)

    assert outcome(error, attempt=1, retries=2, delay=3.0).retry_after == 3.0
    assert outcome(error, attempt=3, retries=2, delay=3.0).retry_after is None


def test_signals_of_a_task():
    """Skip is no failure, Fail is not tried again, Retry chooses its own delay within the retries."""
    assert outcome(Skip("no data"), retries=5) == Skipped("no data")
    assert outcome(Fail("closed"), retries=5).retry_after is None
    assert outcome(Retry("busy", after=7), retries=1, delay=1.0).retry_after == 7
    assert outcome(Retry("busy", after=7)).retry_after is None


def test_a_lack_of_memory_has_its_own_reason():
    """MemoryError is told apart, as the remedy is another."""
    assert outcome(MemoryError()).reason is FailureReason.MEMORY
    assert outcome(ValueError()).reason is FailureReason.ERROR


@pytest.mark.parametrize("mistake", [RuntimeError("of the predicate"), SystemExit(3), KeyboardInterrupt()])
def test_a_predicate_that_raises_means_no_retry(mistake):
    """The original error comes first; the predicate's is shown with it, whatever it is."""

    def predicate(error, attempt):
        raise mistake

    failed = outcome(raised(boom), retries=3, retry_on=predicate)

    assert (failed.retry_after, failed.error.type) == (None, "ValueError")
    assert type(mistake).__name__ in failed.error.traceback
    assert "retry_on or retry_delay itself failed" in failed.error.traceback


def test_an_exception_that_takes_no_attributes_is_data_too():
    """A frozen dataclass cannot be given notes; it is described all the same."""

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    def predicate(error, attempt):
        raise RuntimeError

    assert outcome(Frozen(3), retries=3, retry_on=predicate).error.type.endswith("Frozen")


@pytest.mark.parametrize("broken", [RuntimeError("no text"), SystemExit(1)])
def test_an_exception_without_a_text(broken):
    """A `__str__` that raises is told instead of the text."""

    class Mute(Exception):
        def __str__(self):
            raise broken

    info = describe(Mute())

    assert info.message == f"<its message cannot be shown: {type(broken).__name__}>"
    assert "Mute" in info.traceback


def test_a_huge_message_is_cut():
    """At most 10 kB of a message are kept, its beginning and its end, and it says how much is left out."""
    info = describe(ValueError("a" * 50_000_000 + "z"))

    assert len(info.message) <= MOST_TEXT
    assert info.message.startswith("aaa")
    assert info.message.endswith("z")
    assert re.search(r"… [\d,]+ characters left out …", info.message)
    assert len(info.traceback) <= 10 * MOST_TEXT


def test_causes_notes_and_groups_are_told():
    """The text holds every exception of a nested group, the cause and the notes."""

    def act():
        try:
            boom()
        except ValueError as cause:
            error = ExceptionGroup("outer", [OSError("leaf one"), ExceptionGroup("inner", [KeyError("leaf two")])])
            error.add_note("a note")
            raise error from cause

    text = describe(raised(act)).traceback

    assert [words in text for words in ("leaf one", "leaf two", "bad input", "a note", "direct cause")] == [True] * 5


def test_nbdags_own_frames_are_cut_wherever_they_are():
    """A traceback has the user's frames alone, also where nbdag was called from the user's code."""

    def act():
        current_task()

    frames = user_traceback(raised(act).__traceback__)

    assert [link.tb_frame.f_code.co_name for link in frames_of(frames)] == ["raised", "act"]


def test_a_traceback_without_own_frames_stays_as_it_is():
    """Nothing is rebuilt where there is nothing to cut."""
    tb = raised(boom).__traceback__

    assert user_traceback(tb) is tb
    assert user_traceback(None) is None


def test_the_place_is_the_users_line_not_the_librarys():
    """An error that comes out of a library is placed where the user called it."""

    def parse():
        re.compile("(")

    where = describe(raised(parse)).where

    assert where == f"test_failure.py, line {parse.__code__.co_firstlineno + 1}"
    assert is_library(re.__file__)
    assert is_library(pytest.__file__)
    assert not is_library(__file__)


def test_files_are_worded_for_people():
    """A cell's file has the name of its cell, in the text and in the place."""
    info = describe(raised(boom), lambda file: "Cell In[4]" if file == __file__ else file)

    assert info.where.startswith("Cell In[4], line ")
    assert "Cell In[4], line" in info.traceback
    assert __file__ not in info.traceback


def test_an_exception_that_was_never_raised_has_no_place():
    """Without frames there is no place; the text is that of the exception."""
    info = describe(ValueError("made, not raised"))

    assert (info.where, info.traceback) == ("", "ValueError: made, not raised\n")


def test_own_files_are_those_of_the_package():
    """The package's own modules are own; a file beside it with a like name is not."""
    assert failure.is_own(failure.__file__)
    assert not failure.is_own(failure._PACKAGE.rstrip("/\\") + "_extras/module.py")
