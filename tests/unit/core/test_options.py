"""Options of a task: kept when they can be, refused with task, value and remedy when not."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nbdag.core.errors import OptionError
from nbdag.core.options import CACHING, OPTIONS, make_spec
from nbdag.core.retry import RetryPolicy
from nbdag.core.task import TaskSpec
from nbdag.core.triggers import TriggerRule


def train(data: object, lr: float = 0.1) -> object:
    return data, lr


async def fetch(url: str) -> str:
    return url


def test_a_task_without_options_is_named_after_its_function():
    """What is left out has the default of the manual: no retry, no limit, inferred dependencies."""
    spec = make_spec(train)

    assert spec == TaskSpec(name="train", func=train, arguments=spec.arguments)
    assert [argument.name for argument in spec.arguments] == ["data", "lr"]


def test_every_option_reaches_the_spec():
    """A task keeps each option it was given, in the form the machine needs."""
    spec = make_spec(
        train,
        name="fit",
        dependencies=["data"],
        after=["clean"],
        retries=3,
        retry_delay=2,
        backoff=2,
        max_retry_delay=60,
        jitter=0.5,
        retry_on=OSError,
        no_retry_on=[FileNotFoundError],
        timeout=30,
        total_timeout=timedelta(minutes=2),
        kill_grace=1,
        trigger="all_done",
        allow_failure=True,
        cleanup=True,
        priority=-2,
        resources={"gpu": 1, "disk": 0.5},
        tags=["slow"],
        keep=False,
        place="Cell In[3], line 1",
    )

    assert spec == TaskSpec(
        name="fit",
        func=train,
        arguments=spec.arguments,
        dependencies=("data",),
        after=("clean",),
        retry=RetryPolicy(3, 2.0, 2.0, 60.0, 0.5, OSError, (FileNotFoundError,)),
        timeout=30.0,
        total_timeout=120.0,
        kill_grace=1.0,
        trigger=TriggerRule.ALL_DONE,
        allow_failure=True,
        cleanup=True,
        priority=-2,
        resources=(("disk", 0.5), ("gpu", 1.0)),
        tags=("slow",),
        keep=False,
        place="Cell In[3], line 1",
    )


def test_caching_options_are_kept_where_given():
    """Options about reuse are checked and recorded in one place."""
    spec = make_spec(train, cache=False, ttl=60, version="v2", files=["iris.csv"], env=["HOME"])

    assert dict(spec.caching) == {
        "cache": False,
        "ttl": 60.0,
        "version": "v2",
        "files": ("iris.csv",),
        "env": ("HOME",),
    }
    assert set(CACHING) <= set(OPTIONS)


def test_a_cell_brings_its_free_names():
    """A cell's body is declared with the names it may take, and the maker of its function."""

    def specialise(names: tuple[str, ...]) -> Callable[..., Any]:
        return train

    spec = make_spec(lambda: 0, name="train", candidates=["raw", "CFG"], must_bind=["raw"], specialise=specialise)

    assert (spec.candidates, spec.must_bind, spec.specialise) == (("raw", "CFG"), ("raw",), specialise)


@pytest.mark.parametrize(
    ("func", "loop", "pool"), [(train, None, "thread"), (fetch, None, "loop"), (fetch, "caller", "caller")]
)
def test_the_kind_of_function_decides_where_it_runs(func, loop, pool):
    """A def runs in a thread, an async def on the worker loop, or on the caller's where it asks for that."""
    assert make_spec(func, loop=loop).pool == pool


