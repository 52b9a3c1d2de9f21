"""The boxes of a picture: one task, a group of them, a parameter, what is left out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nbdag.core.graph import InputKind
from nbdag.core.status import TaskStatus
from nbdag.core.task import TaskSpec
from nbdag.views.folding import Group
from nbdag.views.palette import PALETTE, PILL_FILL, PILL_STROKE, STALE, Look
from nbdag.views.pills import MOST_PILLS, pill
from nbdag.views.scene import Fact, Scene
from nbdag.views.wording import span_in_words

FAILURES_NAMED = 3
"""How many failed members a group names; the others are counted."""

SMALL = Look("", PILL_STROKE, PILL_FILL, "solid", 1.0, "")
"""How parameters and stubs look."""

_URGENCY = (
    TaskStatus.RUNNING,
    TaskStatus.RETRYING,
    TaskStatus.FAILED,
    TaskStatus.PENDING,
    TaskStatus.UPSTREAM_FAILED,
    TaskStatus.CANCELLED,
    TaskStatus.SKIPPED,
    TaskStatus.SUCCESS,
    TaskStatus.CACHED,
)
"""A group is in the first of these states that any member is in."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its look and what is written on it, in full length."""

    kind: Literal["task", "group", "param", "stub", "note"]
    name: str
    look: Look
    status: TaskStatus | None = None
    """None for what is not a task."""
    meta: str = ""
    errors: tuple[str, ...] = ()
    stale: str = ""
    """Why it is stale; drawn over its state."""
    bar: tuple[tuple[TaskStatus, int], ...] = ()
    """A group's members by state."""
    is_focus: bool = False

    @property
    def count(self) -> int:
        """How many tasks the box stands for."""
        return sum(number for _, number in self.bar) or 1


def task_box(fact: Fact, *, is_focus: bool = False) -> Box:
    """The box of one task."""
    return Box(
        kind="task",
        name=fact.name,
        look=PALETTE[fact.status],
        status=fact.status,
        meta=fact.meta,
        errors=(fact.error,) if fact.error else (),
        stale=fact.stale,
        is_focus=is_focus,
    )


def group_box(group: Group, members: Sequence[Fact], first: TaskSpec) -> Box:
    """The box of several tasks: how many are in each state, and the failed ones by name."""
    counts = Counter(fact.status for fact in members)
    status = next(state for state in _URGENCY if counts[state])
    stale = sum(bool(fact.stale) for fact in members)
    return Box(
        kind="group",
        name=_group_name(group, members, first),
        look=PALETTE[status],
        status=status,
        meta=_mean(members),
        errors=_failures(members),
        stale=f"{stale} {STALE.word}" if stale else "",
        bar=tuple((state, counts[state]) for state in PALETTE if counts[state]),
    )


def _group_name(group: Group, members: Sequence[Fact], first: TaskSpec) -> str:
    if group.kind == "fan":
        stem = re.sub(r"[\W\d_]+$", "", _common_start([fact.name for fact in members]))
        return stem if len(stem) > 1 else getattr(first.func, "__name__", first.name)
    if group.kind == "chain":
        return f"{members[0].name} → {members[-1].name}"
    return f"{members[0].name}, {members[1].name}, …" if len(members) > 2 else ", ".join(fact.name for fact in members)


def _common_start(names: Sequence[str]) -> str:
    """What all the names begin with: what the first and the last of them, sorted, have in common."""
    first, last = min(names), max(names)
    same = (position for position, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(same, min(len(first), len(last)))]


def _mean(members: Sequence[Fact]) -> str:
    spans = [fact.seconds for fact in members if fact.status.is_terminal and fact.seconds is not None]
    return f"mean {span_in_words(sum(spans) / len(spans))}" if spans else ""


def _failures(members: Sequence[Fact]) -> tuple[str, ...]:
    failed = [fact for fact in members if fact.status is TaskStatus.FAILED]
    named = [f"{fact.name}: {fact.error}" if fact.error else fact.name for fact in failed[:FAILURES_NAMED]]
    more = len(failed) - len(named)
    return (*named, f"and {more:,} more failed") if more else tuple(named)


def stub_box(text: str) -> Box:
    """The box that says how much is left out."""
    return Box("stub", text, SMALL)


def note_box(text: str) -> Box:
    """The box that stands where there is nothing to draw."""
    return Box("note", text, SMALL, meta="begin a cell with %%dag_task NAME, or write @pipeline.task above a function")


def param_boxes(scene: Scene, groups: Sequence[Group]) -> list[tuple[Box, tuple[int, ...]]]:
    """A box for each parameter that the drawn tasks take, with the positions of those; none when there are many.

    A task's own parameter counts when it was set; its default is no news.
    """
    users: dict[str, list[int]] = {}
    for position, group in enumerate(groups):
        for task in group.members:
            for given in scene.graph.inputs[task]:
                is_set = given.kind is InputKind.OWN and given.source in scene.params
                if given.kind is InputKind.PARAM or is_set:
                    users.setdefault(given.source, []).append(position)
    if len(users) > MOST_PILLS:
        return []
    return [(Box("param", _pill(scene, name), SMALL), tuple(dict.fromkeys(users[name]))) for name in users]


def _pill(scene: Scene, name: str) -> str:
    return pill(name, scene.params[name]) if name in scene.params else name
