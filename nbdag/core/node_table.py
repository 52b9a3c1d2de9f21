"""The nodes of a run: their states, how an end opens or closes what is below, and the log of what happened.

`NodeTable.end` is the only way a node becomes terminal. It carries the consequences downstream, iteratively, and gives
back the nodes that may now start; whether and when they do is the business of `RunState`. Cost: O(out-degree) for a
success, and each node's trigger rule is asked once.
"""

from collections.abc import Mapping
from typing import Any

from nbdag.core.compiled import CompiledGraph, NodeRules
from nbdag.core.events import Event
from nbdag.core.reports import IllegalReport
from nbdag.core.status import OK, TaskStatus
from nbdag.core.triggers import VERDICTS, TriggerRule, verdict

MOST_BLAMED = 20
"""Root failures named for one blocked task."""

_EVENT_OF_END = {
    TaskStatus.SUCCESS: "task_succeeded",
    TaskStatus.CACHED: "task_cached",
    TaskStatus.FAILED: "task_failed",
    TaskStatus.UPSTREAM_FAILED: "task_upstream_failed",
    TaskStatus.SKIPPED: "task_skipped",
    TaskStatus.CANCELLED: "task_cancelled",
}

Consequence = tuple[int, TaskStatus, str, Mapping[str, Any] | None]
"""An end that follows from another: node, status, message, data."""

_as_event = tuple.__new__
"""Makes an Event without the constructor's keyword handling: it is done twice a task."""


