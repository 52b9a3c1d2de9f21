"""How often and how soon a failed attempt is tried again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdag.core.errors import Fail, Retry
from nbdag.core.retry import RetryPolicy


def delays(policy, count=5):
    return [policy.delay_before(retry, ValueError(), Random(1)) for retry in range(1, count + 1)]


def test_retries_are_extra_attempts():
    """With two retries the first and second attempt may be followed by another, the third may not."""
    policy = RetryPolicy(retries=2)

    assert [policy.allows(ValueError(), attempt) for attempt in (1, 2, 3)] == [True, True, False]


def test_no_retry_is_the_default():
    """A mistake shows at once, even one that asks for a retry."""
    assert not RetryPolicy().allows(Retry(), attempt=1)


def test_fail_ends_the_task_at_once():
    """No retry follows a Fail, whatever retry_on says."""
    assert not RetryPolicy(retries=5, retry_on=BaseException).allows(Fail(), attempt=1)


def test_only_named_exceptions_are_retried():
    """Subclasses count; what is not an Exception needs to be named."""
    policy = RetryPolicy(retries=1, retry_on=(OSError, KeyError))

    assert policy.allows(ConnectionError(), 1)
    assert not policy.allows(ValueError(), 1)
    assert not RetryPolicy(retries=1).allows(SystemExit(), 1)
    assert RetryPolicy(retries=1, retry_on=SystemExit).allows(SystemExit(), 1)


def test_no_retry_on_wins():
    """An exception named by both is not retried; a Retry is asked for by the task itself, so it is."""
    policy = RetryPolicy(retries=1, retry_on=OSError, no_retry_on=FileNotFoundError)

    assert not policy.allows(FileNotFoundError(), 1)
    assert policy.allows(PermissionError(), 1)
    assert RetryPolicy(retries=1, no_retry_on=Exception).allows(Retry(), 1)


def test_a_function_may_decide():
    """It is asked with the exception and the number of the attempt; its own error comes through."""
    policy = RetryPolicy(retries=9, retry_on=lambda error, attempt: attempt < 2 and str(error) == "busy")

    assert policy.allows(ValueError("busy"), 1)
    assert not policy.allows(ValueError("busy"), 2)
    with pytest.raises(ZeroDivisionError):
        RetryPolicy(retries=1, retry_on=lambda *_: 1 / 0).allows(ValueError(), 1)


def test_the_delay_grows_to_its_cap():
    """Before retry k the wait is delay * backoff ** (k - 1), and never more than the cap."""
    assert delays(RetryPolicy(delay=1.0, backoff=3.0, max_delay=20.0)) == [1.0, 3.0, 9.0, 20.0, 20.0]


def test_without_a_delay_the_next_attempt_follows_at_once():
    """Backoff multiplies nothing."""
    assert delays(RetryPolicy(backoff=1e308)) == [0.0] * 5


def test_a_growth_beyond_all_numbers_is_the_cap():
    """A thousand retries overflow nothing."""
    assert RetryPolicy(delay=1.0, backoff=1e10).delay_before(1000, ValueError(), Random(1)) == 300.0


def test_the_last_of_several_delays_repeats():
    """One value for each retry; none at all is no delay."""
    assert delays(RetryPolicy(delay=(1.0, 5.0, 1000.0))) == [1.0, 5.0, 300.0, 300.0, 300.0]
    assert delays(RetryPolicy(delay=())) == [0.0] * 5


def test_a_function_may_give_the_delay():
    """It is asked with the number of the retry and the exception; less than nothing is nothing, the cap holds."""
    policy = RetryPolicy(delay=lambda retry, error: (retry - 2) * float(str(error)))

    assert [policy.delay_before(retry, ValueError("200"), Random(1)) for retry in (1, 2, 3, 4)] == [0, 0, 200, 300]


def test_a_retry_decides_for_itself():
    """`Retry(after=…)` is the delay, past cap and jitter; without it the policy's own counts."""
    policy = RetryPolicy(delay=2.0, jitter=1.0, max_delay=5.0)

    assert policy.delay_before(1, Retry(after=900), Random(1)) == 900.0
    assert policy.delay_before(1, Retry(after=0), Random(1)) == 0.0
    assert RetryPolicy(delay=2.0).delay_before(1, Retry(), Random(1)) == 2.0


@given(seed=st.integers(), jitter=st.floats(0, 1), delay=st.floats(0, 100), cap=st.floats(0, 100))
def test_jitter_stays_within_its_share_and_under_the_cap(seed, jitter, delay, cap):
    """A delay varies by at most its share, and the cap holds after the jitter too."""
    capped = min(delay, cap)

    drawn = RetryPolicy(delay=delay, jitter=jitter, max_delay=cap).delay_before(1, ValueError(), Random(seed))

    assert capped * (1 - jitter) - 1e-9 <= drawn <= min(capped * (1 + jitter), cap) + 1e-9


def test_delays_at_the_cap_still_differ():
    """Jitter keeps many tasks apart also when all of them wait for the longest time."""
    policy = RetryPolicy(delay=300.0, jitter=0.5)

    drawn = [policy.delay_before(1, ValueError(), Random(seed)) for seed in range(100)]

    assert len(set(drawn)) == 100
