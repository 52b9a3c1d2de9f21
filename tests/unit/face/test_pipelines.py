"""Which pipelines there are, and which is the current one."""

import gc

import pytest

from nbdag import DAG, current
from nbdag.pipelines import choose, find, names


def test_the_pipeline_made_last_is_current():
    """A new pipeline becomes the current one; another can be chosen."""
    first, second = DAG("first"), DAG("second")
    assert current() is second

    choose(first)

    assert current() is first


def test_pipelines_are_found_by_name_while_they_live():
    """Of two of one name the later is found; one that nobody holds is gone."""
    kept, later = DAG("of one name"), DAG("of one name")
    DAG("held by nobody")
    choose(kept)
    gc.collect()

    assert find("held by nobody") is None
    assert find("of one name") is kept
    assert "of one name" in names()
    choose(later)
    assert find("of one name") is later


def test_outside_a_notebook_a_new_pipeline_is_silent(capsys):
    """A script that makes a pipeline again prints nothing."""
    earlier = DAG("again")
    earlier.task(lambda: 1, name="a")

    DAG("again")

    assert capsys.readouterr().out == ""


def test_in_a_notebook_the_earlier_one_is_told(capsys, monkeypatch):
    """Who makes a pipeline of a taken name is told what stays in the earlier object, and how to take it over."""
    earlier = DAG("again")
    earlier.task(lambda: 1, name="a")
    monkeypatch.setattr("nbdag.pipelines.front_end", lambda: "kernel")

    DAG("again")

    assert capsys.readouterr().out == (
        "again is new and empty; the earlier pipeline of this name keeps its 1 task "
        "(pipeline.adopt(earlier) takes them over)\n"
    )


@pytest.fixture(autouse=True)
def _put_back():
    before = current()
    yield
    if before is not None:
        choose(before)
