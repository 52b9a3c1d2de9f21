"""What is known of all runs: the latest of each task, runs by number, tables with fixed columns."""

import gc
import threading

import pytest

from nbdag import DAG, DAGMonitor
from nbdag.core.errors import NbdagError, NoResult
from nbdag.testing import run_quietly

LONG = 20.0
EVENTS = {
    "time": "datetime64[us, UTC]",
    "run_id": "Int64",
    "seq": "int64",
    "task": "string",
    "event": "string",
    "attempt": "Int64",
    "message": "string",
    "data": "object",
}
GANTT = {
    "run_id": "Int64",
    "task": "string",
    "attempt": "Int64",
    "status": "category",
    "start": "datetime64[us, UTC]",
    "end": "datetime64[us, UTC]",
    "duration": "float64",
    "queued": "float64",
    "worker": "string",
}


@pytest.fixture
def chain(pipeline):
    """A pipeline: load -> train."""
    pipeline.params["n"] = 1
    pipeline.task(lambda n: n, name="load")
    pipeline.task(lambda load: load + 1, name="train")
    return pipeline


def dtypes(frame):
    return {column: str(dtype) for column, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("runs", [0, 1], ids=["empty", "after a run"])
def test_tables_have_fixed_columns_everywhere(chain, runs):
    """Events and Gantt data look the same on pipeline, run and monitor, also when they are empty."""
    monitor = DAGMonitor(chain)
    sources = [chain, *(run_quietly(chain) for _ in range(runs))]

    assert [dtypes(source.events()) for source in sources] == [EVENTS] * len(sources)
    assert [dtypes(source.gantt()) for source in sources] == [GANTT] * len(sources)
    assert (dtypes(monitor.events), dtypes(monitor.get_gantt_data())) == (EVENTS, GANTT)
    assert len({tuple(dtypes(source.status()).items()) for source in [*sources, chain]}) == 1
    assert list(monitor.get_status()["task"]) == ["load", "train"]


def test_the_numbers_of_events_count_in_their_run(chain):
    """`seq` counts from 1 within each run, without gaps; runs come in order."""
    for _ in range(2):
        run_quietly(chain)

    events = chain.events()

    assert list(events["run_id"]) == [1] * 6 + [2] * 6
    assert list(events["seq"]) == [1, 2, 3, 4, 5, 6] * 2


def test_each_tasks_latest_run_counts(chain):
    """A run of some tasks leaves the others as they were."""
    run_quietly(chain)
    chain.params["n"] = 10
    run_quietly(chain, "load")

    assert dict(chain.results) == {"load": 10, "train": 2}
    assert [chain[name]._record.attempts[0].attempt for name in chain] == [1, 1]
    assert list(chain.status()["status"]) == ["success", "success"]


def test_runs_are_found_by_number(chain):
    """A run is found as long as it is in memory; of others the events stay."""
    first = run_quietly(chain)
    second = run_quietly(chain)
    assert (chain.get_run(1), chain.get_run(2), chain.last_run) == (first, second, second)
    assert list(chain.runs()["run_id"]) == [1, 2]

    del first
    gc.collect()

    with pytest.raises(NbdagError, match=r"run 1 is no longer in memory; its events are in pipeline.events\(\)"):
        chain.get_run(1)
    with pytest.raises(NbdagError, match="there is no run 7; the last is 2"):
        chain.get_run(7)
    assert set(chain.events()["run_id"]) == {1, 2}


def test_a_refused_run_takes_no_number(chain):
    """Numbers are given to runs that start, so that they count what happened."""
    for wrong in ({"params": {"x": 1}}, {"overrides": {"x": 1}}, {"timeout": -1}, {"on_error": "abort"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}|'x'"):
            chain.run(output="none", **wrong)

    assert run_quietly(chain).run_id == 1


def test_results_are_asked_for_by_name(chain):
    """What has no result says why; a typo names the nearest."""
    with pytest.raises(NoResult, match="task 'train' has not run yet"):
        chain.results["train"]
    with pytest.raises(NoResult, match=r"'trian' is not a task of this pipeline. Did you mean 'train'"):
        chain.results["trian"]
    with pytest.raises(NoResult, match="task 'train' has not run yet, so it had no inputs"):
        chain.inputs("train")
    assert (repr(chain.results), "train" in chain.results, len(chain.results)) == ("<results: none yet>", False, 0)

    run_quietly(chain)

    assert (repr(chain.results), chain.results._ipython_key_completions_()) == (
        "<results: load, train>",
        ["load", "train"],
    )
    assert ("train" in chain.results, "trian" in chain.results, 3 in chain.results) == (True, False, False)


def test_inputs_are_those_of_the_latest_run(chain):
    """The arguments a task had, by name: results of others and parameters."""
    run_quietly(chain)

    assert (chain.inputs("load"), chain.inputs("train")) == ({"n": 1}, {"load": 1})


def test_what_people_log_is_among_the_events(chain):
    """An event of one's own has any name, belongs to no run, and comes with its data."""
    monitor = DAGMonitor(chain)
    run_quietly(chain)

    monitor.log_event("deployed", "train", {"to": "staging"})
    chain.log_event("note")

    own = monitor.events.iloc[-2:]
    assert list(own["event"]) == ["deployed", "note"]
    assert list(own["data"]) == [{"to": "staging"}, None]
    assert own["run_id"].isna().all()
    assert own["task"].tolist()[0] == "train"


def test_a_run_can_be_watched_from_other_threads(pipeline):
    """States and tables may be read at any moment, from the very first."""
    stop, wrong = threading.Event(), []
    for number in range(50):
        pipeline.task(lambda: None, name=f"t{number}")

    def watch():
        while not stop.is_set():
            try:
                frame = pipeline.status()
                [task.status for task in pipeline.tasks.values()]
                if len(frame) != 50:
                    wrong.append(len(frame))
            except Exception as error:
                wrong.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        run_quietly(pipeline)
    stop.set()
    watcher.join(LONG)

    assert wrong == []


def test_a_picture_needs_a_run(pipeline):
    """Drawing Gantt data of a pipeline that never ran says what to do."""
    with pytest.raises(NbdagError, match=r"this pipeline has not run yet; pipeline.run\(\) makes something"):
        pipeline.plot_gantt()


def test_a_removed_task_is_forgotten():
    """Its results go with it; a task of that name later begins anew."""
    pipeline = DAG("story")
    pipeline.task(lambda: 1, name="a")
    run_quietly(pipeline)

    pipeline.remove("a")
    pipeline.task(lambda: 2, name="a")

    assert (pipeline["a"].status.value, pipeline["a"].result) == ("pending", None)
