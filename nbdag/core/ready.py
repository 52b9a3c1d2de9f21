"""What is ready to start, ordered by rank, one heap for each distinct request.

A node that must wait for a resource does not keep others from being looked at (until it was overtaken for too long,
see `Capacity.claim`), and is never scanned: only the head of each heap is compared. Starting is O(log n) and costs one
look per distinct request.
"""

from collections.abc import Iterator
from heapq import heappop, heappush

from nbdag.core.capacity import Capacity, Request

Heap = list[tuple[int, int]]
"""(rank, node), the best first."""


class ReadyQueues:
    """Ready nodes by request. `push`, `pop` and `forget` are the only ways in and out."""

    def __init__(self) -> None:
        self._heaps: dict[Request, Heap] = {}
        self._heap_of: dict[int, Heap] = {}
        self._by_pool: dict[str, list[tuple[Request, Heap]]] = {}
        self._members: set[int] = set()  # a heap may still hold what was forgotten

    def __len__(self) -> int:
        return len(self._members)

    def push(self, request: Request, rank: int, node: int) -> None:
        """Add a node."""
        heap = self._heap_of.get(id(request))  # requests are shared by tasks alike and live as long as the run
        if heap is None:
            heap = self._heap_of[id(request)] = self._heaps.setdefault(request, [])
            if not any(known is heap for _, known in self._by_pool.setdefault(request.pool, [])):
                self._by_pool[request.pool].append((request, heap))
        heappush(heap, (rank, node))
        self._members.add(node)

    def pop(self, pool: str, capacity: Capacity) -> int | None:
        """Take the best-ranked node of a pool whose request fits; None when there is none."""
        best: Heap | None = None
        for request, heap in self._by_pool.get(pool, ()):
            if (
                ((heap and heap[0][1] in self._members) or self._has_head(heap))
                and (best is None or heap[0] < best[0])
                and (capacity.fits(request) if capacity.claim is None else capacity.grants(request, self, heap[0][1]))
            ):
                best = heap
        if best is None:
            return None
        node = heappop(best)[1]
        self._members.discard(node)
        return node

    def has(self, pool: str, capacity: Capacity) -> bool:
        """True when `pop` would give a node."""
        return any(
            self._has_head(heap) and capacity.grants(request, self, heap[0][1])
            for request, heap in self._by_pool.get(pool, ())
        )

    def overtaken_by(self, rank: int, node: int) -> Iterator[tuple[Request, int]]:
        """Nodes with a better rank than one that starts now, which still wait for a resource: one a request."""
        for pool in self._by_pool.values():
            for request, heap in pool:
                if request.resources and self._has_head(heap) and heap[0] < (rank, node):
                    yield request, heap[0][1]

    def pools(self) -> tuple[str, ...]:
        """Pools that ever had something ready."""
        return tuple(self._by_pool)

    def forget(self, node: int) -> None:
        """Take a node out that will not start any more; nothing happens when it is not in."""
        self._members.discard(node)

    def _has_head(self, heap: Heap) -> bool:
        """Clear forgotten nodes from the top; True when something is left."""
        while heap and heap[0][1] not in self._members:
            heappop(heap)
        return bool(heap)
