"""What a body may read before it binds it, law by law."""

import ast
import builtins
from contextlib import nullcontext, suppress
from random import Random
from textwrap import indent

import pytest

from nbdag.notebook.flow import Flow, read_flow


def flow(text: str) -> Flow:
    return read_flow(ast.parse(text).body)


def reads(text: str) -> list[str]:
    """The names read from outside that are no built-ins."""
    return [name for name in flow(text).reads if not hasattr(builtins, name)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("raw = raw.dropna()", ["raw"]),
        ("total += 1", ["total"]),
        ("clean = raw\nclean.head()", ["raw"]),
        ("b = a\na = 1", ["a"]),
        ("a = b = c", ["c"]),
        ("a, (b, *c) = d\na, b, c", ["d"]),
        ("table[key] = value", ["value", "table", "key"]),
        ("model.rate = rate", ["rate", "model"]),
        ("x: int = y\nx", ["y"]),
        ("x: Frame\nx = 1", []),
        ("del raw", ["raw"]),
        ("a = 1\ndel a\na", ["a"]),
        ("a = 1\ndel (a, b)", ["b"]),
        ("import os.path, numpy as np\nfrom sys import argv as words\nos, np, words", []),
        ("import numpy as np\nnumpy", ["numpy"]),
        ("(n := size) + n", ["size"]),
        ("f'{a:{width}}'", ["a", "width"]),
        ("global seen\nseen = 1\nseen", []),
        ("assert ok, why", ["ok", "why"]),
        ("get_ipython().system('head {path} $n')", ["get_ipython", "path", "n"]),
        ("n = 1\nget_ipython().getoutput('head {rows[n]:>3} $$HOME')", ["get_ipython", "rows"]),
        ("get_ipython().run_line_magic('timeit', 'f({x})')", ["get_ipython", "x"]),
        ("get_ipython().run_cell_magic('bash', '-s {x}', 'echo $y')", ["get_ipython", "x"]),
        ("get_ipython().system('awk {print $1}')", ["get_ipython"]),
        ("system('head {path}')", ["system"]),
    ],
)
def test_a_name_is_read_from_outside_unless_it_is_bound_before(text, expected):
    """In a straight line, what is bound above is local."""
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if ok:\n    a = 1\na", ["ok", "a"]),
        ("if ok:\n    a = 1\nelse:\n    a = 2\na", ["ok"]),
        ("if ok:\n    a = 1\nelse:\n    raise ValueError\na", ["ok"]),
        ("if ok:\n    return 0\nelse:\n    a = 2\na", ["ok"]),
        ("if found and (m := search()):\n    m\nelse:\n    m", ["found", "search", "m"]),
        ("if not (m := search()):\n    m\nm", ["search"]),
        ("if found or (m := search()):\n    m", ["found", "search", "m"]),
        ("a = (b := c) if d else 0\nb", ["d", "c", "b"]),
        ("if True:\n    a = 1\na", []),
        ("if (x := a) if b else (x := c):\n    x", ["b", "a", "c"]),
        (
            "match v:\n    case [a, *b]:\n        r = a\n    case {1: z, **w}:\n        r = w\n    case _: r = 0\nr",
            ["v"],
        ),
        ("match v:\n    case 1:\n        r = 1\nr", ["v", "r"]),
        (
            "match v:\n    case Point(x=q) if q > low:\n        r = q\n    case other:\n        r = other\nr",
            ["v", "Point", "low"],
        ),
        ("match v:\n    case color.RED | 2 as c:\n        c", ["v", "color"]),
    ],
)
def test_a_name_is_local_after_branches_only_if_every_branch_binds_it(text, expected):
    """Branches are joined by what all of them bind; those that never go on do not count."""
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for b in batches:\n    loss = step(b)\nloss", ["batches", "step", "loss"]),
        ("loss = 0\nfor b in batches:\n    loss = loss + b\nloss", ["batches"]),
        ("for i in r:\n    i\ni", ["r", "i"]),
        ("for i in r:\n    if i:\n        a = 1\n        break\nelse:\n    a = 2\na", ["r"]),
        ("while True:\n    a = 1\n    if a:\n        break\na", []),
        ("while more():\n    a = 1\na", ["more", "a"]),
        ("while (line := next_line()):\n    line\nline", ["next_line"]),
        ("a = 1\nfor i in r:\n    a\n    del a", ["r", "a"]),
        ("for i in r:\n    continue\n    a", ["r"]),
        ("for x[i] in r:\n    pass", ["r", "x", "i"]),
    ],
)
def test_a_loop_may_turn_no_time_or_many_times(text, expected):
    """What only the turns of a loop bind may be unbound after it; what they delete may be gone in the next."""
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    a = f()\nexcept ValueError:\n    a = 0\na", ["f"]),
        ("try:\n    a = f()\nexcept ValueError:\n    pass\na", ["f", "a"]),
        ("try:\n    a = f()\nexcept ValueError:\n    raise\na", ["f"]),
        ("try:\n    f()\nexcept ValueError as e:\n    e\ne", ["f", "e"]),
        ("try:\n    raise ValueError\nexcept ValueError as e:\n    pass\ne", ["e"]),
        ("try:\n    a = f()\nexcept ValueError:\n    a", ["f", "a"]),
        ("a = 1\ntry:\n    del a\n    f()\nexcept ValueError:\n    a", ["f", "a"]),
        ("try:\n    f()\nexcept ValueError:\n    a = 1\nelse:\n    a = 2\na", ["f"]),
        ("try:\n    a = f()\nfinally:\n    a", ["f", "a"]),
        ("try:\n    a = f()\nfinally:\n    b = 1\na, b", ["f"]),
        ("try:\n    f()\nexcept* ValueError as group:\n    group", ["f"]),
        ("with open(path) as f:\n    data = f.read()\ndata", ["path"]),
        ("with lock, open(path) as (f, g):\n    f, g", ["lock", "path"]),
        ("with contextlib.suppress(KeyError):\n    a = f()\na", ["contextlib", "f", "a"]),
    ],
)
def test_a_statement_that_failed_has_bound_nothing(text, expected):
    """A handler may start anywhere in its `try`; a `with` is believed to let errors through, `suppress` not."""
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f():\n    return raw * k\nraw = load()\nf()", ["load", "k"]),
        ("def f():\n    return raw\nf()\nraw = 1", ["raw"]),
        ("def f():\n    return g()\ndef g():\n    return raw\nf()\nraw = 1", ["raw"]),
        ("def f():\n    return g()\ndef g():\n    return f()\nf()", []),
        ("@register\ndef f():\n    return raw\nraw = 1", ["register", "raw"]),
        ("def f(a, b=size, *c, d=deep, **e) -> Hint:\n    return a, b, c, d, e\nf", ["size", "deep", "Hint"]),
        (
            "def f():\n    local = 1\n    def g():\n        nonlocal local\n        local += step\n    return g\nf",
            ["step"],
        ),
        ("def f():\n    global counter\n    counter = counter + 1\nf()", []),
        ("def f():\n    return raw\nif ok:\n    raw = 1\n    f()\nf()", ["ok", "raw"]),
        ("def f():\n    return fit", ["fit"]),
        ("key = lambda row: row[column]\ncolumn = 'a'\nkey", ["column"]),
        ("f = lambda x, y=low: x + y", ["low"]),
        ("[x for x in rows if x > low]", ["rows", "low"]),
        ("{k: v for k, v in pairs}", ["pairs"]),
        ("[y for x in rows for y in x]", ["rows"]),
        ("rows = [1]\nsum(x for x in rows)", []),
        ("[last := x for x in rows]\nlast", ["rows", "last"]),
        (
            "class A(Base, metaclass=Meta):\n    limit = top\n    def f(self):\n        return limit, fit\nA()",
            ["Base", "Meta", "top", "limit", "fit"],
        ),
        ("class A:\n    rows = rows", []),
        ("class A:\n    def f(self):\n        return raw\nraw = 1\nA()", []),
    ],
)
def test_a_nested_function_reads_when_it_is_used(text, expected):
    """Names that a function takes from around it are read at its uses; those of a class or list at once."""
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("raw = raw.dropna()", ("raw",)),
        ("for b in batches:\n    loss = b\nloss", ()),
        ("if ok:\n    a = 1\na", ()),
        ("for i in r:\n    if i:\n        previous\n    previous = i", ()),
        ("for i in r:\n    try:\n        break\n    finally:\n        y = 1\ny", ()),
        ("key = lambda row: row[column]\ncolumn = 'a'", ()),
        ("limit\nrate", ()),
        ("if ok:\n    a\na = 1", ("a",)),
    ],
)
def test_must_bind_holds_only_reads_that_nothing_can_have_prepared(text, expected):
    """A read counts as hopeless only where no path to it binds the name."""
    assert flow(text).must_bind == expected


