"""When a worker is called, and when it steps aside."""

from nbdag.runtime.crew import TINY, UNKNOWN, Crew
from tests.unit.runtime.driven import HandWorker


def crew(*, shares_gil=True, active=0):
    made = Crew("thread", lambda: None, shares_gil=shares_gil)
    made.active = active
    return made


def used_to(seconds, **options):
    made = crew(**options)
    for _ in range(100):
        made.saw(seconds)
    return made


def test_the_first_worker_is_always_welcome():
    """Work is never left to nobody, however tiny it is."""
    assert used_to(TINY / 10).wants_company()


def test_before_anything_was_seen_company_is_welcome():
    """Attempts are taken to be long until they prove tiny."""
    assert crew(active=1).wants_company()
    assert UNKNOWN > TINY


def test_tiny_attempts_want_no_company():
    """Under the GIL a second thread only costs; elsewhere it helps."""
    assert not used_to(TINY / 10, active=1).wants_company()
    assert used_to(TINY / 10, active=1, shares_gil=False).wants_company()


def test_one_worker_at_a_time_is_on_its_way():
    """Nobody else is called before the one that was called has arrived."""
    made = crew()
    made.call()
    assert not made.wants_company()

    made.arrived()

    assert made.wants_company()


def test_a_parked_worker_is_rung_before_a_new_one_is_made():
    """Calling wakes the worker that parked last; with none parked it makes one."""
    made, first, second = crew(active=2), HandWorker("first"), HandWorker("second")
    made.park(first)
    made.park(second)
    assert made.active == 0

    made.call()()
    made.call()()

    assert (first.rung, second.rung, made.active) == (1, 1, 2)
    assert made.call() is made._spawn


def test_only_who_has_company_steps_aside():
    """A worker alone goes on; workers with lost attempts do not count as company."""
    assert not used_to(TINY / 10, active=1).should_step_aside()
    made = used_to(TINY / 10, active=2)
    assert made.should_step_aside()

    made.lost = 1

    assert not made.should_step_aside()


def test_a_lost_worker_leaves_room_for_another():
    """When everyone active is with an attempt that was given up, company is wanted again."""
    made = used_to(TINY / 10, active=1)
    made.lost = 1

    assert made.wants_company()


def test_expecting_long_attempts_forgets_tiny_ones():
    """After a rousing company is wanted again, until tiny attempts are seen again."""
    made = used_to(TINY / 10, active=1)

    made.expect_long()

    assert made.wants_company()
