"""The graph: every argument bound, every problem found, order and neighbours."""

import functools
import pickle

import pytest

from nbdag.core import graph as graph_module
from nbdag.core.errors import (
    CycleError,
    DuplicateTaskError,
    GraphError,
    HandleReadError,
    SharedNameError,
    TriggerError,
    UndefinedNameError,
    UnknownInputError,
    UnknownTaskError,
)
from nbdag.core.graph import Input, InputKind, build_graph
from nbdag.core.options import make_spec
from nbdag.core.task import TaskSpec


def nothing():
    return None


def graph(**dependencies):
    """A graph of tasks without arguments, from their listed dependencies."""
    return build_graph([make_spec(nothing, name=name, dependencies=deps) for name, deps in dependencies.items()], ())


def task(source, name="f", *, namespace=None, **options):
    """A task from the source of a function `f`, in a notebook of its own."""
    namespace = {} if namespace is None else namespace
    exec(compile(source, "Cell In[1]", "exec"), namespace)
    return make_spec(namespace["f"], name=name, **options)


def cell(name, *, reads=(), must_bind=(), namespace=None, **options):
    """A task from a cell's body that reads these names."""

    def specialise(names):
        scope = {} if namespace is None else namespace
        exec(f"def body({', '.join(names)}): return [{', '.join(reads)}]", scope)
        return scope["body"]

    return make_spec(specialise(()), name=name, candidates=reads, must_bind=must_bind, specialise=specialise, **options)


def problem(specs, params=(), **options):
    """The one thing that is wrong."""
    with pytest.raises(GraphError) as caught:
        build_graph(specs, params, **options)
    assert caught.value.problems == (caught.value,)
    return caught.value


# Inputs


def test_a_name_is_a_task_then_a_parameter_then_an_own_default():
    """Arguments are bound in this order, wherever the tasks stand."""
    train = task("def f(data, lr, epochs=3): pass", "train")
    data = task("def f(path='x', lr=1): pass", "data")

    built = build_graph([train, data], {"lr"})

    assert built.inputs == (
        (
            Input("data", InputKind.TASK, "data"),
            Input("lr", InputKind.PARAM, "lr"),
            Input("epochs", InputKind.OWN, "train.epochs"),
        ),
        (Input("path", InputKind.OWN, "data.path"), Input("lr", InputKind.PARAM, "lr")),
    )
    assert (built.upstream, built.downstream, built.order) == (((1,), ()), ((), (0,)), (1, 0))


def test_a_task_wins_over_a_default():
    """An argument with a default still takes the task of its name."""
    built = build_graph([task("def f(data=None, /): pass", "train"), task("def f(): pass", "data")], ())

    assert built.inputs[0] == (Input("data", InputKind.TASK, "data"),)


def test_listed_dependencies_are_exactly_these():
    """A listed task reaches the argument of its name, or only orders; a task that is not listed is none."""
    specs = [
        task("def f(): pass", "a"),
        task("def f(): pass", "b"),
        task("def f(a, b=2): pass", "c", dependencies=["a"]),
        task("def f(): pass", "d", dependencies=["b", "a"]),
        task("def f(a=1): pass", "e", dependencies=[]),
    ]

    built = build_graph(specs, ())

    assert built.upstream == ((), (), (0,), (0, 1), ())
    assert built.inputs[2:] == (
        (Input("a", InputKind.TASK, "a"), Input("b", InputKind.OWN, "c.b")),
        (),
        (Input("a", InputKind.OWN, "e.a"),),
    )


def test_keyword_arguments_take_what_is_listed():
    """With **kwargs every listed dependency arrives by its name, once."""
    specs = [
        *(task("def f(): pass", name) for name in ("a", "b")),
        task("def f(a, **others): pass", "all", dependencies=["b", "a"]),
        task("def f(**others): pass", "inferred"),
    ]

    built = build_graph(specs, ())

    assert built.inputs[2:] == ((Input("a", InputKind.TASK, "a"), Input("b", InputKind.TASK, "b")), ())


def test_after_only_orders():
    """What comes first by `after` gives nothing, and is listed once."""
    specs = [task("def f(): pass", "a"), task("def f(a): pass", "b", after=["a"]), cell("c", after=["b", "a"])]

    built = build_graph(specs, ())

    assert built.upstream == ((), (0,), (0, 1))
    assert built.inputs[2] == ()


