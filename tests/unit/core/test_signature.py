"""Signatures: every sort of callable can be a task, and a generator cannot."""

import functools
from collections.abc import AsyncIterator, Iterator

import pytest

from nbdag.core.signature import own_name, read_signature
from nbdag.core.task import Argument


def plain(a, /, b, *rest, c=3, **others):
    return a, b, rest, c, others


async def fetch(url):
    return url


def numbers() -> Iterator[int]:
    yield 1


async def ticks() -> AsyncIterator[int]:
    yield 1


class Model:
    def __init__(self, depth=2):
        self.depth = depth

    def fit(self, data):
        return data

    async def __call__(self, data):
        return data


class Counter:
    def __call__(self):
        yield 1


def names(func):
    return [argument.name for argument in read_signature(func).arguments]


def test_every_kind_of_argument_is_told_apart():
    """Positional-only ones and defaults are known, *args stays empty, **kwargs takes what is listed."""
    signature = read_signature(plain)

    assert signature.arguments == (
        Argument("a", positional_only=True),
        Argument("b"),
        Argument("c", has_default=True, default=3),
    )
    assert signature.takes_any
    assert not signature.is_async


@pytest.mark.parametrize(
    ("func", "arguments"),
    [
        (Model().fit, ["data"]),
        (Model, ["depth"]),
        (Model(), ["data"]),
        (functools.partial(plain, 1), ["b", "c"]),
        (functools.lru_cache(fetch), ["url"]),
        (dict, []),
        (len, ["obj"]),
    ],
)
def test_all_sorts_of_callables_have_arguments(func, arguments):
    """Methods, classes, objects, partials, wrapped functions and builtins can be tasks."""
    assert names(func) == arguments


@pytest.mark.parametrize("func", [fetch, functools.partial(fetch, "x"), Model(), functools.partial(Model(), 1)])
def test_async_is_seen_through_wrappers(func):
    """A partial of an async def, or an object with an async __call__, is awaited."""
    assert read_signature(func).is_async


def test_a_class_with_an_async_call_is_not_async_itself():
    """Calling the class makes an object, at once."""
    assert not read_signature(Model).is_async


@pytest.mark.parametrize("func", [numbers, ticks, functools.partial(numbers), Counter()])
def test_a_generator_is_refused(func):
    """Its values would be made after the task has ended; the remedy is said."""
    with pytest.raises(TypeError, match=r"is a generator: .* Return list\(\.\.\.\) of them instead"):
        read_signature(func)


def test_the_generator_is_named():
    """The message says which function it means, where that has a name."""
    with pytest.raises(TypeError, match="the function 'numbers' is a generator"):
        read_signature(numbers)


def test_what_cannot_be_called_is_no_task():
    """A value in place of a function is refused."""
    with pytest.raises(TypeError, match="a task needs a function, not int"):
        read_signature(3)


@pytest.mark.parametrize(
    ("func", "name"), [(plain, "plain"), (Model, "Model"), (lambda: 0, None), (functools.partial(plain), None)]
)
def test_only_real_names_count(func, name):
    """A lambda's made-up name is none."""
    assert own_name(func) == name