def test_how_a_body_ends():
    """Whether a path reaches the end, whether a value is returned, whether it awaits."""
    ended = {
        text: (found.falls_through, found.returns_value, found.is_async)
        for text in (
            "a = 1",
            "return 1",
            "if a:\n    return 1",
            "if a:\n    return 1\nelse:\n    raise ValueError",
            "return",
            "while True:\n    pass",
            "await f()",
            "async with a:\n    pass",
            "[x async for x in a]",
            "async def f():\n    await g()",
            "f(x async for x in a)",
        )
        for found in [flow(text)]
    }

    assert ended == {
        "a = 1": (True, False, False),
        "return 1": (False, True, False),
        "if a:\n    return 1": (True, True, False),
        "if a:\n    return 1\nelse:\n    raise ValueError": (False, True, False),
        "return": (False, False, False),
        "while True:\n    pass": (False, False, False),
        "await f()": (True, False, True),
        "async with a:\n    pass": (True, False, True),
        "[x async for x in a]": (True, False, True),
        "async def f():\n    await g()": (True, False, False),
        "f(x async for x in a)": (True, False, False),
    }


def test_what_cannot_be_reached_reads_nothing():
    """Code below a return asks for no input."""
    assert reads("return 1\nraw") == []


NAMES = ("a", "b", "c")
SIMPLE = (
    "{0} = 1",
    "use({0})",
    "{0} = {1}",
    "use(coin() and ({0} := 1) and {1})",
    "use([{0} for _ in (1, 2) if coin()])",
    "helper = lambda: {0}\nuse(helper())",
    "def helper(): return {0}\nuse(helper())",
    "if coin(): return {0}",
    "use(first() if coin() else 0)",
    "boom()",
)
COMPOUND = (
    "if coin():\n{body}",
    "if coin():\n{body}\nelse:\n{rest}",
    "for {0} in range(flips()):\n{body}\n    if coin(): break",
    "for _ in range(flips()):\n{body}\n    if coin(): continue\nelse:\n{rest}",
    "while coin():\n{body}",
    "try:\n{body}\nexcept ValueError:\n{rest}",
    "try:\n{body}\nexcept ValueError as error:\n{rest}",
    "try:\n{body}\nfinally:\n{rest}",
    "with held():\n{body}",
    "match coin():\n    case True:\n        {0} = 2\n    case {1}:\n        use({1})",
)


