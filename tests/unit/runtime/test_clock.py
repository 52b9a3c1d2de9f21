"""The run's clock."""

import time
from itertools import pairwise

from nbdag.runtime.clock import Clock


def test_a_clock_tells_seconds_since_the_epoch():
    """Its moments lie between two readings of the system's wall clock."""
    before = time.clock_gettime(time.CLOCK_REALTIME)
    at = Clock().now()
    after = time.clock_gettime(time.CLOCK_REALTIME)

    assert before - 0.01 <= at <= after + 0.01


def test_a_clock_never_runs_backwards():
    """Two readings are in the order in which they were made."""
    clock = Clock()
    readings = [clock.now() for _ in range(1_000)]

    assert all(earlier <= later for earlier, later in pairwise(readings))


def test_a_changed_date_moves_no_run(monkeypatch):
    """Once made, a clock goes on by itself, though the machine's date is set back."""
    monkeypatch.setattr("time.time", lambda: 5_000.0)
    clock = Clock()
    monkeypatch.setattr("time.time", lambda: 0.0)

    assert 5_000 <= clock.now() < 5_060
