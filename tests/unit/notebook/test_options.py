"""What the options of `%%dag_task` mean, written as texts."""

import argparse

import pytest

from nbdag.core.options import OPTIONS
from nbdag.notebook.cells import CellError
from nbdag.notebook.options import FORMS, add_options, flags, parse_line, read_options


class Flaky(Exception):
    pass


def values(line: str, **namespace) -> dict:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser)
    return read_options(vars(parse_line(parser, line)), namespace)


def test_every_keyword_of_a_task_is_an_option():
    """The table of forms covers the table of options; the name stands by itself."""
    assert set(FORMS) == set(OPTIONS) - {"name"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("--deps load,clean", {"dependencies": ["load", "clean"]}),
        ("--dependencies 'load, clean'", {"dependencies": ["load", "clean"]}),
        ("--deps []", {"dependencies": []}),
        ("--deps \"['a', 'b']\"", {"dependencies": ["a", "b"]}),
        ("--retries 2 --retry-delay 0.5", {"retries": 2, "retry_delay": 0.5}),
        ("--retry-delay 1,2.5,8", {"retry_delay": [1, 2.5, 8]}),
        ("--retry-delay [1,2]", {"retry_delay": [1, 2]}),
        ("--timeout=5 --priority -3", {"timeout": 5, "priority": -3}),
        ("--retries many", {"retries": "many"}),
        ("--resources gpu=1,openai=0.5", {"resources": {"gpu": 1, "openai": 0.5}}),
        ("--resources \"{'gpu': 1}\"", {"resources": {"gpu": 1}}),
        ("--allow-failure --no-cache --no-keep", {"allow_failure": True, "cache": False, "keep": False}),
        ("--trigger all_done --cleanup", {"trigger": "all_done", "cleanup": True}),
        ("--files 'C:\\data\\a.csv'", {"files": ["C:\\data\\a.csv"]}),
        ("--version v#2", {"version": "v#2"}),
        ("--retry-on OSError", {"retry_on": OSError}),
        ("--retry-on OSError,ValueError", {"retry_on": (OSError, ValueError)}),
        ("--no-retry-on KeyError", {"no_retry_on": KeyError}),
    ],
)
def test_texts_become_values(line, expected):
    """Numbers, lists, amounts, flags; whether a value will do is the option's own check."""
    assert values(line) == expected


def test_things_of_the_notebook_are_looked_up():
    """Exceptions and functions by name, also within modules."""
    assert values(
        "--retry-on Flaky,argparse.ArgumentError --retry-delay wait", Flaky=Flaky, argparse=argparse, wait=len
    ) == {
        "retry_on": (Flaky, argparse.ArgumentError),
        "retry_delay": len,
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--retires 3", "there is no option --retires. Did you mean '--retries'?"),
        ("--retires=3", "there is no option --retires=3. Did you mean '--retries'?"),
        ("--deps load, clean", "'clean' is one word too many (lists have commas and no spaces: load,clean)"),
        ("--retry-on OSErorr", "--retry-on OSErorr: the notebook has no 'OSErorr'. Did you mean 'OSError'"),
        (
            "--retry-on argparse.ArgumentEror",
            "--retry-on argparse.ArgumentEror: argparse has no 'ArgumentEror'. Did you",
        ),
        ("--resources gpu", "--resources takes amounts, as in --resources gpu=1; got 'gpu'"),
        ("--version 'v", 'cannot read "--version \'v": no closing quotation'),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(line, message):
    """Unknown options and names come back with the closest known ones."""
    with pytest.raises(CellError) as caught:
        values(line, argparse=argparse)

    assert str(caught.value).startswith(message)


def test_flags_lists_all_that_can_be_written():
    """Aliases and negations too."""
    assert {"--deps", "--dependencies", "--retry-delay", "--keep", "--no-keep"} <= set(flags())


def test_options_of_a_later_version_are_not_offered():
    """They are refused with a reason where they are written, so the help keeps silent about them."""
    parser = argparse.ArgumentParser()
    add_options(parser)

    assert "--map-over" not in parser.format_help()
    assert "--retries" in parser.format_help()