def test_a_cell_takes_what_is_a_task_or_parameter():
    """The other names it reads stay the notebook's; its function is made for exactly the inputs."""
    notebook = {"CFG": 3}
    specs = [cell("raw"), cell("train", reads=["raw", "lr", "CFG", "len"], namespace=notebook)]

    built = build_graph(specs, {"lr"})

    assert built.inputs[1] == (Input("raw", InputKind.TASK, "raw"), Input("lr", InputKind.PARAM, "lr"))
    assert built.function_of(1)(raw=1, lr=2) == [1, 2, 3, len]


def test_a_plain_function_is_called_itself():
    """A task that is a function is that function."""
    built = graph(a=())

    assert built.function_of(0) is nothing


# Problems


def test_an_unknown_dependency_names_who_wants_it():
    """A typo in a list of dependencies is answered with the name it may have meant."""
    error = problem([make_spec(nothing, name="load"), make_spec(nothing, name="train", dependencies=["laod"])])

    assert isinstance(error, UnknownTaskError)
    assert (error.name, error.wanted_by) == ("laod", "train")
    assert str(error) == ("task 'train' depends on 'laod', which is not a task of this pipeline. Did you mean 'load'?")


def test_an_unknown_after_is_found_too():
    """Order needs tasks that exist."""
    assert isinstance(problem([make_spec(nothing, name="a", after=["b"])]), UnknownTaskError)


def test_an_argument_that_nobody_provides_is_unknown():
    """It is compared with tasks and parameters."""
    error = problem([task("def f(rat): pass", "train")], {"rate"})

    assert isinstance(error, UnknownInputError)
    assert str(error) == (
        "task 'train' takes 'rat', which is neither a task nor a parameter of the pipeline, and has no default. "
        "Did you mean 'rate'? Define it, or give the argument a default."
    )


def test_a_task_left_out_of_the_list_is_said():
    """An argument of a task's name needs that task among the listed ones."""
    error = problem([task("def f(): pass", "a"), task("def f(a): pass", "b", dependencies=[])])

    assert isinstance(error, UnknownInputError)
    assert error.unlisted
    assert "which is a task that its dependencies=[...] leaves out. Add 'a' to them" in str(error)


def test_an_argument_of_the_own_name_is_said():
    """A task that lists its dependencies cannot take itself."""
    assert "which is its own name" in str(problem([task("def f(a): pass", "a", dependencies=[])]))


def test_a_cells_name_that_it_also_assigns_must_be_bound():
    """`raw = raw + 1` with no task `raw` can only fail; it is found before the run."""
    error = problem([cell("train", reads=["raw"], must_bind=["raw"])])

    assert isinstance(error, UnknownInputError)
    assert error.argument == "raw"


def test_a_name_that_nobody_defines_is_found_before_the_run():
    """It is compared with the notebook's names, the tasks and the parameters."""
    error = problem([task("def f(): return CFGG", "train", namespace={"CFG": 1})])

    assert isinstance(error, UndefinedNameError)
    assert (error.task, error.name) == ("train", "CFGG")
    assert str(error).startswith("task 'train' reads 'CFGG', which nobody defines. Did you mean 'CFG'?")
    assert "if it is to be a parameter, set pipeline.params['CFGG']" in str(error)


def test_a_cells_undefined_name_is_found_too():
    """A candidate that is neither task, parameter nor global is undefined."""
    assert isinstance(problem([cell("train", reads=["CFG"])]), UndefinedNameError)


def test_every_undefined_name_is_found():
    """One error names all of them, task by task."""
    specs = [task("def f(): return CFG, PATH", "load"), task("def f(): return CFG", "train")]

    with pytest.raises(GraphError) as caught:
        build_graph(specs, ())

    assert [(error.task, error.name) for error in caught.value.problems] == [
        ("load", "CFG"),
        ("load", "PATH"),
        ("train", "CFG"),
    ]


def test_a_name_that_another_task_assigns_is_defined():
    """One task may fill a global that the next one reads."""
    notebook = {}
    fill = task("def f():\n    global MODEL\n    MODEL = 1", "fill", namespace=notebook)
    use = task("def f(): return MODEL", "use", namespace=notebook, after=["fill"])

    assert build_graph([fill, use], ()).upstream == ((), (0,))


