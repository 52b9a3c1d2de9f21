"""Which cell defined which task."""

import pytest

from nbdag.core.options import make_spec
from nbdag.notebook.ledger import Change, Ledger


def spec(name):
    return make_spec(print, name=name)


LOAD, LODE = spec("load"), spec("lode")


@pytest.fixture
def ledger():
    """Cell c1 has defined `lode`."""
    ledger = Ledger()
    ledger.define("ml", LODE, cell="c1", before={})
    return ledger


def test_a_cell_that_renames_its_task_leaves_the_old_one_behind(ledger):
    """The same cell, another name."""
    assert ledger.define("ml", LOAD, cell="c1", before={"lode": LODE}) == Change(renamed_from="lode")


@pytest.mark.parametrize("before", [{}, {"lode": spec("lode")}])
def test_an_old_task_that_is_gone_or_anothers_is_left_alone(ledger, before):
    """Only the cell's own definition is dropped."""
    assert ledger.define("ml", LOAD, cell="c1", before=before) == Change()


def test_another_cell_that_takes_the_name_over_is_told(ledger):
    """A copied cell that was not renamed."""
    assert ledger.define("ml", spec("lode"), cell="c2", before={"lode": LODE}) == Change(from_other_cell=True)


def test_the_same_cell_again_is_nothing_new(ledger):
    """Editing and running again."""
    assert ledger.define("ml", spec("lode"), cell="c1", before={"lode": LODE}) == Change()


def test_without_cell_ids_nothing_is_known(ledger):
    """A front end that sends none: no task is dropped, none is called another cell's."""
    assert ledger.define("ml", LOAD, cell=None, before={"lode": LODE}) == Change()
    assert ledger.define("ml", spec("lode"), cell=None, before={"lode": LODE}) == Change()


def test_pipelines_are_told_apart(ledger):
    """A cell may define a task in two pipelines, one after the other."""
    assert ledger.define("other", LOAD, cell="c1", before={"lode": LODE}) == Change()