def random_block(random: Random, depth: int) -> str:
    """One to four statements over three names: `coin()` decides branches, `boom()` may raise."""
    statements = []
    for _ in range(random.randint(1, 4)):
        template = random.choice(SIMPLE if depth == 0 or random.random() < 0.6 else COMPOUND)
        parts = {part: indent(random_block(random, depth - 1), "    ") for part in ("body", "rest") if part in template}
        statements.append(template.format(*random.sample(NAMES, 2), **parts))
    return "\n".join(statements)


@pytest.mark.parametrize("seed", range(0, 2000, 100))
def test_with_all_its_reads_given_no_body_finds_a_name_unbound(seed):
    """Whatever path a body takes, each name it finds unbound is one that it was said to read from outside."""
    for random in map(Random, range(seed, seed + 100)):
        body = "def first(): return a\n" + random_block(random, depth=3)
        arguments = ", ".join(name for name in flow(body).reads if name in NAMES)

        def boom(random=random):
            if random.random() < 0.3:
                raise ValueError

        namespace = {
            "coin": lambda random=random: random.random() < 0.5,
            "flips": lambda random=random: random.randrange(3),
            "boom": boom,
            "use": id,
            "held": nullcontext,
        }
        exec(f"def task({arguments}):\n{indent(body, '    ')}", namespace)
        for _ in range(10):
            with suppress(ValueError):
                namespace["task"](*arguments.split(", ")[: arguments.count(",") + bool(arguments)])