class Handle:
    pass


@pytest.mark.parametrize(
    ("what", "remedy"),
    [
        ("task 'features'", "take the result of task 'features' as an argument of that task's name."),
        ("pipeline 'main'", "pipelines and runs are not for use inside tasks; take what you need as an argument."),
    ],
)
def test_a_function_may_not_read_nbdags_own_objects(what, remedy):
    """A handle read as a global is an edge that nobody sees; the remedy is said."""
    spec = task("def f(): return features, len", "train", namespace={"features": Handle(), "len": len})

    error = problem([spec], handle_of=lambda value: what if isinstance(value, Handle) else None)

    assert isinstance(error, HandleReadError)
    assert str(error) == f"task 'train' reads the global 'features', which is {what}: {remedy}"


def test_a_cell_that_takes_a_task_does_not_read_its_handle():
    """The notebook binds the name to the handle, but the body gets the result."""
    notebook = {"features": Handle()}
    specs = [cell("features", namespace=notebook), cell("train", reads=["features"], namespace=notebook)]

    built = build_graph(specs, (), handle_of=lambda value: "task" if isinstance(value, Handle) else None)

    assert built.upstream == ((), (0,))


def test_a_task_and_a_parameter_cannot_share_a_name():
    """An argument of that name could mean either."""
    error = problem([task("def f(): pass", "lr")], {"lr"})

    assert isinstance(error, SharedNameError)
    assert str(error) == "'lr' is a task and also a parameter of the pipeline. Rename one of them."


@pytest.mark.parametrize("trigger", ["one_failed", "none_failed_min_one_success"])
def test_a_rule_about_upstreams_needs_some(trigger):
    """A task that waits for a failure above it needs something above it."""
    error = problem([make_spec(nothing, name="alarm", trigger=trigger)])

    assert isinstance(error, TriggerError)
    assert f"task 'alarm' has trigger={trigger!r} but depends on no task" in str(error)


def test_a_rule_is_not_blamed_for_an_unknown_dependency():
    """One mistake gives one problem."""
    spec = make_spec(nothing, name="alarm", trigger="one_failed", dependencies=["trian"])

    assert isinstance(problem([spec]), UnknownTaskError)


def test_two_functions_of_one_name_are_told_by_their_places():
    """Both definitions are said, so that one can be renamed."""
    first = make_spec(nothing, name="a", place="Cell In[1], line 1")
    second = make_spec(functools.partial(nothing), name="a")

    error = problem([first, second])

    assert isinstance(error, DuplicateTaskError)
    assert (error.first, error.second) == ("Cell In[1], line 1", "a function of module functools")


def test_all_problems_come_in_one_error():
    """Two circles, an unknown dependency and a duplicate are four problems of one error."""
    # a -> b -> a   c -> c   d needs x   e twice
    specs = [
        make_spec(nothing, name=name, dependencies=deps)
        for name, deps in [("a", ["b"]), ("b", ["a"]), ("c", ["c"]), ("d", ["x"]), ("e", []), ("e", [])]
    ]

    with pytest.raises(ValueError, match="the pipeline has 4 problems") as caught:
        build_graph(specs, ())

    kinds = [type(error) for error in caught.value.problems]
    assert kinds == [DuplicateTaskError, UnknownTaskError, CycleError, CycleError]
    assert [error.path for error in caught.value.problems[2:]] == [("a", "b", "a"), ("c", "c")]
    assert all(f"{number}. {error}" in str(caught.value) for number, error in enumerate(caught.value.problems, 1))
    assert pickle.loads(pickle.dumps(caught.value)).problems[2].path == ("a", "b", "a")


def test_a_cycle_shows_every_edge_and_nobody_else():
    """The path follows the edges, starts with the task defined first, and is closed."""
    # a -> b -> c -> a   c -> d
    with pytest.raises(CycleError) as caught:
        graph(a=["c"], b=["a"], c=["b"], d=["c"])
    error = caught.value

    assert error.path == ("a", "b", "c", "a")
    assert str(error) == ("tasks depend on each other in a circle: a -> b -> c -> a. Remove one of these dependencies.")


def test_an_argument_of_the_tasks_own_name_is_a_circle():
    """A function that takes itself waits for itself."""
    error = problem([task("def f(a): pass", "a")])

    assert isinstance(error, CycleError)
    assert "a -> a" in str(error)


