"""Parameters of one run: which argument each of them sets."""

import pytest

from nbdag.core.errors import ParamError
from nbdag.core.graph import build_graph
from nbdag.core.options import make_spec
from nbdag.core.params import resolve_params


def load(path="iris.csv", seed=0):
    return path, seed


def train(load, lr, epochs=10, seed=0):
    return load, lr, epochs, seed


GRAPH = build_graph([make_spec(load), make_spec(train)], params={"lr"})


def resolved(**params):
    return resolve_params(GRAPH, {"lr"}, {name.replace("__", "."): value for name, value in params.items()})


def test_a_pipeline_parameter_is_set_by_its_name():
    """Every task that takes it gets the value."""
    assert resolved(lr=0.5) == {"lr": 0.5}


def test_an_own_parameter_is_set_in_full_or_by_its_unique_name():
    """Both ways name the one argument."""
    assert resolved(train__epochs=20) == {"train.epochs": 20}
    assert resolved(epochs=20) == {"train.epochs": 20}


@pytest.mark.parametrize("order", [("epochs", "train__epochs"), ("train__epochs", "epochs")])
def test_the_full_name_wins(order):
    """Given both ways, an argument takes what its full name says, in any order."""
    assert resolved(**{name: name for name in order}) == {"train.epochs": "train__epochs"}


def test_nothing_given_changes_nothing():
    """A run without params is on the main line."""
    assert resolved() == {}


def test_every_wrong_name_is_answered_at_once():
    """An ambiguous name lists its meanings, a typo the name it may have meant."""
    with pytest.raises(ParamError) as caught:
        resolved(seed=1, epoch=2, qqq=3)

    assert isinstance(caught.value, ValueError)
    assert caught.value.names == ("seed", "epoch", "qqq")
    assert str(caught.value).splitlines() == [
        "params: 'seed' could be 'load.seed' or 'train.seed'. Give the full name.",
        "params: 'epoch' is no parameter of the pipeline or of a task. Did you mean 'epochs'?",
        "params: 'qqq' is no parameter of the pipeline or of a task.",
    ]


def test_a_task_is_no_parameter():
    """A task's result is set by overrides, not by params."""
    with pytest.raises(ParamError, match="'load' is no parameter"):
        resolved(load=1)
