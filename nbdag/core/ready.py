"""What is ready to start, ordered by rank, one heap for each distinct request.

A node that must wait for a resource never keeps others from being looked at, and is never scanned: only the head of
each heap is compared. Starting is O(log n) and costs one look per distinct request.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from nbdag.core.capacity import Capacity, Request


class ReadyQueues:
    """Ready nodes by request. `push` and `pop` are the only ways in and out."""

    def __init__(self) -> None:
        self._heaps: dict[Request, list[tuple[int, int]]] = {}
        self._by_pool: dict[str, list[tuple[Request, list[tuple[int, int]]]]] = {}
        self.size = 0

    def push(self, request: Request, rank: int, node: int) -> None:
        """Add a node."""
        heap = self._heaps.get(request)
        if heap is None:
            heap = self._heaps[request] = []
            self._by_pool.setdefault(request.pool, []).append((request, heap))
        heappush(heap, (rank, node))
        self.size += 1

    def pop(self, pool: str, capacity: Capacity) -> int | None:
        """Take the best-ranked node of a pool whose request fits; None when there is none."""
        best: list[tuple[int, int]] | None = None
        for request, heap in self._by_pool.get(pool, ()):
            if heap and (best is None or heap[0] < best[0]) and capacity.fits(request):
                best = heap
        if best is None:
            return None
        self.size -= 1
        return heappop(best)[1]

    def has(self, pool: str, capacity: Capacity) -> bool:
        """True when `pop` would give a node."""
        return any(heap and capacity.fits(request) for request, heap in self._by_pool.get(pool, ()))

    def pools(self) -> tuple[str, ...]:
        """Pools that ever had something ready."""
        return tuple(self._by_pool)

    def keep_only(self, wanted: Callable[[int], bool]) -> None:
        """Forget every ready node that is not wanted; for a run that stops starting new work."""
        for heap in self._heaps.values():
            heap[:] = sorted(entry for entry in heap if wanted(entry[1]))
        self.size = sum(map(len, self._heaps.values()))
