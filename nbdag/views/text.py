"""A pipeline as plain text: one sentence, and an indented tree with one line a task."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbdag.core.graph import Graph
from nbdag.core.status import TaskStatus
from nbdag.views.lettering import clean, counted, shorten
from nbdag.views.nearby import nearby
from nbdag.views.palette import PALETTE, STALE
from nbdag.views.scene import Fact, Lens, Scene, facts

_MOST_LINES = 200
_MOST_LINES_FULL = 2000
_DEEPEST = 24
"""Tasks further down are not indented further."""
_NAMES_SHOWN = 3
_NAME_LIMIT, _LINE_LIMIT = 60, 80


def headline(title: str, told: Sequence[Fact], *, has_run: bool) -> str:
    """A pipeline in a sentence: how many tasks are in each state, and which failed.

    >>> headline("ml", [Fact("load", TaskStatus.SUCCESS), Fact("train", TaskStatus.FAILED)], has_run=True)
    'Pipeline ml: 1 success, 1 failed (train)'
    """
    title = clean(title)
    if not told:
        return f"Pipeline {title}: no tasks yet"
    if not has_run:
        return f"Pipeline {title}: {counted(len(told), 'task')}, not run yet"
    counts = Counter(fact.status for fact in told)
    parts = [f"{counts[status]:,} {look.word}" for status, look in PALETTE.items() if counts[status]]
    failed = [fact.name for fact in told if fact.status is TaskStatus.FAILED]
    named = f" ({_listed([shorten(name, _NAME_LIMIT) for name in failed])})"
    failed_word = PALETTE[TaskStatus.FAILED].word
    parts = [part + named if part.endswith(f" {failed_word}") else part for part in parts]
    stale = sum(bool(fact.stale) for fact in told)
    return f"Pipeline {title}: {', '.join([*parts, f'{stale:,} {STALE.word}'] if stale else parts)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def tree(scene: Scene, lens: Lens | None = None) -> str:
    """The pipeline as an indented tree, for terminals: each task once, below the deepest of its upstreams.

    The lines of its other upstreams end on ``→ name ↑`` or ``→ name ↓``: its line is further up or down. A long tree is
    cut and says how many tasks are left out.

    >>> print(tree(Scene("ml", Graph((), {}, (), (), (), ()))))
    Pipeline ml: no tasks yet
    """
    lens = lens or Lens()
    told = facts(scene)
    graph = scene.graph
    tasks: Sequence[int] = range(len(told))
    if lens.focus is not None:
        tasks = nearby(graph, graph.resolve(lens.focus), up=lens.up, down=lens.down)
    parent_of = _parents(graph, tasks)
    branches = _branches(parent_of, most=_MOST_LINES_FULL if lens.full else _MOST_LINES)
    has_run = scene.record is not None
    lines = [headline(scene.title, told, has_run=has_run)]
    line_of = {branch.task: number for number, branch in enumerate(branches)}
    for number, branch in enumerate(branches):
        elsewhere = [
            f"{shorten(told[child].name, _NAME_LIMIT)} {'↑' if line_of.get(child, number) < number else '↓'}"
            for child in graph.downstream[branch.task]
            if parent_of.get(child, branch.task) != branch.task
        ]
        lines.append(f"{branch.stem}{_line(told[branch.task], elsewhere, has_run=has_run)}")
    more = len(told) - len(branches)
    return "\n".join([*lines, f"… and {counted(more, 'more task')}"] if more else lines)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A task's line and what is drawn left of it."""

    task: int
    stem: str


def _branches(parent_of: Mapping[int, int | None], *, most: int) -> list[_Branch]:
    """The lines in the order they are read; tasks of one parent in definition order."""
    children: dict[int | None, list[int]] = {}
    for task, parent in parent_of.items():
        children.setdefault(parent, []).append(task)
    waiting = [(root, "", "", 0) for root in reversed(children.get(None, ()))]
    branches: list[_Branch] = []
    while waiting and len(branches) < most:
        task, stem, below, depth = waiting.pop()
        branches.append(_Branch(task, stem))
        under = children.get(task, [])
        for child in reversed(under):
            last = child == under[-1]
            stem_of_child = below + ("└─ " if last else "├─ ")
            below_child = below if depth >= _DEEPEST else below + ("   " if last else "│  ")
            waiting.append((child, stem_of_child, below_child, depth + 1))
    return branches


def _parents(graph: Graph, tasks: Sequence[int]) -> dict[int, int | None]:
    """For each task the upstream it is drawn below: the deepest, so that what it needs is mostly above it."""
    inside, depth = frozenset(tasks), graph.depths
    return {
        task: max(inside.intersection(graph.upstream[task]), key=lambda up: (depth[up], -up), default=None)
        for task in tasks
    }


def _line(fact: Fact, elsewhere: Sequence[str], *, has_run: bool) -> str:
    look = PALETTE[fact.status]
    said = [look.word] if has_run else []
    said += [part for part in (fact.meta, fact.error) if part]
    if fact.stale:
        said.append(f"{STALE.glyph} {fact.stale}")
    line = f"{look.glyph} {shorten(fact.name, _NAME_LIMIT)}"
    if said:
        line += "  " + shorten(" · ".join(said), _LINE_LIMIT, keep_end=0)
    return f"{line}  → {_listed(elsewhere)}" if elsewhere else line
