"""Slots and resources: what fits, what is held, what comes back."""

import pytest

from nbdag.core.capacity import Capacity, Request

GPU = Request("thread", (("gpu", 0.5),))


def test_a_request_fits_while_a_slot_and_its_shares_are_free():
    """Two halves of a GPU fit, a third does not."""
    capacity = Capacity(9, 9, {"gpu": 1})

    fits = []
    for _ in range(3):
        fits.append(capacity.fits(GPU))
        capacity.take(GPU)

    assert fits == [True, True, False]


def test_shares_of_tenths_add_up_to_one():
    """Ten tenths fit although their floating-point sum is not one."""
    tenth = Request("thread", (("gpu", 0.1),))
    capacity = Capacity(99, 1, {"gpu": 1})
    for _ in range(9):
        capacity.take(tenth)

    assert capacity.fits(tenth)
    capacity.take(tenth)
    assert not capacity.fits(tenth)


def test_an_unknown_resource_has_nothing_to_give():
    """A name that nobody declared never fits; validation refuses it long before."""
    assert not Capacity(9, 9).fits(GPU)


@pytest.mark.parametrize(("pool", "slot"), [("thread", "parallel"), ("loop", "async"), ("caller", "async")])
def test_pools_take_slots_of_their_kind(pool, slot):
    """Threads count as parallel, coroutines as async."""
    capacity = Capacity(1, 1)

    capacity.take(Request(pool))

    assert capacity.used_slots == {"parallel": 0, "async": 0} | {slot: 1}


def test_an_abandoned_holder_goes_on_holding():
    """Abandoning frees nothing; only the end of the attempt does."""
    capacity = Capacity(1, 1, {"gpu": 1})
    capacity.take(GPU)

    capacity.abandon()
    assert (capacity.live, capacity.abandoned, capacity.fits(GPU)) == (0, 1, False)
    capacity.give_back(GPU, abandoned=True)

    assert (capacity.live, capacity.abandoned, capacity.used, capacity.fits(GPU)) == (0, 0, {"gpu": 0.0}, True)


def test_what_is_given_back_fits_again():
    """A holder that ends frees its slot and its shares."""
    capacity = Capacity(1, 1, {"gpu": 1})
    capacity.take(GPU)

    capacity.give_back(GPU)

    assert (capacity.live, capacity.used_slots["parallel"], capacity.used) == (0, 0, {"gpu": 0.0})
