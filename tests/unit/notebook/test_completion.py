"""What is offered at the cursor."""

import argparse

import pytest

from nbdag.notebook.completion import OPTIONS_OF, completions
from nbdag.notebook.magics import DagMagics


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%dag_task train --retry", ["--retry-delay", "--retry-on"]),
        ("%%dag_task train --deps lo", ["load"]),
        ("%%dag_task train --deps load,", ["load", "train"]),
        ("%%dag_task train --retries ", []),
        ("%%dag_task train --trigger one", ["one_failed"]),
        ("%%dag_task ", ["load", "train"]),
        ("%dag_run tr", ["train"]),
        ("%dag_run --b", ["--background"]),
        ("%dag_show --direction ", ["LR", "TB"]),
        ("%dag ", ["main", "other"]),
        ("%dag m", ["main"]),
        ("%dag_status ", []),
        ("%dag_run", []),
        ("train", []),
        ("", []),
    ],
)
def test_options_tasks_and_pipelines_are_offered_where_they_fit(line, expected):
    """By the word at the cursor and the one before it."""
    assert completions(line, tasks=["load", "train"], pipelines=["main", "other"]) == expected


def test_every_magic_is_completed_with_every_option_it_has():
    """The table of completion says what the magics take."""
    magics = {f"%{name}": magic for name, magic in DagMagics.magics["line"].items()}
    magics |= {f"%%{name}": magic for name, magic in DagMagics.magics["cell"].items()}
    words = {name: getattr(DagMagics, method).__doc__.replace(",", " ").split() for name, method in magics.items()}

    assert set(OPTIONS_OF) == set(magics)
    assert isinstance(argparse.SUPPRESS, str)
    for name, options in OPTIONS_OF.items():
        if name != "%%dag_task":
            assert set(options) <= set(words[name])
