"""Which attempts of a run are awaited, ready, running, being stopped or abandoned, and what they hold.

`RunState` decides what an end means; this is its book of who waits for a slot and who has one. Laws 2 and 5 of the
machine rest here: a node takes what its request says when an attempt starts, and gives it back exactly once.
"""

from collections.abc import Mapping
from typing import Any

from nbdag.core.capacity import Capacity, Claim
from nbdag.core.node_table import NodeTable
from nbdag.core.ready import ReadyQueues
from nbdag.core.reports import Failed, IllegalReport, StartAttempt
from nbdag.core.status import TaskStatus

STILL_RUNS = {
    False: "the function still runs in its thread, which cannot be stopped; its slot is taken until it returns",
    True: "the coroutine ignored its cancellation and still runs; its slot is taken until it ends",
}
"""What an abandoned attempt's event says, by whether it could be asked to stop."""

OVERTAKEN_AT_MOST = 60.0
"""Seconds for which nodes of a lower rank may take the resources that a better-ranked one waits for."""

_as_start = tuple.__new__
"""Makes a StartAttempt without the constructor's keyword handling: it is done once a task."""


class Attempts:
    """The attempts of one run. `max_parallel` limits its threads beside the pipeline's own capacity."""

    def __init__(self, nodes: NodeTable, capacity: Capacity, max_parallel: int | None) -> None:
        self._nodes, self._capacity, self._max_parallel = nodes, capacity, max_parallel
        self._ready = ReadyQueues()
        self._ready_at = [0.0] * len(nodes.names)
        self._threads = 0  # running and abandoned thread attempts of this run
        self._delayed: set[int] = set()  # nodes whose next attempt waits for its moment
        self._behind: set[int] = set()  # nodes whose next attempt is due, but their own abandoned one still runs
        self.ends_at: dict[int, float] = {}
        """When the total timeout of a node is up, for those that have one and started."""
        self.last_failure: dict[int, Failed] = {}
        """Why the latest attempt failed, for nodes that were given another."""
        self.stopping: dict[int, Failed | None] = {}
        """Nodes whose attempt was asked to stop, with the failure it then ends in; None: cancelled."""
        self.abandoned: dict[int, int] = {}
        """Nodes with an attempt that was given up and still runs, and its number."""

    def enqueue(self, node: int, at: float) -> None:
        """Make a node ready; two attempts of one task never overlap, so that an abandoned one has to end first."""
        if self._delayed:
            self._delayed.discard(node)
        if node in self.abandoned:
            self._behind.add(node)
            return
        if node >= len(self._ready_at):  # items are added while the run goes on
            self._ready_at.extend([at] * (node + 1 - len(self._ready_at)))
        self._ready_at[node] = at
        self._ready.push(self._nodes.rules[node].request, self._nodes.ranks[node], node)

    def delay(self, node: int) -> None:
        """Note that a node waits for a moment before it is enqueued."""
        self._delayed.add(node)

    def forget(self, node: int) -> None:
        """Let a node that waited go; it will not start any more."""
        self._delayed.discard(node)
        self._behind.discard(node)
        self._ready.forget(node)
        self._drop_claim(node)

    def take(self, pool: str, at: float, worker: Mapping[str, Any]) -> StartAttempt | None:
        """Start the best-ranked ready node of a pool that fits."""
        if not self._ready or not self._has_room(pool):
            return None
        node = self._ready.pop(pool, self._capacity)
        if node is None:
            return None
        nodes = self._nodes
        rules = nodes.rules[node]
        if rules.request.resources:
            self._mind_overtaking(node, at)
        self._capacity.take(rules.request)
        if pool == "thread":
            self._threads += 1
        attempt = nodes.attempt[node] = nodes.attempt[node] + 1
        nodes.status[node] = TaskStatus.RUNNING
        queued = at - self._ready_at[node]
        nodes.say("task_started", at, node, "", {**worker, "queued": max(0.0, queued)})
        limit = rules.timeout if rules.total_timeout is None else self._limit(node, at)
        return _as_start(StartAttempt, (node, attempt, limit))

    def _mind_overtaking(self, node: int, at: float) -> None:
        """Let no more pass by a node that needs much and was overtaken for OVERTAKEN_AT_MOST seconds."""
        self._drop_claim(node)
        if self._capacity.claim is not None:
            return
        for request, overtaken in self._ready.overtaken_by(self._nodes.ranks[node], node):
            if at - self._ready_at[overtaken] >= OVERTAKEN_AT_MOST:
                self._capacity.claim = Claim(request, self._ready, overtaken)
                return

    def _drop_claim(self, node: int) -> None:
        claim = self._capacity.claim
        if claim is not None and claim.node == node and claim.queue is self._ready:
            self._capacity.claim = None

    def has_ready(self) -> bool:
        """True when a node waits for nothing but a slot or a resource."""
        return bool(self._ready)

    def can_take(self, pool: str) -> bool:
        """True when `take` would start something now."""
        return bool(self._ready) and self._has_room(pool) and self._ready.has(pool, self._capacity)

    def has_prospects(self) -> bool:
        """True when an attempt runs, could start now or waits for its moment; abandoned ones promise nothing."""
        starts = any(self.can_take(pool) for pool in self._ready.pools())
        return starts or bool(self._capacity.live) or bool(self._delayed)

    def release(self, node: int) -> None:
        """Give back what a running attempt holds."""
        request = self._nodes.rules[node].request
        self._capacity.give_back(request)
        self._threads -= request.pool == "thread"

    def abandon(self, node: int, at: float) -> None:
        """Give a running attempt up; it goes on holding what it holds."""
        self.abandoned[node] = self._nodes.attempt[node]
        self._capacity.abandon()
        self._nodes.say("attempt_abandoned", at, node, STILL_RUNS[self._nodes.rules[node].stoppable])

    def release_abandoned(self, node: int, at: float) -> None:
        """Give back what an abandoned attempt held, now that it ended, and let the one behind it come forward."""
        del self.abandoned[node]
        request = self._nodes.rules[node].request
        self._capacity.give_back(request, abandoned=True)
        self._threads -= request.pool == "thread"
        if node in self._behind:
            self._behind.discard(node)
            self.enqueue(node, at)

    def may_follow(self, node: int, failed: Failed, at: float) -> bool:
        """True when another attempt may follow this failure: tries left, time left, and the run goes on."""
        nodes = self._nodes
        if failed.retry_after is None or nodes.attempt[node] >= nodes.rules[node].attempts:
            return False
        return nodes.may_start(node) and not self.is_out_of_time(node, at + failed.retry_after)

    def is_out_of_time(self, node: int, at: float) -> bool:
        """True when the total timeout of a node is up at that moment."""
        ends_at = self.ends_at.get(node)
        return ends_at is not None and at >= ends_at

    def is_running(self, node: int, attempt: int) -> bool:
        """True while this very attempt runs and was not given up."""
        nodes = self._nodes
        if not 0 <= node < len(nodes.status) or nodes.status[node] is not TaskStatus.RUNNING:
            return False
        return nodes.attempt[node] == attempt and node not in nodes.items

    def require_running(self, node: int, attempt: int) -> None:
        """Refuse a report about an attempt that does not run."""
        if not self.is_running(node, attempt):
            self._nodes.require(node)
            raise IllegalReport(f"attempt {attempt} of {self._nodes.names[node]!r} is not running")

    def require_started(self, node: int, attempt: int) -> None:
        """Refuse a report about an attempt that never was."""
        self._nodes.require(node)
        if not 1 <= attempt <= self._nodes.attempt[node]:
            raise IllegalReport(f"attempt {attempt} of {self._nodes.names[node]!r} never started")

    def _limit(self, node: int, at: float) -> float | None:
        rules = self._nodes.rules[node]
        assert rules.total_timeout is not None
        left = max(0.0, self.ends_at.setdefault(node, at + rules.total_timeout) - at)
        return left if rules.timeout is None else min(left, rules.timeout)

    def _has_room(self, pool: str) -> bool:
        return self._max_parallel is None or pool != "thread" or self._threads < self._max_parallel
