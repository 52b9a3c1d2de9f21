"""The pipeline: its graph, its limits, what runs take of it, and who is told of them."""

import re
import threading

import pytest

from nbdag import DAG, Task
from nbdag.testing import run_quietly

LONG = 20.0


def define(pipeline, *names, **options):
    for name in names:
        pipeline.task(lambda: None, name=name, **options)


@pytest.mark.parametrize("name", ["", "a[0]", " a", 3, None])
def test_a_pipeline_needs_a_name(name):
    """A name is a printable text; the error tells the value and what it must be."""
    with pytest.raises(ValueError, match=f"name={re.escape(repr(name))} (must|holds|starts)"):
        DAG(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_parallel": 0}, "max_parallel=0 must be a whole number, 1 or more"),
        ({"max_parallel": 1.5}, "max_parallel=1.5 must be"),
        ({"max_parallel": True}, "max_parallel=True must be"),
        ({"max_async": 0}, "max_async=0 must be"),
        ({"resources": {"gpu": -1}}, "'gpu': -1 is not a name and a number from 0 on"),
        ({"resources": {"gpu": "1"}}, "'gpu': '1' is not"),
        ({"resources": ["gpu"]}, "must be a dict of capacities"),
    ],
)
def test_limits_are_checked(options, message):
    """A wrong limit is an error that names option and value."""
    with pytest.raises(ValueError, match=message):
        DAG("story", **options)


def test_the_execution_order_is_that_of_the_edges(pipeline):
    """Every task comes after those it needs; among the free ones, as they were defined."""
    # c -> a ; b
    pipeline.add_task(Task("a", lambda: 1, dependencies=["c"]))
    define(pipeline, "b", "c")

    assert pipeline.get_execution_order() == ["b", "c", "a"]
    assert pipeline.get_ready_tasks() == ["b", "c"]
    assert pipeline.get_ready_tasks({"c", "b"}) == ["a"]
    assert pipeline.get_ready_tasks([pipeline["c"]]) == ["a", "b"]


def test_a_parameter_reaches_every_task_that_takes_it(pipeline):
    """Parameters go by argument name; a run may change them for itself alone."""
    pipeline.params["lr"] = 0.1

    @pipeline.task
    def train(lr, epochs=10):
        return lr, epochs

    assert run_quietly(pipeline).results["train"] == (0.1, 10)
    assert run_quietly(pipeline, params={"lr": 0.5, "train.epochs": 3}).results["train"] == (0.5, 3)
    assert run_quietly(pipeline, params={"epochs": 7}).results["train"] == (0.1, 7)
    assert (pipeline.params, pipeline["train"].result) == ({"lr": 0.1}, (0.1, 10))


def test_names_resolve_when_a_run_starts(pipeline):
    """The order of the cells is free: what a task needs may be defined after it."""

    @pipeline.task
    def train(load, lr):
        return load * lr

    @pipeline.task
    def load():
        return 20

    pipeline.params["lr"] = 2

    assert run_quietly(pipeline).results["train"] == 40


def test_an_unknown_input_is_refused_before_anything_starts(pipeline):
    """An argument that nobody defines stops the run before its first task, with the nearest name."""
    started = []
    pipeline.task(lambda: started.append(1), name="features")
    pipeline.task(lambda feature: 1, name="train")

    with pytest.raises(ValueError, match=r"takes 'feature', which is neither a task nor a parameter .* 'features'"):
        pipeline.run(output="none")

    assert (started, pipeline.last_run) == ([], None)


def test_a_task_and_a_parameter_may_not_share_a_name(pipeline):
    """Whom an argument meant would be a guess."""
    define(pipeline, "lr")
    pipeline.params["lr"] = 1

    with pytest.raises(ValueError, match="'lr' is a task and also a parameter"):
        pipeline.validate()


