"""The truth table of trigger rules, walked through whole runs."""

from itertools import product

import pytest

from nbdag.core.capacity import Capacity
from nbdag.core.reports import AttemptEnded, RunBegan, Succeeded
from nbdag.core.status import TaskStatus
from nbdag.core.triggers import TriggerRule
from tests.simulation.truth import TABLE, expected
from tests.unit.core.story import Story, graph, node, started

PENDING, RUNNING = TaskStatus.PENDING, TaskStatus.RUNNING
S, C, F = TaskStatus.SUCCESS, TaskStatus.CACHED, TaskStatus.FAILED
U, K, X = TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED


def story_of(rule: str, upstreams: tuple[TaskStatus, ...], *, cleanup: bool) -> Story:
    """A run in which three upstreams of `join` have ended so."""
    # a, b, c -> join ;  root -> those of a, b, c that are to be blocked
    ends = dict(zip("abc", upstreams, strict=True))
    parents = {name: node("root") if end is U else node(resolve=end is C) for name, end in ends.items()}
    join = node("a", "b", "c", trigger=TriggerRule(rule), cleanup=cleanup)
    run = started(graph(root=(), **parents, join=join), slots=9)
    for name, end in sorted(ends.items(), key=lambda pair: pair[1] is X):  # a cancel ends all that still runs
        undecided = any(not run.state.status[run.id(parent)].is_terminal for parent in ends)
        assert run.statuses()["join"] is PENDING or not undecided
        match end:
            case TaskStatus.SUCCESS:
                run.succeed(name)
            case TaskStatus.CACHED:
                run.found(name)
            case TaskStatus.FAILED:
                run.fail(name)
            case TaskStatus.SKIPPED:
                run.skip(name)
            case TaskStatus.UPSTREAM_FAILED if run.statuses()["root"] is RUNNING:
                run.fail("root")
            case TaskStatus.CANCELLED if run.statuses()[name] is RUNNING:
                run.cancel()
            case _:
                pass
    assert tuple(run.statuses()[name] for name in "abc") == upstreams
    return run


@pytest.mark.parametrize("cleanup", [False, True], ids=["task", "clean-up"])
@pytest.mark.parametrize("rule", list(TABLE))
def test_the_table(rule, cleanup):
    """Every rule with every triple of upstream states does what the table says (R34)."""
    for upstreams in product((S, C, F, U, K, X), repeat=3):
        run = story_of(rule, upstreams, cleanup=cleanup)

        end = expected(rule, upstreams, cleanup=cleanup)
        assert run.statuses()["join"] is (end or RUNNING), (rule, upstreams)


@pytest.mark.parametrize("rule", ["all_success", "none_failed", "all_done", "always"])
def test_a_task_without_upstreams_starts(rule):
    """Rules that make sense without upstreams let a root start."""
    run = started(graph(a=node(trigger=TriggerRule(rule))))

    assert run.statuses() == {"a": RUNNING}


def test_a_root_whose_rule_can_never_hold_is_skipped_with_all_below():
    """The machine does not hang on a root that waits for a failure; validation refuses it long before."""
    # a -> b -> c
    run = started(graph(a=node(trigger=TriggerRule.ONE_FAILED), b=("a",), c=node("b", trigger=TriggerRule.NONE_FAILED)))

    run.succeed("c")

    assert run.statuses() == {"a": K, "b": K, "c": S}


def test_a_verdict_waits_for_the_slowest_upstream():
    """A failure alone decides nothing for a join while another upstream runs (no early one_failed)."""
    # a -> h ;  b -> h
    run = started(graph(a=(), b=(), h=node("a", "b", trigger=TriggerRule.ONE_FAILED)), slots=2)

    run.fail("a")
    assert run.statuses()["h"] is PENDING
    run.succeed("b")

    assert run.statuses()["h"] is RUNNING


def test_run_begins_only_with_its_roots():
    """Nothing below a root starts with the run."""
    run = Story(graph(a=(), b=("a",)), Capacity(9, 9))

    run.tell(RunBegan(0.0))
    assert run.log("task_started") == ["a"]
    run.tell(AttemptEnded(0, 1, Succeeded(), 0.0))

    assert run.log("task_started") == ["a", "b"]
