"""The line under a `%%dag_task` cell."""

import math

from nbdag.core.options import make_spec
from nbdag.notebook.cells import read_cell
from nbdag.notebook.functions import function_of
from nbdag.notebook.sentence import sentence


def of_body(text, name="train", *, tasks=(), params=None, notes=(), options=None, **namespace):
    cell = read_cell(text, name)
    namespace = {"__name__": "__main__", **namespace}
    make = function_of(cell, namespace)
    spec = make_spec(
        make(()),
        name=name,
        candidates=cell.reads,
        must_bind=cell.must_bind,
        specialise=make,
        **(options or {}),
    )
    return sentence(spec, tasks={*tasks, name}, params=params or {}, namespace=namespace, notes=notes)


def notebook_function(text):
    namespace = {"__name__": "__main__"}
    exec(text, namespace)
    return next(value for name, value in namespace.items() if name[:2] != "__")


def test_it_tells_inputs_and_what_is_read_besides():
    """Tasks, parameters with their value, then the notebook's own functions and values; modules go without saying."""
    told = of_body(
        "x = ratios(features, lr)\nmath.floor(x) + CFG",
        tasks=["features"],
        params={"lr": 0.1},
        ratios=notebook_function("def ratios(): pass"),
        CFG=1,
        math=math,
    )

    assert told == "train ← features (task), lr=0.1 (param) · reads ratios(), CFG"


def test_a_task_that_needs_nothing_says_so():
    """No arrow points nowhere."""
    assert of_body("1") == "train takes no input"


def test_a_name_nobody_defines_is_told_with_what_may_be_meant():
    """Neither task, nor parameter, nor variable, nor built-in; a later cell may still define it."""
    assert of_body("len(featuers)", tasks=["features"]) == (
        "train takes no input · not defined yet: featuers. Did you mean 'features'?"
    )


def test_a_name_that_is_read_and_then_assigned_must_become_an_input():
    """The notebook's variable of that name does not help: in the body it is another one."""
    assert of_body("raw = raw + 1\nraw", raw=5) == (
        "train takes no input · assigns raw only after reading it, so it must be a task or a parameter"
    )


def test_a_variable_of_the_body_is_not_a_global():
    """One that a loop may leave unbound is no cause for alarm."""
    assert of_body("for i in (1, 2):\n    loss = i\nloss") == "train takes no input"


def test_listed_tasks_come_first_whether_or_not_they_are_there():
    """Dependencies that are no input only order; one that is missing is told."""
    assert of_body("x", tasks=["x", "setup"], options={"dependencies": ["x"], "after": ["setup", "later"]}) == (
        "train ← x (task), setup (first) · not defined yet: later"
    )


def test_the_def_form_tells_defaults_and_missing_arguments():
    """An argument with a default is the task's own parameter."""
    spec = make_spec(notebook_function("def train(features, epochs=10): return CFG"), name="train")

    assert sentence(spec, tasks={"train"}, params={}, namespace={}) == (
        "train ← epochs=10 (default) · not defined yet: features, CFG"
    )


def test_long_values_and_long_lists_are_cut():
    """The line stays a line."""
    told = of_body("; ".join("abcdefghij") + "; p", params={"p": list(range(100))}, **dict.fromkeys("abcdefghij", 0))

    assert told == "train ← p=[0, 1, 2, ...] (param) · reads a, b, c, d, e, f, g, h and 2 more"


def test_notes_come_last():
    """What the definition changed besides."""
    assert of_body("1", notes=["dropped trian"]) == "train takes no input · dropped trian"
