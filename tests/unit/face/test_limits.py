"""Capacities by name."""

import numpy as np
import pytest

from nbdag.limits import check_count, check_resources, cores


def test_capacities_are_a_mapping(pipeline):
    """They are read, set and taken away like the items of a dict."""
    pipeline.resources["gpu"] = 2
    pipeline.resources.update(disk=0.5)
    assert (dict(pipeline.resources), len(pipeline.resources)) == ({"gpu": 2, "disk": 0.5}, 2)

    del pipeline.resources["gpu"]

    assert repr(pipeline.resources) == "{'disk': 0.5}"
    with pytest.raises(KeyError):
        del pipeline.resources["gpu"]


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), "2", None, True])
def test_a_capacity_is_a_number_from_zero_on(pipeline, amount):
    """Anything else is refused, and nothing changes."""
    pipeline.resources["gpu"] = 1

    with pytest.raises(ValueError, match="'gpu'"):
        pipeline.resources["gpu"] = amount

    assert pipeline.resources["gpu"] == 1


def test_numbers_of_numpy_are_numbers():
    """Limits computed with NumPy are as good as others."""
    assert check_resources({"gpu": np.float64(1.5)}) == {"gpu": 1.5}
    assert type(check_count("max_parallel", np.int64(3))) is int


@pytest.mark.parametrize("count", [0, -1, 1.0, "2", True, None])
def test_slots_are_counted_in_whole_numbers(pipeline, count):
    """A limit names the option and the value that cannot be."""
    with pytest.raises(ValueError, match="max_async="):
        pipeline.max_async = count


def test_no_limit_means_as_many_as_cores(pipeline):
    """`max_parallel=None` is the number of cores this process may use."""
    pipeline.max_parallel = None

    assert pipeline.max_parallel == cores() >= 1
