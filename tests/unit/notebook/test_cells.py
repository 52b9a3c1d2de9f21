"""How a cell is read: its form, its result, what it shows to tracebacks."""

import ast
import asyncio

import pytest

from nbdag.notebook.cells import BodyCell, CellError, DefCell, read_cell
from nbdag.notebook.functions import function_of, runner_of


def body(text: str, name: str = "train") -> BodyCell:
    cell = read_cell(text, name)
    assert isinstance(cell, BodyCell)
    return cell


def run(text: str, name: str = "train", **inputs):
    """The result of a body whose other names are those given."""
    return function_of(body(text, name), {})(tuple(inputs))(*inputs.values())


def refusal(text: str, name: str | None = "train") -> str:
    with pytest.raises(CellError) as caught:
        read_cell(text, name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("return 5", 5),
        ("train = 1\nreturn 5", 5),
        ("train = 1\nother = 2", 1),
        ("train = 1\ntrain + 1", 1),
        ("for train in (1, 2): pass", 2),
        ("import math as train\ntrain = train.floor(2.5)", 2),
        ("x = 3\nx + 1", 4),
        ("x = 3\nx + 1;", 4),
        ("[1, 2].copy()", [1, 2]),
        ("x = 3\nNone", None),
        ("'text'", "text"),
    ],
)
def test_the_result_is_returned_or_named_or_last(text, result):
    """What is returned; else the variable named as the task; else the last expression."""
    assert run(text) == result


@pytest.mark.parametrize(("early", "result"), [(True, 5), (False, 6)])
def test_paths_without_a_return_end_with_the_fallback(early, result):
    """A `return` in a branch leaves the other paths their own result: the named variable or the last expression."""
    assert run("if early:\n    return 5\ntrain = 6", early=early) == result
    assert run("if early:\n    return 5\n6", early=early) == result


def test_a_body_that_returns_on_some_paths_gives_none_on_the_others():
    """As any function: a `return` somewhere says that the result was thought of."""
    assert run("if early:\n    return 5\nx = 6", early=False) is None


@pytest.mark.parametrize("text", ["x = 1", "for x in (1,): x", "if a:\n    return", "import math", "pass"])
def test_a_body_without_a_result_is_refused(text):
    """A forgotten result shows at once, with the three ways to mend it."""
    assert refusal(text) == (
        "task 'train' has no result: end its cell with an expression, assign a variable named train, or return "
        "something; where None is meant, write None on the last line"
    )


@pytest.mark.parametrize(
    "text", ["raise ValueError", "while True:\n    pass", "if a:\n    return 1\nelse:\n    raise KeyError"]
)
def test_a_body_that_never_reaches_its_end_needs_no_result(text):
    """Nothing is missing where no path comes to the end."""
    assert body(text).name == "train"


@pytest.mark.parametrize("text", ["train = train + 1", "train(x)", "print(train)\ntrain = 1", "lambda: train"])
def test_a_body_that_reads_its_own_name_first_is_refused(text):
    """A task cannot be its own input."""
    assert "task 'train' reads its own name before it assigns it" in refusal(text)


def test_its_own_name_may_be_built_up():
    """What may have been assigned by then is no input."""
    text = "for i in (1, 2):\n    if i == 2:\n        train = train + i\n    else:\n        train = i"

    assert run(text) == 3
    assert "train" not in body(text).reads


def test_inputs_become_arguments_and_variables_stay_inside():
    """`raw = raw.dropna()` works: raw is an input, then a variable; the notebook's namespace stays as it was."""
    cell = body("raw = [r for r in raw if r > low]\nlast = raw\nlast")
    notebook = {"low": 1}

    result = function_of(cell, notebook)(("raw",))([1, 2, 3])

    assert (result, cell.reads, cell.must_bind) == ([2, 3], ("raw", "low"), ("raw",))
    assert set(notebook) <= {"low", "__builtins__"}


def test_globals_stay_live():
    """A helper that is defined anew is used at the next call."""
    notebook = {"scale": 2}
    double = function_of(body("x * scale"), notebook)(("x",))
    notebook["scale"] = 10

    assert double(3) == 30


def test_each_set_of_inputs_is_compiled_once():
    """Asked again for the same inputs, the same function is given."""
    make = function_of(body("x + y"), {"y": 1})

    assert make(("x",)) is make(("x",))
    assert make(("x",)) is not make(())


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [("train = 1\n'seen'", True), ("train = 1\n'seen';", False), ("train = 1\nNone", False), ("'seen'", False)],
)
def test_a_last_expression_that_is_not_the_result_is_shown(text, is_shown, capsys):
    """Where the named variable is the result, a last expression only shows itself, unless a semicolon forbids it."""
    run(text)

    assert capsys.readouterr().out == ("seen\n" if is_shown else "")


def test_await_makes_the_task_a_coroutine():
    """A body that awaits becomes an `async def`; one that only defines such functions does not."""
    make = function_of(body("await wait(0)\n7"), {"wait": asyncio.sleep})

    assert asyncio.run(make(())()) == 7
    assert body("async def f():\n    await g()\nf").text.startswith("def train")


