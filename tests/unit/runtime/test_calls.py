"""What a node calls, and with which arguments."""

from nbdag.core.compiled import compile_graph
from nbdag.core.graph import build_graph
from nbdag.core.options import make_spec
from nbdag.runtime.calls import compile_calls


def calls(*specs, params=(), given=()):
    graph = build_graph(specs, params)
    compiled = compile_graph(graph, given=[graph.resolve(name) for name in given])
    return {call.task: call for call in compile_calls(graph, compiled)}


def one():
    return 1


def two():
    return 2


def test_arguments_are_results_and_parameters():
    """An argument is the result of the task it names, or the value of the parameter; defaults are left to Python."""

    def train(one, lr, epochs=3): ...

    call = calls(make_spec(one), make_spec(train), params=["lr"])["train"]

    assert call.arguments(["result of one", None], {"lr": 0.1}) == ([], {"one": "result of one", "lr": 0.1})


def test_a_tasks_own_parameter_reaches_it_alone():
    """`train.epochs` is the argument of train, not that of another task."""

    def train(epochs=3): ...

    def test(epochs=5): ...

    both = calls(make_spec(train), make_spec(test))

    assert both["train"].arguments([], {"train.epochs": 20}) == ([], {"epochs": 20})
    assert both["test"].arguments([], {"train.epochs": 20}) == ([], {})


def test_positional_only_arguments_come_in_order():
    """Arguments that take no name are given by position, a default where a later one needs its place."""

    def join(two, scale=10, one=None, /, *, lr): ...

    call = calls(make_spec(one), make_spec(two), make_spec(join), params=["lr"])["join"]

    assert call.arguments(["from one", "from two", None], {"lr": 0.1}) == (["from two", 10, "from one"], {"lr": 0.1})


def test_any_keyword_takes_every_listed_dependency():
    """With **kwargs each listed dependency reaches the function by name."""

    def merge(**parts): ...

    call = calls(make_spec(one), make_spec(two), make_spec(merge, dependencies=["one", "two"]))["merge"]

    assert call.arguments([1, 2, None], {}) == ([], {"one": 1, "two": 2})


def test_a_dependency_without_an_argument_only_orders():
    """A listed task that the function does not take gives it nothing."""

    def report(): ...

    call = calls(make_spec(one), make_spec(report, dependencies=["one"]))["report"]

    assert call.arguments([1, None], {}) == ([], {})


def test_a_given_task_needs_no_inputs():
    """A task whose result is given is never called, so what it would take need not be there."""

    def train(one): ...

    graph = build_graph([make_spec(one), make_spec(train)], ())
    compiled = compile_graph(graph, [1], given=[1])

    [call] = compile_calls(graph, compiled)

    assert (call.task, call.inputs) == ("train", ())


def test_a_cells_function_is_made_for_its_inputs():
    """The body of a cell becomes a function of exactly the names that are tasks or parameters."""
    made = []

    def specialise(arguments):
        made.append(arguments)
        return lambda **given: given

    spec = make_spec(lambda: None, name="cell", candidates=("one", "lr", "np"), specialise=specialise)

    call = calls(make_spec(one), spec, params=["lr"])["cell"]

    assert made[-1] == ("one", "lr")
    _, named = call.arguments([1, None], {"lr": 0.5})
    assert call.func(**named) == {"one": 1, "lr": 0.5}
