"""A picture as a value: which boxes and arrows there are and what is written on them, before any layout.

    Scene + Lens ──> facts ──> boxes (tasks, groups, parameters, stubs) + arrows + legend ──> Sketch

Every drawing (DOT, the plain SVG, Mermaid) is made from a `Sketch`, so all of them show the same. Texts are in full
length here; cutting and escaping belong to the drawing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from nbdag.core.status import TaskStatus
from nbdag.views.boxes import Box, group_box, note_box, param_boxes, stub_box, task_box
from nbdag.views.folding import MOST_BOXES, Group, depths, fold, quotient, singles
from nbdag.views.lettering import counted, ems, shorten
from nbdag.views.nearby import Stub, nearby, stubs
from nbdag.views.palette import PALETTE, STALE, Look
from nbdag.views.scene import Fact, Lens, Scene, carries_data, critical_path, facts

MOST_FULL = 2000
"""The most tasks that `full=True` draws."""
BRIEF_ABOVE = 150
"""With more boxes than this only names are written."""
_WIDEST, _USUAL_LINE = 1300, 130
"""Points: a picture that would be wider left to right is drawn top to bottom, reckoning with lines of that width. What
the lines say does not count, so that a picture keeps its direction while a run goes on."""

Kind = Literal["data", "order", "param"]
Tone = Literal["plain", "critical", "blocked", "faint"]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from one box to another, by their positions in the sketch."""

    tail: int
    head: int
    kind: Kind = "data"
    """What flows: a result; nothing but the order; a parameter's value."""
    tone: Tone = "plain"
    label: str = ""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is drawn. Task boxes come first, in definition order of their first task."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    legend: tuple[tuple[Look, int], ...]
    """How many tasks are in each state that occurs."""
    notes: tuple[str, ...]
    """What else the legend says."""
    direction: Literal["LR", "TB"]
    detail: Literal["full", "names", "bare"]
    """How much is written on a box: all; glyph and name; the same without markup, for speed."""

    @property
    def has_critical_path(self) -> bool:
        """True when some arrows are on the critical path."""
        return any(arrow.tone == "critical" for arrow in self.arrows)


def sketch(scene: Scene, lens: Lens | None = None) -> Sketch:
    """What a picture of this scene through this lens holds.

    Raises:
        UnknownTaskError: `lens.focus` is not a task.
        ValueError: `lens.full` with more tasks than can be drawn.

    >>> from nbdag.core.graph import build_graph
    >>> from nbdag.core.options import make_spec
    >>> specs = [make_spec(lambda: 1, name="load"), make_spec(lambda load: 2, name="train")]
    >>> drawn = sketch(Scene("ml", build_graph(specs, params=())))
    >>> [box.name for box in drawn.boxes], drawn.arrows
    (['load', 'train'], (Arrow(tail=0, head=1, kind='data', tone='plain', label=''),))
    """
    lens = lens or Lens()
    if not scene.graph.specs:
        return _empty(scene.title)
    told = facts(scene)
    groups, left_out = _chosen(scene, lens)
    edges = quotient(scene.graph, groups)
    boxes = [_box(scene, told, group, lens) for group in groups]
    arrows = _arrows(scene, told, groups, edges, [box.status for box in boxes])
    direction = lens.direction or _direction(boxes, edges)
    detail = _detail(len(boxes))
    boxes, arrows = _with_stubs(boxes, arrows, groups, left_out)
    if lens.params:
        boxes, arrows = _with_params(scene, groups, boxes, arrows)
    return Sketch(
        title=scene.title,
        boxes=tuple(boxes),
        arrows=tuple(arrows),
        legend=_legend(told, groups),
        notes=_notes(scene, groups, lens),
        direction="LR" if direction == "LR" else "TB",
        detail=detail,
    )


def _empty(title: str) -> Sketch:
    return Sketch(title, (note_box(f"{title} has no tasks yet"),), (), (), (), "LR", "full")


def _chosen(scene: Scene, lens: Lens) -> tuple[tuple[Group, ...], tuple[Stub, ...]]:
    graph = scene.graph
    if lens.focus is not None:
        drawn = nearby(graph, graph.resolve(lens.focus), up=lens.up, down=lens.down)
        return singles(drawn), stubs(graph, drawn)
    if not lens.full:
        return fold(graph), ()
    if len(graph.specs) > MOST_FULL:
        raise ValueError(
            f"full=True draws at most {MOST_FULL:,} tasks and {scene.title!r} has {len(graph.specs):,}. Without it the "
            f"picture gathers them; show({graph.specs[0].name!r}, up=2, down=2) draws what is around one task."
        )
    return singles(range(len(graph.specs))), ()


def _box(scene: Scene, told: Sequence[Fact], group: Group, lens: Lens) -> Box:
    if len(group.members) > 1:
        return group_box(group, [told[task] for task in group.members], scene.graph.specs[group.members[0]])
    fact = told[group.members[0]]
    return task_box(fact, is_focus=fact.name == lens.focus)


