"""When a task may start: the truth table of the trigger rules."""

import itertools

import pytest

from nbdag.core.status import OK, TERMINAL, TaskStatus
from nbdag.core.triggers import NEEDS_UPSTREAM, VERDICTS, TriggerRule, mix_of, verdict

S, K, F = TaskStatus.SUCCESS, TaskStatus.SKIPPED, TaskStatus.FAILED
U, C, H = TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED, TaskStatus.CACHED
RUN = None

TABLE = {
    # rule: (all ok, some skipped, all skipped, any failed, any cancelled)
    "all_success": (RUN, K, K, U, C),
    "none_failed": (RUN, RUN, RUN, U, C),
    "none_failed_min_one_success": (RUN, RUN, K, U, C),
    "one_failed": (K, K, K, RUN, C),
    "all_done": (RUN, RUN, RUN, RUN, C),
    "always": (RUN, RUN, RUN, RUN, C),
}
UPSTREAMS = ([S, H], [S, K], [K, K], [S, F], [S, C])


@pytest.mark.parametrize("rule", TABLE)
def test_the_table_is_the_design(rule):
    """Each rule lets a task start, or says how it ends without starting, for each way its upstreams can end."""
    assert tuple(verdict(TriggerRule(rule), upstreams) for upstreams in UPSTREAMS) == TABLE[rule]


def test_every_rule_answers_every_mix():
    """No combination of rule and ends is left open."""
    mixes = {mix_of(ends) for count in range(4) for ends in itertools.product(TERMINAL, repeat=count)}

    assert mixes == {"none", "all_ok", "some_skipped", "all_skipped", "failed", "cancelled"}
    assert {rule: set(answers) for rule, answers in VERDICTS.items()} == dict.fromkeys(TriggerRule, mixes)


@pytest.mark.parametrize(
    ("upstreams", "mix"),
    [
        ([], "none"),
        ([S], "all_ok"),
        ([H, S], "all_ok"),
        ([K, H], "some_skipped"),
        ([K], "all_skipped"),
        ([K, F], "failed"),
        ([S, U], "failed"),
        ([F, K, C], "cancelled"),
    ],
)
def test_the_worst_end_wins(upstreams, mix):
    """Cancelled wins over failed, failed over skipped; a failure above counts as one."""
    assert mix_of(upstreams) == mix


def test_without_upstreams_a_task_starts():
    """Only the rules that speak of upstreams mean nothing there; they are refused when the graph is built."""
    starts = {rule for rule in TriggerRule if verdict(rule, []) is RUN}

    assert starts | NEEDS_UPSTREAM == set(TriggerRule)
    assert {TriggerRule.ONE_FAILED, TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS} == NEEDS_UPSTREAM


def test_a_cancel_lets_only_cleanup_start():
    """After a cancel a cleanup task runs under all_done and always, and under no other rule."""
    assert {rule for rule in TriggerRule if verdict(rule, [S, C], cleanup=True) is RUN} == {
        TriggerRule.ALL_DONE,
        TriggerRule.ALWAYS,
    }
    assert all(verdict(rule, [S, C]) is C for rule in TriggerRule)


def test_cached_counts_as_success_everywhere():
    """No rule tells a reused result from a computed one."""
    assert {S, H} == OK
    for rule in TriggerRule:
        for other in (S, K, F, C):
            assert verdict(rule, [H, other]) == verdict(rule, [S, other])
