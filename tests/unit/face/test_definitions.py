"""Tasks are defined, replaced, renamed, removed, taken over, and found by name, handle or function."""

import pytest

from nbdag import DAG, Task
from nbdag.core.errors import DuplicateTaskError, NbdagError, OptionError, UnknownTaskError
from nbdag.testing import run_quietly


def load():
    return [1, 2]


def train(load):
    return sum(load)


def test_the_decorator_gives_the_function_itself(pipeline):
    """A decorated function stays callable, bare or with options."""
    bare = pipeline.task(load)
    named = pipeline.task(name="fit", dependencies=["load"])(train)

    assert (bare, named, named([3, 4])) == (load, train, 7)
    assert list(pipeline) == ["load", "fit"]


def test_two_functions_of_one_name_are_refused(pipeline):
    """Another function of a taken name is an error that names both places."""
    pipeline.task(load)

    with pytest.raises(DuplicateTaskError) as caught:

        @pipeline.task(name="load")
        def other():
            return 3

    message = str(caught.value)
    assert f"{__file__}:{load.__code__.co_firstlineno}" in message
    assert message.count(f"{__file__}:") == 2
    assert pipeline["load"].func is load


def test_the_same_place_again_replaces(pipeline):
    """A definition that runs again, as a cell or a loop does, replaces what it defined before."""
    for value in (1, 2):

        @pipeline.task
        def answer(value=value):
            return value

    assert (len(pipeline), run_quietly(pipeline).results["answer"]) == (1, 2)


def test_the_same_function_again_is_no_other(pipeline):
    """The same function under the same name may come with other options."""
    pipeline.task(load)
    pipeline.task(retries=3)(load)

    assert pipeline["load"].spec.retry.retries == 3


def test_a_task_is_found_by_name_handle_and_function(pipeline):
    """Wherever a task is named, its name, its handle and its function serve."""
    pipeline.task(load)
    pipeline.task(name="fit", dependencies=[load])(train)
    fit = pipeline["fit"]

    assert [pipeline[task].name for task in ("fit", fit, train)] == ["fit"] * 3
    assert all(task in pipeline for task in ("fit", fit, train))
    assert not any(task in pipeline for task in ("train", Task("other", load), len, None, 3))
    run = run_quietly(pipeline, train, overrides={load: [10]}, params={})
    assert [run.results[task] for task in ("fit", fit, train)] == [10] * 3
    run = run_quietly(pipeline, fit)
    assert [pipeline.results[task] for task in ("fit", fit, train)] == [3] * 3
    assert [pipeline.inputs(task) for task in ("fit", fit, train)] == [{"load": [1, 2]}] * 3
    assert [run.logs(task) for task in ("fit", fit, train)] == [""] * 3


def test_handles_and_functions_may_be_listed(pipeline):
    """`dependencies` and `after` take names, handles and functions alike."""
    pipeline.task(load)
    first = pipeline.add_task(Task("first", lambda: 1))

    pipeline.task(dependencies=[load], after=[first])(train)
    pipeline.add_task(Task("last", lambda: 1, dependencies=[train], after=[pipeline["load"]]))

    assert (pipeline["train"].dependencies, pipeline["last"].dependencies) == (["load", "first"], ["load", "train"])


@pytest.mark.parametrize("task", ["lod", len], ids=["a typo", "another function"])
def test_an_unknown_task_is_told(pipeline, task):
    """A name that nobody defined is an error with the nearest one, before anything runs."""
    pipeline.task(load)

    for act in (pipeline.run, pipeline.remove, pipeline.inputs, pipeline.__getitem__):
        with pytest.raises(UnknownTaskError, match="Did you mean 'load'" if task == "lod" else "'len' is not a task"):
            act(task)
    assert pipeline.last_run is None


def test_every_wrong_option_is_told_at_once(pipeline):
    """Options are checked when a task is defined, decorator and Task alike, all in one error."""
    with pytest.raises(OptionError, match=r"retries=-1 [\s\S]*timout=3. Did you mean 'timeout'"):
        pipeline.task(retries=-1, timout=3)(load)
    with pytest.raises(OptionError, match=r"retries=-1 [\s\S]*timout=3. Did you mean 'timeout'"):
        Task("load", load, retries=-1, timout=3)
    assert len(pipeline) == 0


