"""The capacities of a pipeline's resources, which may be changed at any time, also while runs use them."""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from nbdag.core.capacity import Capacity
from nbdag.core.checks import Refusal
from nbdag.runtime.driver import Floor


class ResourceLimits(MutableMapping[str, float]):
    """Capacity by resource name. What fits after a change starts at once.

    >>> limits = ResourceLimits(Floor(Capacity(1, 1, {"gpu": 1})))
    >>> limits["gpu"] = 2
    >>> dict(limits)
    {'gpu': 2}
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def __getitem__(self, name: str) -> float:
        return self._floor.capacity.resources[name]

    def __setitem__(self, name: str, amount: float) -> None:
        checked = check_resources({name: amount})

        def change(capacity: Capacity) -> None:
            capacity.resources.update(checked)

        self._floor.change(change)

    def __delitem__(self, name: str) -> None:
        self._floor.change(lambda capacity: capacity.resources.__delitem__(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._floor.capacity.resources))

    def __len__(self) -> int:
        return len(self._floor.capacity.resources)

    def __repr__(self) -> str:
        return repr(self._floor.capacity.resources)


def checked_capacity(max_parallel: int | None, max_async: int, resources: Mapping[Any, Any]) -> Capacity:
    """The limits of a pipeline, checked; without `max_parallel` as many threads as there are cores."""
    parallel = cores() if max_parallel is None else check_count("max_parallel", max_parallel)
    return Capacity(parallel, check_count("max_async", max_async), check_resources(resources))


def check_resources(resources: Mapping[Any, Any]) -> dict[str, float]:
    """The capacities, checked: names, and finite numbers from 0 on."""
    if not isinstance(resources, Mapping):
        raise ValueError(f"resources={resources!r} must be a dict of capacities by name.")
    for name, amount in resources.items():
        number = isinstance(amount, Real) and not isinstance(amount, bool)
        if not (isinstance(name, str) and name and number and isfinite(amount) and amount >= 0):
            raise ValueError(f"resources: {name!r}: {amount!r} is not a name and a number from 0 on.")
    return dict(resources)


def check_slots(value: object) -> int:
    """A number of slots, checked; NumPy's will do."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise Refusal("must be a whole number, 1 or more")
    return int(value)


def check_count(option: str, value: object) -> int:
    """As `check_slots`, with the option in the message."""
    try:
        return check_slots(value)
    except Refusal as refusal:
        raise ValueError(f"{option}={value!r} {refusal}.") from None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