WRONG = [
    ({"name": 3}, "name=3 must be a text, not a value of type int"),
    ({"name": ""}, "name='' must not be empty"),
    ({"dependencies": "load"}, "dependencies='load' must be a list of names: ['load']"),
    ({"dependencies": [train]}, "must be a text, not a value of type function"),
    ({"after": "load"}, "after='load' must be a list of names: ['load']"),
    ({"retries": -1}, "retries=-1 must be a whole number, 0 or more"),
    ({"retries": True}, "retries=True must be a whole number, 0 or more"),
    ({"retries": 1.0}, "retries=1.0 must be a whole number, 0 or more"),
    ({"retry_delay": -1}, "retry_delay=-1 must be 0 or more seconds"),
    ({"retry_delay": float("nan")}, "retry_delay=nan must be a finite number"),
    ({"retry_delay": []}, "retry_delay=[] must hold at least one number of seconds"),
    ({"retry_delay": [1, "2"]}, "retry_delay=[1, '2'] holds '2', which must be a number, not a value of type str"),
    ({"backoff": 0.5}, "backoff=0.5 must be a number 1 or more"),
    ({"max_retry_delay": None}, "max_retry_delay=None must be a number, not None"),
    ({"jitter": 1.5}, "jitter=1.5 must be a number from 0 to 1"),
    ({"retry_on": "OSError"}, "must be an exception class, like OSError, or a list of them, or a function of"),
    ({"retry_on": int}, "must be an exception class"),
    ({"no_retry_on": OSError()}, "must be an exception class, like OSError, or a list of them"),
    ({"timeout": 0}, "timeout=0 must be more than 0 seconds; leave it out for no limit"),
    ({"timeout": float("inf")}, "timeout=inf must be a finite number"),
    ({"timeout": "5"}, "timeout='5' must be a number, not a value of type str"),
    ({"total_timeout": timedelta(seconds=-1)}, "must be 0 or more seconds"),
    ({"kill_grace": -1}, "kill_grace=-1 must be 0 or more seconds"),
    ({"crash_retries": 1}, "crash_retries=1 is not available in nbdag 0.1; leave it out"),
    ({"isolation": "process"}, "isolation='process' is not available in nbdag 0.1; leave it out"),
    ({"isolation": "thread"}, "isolation='thread' must be left out: a def runs in a thread"),
    ({"trigger": "all_don"}, "Did you mean 'all_done'?"),
    ({"trigger": None}, "trigger=None must be one of all_success, all_done, none_failed"),
    ({"trigger": ["all_done"]}, "trigger=['all_done'] must be one of all_success"),
    ({"allow_failure": 1}, "allow_failure=1 must be True or False"),
    ({"cleanup": True}, 'cleanup=True needs trigger="all_done"'),
    ({"priority": "high"}, "priority='high' must be a whole number"),
    ({"resources": ["gpu"]}, "resources=['gpu'] must say how much of each resource"),
    ({"resources": {"gpu": 0}}, "asks 0 of 'gpu', which must be more than 0; leave it out for none"),
    ({"resources": {"gpu": "1"}}, "asks '1' of 'gpu', which must be a number"),
    ({"resources": {1: 1}}, "holds 1, which must be a text"),
    ({"tags": "slow"}, "tags='slow' must be a list of names: ['slow']"),
    ({"cache": "no"}, "cache='no' must be True or False"),
    ({"version": [1]}, "version=[1] must be a text or a number"),
    ({"files": "iris.csv"}, "files='iris.csv' must be a list of paths: ['iris.csv']"),
    ({"files": [b"iris"]}, "holds b'iris', which must be a path"),
    ({"env": {"A": 1}}, "must be a list of names, not a value of type dict"),
    ({"outputs": ["a"]}, "outputs=['a'] is not available in nbdag 0.1; leave it out"),
    ({"map_over": "files"}, "map_over='files' is not available in nbdag 0.1; leave it out"),
    ({"loop": "main"}, 'must be "caller"'),
    ({"loop": "caller"}, 'loop="caller" is for async def only'),
    ({"retrys": 2}, "there is no option retrys=2. Did you mean 'retries'"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_option_names_task_value_and_remedy(options, message):
    """What cannot be is refused when the task is defined, in words that help."""
    with pytest.raises(OptionError) as caught:
        make_spec(train, **options)

    assert "task 'train': " in str(caught.value) or "name" in options
    assert message in str(caught.value)


def test_all_wrong_options_come_in_one_error():
    """One look mends all; the error is a TypeError and a ValueError."""
    with pytest.raises(TypeError) as caught:
        make_spec(train, retries=-1, timeout=0, colour="red")

    assert isinstance(caught.value, ValueError)
    assert caught.value.problems == (
        "retries=-1 must be a whole number, 0 or more",
        "timeout=0 must be more than 0 seconds; leave it out for no limit",
        "there is no option colour='red'.",
    )
    assert str(caught.value).startswith("task 'train': 3 options cannot be:\n  retries=-1")


@pytest.mark.parametrize("func", [lambda: 0, functools.partial(train, lr=1)])
def test_a_function_without_a_name_asks_for_one(func):
    """A lambda or a partial cannot name its task."""
    with pytest.raises(OptionError, match=r'no name of its own: give the task one with name="\.\.\."'):
        make_spec(func)

    assert make_spec(func, name="fit").name == "fit"


def test_a_wrong_name_is_said_once():
    """A name that cannot be is not also called missing."""
    with pytest.raises(OptionError) as caught:
        make_spec(lambda: 0, name="a[0]")

    assert caught.value.problems == ("name='a[0]' holds a square bracket; these are kept for the items of a map",)


def test_every_option_can_be_given_its_default():
    """The defaults of the table pass their own checks, so that a caller may hand them all on."""
    assert make_spec(train, **{name: option.default for name, option in OPTIONS.items()}).name == "train"