def test_a_generator_function_is_refused(pipeline):
    """What yields is no task; the message says what to do."""

    def numbers():
        yield 1

    async def numbers_async():
        yield 1

    for generator in (numbers, numbers_async):
        with pytest.raises(TypeError, match="list"):
            pipeline.task(generator)


def test_removing_takes_a_task_away(pipeline):
    """A removed task is gone, its handle keeps the definition, and it can be added again."""
    pipeline.task(load)
    handle = pipeline["load"]
    run_quietly(pipeline)

    pipeline.remove(load)

    assert ("load" in pipeline, handle.func, handle.status.value, handle.result) == (False, load, "pending", None)
    assert pipeline.add_task(handle) is handle
    assert run_quietly(pipeline).results["load"] == [1, 2]


def test_renaming_takes_handles_and_lists_along(pipeline):
    """Lists that name a task follow its new name, and so does its handle."""
    pipeline.task(load)
    pipeline.add_task(Task("report", lambda: 1, dependencies=["load"], after=["load"]))
    handle = pipeline["load"]

    pipeline.rename("load", "read")

    assert (handle.name, handle.func, pipeline["read"] is handle) == ("read", load, True)
    assert (list(pipeline), pipeline["report"].dependencies) == (["read", "report"], ["read"])
    assert pipeline[load].name == "read"


def test_a_new_name_must_be_free_and_a_name(pipeline):
    """Renaming never replaces another task."""
    pipeline.task(load)
    pipeline.task(train)

    with pytest.raises(NbdagError, match="there is a task 'train' already"):
        pipeline.rename("load", "train")
    with pytest.raises(ValueError, match="square bracket"):
        pipeline.rename("load", "a[0]")
    assert list(pipeline) == ["load", "train"]


def test_adopting_takes_what_is_missing(pipeline):
    """A new pipeline of a name can take over tasks and parameters of the earlier one; its own stay."""
    pipeline.task(load)
    pipeline.task(train)
    pipeline.params.update(lr=0.1, epochs=3)
    new = DAG("story", params={"lr": 0.5})
    new.task(name="train")(lambda load: "new")

    new.adopt(pipeline)

    assert (sorted(new), new.params) == (["load", "train"], {"lr": 0.5, "epochs": 3})
    assert run_quietly(new).results["train"] == "new"


def test_only_a_task_can_be_added(pipeline):
    """`add_task` takes a Task; a task of another pipeline stays there."""
    mine = pipeline.add_task(Task("load", load))

    with pytest.raises(TypeError, match=r"@pipeline.task makes a function a task"):
        pipeline.add_task(load)
    with pytest.raises(NbdagError, match="belongs to pipeline 'story' already"):
        DAG("other").add_task(mine)


def test_a_resource_nobody_has_is_refused(pipeline):
    """Asking for more than there is would wait for ever, so it is an error when the pipeline is checked."""
    pipeline.task(resources={"gpu": 2})(load)
    pipeline.resources["gpu"] = 1

    with pytest.raises(ValueError, match="asks for 2 of 'gpu'; the pipeline has 1"):
        pipeline.validate()


def test_all_problems_come_in_one_error(pipeline):
    """Two cycles, an unknown dependency, an unknown input and a missing resource are told together."""
    pipeline.add_task(Task("a", lambda: 1, dependencies=["b"]))
    pipeline.add_task(Task("b", lambda: 1, dependencies=["a"]))
    pipeline.add_task(Task("c", lambda: 1, dependencies=["c"]))
    pipeline.add_task(Task("d", lambda: 1, dependencies=["nobody"]))
    pipeline.add_task(Task("e", lambda unknown: 1))
    pipeline.add_task(Task("f", lambda: 1, resources={"gpu": 1}))

    with pytest.raises(ValueError, match="5 problems") as caught:
        pipeline.validate()

    text = str(caught.value)
    assert [part in text for part in ("a -> b -> a", "c -> c", "'nobody'", "'unknown'", "'gpu'")] == [True] * 5
    with pytest.raises(ValueError, match="problems"):
        pipeline.run(output="none")
    assert pipeline.last_run is None
