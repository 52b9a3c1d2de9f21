"""Errors carry data, word themselves, and survive being sent."""

import pickle

import pytest

from nbdag.core import errors
from nbdag.core.errors import (
    CycleError,
    DuplicateTaskError,
    Fail,
    GraphError,
    HandleReadError,
    NbdagError,
    OptionError,
    ParamError,
    Retry,
    SharedNameError,
    Skip,
    TaskFailed,
    TaskTimeout,
    TriggerError,
    UndefinedNameError,
    UnknownInputError,
    UnknownTaskError,
    did_you_mean,
)

ONE_OF_EACH = [
    NbdagError("plain", task="a", count=3),
    OptionError("a", ["retries=-1 must be 0 or more"]),
    GraphError([CycleError("aba"), UnknownTaskError("x")]),
    CycleError(["a", "b", "a"]),
    UnknownTaskError("laod", ["load"], wanted_by="train"),
    UnknownInputError("train", "rat", ["rate"]),
    UndefinedNameError("train", "CFGG", ["CFG"]),
    HandleReadError("train", "features", "task 'features'"),
    SharedNameError("lr"),
    TriggerError("alarm", "one_failed"),
    DuplicateTaskError("a", "Cell In[1]", "Cell In[2]"),
    ParamError({"epoch": "params: 'epoch' is no parameter"}),
    TaskTimeout("too long", task="a"),
    TaskFailed("it failed", traceback="Traceback …"),
    Skip("no data"),
    Fail("closed"),
    Retry("busy", after=2),
]


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error):
    """What was known of an error is known where it arrives."""
    sent = pickle.loads(pickle.dumps(error))

    assert type(sent) is type(error)
    assert str(sent) == str(error)
    assert {key: repr(value) for key, value in vars(sent).items()} == {
        key: repr(value) for key, value in vars(error).items()
    }


def test_a_note_arrives_with_its_error():
    """Notes are part of what was known."""
    error = Retry("busy")
    error.add_note("attempt 2 of 3")

    assert pickle.loads(pickle.dumps(error)).__notes__ == ["attempt 2 of 3"]


def test_whatever_is_wrong_with_a_graph_is_a_value_error():
    """Callers may catch the built-in kind; only signals to nbdag stand outside."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert all(issubclass(kind, NbdagError) for kind in kinds if kind.__name__.endswith("Error"))
    assert all(issubclass(kind, ValueError) for kind in kinds if issubclass(kind, GraphError))
    assert issubclass(UnknownTaskError, KeyError)
    assert not any(issubclass(signal, NbdagError) for signal in (Skip, Fail, Retry))


def test_data_becomes_attributes():
    """An error tells by name what it is about."""
    error = TaskTimeout("too long", task="train", attempt=2)

    assert (error.task, error.attempt, str(error)) == ("train", 2, "too long")


def test_a_graph_error_lists_its_problems():
    """They are numbered, so that one can be spoken of; each is an error of its own."""
    problems = [SharedNameError("lr"), UnknownTaskError("laod", ["load"])]

    error = GraphError(problems)

    assert error.problems == tuple(problems)
    assert str(error) == (
        "the pipeline has 2 problems:\n"
        "1. 'lr' is a task and also a parameter of the pipeline. Rename one of them.\n"
        "2. 'laod' is not a task of this pipeline. Did you mean 'load'?"
    )


def test_a_single_problem_is_its_own_list():
    """Whoever looks at `.problems` finds one in every graph error."""
    error = SharedNameError("lr")

    assert error.problems == (error,)


def test_a_thousand_problems_stay_readable():
    """The message shows the first fifty and counts the rest; the error holds all."""
    error = GraphError([SharedNameError(f"p{number}") for number in range(1000)])

    assert len(error.problems) == 1000
    assert len(str(error).splitlines()) == 52
    assert str(error).endswith("… and 950 more; the error's .problems holds them all")


def test_an_unknown_task_reads_like_a_sentence():
    """Although it is a KeyError, it does not show as a quoted key."""
    assert str(UnknownTaskError("x")) == "'x' is not a task of this pipeline."


def test_both_places_of_a_double_definition_are_said():
    """The message offers both ways out."""
    assert str(DuplicateTaskError("a", "Cell In[1], line 1", "steps.py:12")) == (
        "task 'a' is defined twice: Cell In[1], line 1 and steps.py:12. Rename one of them, "
        "or remove the first with pipeline.remove('a')."
    )


@pytest.mark.parametrize("count", [20, 21])
def test_a_path_is_cut_only_when_it_is_long(count):
    """Twenty tasks are shown in full; of more, the first and last ten."""
    path = [f"t{number}" for number in range(count)]

    shown = str(CycleError([*path, "t0"]))

    assert ("… 1 more …" in shown) == (count > 20)
    assert (" -> ".join([*path, "t0"]) in shown) == (count <= 20)


def test_a_retry_can_be_without_a_delay_of_its_own():
    """Then the task's retry options decide."""
    assert Retry("busy").after is None
    assert Retry(after=2).after == 2.0


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), "5"])
def test_a_retry_after_no_span_is_refused(after):
    """What cannot be waited for is a mistake in the task, shown where it was made."""
    with pytest.raises(ValueError, match="must be a number of seconds, 0 or more"):
        Retry("busy", after=after)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trian", " Did you mean 'train'?"),
        ("trainer", " Did you mean 'train'?"),
        ("loap", " Did you mean 'loop' or 'load'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_hint_offers_what_is_about_as_close_as_the_closest(name, hint):
    """A name that is much closer than the others stands alone."""
    assert did_you_mean(name, ["train", "load", "loop", "drain_all"]) == hint


def test_a_hint_offers_each_name_once():
    """A name may be known twice, as a task and as the notebook's variable for it."""
    assert did_you_mean("raww", iter(["raw", "clean", "raw"])) == " Did you mean 'raw'?"
