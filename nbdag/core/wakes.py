"""Moments a run waits for, in one heap: a retry that is due, the end of a stopped attempt's grace."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count


class Wakes:
    """(node, attempt) by the moment at which they want to be looked at again."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, int]] = []
        self._order = count()

    def add(self, at: float, node: int, attempt: int) -> None:
        """Look at this node again at this moment."""
        heappush(self._heap, (at, next(self._order), node, attempt))

    def due(self, at: float) -> Iterator[tuple[int, int]]:
        """Take out what is due, the earliest first; what is added meanwhile and due as well comes too."""
        while self._heap and self._heap[0][0] <= at:
            _, _, node, attempt = heappop(self._heap)
            yield node, attempt