def test_handles_and_pipelines_are_no_globals_for_tasks(pipeline):
    """A function that reads a Task, a pipeline or a run as a global is refused with the remedy."""
    define(pipeline, "features")
    names = {"features": pipeline["features"], "pipeline": pipeline, "run": run_quietly(pipeline)}
    for name in tuple(names):
        exec(f"def reads_{name}():\n    return {name}", names)
        pipeline.task(names[f"reads_{name}"])

    with pytest.raises(ValueError, match="3 problems") as caught:
        pipeline.validate()

    text = str(caught.value)
    assert "take the result of task 'features' as an argument of that task's name" in text
    assert text.count("take what you need as an argument") == 2


def test_a_run_is_a_snapshot(pipeline):
    """What is defined, removed or changed while a run goes on affects the next one."""
    # gate -> train
    running, go_on = threading.Event(), threading.Event()

    @pipeline.task
    def gate():
        running.set()
        go_on.wait(LONG)

    pipeline.task(lambda gate, lr: ("old", lr), name="train")
    pipeline.params["lr"] = 1
    run = pipeline.start(output="none")
    assert running.wait(LONG)

    pipeline.remove("train")
    pipeline.task(lambda lr: ("new", lr), name="train")
    pipeline.params["lr"] = 2
    define(pipeline, "more")
    go_on.set()

    assert dict(run.wait(LONG).results) == {"gate": None, "train": ("old", 1)}
    assert run_quietly(pipeline).results["train"] == ("new", 2)


def test_limits_may_change_while_a_run_goes_on(pipeline):
    """A new capacity or number of slots counts at once, for the run that goes on."""
    pipeline.resources["gpu"] = 1
    inside, all_in, first_in = [], threading.Event(), threading.Event()

    def work():
        inside.append(1)
        first_in.set()
        if len(inside) == 3:
            all_in.set()
        return all_in.wait(LONG)

    for number in range(3):
        pipeline.task(work, name=f"t{number}", resources={"gpu": 1})
    run = pipeline.start(output="none")
    assert first_in.wait(LONG)

    pipeline.max_parallel = 3
    pipeline.resources["gpu"] = 3

    assert list(run.wait(LONG).results.values()) == [True] * 3
    assert (pipeline.max_parallel, dict(pipeline.resources)) == (3, {"gpu": 3})


def test_slots_of_coroutines_are_counted_apart(pipeline):
    """`max_async` limits coroutines, `max_parallel` functions."""
    pipeline.max_async = 1
    inside, most = [0], [0]

    async def work():
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        await _turns(3)
        inside[0] -= 1

    for number in range(5):
        pipeline.task(work, name=f"t{number}")
    run_quietly(pipeline)

    assert (most[0], pipeline.max_async) == (1, 1)


async def _turns(count):
    import asyncio

    for _ in range(count):
        await asyncio.sleep(0)


def test_overlapping_runs_share_slots_and_resources(pipeline):
    """Two runs at once together never exceed the limits of their pipeline, and both are right."""
    pipeline.resources["gpu"] = 1
    inside, most, lock = [0], [0], threading.Lock()

    def work(n):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.01)
        with lock:
            inside[0] -= 1
        return n

    for number in range(4):
        pipeline.task(work, name=f"t{number}", resources={"gpu": 1})
    pipeline.params["n"] = 0
    runs = [pipeline.start(params={"n": number}, output="none") for number in (1, 2)]

    results = [set(run.wait(LONG).results.values()) for run in runs]

    assert (results, most[0], [run.run_id for run in runs]) == ([{1}, {2}], 1, [1, 2])


def test_runs_from_many_threads_are_told_apart(pipeline):
    """Runs started at once have numbers of their own and results of their own."""
    pipeline.task(lambda n: n, name="echo")
    pipeline.params["n"] = 0
    seen, lock = [], threading.Lock()

    def start(n):
        for _ in range(10):
            run = run_quietly(pipeline, params={"n": n})
            with lock:
                seen.append((run.run_id, n == run.results["echo"]))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert sorted(seen) == [(number, True) for number in range(1, 81)]


