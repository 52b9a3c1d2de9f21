import pytest

from nbdag.core.records import ErrorInfo
from nbdag.core.status import TaskStatus
from nbdag.views.scene import Lens, Scene, critical_path, facts
from tests.unit.views.scenes import STARTED, graph, run, task

S = TaskStatus


@pytest.mark.parametrize(
    ("known", "meta", "error"),
    [
        (task(S.SUCCESS, 1.8), "1.8 s · ndarray 147×12", ""),
        (task(S.SUCCESS, 1.8, attempts=2, max_attempts=3), "1.8 s · 2 attempts · ndarray 147×12", ""),
        (task(S.CACHED), "ndarray 147×12", ""),
        (task(S.RUNNING, 0.0), "14 s", ""),
        (task(S.RUNNING, 0.0, attempts=2, max_attempts=3), "14 s · attempt 2 of 3", ""),
        (
            task(S.RETRYING, 0.0, max_attempts=3, error=ErrorInfo("OSError", "x")),
            "14 s · attempt 1 of 3 failed",
            "OSError: x",
        ),
        (
            task(S.FAILED, 2.3, attempts=3, reason="error", error=ErrorInfo("KeyError", "'a'")),
            "2.3 s · 3 attempts",
            "KeyError: 'a'",
        ),
        (
            task(S.FAILED, 2.3, reason="timeout", message="too slow", still_running=True),
            "2.3 s · timeout · still running",
            "too slow",
        ),
        (task(S.UPSTREAM_FAILED, blamed=("load",)), "blocked by load", ""),
        (task(S.UPSTREAM_FAILED, blamed=("load", "b", "c")), "blocked by load and 2 more", ""),
        (task(S.UPSTREAM_FAILED), "", ""),
        (task(S.SKIPPED, 0.2, message="no new data"), "0.20 s · no new data", ""),
        (task(S.CANCELLED, message="cancel requested"), "cancel requested", ""),
        (task(S.PENDING), "", ""),
    ],
)
def test_each_state_says_what_matters_there(known, meta, error):
    """The line below a name: time, attempts and result; or what blocks it; or why."""
    scene = Scene("ml", graph({"t": ()}), run({"t": known}), summaries={"t": "ndarray 147×12"}, now=STARTED + 14)

    (fact,) = facts(scene)

    assert (fact.status, fact.meta, fact.error) == (known.status, meta, error)


def test_a_task_that_the_last_run_did_not_know_is_pending():
    """A task added since, or a pipeline never run."""
    needs = {"a": (), "b": ("a",)}
    assert [fact.status for fact in facts(Scene("ml", graph(needs), run({"a": task(S.SUCCESS, 1.0)})))] == [
        S.SUCCESS,
        S.PENDING,
    ]
    assert [fact.status for fact in facts(Scene("ml", graph(needs)))] == [S.PENDING, S.PENDING]


def _path(needs, spent):
    known = {name: task(S.SUCCESS, seconds) for name, seconds in spent.items() if seconds is not None}
    scene = Scene("ml", graph(needs), run(known))
    return [scene.graph.specs[number].name for number in critical_path(scene.graph, facts(scene))]


def test_the_critical_path_is_the_longest_in_time():
    """Not the one with the most tasks."""
    # a -> b -> c -> e ; a -> d -> e
    needs = {"a": (), "b": ("a",), "c": ("b",), "d": ("a",), "e": ("c", "d")}
    assert _path(needs, {"a": 1, "b": 1, "c": 1, "d": 9, "e": 1}) == ["a", "d", "e"]


def test_there_is_no_critical_path_where_it_would_say_nothing():
    """All tasks in one line, one task alone, nothing executed."""
    assert _path({"a": (), "b": ("a",)}, {"a": 1, "b": 1}) == []
    assert _path({"a": (), "b": ()}, {"a": 1, "b": 2}) == []
    assert _path({"a": (), "b": ("a",)}, {"a": None, "b": None}) == []


@pytest.mark.parametrize("wrong", [{"direction": "left"}, {"direction": "lr"}, {"up": -1}, {"down": 1.5}, {"up": True}])
def test_a_wrong_lens_is_refused_with_the_choices(wrong):
    """Direction is LR or TB; steps are whole numbers from 0."""
    with pytest.raises(ValueError, match=r"choose 'LR' .* 'TB'|whole number of steps, 0 or more"):
        Lens(**wrong)