def test_a_circle_of_fifty_thousand_is_shown_in_short():
    """A long circle neither overflows the stack nor the page."""
    specs = [TaskSpec(f"t{i}", nothing, dependencies=(f"t{(i - 1) % 50_000}",)) for i in range(50_000)]

    error = problem(specs)

    assert isinstance(error, CycleError)
    assert len(error.path) == 50_001
    assert len(str(error)) < 2_000
    assert "t9 -> … 49980 more … -> t49990" in str(error)


def test_hints_stop_where_they_would_take_too_long(monkeypatch):
    """Every typo is reported, but only so many names are compared."""
    monkeypatch.setattr(graph_module, "_MOST_COMPARISONS", 5)
    specs = [make_spec(nothing, name=name, dependencies=["aaab"]) for name in ("aaaa", "b")]

    with pytest.raises(GraphError) as caught:
        build_graph([*specs, make_spec(nothing, name="c", dependencies=["aaab"])], ())

    assert ["Did you mean" in str(error) for error in caught.value.problems] == [True, False, False]


# Walking


def test_order_keeps_to_the_definitions_among_the_free():
    """A task comes after its upstreams; of those that could come next the first defined does."""
    built = graph(z=(), c=["a"], a=(), b=["z"])

    assert [built.names[number] for number in built.order] == ["z", "a", "c", "b"]


def test_neighbours_near_and_far():
    """Ancestors and descendants are transitive, and hold the asked ones only where one is above another."""
    # a -> b -> d   a -> c -> d   e
    built = graph(a=(), b=["a"], c=["a"], d=["b", "c"], e=())

    assert built.ancestors([3]) == {0, 1, 2}
    assert built.ancestors([1, 3]) == {0, 1, 2}
    assert built.descendants([1, 2]) == {3}
    assert built.descendants([4]) == frozenset()
    assert built.depths == (1, 2, 2, 3, 1)
    assert built.remaining == (3, 2, 2, 1, 1)


def test_ready_are_those_whose_upstreams_are_completed():
    """What is completed is not ready again; a name that is no task is refused."""
    built = graph(a=(), b=["a"], c=["a", "b"], d=())

    assert built.ready([]) == ("a", "d")
    assert built.ready(["a", "d"]) == ("b",)
    assert built.ready({"a", "b", "c", "d"}) == ()
    with pytest.raises(UnknownTaskError, match="'e' is not a task of this pipeline"):
        built.ready(["e"])


def test_a_name_resolves_to_its_id():
    """A typo is answered with what it may have meant; the error is a KeyError too."""
    built = graph(load=(), train=["load"])

    assert built.resolve("train") == 1
    with pytest.raises(KeyError, match="Did you mean 'train'"):
        built.resolve("trian")


def test_no_tasks_make_an_empty_graph():
    """A pipeline may be asked about before it has tasks."""
    built = build_graph([], {"lr"})

    assert (built.names, built.order, built.ready([]), built.depths) == ((), (), (), ())


def test_a_chain_of_a_hundred_thousand_is_as_good_as_ten():
    """No walk recurses."""
    specs = [TaskSpec(f"t{i}", nothing, dependencies=(f"t{i + 1}",)) for i in range(99_999)]

    built = build_graph([*specs, TaskSpec("t99999", nothing)], ())

    assert built.order == tuple(range(99_999, -1, -1))
    assert len(built.ancestors([0])) == 99_999
    assert built.remaining[99_999] == 100_000


class CountedName(str):
    """A name that counts how often it is looked up."""

    __slots__ = ()
    looks = 0

    def __hash__(self):
        CountedName.looks += 1
        return super().__hash__()


def looks_to_build_a_fan(width):
    names = [CountedName(f"t{number}") for number in range(width)]
    specs = [TaskSpec(name, nothing) for name in names]
    CountedName.looks = 0
    build_graph([*specs, TaskSpec("last", nothing, dependencies=tuple(names))], ())
    return CountedName.looks


def test_names_are_looked_up_in_proportion_to_tasks_and_edges():
    """Twice the tasks and edges cost twice the look-ups, and few of them."""
    assert looks_to_build_a_fan(200) == 2 * looks_to_build_a_fan(100)
    assert looks_to_build_a_fan(100) <= 1_000
