"""Slots and resources: how many attempts may run at once, and who holds what.

One `Capacity` belongs to a pipeline and is shared by its overlapping runs, so that together they stay within it. An
abandoned attempt (a thread that cannot be stopped) keeps what it holds until it really ends.
"""

from collections.abc import Mapping
from typing import NamedTuple

SLOT_OF_POOL = {"thread": "parallel", "loop": "async", "caller": "async"}
"""Which kind of slot an attempt of a pool takes."""


class Request(NamedTuple):
    """What one attempt needs, all or none: a slot, and shares of named resources."""

    pool: str
    resources: tuple[tuple[str, float], ...] = ()


class Claim(NamedTuple):
    """A request that was overtaken for too long, with who waits for it: a run's queue, and a node in it."""

    request: Request
    queue: object
    node: int


class Capacity:
    """The limits of a pipeline and what its running attempts hold of them.

    >>> capacity = Capacity(parallel=1, max_async=100)
    >>> capacity.take(Request("thread")); capacity.fits(Request("thread"))
    False
    """

    def __init__(self, parallel: int, max_async: int, resources: Mapping[str, float] | None = None) -> None:
        self.slots: dict[str, float] = {"parallel": parallel, "async": max_async}
        self.resources: dict[str, float] = dict(resources or {})
        self.used_slots: dict[str, int] = {"parallel": 0, "async": 0}
        self.used: dict[str, float] = {}
        self.live = 0
        """Attempts that hold something and are not abandoned."""
        self.claim: Claim | None = None
        """What waits for its resources and lets nobody pass any more who needs one of them."""
        self.abandoned = 0

    def fits(self, request: Request) -> bool:
        """True when all the request needs is free."""
        slot = SLOT_OF_POOL[request.pool]
        if self.used_slots[slot] >= self.slots[slot]:
            return False
        return not request.resources or all(
            self.used.get(name, 0.0) + amount <= self.resources.get(name, 0.0) + 1e-9
            for name, amount in request.resources
        )

    def grants(self, request: Request, queue: object, node: int) -> bool:
        """True when all that a node needs is free, and not held back for somebody else's claim.

        A claim that cannot be met holds nobody back: of more than there is, or while abandoned attempts hold something.
        """
        claim = self.claim
        if not self.fits(request):
            return False
        if claim is None or self.abandoned or (claim.queue is queue and claim.node == node):
            return True
        wanted = dict(claim.request.resources)
        can_be_met = all(amount <= self.resources.get(name, 0.0) + 1e-9 for name, amount in wanted.items())
        return not (can_be_met and any(name in wanted for name, _ in request.resources))

    def has_slot(self, pool: str) -> bool:
        """True when a slot for an attempt of this pool is free; its resources may not be."""
        slot = SLOT_OF_POOL[pool]
        return self.used_slots[slot] < self.slots[slot]

    def take(self, request: Request) -> None:
        """Hold what the request needs; the caller has seen that it fits."""
        self.used_slots[SLOT_OF_POOL[request.pool]] += 1
        self.live += 1
        for name, amount in request.resources:
            self.used[name] = self.used.get(name, 0.0) + amount

    def abandon(self) -> None:
        """Count one holder as abandoned; it goes on holding."""
        self.live -= 1
        self.abandoned += 1

    def give_back(self, request: Request, *, abandoned: bool = False) -> None:
        """Free what a holder held."""
        self.used_slots[SLOT_OF_POOL[request.pool]] -= 1
        if abandoned:
            self.abandoned -= 1
        else:
            self.live -= 1
        for name, amount in request.resources:
            self.used[name] -= amount