def test_the_shown_text_has_the_lines_of_the_cell():
    """Below a line for the magic stands the body, indented; strings are left as they are."""
    text = 'sql = """select\n  *"""\n\nif sql:  # why\n    rows = f(sql)\nrows'

    assert read_cell(text, "rows_of", command="rows_of   --retries 2").text == (
        "def rows_of():  # %%dag_task rows_of --retries 2\n"
        '    sql = """select\n'
        '  *"""\n'
        "\n"
        "    if sql:  # why\n"
        "        rows = f(sql)\n"
        "    rows"
    )


@pytest.mark.parametrize(
    "text",
    ['"""a\n  b"""', "x = 1\nf'''{x}\n  {x +\n1}\nz'''", '"a\\\n  b"', "r'''\n'''", 'f"{1}" "b" """\nc"""'],
)
def test_strings_over_several_lines_keep_their_value(text):
    """Indenting the text must not reach into a string."""
    *before, last = ast.parse(text).body
    namespace = {}
    exec(compile(ast.Module(before, []), "<text>", "exec"), namespace)

    assert run(text) == eval(compile(ast.Expression(last.value), "<text>", "eval"), namespace)


def test_an_error_names_the_line_of_the_cell():
    """A traceback counts the magic's line as line 1."""
    with pytest.raises(ZeroDivisionError) as caught:
        run("x = 1\n\nx / 0")

    assert caught.traceback[-1].lineno + 1 == 4


def test_the_result_of_a_name_that_no_path_bound_says_so():
    """A named variable that a branch left out fails as in any function."""
    with pytest.raises(UnboundLocalError, match="train"):
        run("if ok:\n    train = 1", ok=False)


# ------------------------------------------------------------------- def form


def test_a_def_of_the_tasks_name_is_the_task():
    """With a top-level `def` of that name, what stands around it runs as in a plain cell."""
    notebook = {}
    cell = read_cell(
        "import math\ndef twice(f): return lambda: 2 * f()\n@twice\ndef train():\n    return math.floor(2.5)\n", "train"
    )
    assert isinstance(cell, DefCell)

    function = runner_of(cell, notebook)()

    assert (function(), cell.line) == (4, 5)
    assert notebook["train"] is function
    assert "math" in notebook


def test_the_only_def_is_the_task_where_no_name_is_given():
    """`async def` too; a def within another block does not count."""
    cell = read_cell("if True:\n    def other(): pass\nasync def load(): return 1")

    assert (type(cell), cell.name) == (DefCell, "load")


def test_a_def_of_another_name_belongs_to_the_body():
    """With a NAME that no def has, the cell is a body; its functions stay inside."""
    assert run("def double(x):\n    return 2 * x\ndouble(4)") == 8


def test_a_last_expression_of_the_def_form_is_shown(capsys):
    """As in a plain cell."""
    runner_of(read_cell("def load(): return 1\nload()"), {})()

    assert capsys.readouterr().out == "1\n"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (
            "def load(): pass\ndef fix(): pass",
            None,
            "this cell defines several functions: load (line 2), fix (line 3); say which is the task: %%dag_task load",
        ),
        (
            "def load(): pass\n\ndef load(): pass",
            None,
            "'load' is defined 2 times in this cell: load (line 2), load (line 4); keep one of them",
        ),
        (
            "def load(): pass\ndef load(): pass\nx = 1",
            "load",
            "'load' is defined 2 times in this cell: load (line 2), load (line 3); keep one of them",
        ),
        ("x = 1", None, "give the task a name, as in `%%dag_task load`, or write its `def` in the cell"),
        ("1", "class", "'class' cannot name a cell's task: other cells read its result as a Python variable"),
        ("# soon", "load", "task 'load' has an empty cell: write its body, or its def, below the %%dag_task line"),
    ],
)
def test_a_cell_that_is_no_task_says_what_to_write(text, name, message):
    """Every refusal names the remedy."""
    assert refusal(text, name) == message


def test_await_around_a_def_is_refused():
    """What stands around the def runs at once, where nothing can be awaited."""
    with pytest.raises(CellError, match="move it into the function"):
        runner_of(read_cell("await f()\ndef load(): pass"), {})


def test_a_decorator_that_leaves_no_function_is_refused():
    """The task must be something to call."""
    with pytest.raises(CellError, match="'load' is no function any more once its decorators have run, but of type int"):
        runner_of(read_cell("@len\n@lambda f: 'abc'\ndef load(): pass"), {})()


def test_a_syntax_error_has_the_line_of_the_cell():
    """Counted from the magic's line, whether the parser or the compiler finds it."""
    with pytest.raises(SyntaxError) as parsed:
        read_cell("x = 1\ny = (", "load")
    with pytest.raises(SyntaxError) as compiled:
        function_of(body("x = 1\nbreak\nx"), {})(())

    assert (parsed.value.lineno, compiled.value.lineno) == (3, 3)


@pytest.mark.parametrize(("name", "valid"), [("my task", "my_task"), ("my-task", "my_task"), ("1st", "_1st")])
def test_a_name_that_is_no_variable_is_answered_with_one_that_is(name, valid):
    """A cell's task needs a name that other cells can write; the nearest such name is offered."""
    with pytest.raises(CellError, match=rf"Python variable\. Did you mean '{valid}'\?"):
        read_cell("1", name)