class NodeTable:
    """States, counters and events of a run's nodes. Lists are indexed by node id and grow when a map expands."""

    def __init__(self, graph: CompiledGraph) -> None:
        size = len(graph.names)
        self.events: list[Event] = []
        self._latest = 0.0
        self.names = list(graph.names)
        self.status = [TaskStatus.PENDING] * size
        self.attempt = [0] * size
        self.rules: list[NodeRules] = list(graph.rules)
        self.ranks = list(graph.ranks)
        self.left = size
        self.halted = ""
        """Why nothing new may start but clean-up; empty while all is well."""
        self.closed = False
        """True when clean-up may not start either."""
        self._upstream = list(graph.upstream)
        self._downstream = list(graph.downstream)
        self._waiting_for = [len(upstream) for upstream in graph.upstream]
        self._troubled = bytearray(size)  # 1: an upstream did not succeed, so the trigger rule has to be asked
        self._blamed: dict[int, tuple[str, ...]] = {}
        self.items: dict[int, range] = {}
        """The items of each mapped task that has expanded."""
        self._items_left: dict[int, int] = {}
        self._map_of: dict[int, int] = {}

    def say(
        self,
        name: str,
        at: float,
        node: int | None = None,
        message: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an event; its attempt is the node's latest. Reports may cross on their way: time still goes on."""
        events = self.events
        if at < self._latest:
            at = self._latest
        else:
            self._latest = at
        if node is None:
            events.append(Event(len(events) + 1, at, name, None, 0, message, data))
        else:
            facts = (len(events) + 1, at, name, self.names[node], self.attempt[node], message, data)
            events.append(_as_event(Event, facts))

    def open_roots(self, at: float) -> list[int]:
        """The nodes without upstreams that may start."""
        opened: list[int] = []
        for node in [node for node, waiting in enumerate(self._waiting_for) if not waiting]:
            consequence = self._decide(node, opened)
            if consequence is not None:
                status, message, data = consequence[1:]
                opened.extend(self.end(node, status, at, message, data))
        return opened

    def end(
        self, node: int, status: TaskStatus, at: float, message: str = "", data: Mapping[str, Any] | None = None
    ) -> list[int]:
        """Make a node terminal, with all that follows for the nodes below it; gives those that may start now."""
        opened: list[int] = []
        consequences = self._end_one(node, status, at, message, data, opened)
        if not consequences:
            return opened
        for below, status_below, why, data_below in consequences:  # it grows while it is walked, the nearest first
            consequences.extend(self._end_one(below, status_below, at, why, data_below, opened))
        return opened

    def expand(self, node: int, count: int) -> range:
        """Add the items of a mapped task as nodes without upstreams; gives their ids."""
        first = len(self.status)
        items = self.items[node] = range(first, first + count)
        self._items_left[node] = count
        for number, item in enumerate(items):
            self._map_of[item] = node
            self.names.append(f"{self.names[node]}[{number}]")
            self.status.append(TaskStatus.PENDING)
            self.attempt.append(0)
            self.rules.append(self.rules[node])
            self.ranks.append(self.ranks[node])
            self._upstream.append(())
            self._downstream.append(())
            self._waiting_for.append(0)
            self._troubled.append(0)
        self.left += count
        return items

    def require(self, node: int) -> None:
        """Refuse a report about a node that does not exist."""
        if not 0 <= node < len(self.status):
            raise IllegalReport(f"there is no node {node}")

    def is_item(self, node: int) -> bool:
        """True for an item of a mapped task."""
        return node in self._map_of

    def completed_map(self, item: int) -> int | None:
        """The mapped task whose last open item has just ended; None while others are open, or for no item."""
        mapped = self._map_of.get(item)
        if mapped is None:
            return None
        self._items_left[mapped] -= 1
        return None if self._items_left[mapped] else mapped

    def sum_up(self, mapped: int) -> tuple[TaskStatus, str]:
        """How a mapped task ends, with a message: failed if an item failed, cancelled if one was, else succeeded."""
        items = self.items[mapped]
        failed = [self.names[item] for item in items if self.status[item] is TaskStatus.FAILED]
        if failed:
            return TaskStatus.FAILED, f"{len(failed)} of {len(items)} items failed: {', '.join(failed[:5])}"
        if any(self.status[item] is TaskStatus.CANCELLED for item in items):
            return TaskStatus.CANCELLED, self.halted
        return TaskStatus.SUCCESS, ""

    def is_cleanup(self, node: int) -> bool:
        """True for a task that may start although the run is being stopped."""
        rules = self.rules[node]
        return rules.cleanup and VERDICTS[rules.trigger] is VERDICTS[TriggerRule.ALL_DONE]

    def may_start(self, node: int) -> bool:
        """True while the run lets a node start: once halted, only clean-up; once closed, nothing."""
        return not self.halted or (self.is_cleanup(node) and not self.closed)

    def _end_one(
        self,
        node: int,
        status: TaskStatus,
        at: float,
        message: str,
        data: Mapping[str, Any] | None,
        opened: list[int],
    ) -> list[Consequence]:
        self.status[node] = status
        self.left -= 1
        self.say(_EVENT_OF_END[status], at, node, message, data)
        consequences: list[Consequence] = []
        if status not in OK:
            for below in self._downstream[node]:
                self._troubled[below] = 1
        waiting_for, rules = self._waiting_for, self.rules
        for below in self._downstream[node]:
            waiting_for[below] -= 1
            if waiting_for[below] or self.status[below] is not TaskStatus.PENDING:
                continue
            if rules[below].trigger is TriggerRule.ALL_SUCCESS and not (self._troubled[below] or self.halted):
                opened.append(below)  # as its rule would say, without asking
            else:
                consequence = self._decide(below, opened)
                if consequence is not None:
                    consequences.append(consequence)
        return consequences

    def _decide(self, node: int, opened: list[int]) -> Consequence | None:
        """Ask the trigger rule of a node whose upstreams are all terminal: opened, or the end that follows."""
        rules = self.rules[node]
        status: TaskStatus | None = None
        if self._troubled[node] or rules.trigger is not TriggerRule.ALL_SUCCESS:
            upstream = self._upstream[node]
            status = verdict(rules.trigger, [self.status[up] for up in upstream], cleanup=self.is_cleanup(node))
        if status is None:
            if self.may_start(node):
                opened.append(node)
                return None
            status = TaskStatus.CANCELLED
        return (node, status, *self._explained(node, status))

    def _explained(self, node: int, status: TaskStatus) -> tuple[str, Mapping[str, Any] | None]:
        if status is TaskStatus.CANCELLED:
            return self.halted or "a task above was cancelled", None
        if status is TaskStatus.SKIPPED:
            skipped = [self.names[up] for up in self._upstream[node] if self.status[up] is TaskStatus.SKIPPED]
            above = f"{skipped[0]} was skipped" if skipped else "nothing above failed"
            return above, None
        blamed = self._blamed[node] = self._roots(node)
        return f"blocked by {', '.join(blamed)}", {"blamed": blamed}

    def _roots(self, node: int) -> tuple[str, ...]:
        """The failures that block a node, at most MOST_BLAMED of them, in definition order of their first branch."""
        groups = [
            (self.names[up],) if self.status[up] is TaskStatus.FAILED else self._blamed.get(up, ())
            for up in self._upstream[node]
        ]
        groups = [group for group in groups if group]
        if len(groups) == 1:
            return groups[0]
        return tuple(dict.fromkeys(name for group in groups for name in group))[:MOST_BLAMED]
