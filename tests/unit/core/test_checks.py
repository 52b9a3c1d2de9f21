"""Single values: the names and numbers that are allowed, at their edges."""

from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath

import pytest

from nbdag.core import checks


@pytest.mark.parametrize("name", ["train", "train model", "größe", "数据", "📦", "a/b<c>&'\"", "x" * 200, "-1"])
def test_any_printable_text_is_a_name(name):
    """A name is for people: any script, any sign that can be seen."""
    assert checks.check_name(name) == name


def test_a_name_is_composed():
    """Two ways to write one letter give one name."""
    assert checks.check_name("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "must not be empty"),
        ("x" * 201, "has 201 characters"),
        ("a\nb", "U+000A"),
        ("a\u202eb", "U+202E"),
        ("a\u200bb", "U+200B"),
        ("a\ud800", "U+D800"),
        (" a", "starts or ends with a space"),
        ("a ", "starts or ends with a space"),
        ("a[0]", "square bracket"),
        ("a]", "square bracket"),
        (None, "must be a text, not None"),
        (b"a", "must be a text, not a value of type bytes"),
    ],
)
def test_what_cannot_be_seen_or_told_apart_is_no_name(name, why):
    """Control, direction and invisible characters would make two names look like one."""
    with pytest.raises(checks.Refusal, match=why.replace("+", r"\+")):
        checks.check_name(name)


def test_names_keep_their_order_and_lose_repeats():
    """A list of names is kept as written; a set, which has no order, is sorted."""
    assert checks.check_names(["b", "a", "b"]) == ("b", "a")
    assert checks.check_names({"b", "a"}) == ("a", "b")


def test_a_path_is_kept_as_text():
    """Texts and paths both name files."""
    assert checks.check_paths(["a.csv", PurePosixPath("d/b.csv")]) == ("a.csv", "d/b.csv")


@pytest.mark.parametrize("value", [PurePosixPath("a"), 3, {"a": 1}])
def test_paths_come_in_a_list(value):
    """One path alone is refused with the remedy, as one name is."""
    with pytest.raises(checks.Refusal, match="must be a list of paths"):
        checks.check_paths(value)


@pytest.mark.parametrize("value", ["", "a\0b", 3])
def test_what_no_file_can_be_called_is_no_path(value):
    """A path is a text that a file system could know."""
    with pytest.raises(checks.Refusal, match="must be a path"):
        checks.check_paths([value])


@pytest.mark.parametrize("value", [2, 2.0, Fraction(2)])
def test_any_real_number_is_a_number(value):
    """Numbers of other libraries count."""
    assert checks.check_number(value) == 2.0


@pytest.mark.parametrize("value", [True, "2", None, Decimal(2), 1j, float("nan"), float("-inf"), 10**400])
def test_what_is_no_finite_number_is_refused(value):
    """A text, a truth value or infinity is no number of seconds or shares."""
    with pytest.raises(checks.Refusal, match="number"):
        checks.check_number(value)


@pytest.mark.parametrize("value", [3, 2.5, [1, 2.5], (4,)])
def test_a_delay_is_seconds_or_a_list(value):
    """A delay is one span or one for each retry."""
    expected = tuple(map(float, value)) if isinstance(value, (list, tuple)) else float(value)
    assert checks.check_delay(value) == expected


def test_functions_may_decide_on_retries():
    """A function stands for a delay or for a choice of exceptions, and is kept as it is."""
    assert checks.check_delay(max) is max
    assert checks.check_retry_on(callable) is callable


def test_exceptions_come_alone_or_together():
    """One class stays one, several become a tuple."""
    assert checks.check_retry_on(KeyboardInterrupt) is KeyboardInterrupt
    assert checks.check_exceptions([OSError, ValueError]) == (OSError, ValueError)
    assert checks.check_exceptions(()) == ()


@pytest.mark.parametrize("value", [None, 0])
def test_a_reserved_option_may_be_left_at_nothing(value):
    """An option of a later version does no harm while it asks for nothing."""
    assert checks.later(value) is None
