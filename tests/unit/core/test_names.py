"""Globals that a function reads, and those that nobody defines, told from its code."""

import functools
import textwrap

import pytest

from nbdag.core.names import global_values, globals_read, namespace_of, undefined_globals


def defined(source, **namespace):
    """The function `f` of a notebook in which only this source, and these names, were executed."""
    exec(compile(textwrap.dedent(source), "Cell In[1]", "exec"), namespace)
    return namespace["f"]


READS = {
    "a plain read": ("def f(x): return x * RATE + abs(x)", ("RATE",)),
    "calls and attributes": ("def f(x): return np.mean(helper(x)).real", ("np", "helper")),
    "a comprehension": ("def f(x): return [y * RATE for y in x if y in SKIP]", ("RATE", "SKIP")),
    "a lambda and an inner function": (
        """
        def f(x):
            def inner(y): return y + OFFSET
            return sorted(x, key=lambda y: inner(y) * RATE)
        """,
        ("OFFSET", "RATE"),
    ),
    "the body of a class": (
        """
        def f():
            class A(Parent):
                own = 1
                other = own + RATE
            return A
        """,
        ("Parent", "RATE"),
    ),
    "defaults and decorators inside": (
        """
        def f():
            @mark
            def inner(y=RATE): return y
            return inner
        """,
        ("RATE", "mark"),
    ),
    "only stored": ("def f():\n    global COUNT\n    COUNT = 1", ()),
    "a shadowed builtin": ("def len(x): return 0\ndef f(x): return len(x)", ("len",)),
    "no globals at all": ("def f(x): return x", ()),
}


@pytest.mark.parametrize(("source", "names"), READS.values(), ids=READS)
def test_reads_are_found_wherever_the_function_makes_them(source, names):
    """Whatever is defined inside a function reads its globals too."""
    assert sorted(globals_read(defined(source))) == sorted(names)


def test_reads_are_found_through_wrappers():
    """A partial, a method, a callable object and a decorated function read what the function inside reads."""
    plain = defined("def f(self): return RATE")
    model = type("Model", (), {"__call__": plain, "fit": plain})()

    @functools.wraps(plain)
    def wrapper(*args):
        return plain(*args), MARK  # noqa: F821 - to be found

    assert globals_read(functools.partial(functools.partial(plain), 1)) == ("RATE",)
    assert globals_read(model) == ("RATE",)
    assert globals_read(model.fit) == ("RATE",)
    assert globals_read(functools.lru_cache(plain)) == ("RATE",)
    assert globals_read(wrapper) == ("MARK", "RATE")
    assert globals_read(len) == ()
    assert globals_read(type(model)) == ()


def test_an_endless_wrapper_ends():
    """A function that wraps itself is looked at once."""
    plain = defined("def f(): return RATE")
    plain.__wrapped__ = plain

    assert globals_read(plain) == ("RATE",)


def test_values_are_those_of_now():
    """A global is read when asked, and left out while it is undefined."""
    plain = defined("def f(): return RATE, OTHER", RATE=1)

    assert dict(global_values(plain)) == {"RATE": 1}


def test_the_namespace_offers_its_public_names():
    """A typo is compared with what the notebook defines, not with what begins with an underscore."""
    assert set(namespace_of(defined("def f(): return 0", RATE=1, _secret=2))) == {"f", "RATE"}


def test_what_nobody_defines_is_undefined():
    """A name is undefined when neither the notebook nor Python knows it."""
    plain = defined("def f(x): return [RATE, CFG, len(x)]", RATE=1)

    assert undefined_globals(plain) == ("CFG",)


QUIET = {
    "it assigns the name itself": """
        def f():
            global MODEL
            MODEL = 1
            return MODEL
        """,
    "another function assigns it": """
        def init():
            global MODEL
            MODEL = 1
        def f():
            init()
            return MODEL
        """,
    "it is ready for the absence": """
        def f():
            try:
                return MODEL
            except NameError:
                return 0
        """,
    "it looks before": """
        def f():
            return MODEL if "MODEL" in globals() else 0
        """,
    "it executes text": """
        def f():
            exec("MODEL = 1", globals())
            return MODEL
        """,
    "a magic may define it": """
        def f():
            get_ipython().run_line_magic("run", "setup.py")
            return MODEL
        get_ipython = print
        """,
    "a class reads its own name": """
        def f():
            class A:
                MODEL = 1
                copy = MODEL
            return A
        """,
}


@pytest.mark.parametrize("source", QUIET.values(), ids=QUIET)
def test_no_false_alarm(source):
    """Where the code may define the name, or can do without it, there is no alarm."""
    assert undefined_globals(defined(source)) == ()


@pytest.mark.parametrize("filename", ["/home/u/venv/lib/python3.11/site-packages/lib.py", functools.__file__])
def test_a_librarys_own_names_are_its_own_business(filename):
    """An installed module may read what exists on another system only."""
    namespace = {}
    exec(compile("def f(): return WindowsError", filename, "exec"), namespace)

    assert undefined_globals(namespace["f"]) == ()


def test_annotations_are_not_executed():
    """The code that newer Pythons keep for annotations is not the function's own."""
    plain = defined("def f():\n    def __annotate__(x): return TYPE\n    return 0")

    assert undefined_globals(plain) == ()