def test_different_targets_at_once_are_not_mixed_up(pipeline):
    """A run has its own targets, whatever other runs of the pipeline are started meanwhile."""
    define(pipeline, *"abcdefgh")
    wrong = []

    def start(name):
        for _ in range(25):
            if list(run_quietly(pipeline, name).results) != [name]:
                wrong.append(name)

    threads = [threading.Thread(target=start, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert wrong == []


def test_a_run_within_a_task_of_another_pipeline(pipeline):
    """A task may run another pipeline, which has slots of its own, also when its own has but one."""
    inner = DAG("inner", max_parallel=1)
    inner.task(lambda: "from inside", name="deep")
    pipeline.max_parallel = 1
    pipeline.task(lambda inner=inner: run_quietly(inner).results["deep"], name="outer")

    assert run_quietly(pipeline).results["outer"] == "from inside"


def test_a_run_within_a_task_of_its_own_pipeline_is_refused(pipeline):
    """A pipeline that would wait for itself says so at once, naming the whole chain."""
    inner = DAG("inner")
    inner.task(lambda outer=pipeline: outer.run(output="none"), name="deep")
    pipeline.task(lambda inner=inner: inner.run(output="none"), name="outer")

    run = run_quietly(pipeline)

    assert "runs its own pipeline: story -> inner -> story" in run.failures["outer"].error.message


def test_an_empty_pipeline_runs(pipeline):
    """Nothing to do is a success, and its tables are empty."""
    run = run_quietly(pipeline)

    assert (run.state.value, len(run.gantt()), len(run.status()), len(pipeline.gantt())) == ("success", 0, 0, 0)
    assert list(pipeline.runs()["run_id"]) == [1]


def test_targets_run_with_what_they_need(pipeline):
    """Only the targets and their ancestors are executed."""
    # a -> b ; c
    define(pipeline, "a", "c")
    pipeline.task(lambda a: None, name="b")

    assert list(run_quietly(pipeline, "b").results) == ["a", "b"]
    assert list(run_quietly(pipeline, ["a", "c"]).results) == ["a", "c"]
    assert list(run_quietly(pipeline).results) == ["a", "c", "b"]


def test_rerun_runs_its_targets(pipeline):
    """`rerun(task)` executes it again with what it needs; force must name tasks."""
    define(pipeline, "a", "b")

    assert list(pipeline.rerun("a", output="none").results) == ["a"]
    assert list(pipeline.run("a", force=True, output="none").results) == ["a"]
    with pytest.raises(ValueError, match="'c' is not a task"):
        pipeline.run(force="c", output="none")


def test_overrides_stand_for_tasks(pipeline):
    """A result that is given is not computed, nor is what only it needs, and it counts as a success."""
    # a -> b -> c
    calls = []
    pipeline.task(lambda: calls.append("a"), name="a")
    pipeline.task(lambda a: calls.append("b"), name="b")
    pipeline.task(lambda b: b + 1, name="c")

    run = run_quietly(pipeline, "c", overrides={"b": 41})

    assert (dict(run.results), calls, run.ok) == ({"b": 41, "c": 42}, [], True)
    assert list(run.status()["status"]) == ["cached", "success"]
    assert pipeline["c"].result is None  # not of the main line


def test_params_and_overrides_of_one_run_stay_off_the_main_line(pipeline):
    """`results` and `task.result` are of the latest run without one-run parameters or overrides."""
    pipeline.task(lambda n: n, name="echo")
    pipeline.params["n"] = 1
    run_quietly(pipeline)

    other = run_quietly(pipeline, params={"n": 2})

    assert (pipeline.results["echo"], pipeline["echo"].result, other.results["echo"]) == (1, 1, 2)
    assert pipeline.last_run is other


class Heard:
    """Keeps what it is told, and lets a test wait for the end of a run."""

    def __init__(self):
        self.events = []
        self._over = threading.Event()

    def __call__(self, event):
        self.events.append(event)
        if event.name == "run_finished":
            self._over.set()

    def names(self):
        assert self._over.wait(LONG)
        return [event.name for event in self.events]


def test_listeners_hear_every_event(pipeline):
    """A listener gets the events of its name, `"*"` all of them, in order."""
    define(pipeline, "a")
    heard, succeeded = pipeline.on("*", Heard()), []
    pipeline.on("task_succeeded", succeeded.append)

    run_quietly(pipeline)

    assert heard.names() == ["run_started", "task_started", "task_succeeded", "run_finished"]
    assert [event.seq for event in heard.events] == [1, 2, 3, 4]
    assert [event.task for event in succeeded] == ["a"]


def test_listeners_can_neither_break_nor_delay_a_run(pipeline):
    """One that raises is noted once and goes on hearing; one that hangs is not waited for."""
    release, heard = threading.Event(), Heard()
    define(pipeline, "a", "b", "c")

    def broken(event):
        raise ZeroDivisionError(event.name)

    def exits(event):
        raise SystemExit(3)

    pipeline.on("task_succeeded", broken)
    pipeline.on("task_succeeded", exits)
    pipeline.on("*", heard)
    pipeline.on("run_finished", lambda event: release.wait(LONG))

    run = run_quietly(pipeline)

    assert (run.ok, heard.names().count("task_succeeded")) == (True, 3)
    release.set()
    noted = [event.message for event in run._driver.events if event.name == "observer_failed"]
    assert len(noted) == 2
    assert "broken: ZeroDivisionError" in noted[0]
    assert "exits: SystemExit: 3" in noted[1]


def test_a_listener_may_start_a_run(pipeline):
    """What listens is outside the run: it may start the next one of the same pipeline."""
    define(pipeline, "a")
    started, both = [], threading.Event()

    def again(event):
        if pipeline.last_run.run_id == 1:
            started.append(pipeline.start(output="none"))
            both.set()

    pipeline.on("run_finished", again)
    run_quietly(pipeline)

    assert both.wait(LONG)
    assert started[0].wait(LONG).run_id == 2


def test_a_listener_defined_again_replaces_the_earlier(pipeline):
    """A named function replaces the earlier of its name; lambdas and methods of several objects stay apart."""
    define(pipeline, "a")
    heard, lists, done = [], [[], []], Heard()
    for number in (1, 2):

        def tell(event, number=number):
            heard.append(number)

        pipeline.on("task_started", tell)
        pipeline.on("task_started", lists[number - 1].append)
    pipeline.on("task_started", lambda event: heard.append("one"))
    pipeline.on("task_started", lambda event: heard.append("two"))
    pipeline.on("*", done)

    run_quietly(pipeline)
    done.names()

    assert (heard, [len(each) for each in lists]) == ([2, "one", "two"], [1, 1])


def test_an_unknown_event_is_refused(pipeline):
    """A typo would never be heard; what is no function could not be called."""
    with pytest.raises(ValueError, match=r"'task_faild' is not the name of an event. Did you mean 'task_failed'"):
        pipeline.on("task_faild", print)
    with pytest.raises(TypeError, match="needs a function of one event"):
        pipeline.on("task_failed", "print")


def test_ten_thousand_tasks(pipeline):
    """A large pipeline is defined, run and told within seconds."""
    pipeline.task(lambda: 0, name="t0")
    for number in range(1, 10_000):
        pipeline.task(lambda **above: 1, name=f"t{number}", dependencies=[f"t{number - 1}"] if number % 2 else [])

    run = run_quietly(pipeline)

    assert (run.ok, len(run.results), len(run.status())) == (True, 10_000, 10_000)


def test_a_pipeline_shows_itself(pipeline):
    """Its text says name and size; in a notebook it is drawn, and one that cannot run yet says why."""
    assert repr(pipeline) == "<DAG 'story', 0 tasks>"
    define(pipeline, "a")
    assert repr(pipeline) == "<DAG 'story', 1 task>"
    assert "text/html" in pipeline._repr_mimebundle_()

    pipeline.task(lambda nobody: 1, name="b")

    assert "nobody" in pipeline._repr_mimebundle_()["text/plain"]


def test_names_complete(pipeline):
    """Keys complete in a notebook, and the usual questions about a mapping are answered."""
    define(pipeline, "a", "b")

    assert (pipeline._ipython_key_completions_(), list(pipeline), len(pipeline)) == (["a", "b"], ["a", "b"], 2)
    assert list(pipeline.tasks) == ["a", "b"]
