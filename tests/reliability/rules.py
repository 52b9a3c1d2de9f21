"""What must hold after every run, whatever happened in it: read from its events alone."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from nbdag import Run
from nbdag.core.capacity import SLOT_OF_POOL
from nbdag.core.records import RunRecord
from nbdag.core.status import FOLLOWS

AFTER_THE_END = {"thread_finally_ended", "late_result_discarded", "attempt_abandoned", "observer_failed"}


def assert_kept(run: Run, limits: Mapping[str, float] | None = None) -> None:
    """All tasks terminal, numbers without gaps, events that replay to the states, each change of state legal.

    `limits` holds the slots (``parallel``, ``async``) and the resources that were never to be exceeded.
    """
    assert run.done
    events = list(run._driver.events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert all(earlier.at <= later.at for earlier, later in pairwise(events))
    assert [event.name for event in events].count("run_finished") == 1

    record, started, held = RunRecord(run.run_id), Counter(), Held(run)
    for event in events:
        before = record.tasks[event.task].status if event.task in record.tasks else None
        record.apply(event)
        if event.task is not None:
            after = record.tasks[event.task].status
            assert before is after or before is None or after in FOLLOWS[before], event
            assert before is None or not before.is_terminal or event.name in AFTER_THE_END, event
            held.follow(event)
        started[event.task] += event.name == "task_started"
        in_use = held.amounts()
        assert all(in_use[name] <= most for name, most in (limits or {}).items()), (event, in_use)

    told = {name: task.status for name, task in record.tasks.items()}
    assert told == dict(zip(run._driver.names, run._driver.status, strict=True))
    assert all(status.is_terminal for status in told.values())
    assert record.status is run.state
    rules = dict(zip(run._driver.names, run._driver.job.graph.rules, strict=True))
    assert all(started[name] <= rules[name].attempts for name in rules)


class Held:
    """What attempts hold, from their start to their end; an abandoned one holds on until it really ends."""

    def __init__(self, run: Run) -> None:
        graph = run._driver.job.graph
        self._request_of = {name: rules.request for name, rules in zip(graph.names, graph.rules, strict=True)}
        self._holders: set[str] = set()
        self._abandoned: set[str] = set()

    def follow(self, event: Any) -> None:
        match event.name:
            case "task_started":
                assert event.task not in self._holders, f"{event}: two attempts of one task at once"
                self._holders.add(event.task)
            case "attempt_abandoned":
                self._abandoned.add(event.task)
            case "thread_finally_ended":
                self._abandoned.discard(event.task)
                self._holders.discard(event.task)
            case "task_succeeded" | "task_failed" | "task_retrying" | "task_skipped" | "task_cancelled":
                if event.task not in self._abandoned:
                    self._holders.discard(event.task)

    def amounts(self) -> Counter[str]:
        """How much is held of each slot and resource."""
        amounts: Counter[str] = Counter()
        for task in self._holders:
            request = self._request_of[task]
            amounts[SLOT_OF_POOL[request.pool]] += 1
            for name, amount in request.resources:
                amounts[name] += amount
        return amounts