def _arrows(
    scene: Scene,
    told: Sequence[Fact],
    groups: Sequence[Group],
    edges: Mapping[tuple[int, int], tuple[tuple[int, int], ...]],
    status_of: Sequence[TaskStatus | None],
) -> list[Arrow]:
    path = critical_path(scene.graph, tuple(told))
    critical = set(pairwise(path))
    arrows = []
    for (tail, head), inner in edges.items():
        has_data = any(carries_data(scene.graph, *edge) for edge in inner)
        tone = "critical" if critical.intersection(inner) else _tone(status_of[tail], status_of[head])
        label = _label(groups[tail], groups[head], inner) or ("" if has_data else "after")
        arrows.append(Arrow(tail, head, "data" if has_data else "order", tone, label))
    return arrows


_NOT_EXECUTED = frozenset({TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED})


def _tone(tail: TaskStatus | None, head: TaskStatus | None) -> Tone:
    if head not in _NOT_EXECUTED:
        return "plain"
    return "blocked" if tail is TaskStatus.FAILED and head is TaskStatus.UPSTREAM_FAILED else "faint"


def _label(tail: Group, head: Group, inner: Sequence[tuple[int, int]]) -> str:
    """How the tasks of two boxes are joined; nothing between two tasks."""
    above, below, joined = len(tail.members), len(head.members), len(inner)
    if above == below == 1:
        return ""
    if {tail.kind, head.kind} - {"one", "fan"}:
        return f"{joined:,} ×" if joined > 1 else ""
    if above == 1:
        return f"× {below}" if joined == below else f"{joined} of {below}"
    if below == 1:
        return f"all {above}" if joined == above else f"{joined} of {above}"
    if joined == above == below:
        return "1 : 1"
    if joined == below and not below % above:
        return f"each × {below // above}"
    if joined == above and not above % below:
        return f"{above // below} to each"
    return "all to all" if joined == above * below else f"{joined:,} ×"


def _direction(boxes: Sequence[Box], edges: Mapping[tuple[int, int], object]) -> str:
    """Left to right for a short, slim graph that fits the page, else top to bottom."""
    rank = depths(len(boxes), edges)
    in_rank = Counter(rank)
    if len(in_rank) > 6 or max(in_rank.values()) > 4:
        return "TB"
    widest = dict.fromkeys(in_rank, 0.0)
    for position, box in enumerate(boxes):
        widest[rank[position]] = max(widest[rank[position]], _width(box))
    return "LR" if sum(widest.values()) + 30 * len(in_rank) <= _WIDEST else "TB"


def _width(box: Box) -> float:
    return 45 + max(13 * ems(shorten(box.name, 28), bold=True), _USUAL_LINE)


def _detail(boxes: int) -> Literal["full", "names", "bare"]:
    if boxes <= BRIEF_ABOVE:
        return "full"
    return "names" if boxes <= MOST_BOXES else "bare"


def _with_stubs(
    boxes: list[Box], arrows: list[Arrow], groups: Sequence[Group], left_out: Sequence[Stub]
) -> tuple[list[Box], list[Arrow]]:
    position = {group.members[0]: number for number, group in enumerate(groups)}
    boxes, arrows = list(boxes), list(arrows)
    for stub in left_out:
        here = len(boxes)
        boxes.append(stub_box(f"+{len(stub.hidden):,} {stub.side}"))
        for task in stub.drawn:
            ends = (here, position[task]) if stub.side == "upstream" else (position[task], here)
            arrows.append(Arrow(*ends, tone="faint"))
    return boxes, arrows


def _with_params(
    scene: Scene, groups: Sequence[Group], boxes: list[Box], arrows: list[Arrow]
) -> tuple[list[Box], list[Arrow]]:
    pills = param_boxes(scene, groups)
    lines = [Arrow(len(boxes) + number, user, "param") for number, (_, users) in enumerate(pills) for user in users]
    return [*boxes, *(box for box, _ in pills)], [*arrows, *lines]


def _legend(told: Sequence[Fact], groups: Sequence[Group]) -> tuple[tuple[Look, int], ...]:
    drawn = [told[task] for group in groups for task in group.members]
    counts = Counter(fact.status for fact in drawn)
    stale = sum(bool(fact.stale) for fact in drawn)
    entries = [(look, counts[status]) for status, look in PALETTE.items() if counts[status]]
    return (*entries, (STALE, stale)) if stale else tuple(entries)


def _notes(scene: Scene, groups: Sequence[Group], lens: Lens) -> tuple[str, ...]:
    total = len(scene.graph.specs)
    notes = []
    if lens.focus is not None:
        notes.append(f"{len(groups)} of {counted(total, 'task')}, around {shorten(lens.focus, 28)}")
    elif len(groups) < total:
        notes.append(f"{counted(total, 'task')} drawn as {len(groups):,}")
    if scene.record is None:
        notes.append("not run yet")
    return tuple(notes)
