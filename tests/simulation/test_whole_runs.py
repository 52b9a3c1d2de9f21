"""Whole runs in a simulated world: whatever a seed brings, every law holds and every run ends."""

from collections import Counter

import pytest

from nbdag.core.status import RunStatus
from tests.simulation.world import World

SEEDS, ALL_SEEDS, BATCHES = 300, 3_000, 6


def lived(seed: int) -> World:
    """A world that has lived to its end; what goes wrong names the seed."""
    world = World(seed)
    try:
        world.live()
        for run in world.runs:
            assert run.finishes == [run.state.finished], "law 3: finished exactly once"
            assert world.capacity.live == 0
            assert world.capacity.abandoned == sum(len(run.attempts) for run in world.runs)
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    return world


@pytest.mark.timeout(600)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_run_ends_within_the_laws(batch, full):
    """All laws hold after every report of every seed, and no run goes on for ever."""
    for seed in range(batch, ALL_SEEDS if full else SEEDS, BATCHES):
        lived(seed)


def test_a_seed_tells_its_story_twice():
    """The machine is deterministic: the same reports give the same events, to the last one."""
    for seed in range(40):
        assert lived(seed).history() == lived(seed).history()


def test_the_worlds_are_colourful():
    """The seeds reach every event and every end of a run, so that the laws are tried on all of them."""
    events, ends = Counter(), Counter()
    for seed in range(120):
        world = lived(seed)
        for run in world.runs:
            events.update(event.name for event in run.state.events)
            ends[run.state.finished] += 1

    assert set(ends) == {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELLED}
    assert set(events) == {
        "run_started",
        "run_finished",
        "cancel_requested",
        "run_timed_out",
        "task_started",
        "task_succeeded",
        "task_cached",
        "task_retrying",
        "task_failed",
        "task_upstream_failed",
        "task_skipped",
        "task_cancelled",
        "task_expanded",
        "attempt_abandoned",
        "thread_finally_ended",
        "late_result_discarded",
    }
