"""A sketch as a `graphviz.Digraph`: what the renderers read, and what `pipeline.to_graphviz()` hands out.

Ids are opaque and carry a prefix, so that two pictures on one page never share one; no attribute is ever a link.
"""

from typing import TYPE_CHECKING

from nbdag.core.status import TaskStatus
from nbdag.views.boxes import Box
from nbdag.views.labels import bare_label, box_label, legend_label, name_label, tooltip
from nbdag.views.palette import EDGE, EDGE_CRITICAL, EDGE_FAINT, INK_BARE, PALETTE, STALE
from nbdag.views.scene import Lens, Scene
from nbdag.views.sketch import Arrow, Sketch, Tone, sketch

if TYPE_CHECKING:
    import graphviz

_GRAPH = {"bgcolor": "transparent", "fontname": "Helvetica", "nodesep": "0.28", "ranksep": "0.42", "pad": "0.12"}
_FAST = {"nslimit": "0.1", "nslimit1": "2", "mclimit": "0.05", "splines": "line"}
"""Attributes that make the layout of many boxes three to eight times quicker."""
_NODE = {"shape": "box", "fontname": "Helvetica", "fontsize": "13", "margin": "0.12,0.06", "height": "0.4"}
_EDGE = {
    "color": EDGE,
    "penwidth": "1.3",
    "arrowsize": "0.65",
    "fontname": "Helvetica",
    "fontsize": "9",
    "fontcolor": INK_BARE,
}
_SMALL = {"margin": "0.1,0.04", "height": "0.25"}
_TONES: dict[Tone, dict[str, str]] = {
    "plain": {},
    "critical": {"penwidth": "2.6", "color": EDGE_CRITICAL},
    "blocked": {"style": "dashed", "color": PALETTE[TaskStatus.FAILED].stroke},
    "faint": {"style": "dashed", "color": EDGE_FAINT},
}


def to_graphviz(scene: Scene, lens: Lens | None = None) -> "graphviz.Digraph":
    """The picture as a plain `graphviz.Digraph`, to save, change or render with any Graphviz.

    >>> from nbdag.core.graph import Graph
    >>> print(to_graphviz(Scene("ml", Graph((), {}, (), (), (), ()))).source.splitlines()[0])
    digraph nbdag {
    """
    return digraph(sketch(scene, lens), prefix="nbdag")


def digraph(drawn: Sketch, *, prefix: str) -> "graphviz.Digraph":
    """The sketch in DOT. `prefix` begins every id. The title is the page's business, not DOT's."""
    import graphviz

    dot = graphviz.Digraph(
        prefix,
        graph_attr={**_GRAPH, "rankdir": drawn.direction, "id": f"{prefix}-graph"},
        node_attr=_NODE,
        edge_attr=_EDGE,
    )
    if drawn.detail != "full":
        dot.attr("graph", **_FAST)
    legend = legend_label(drawn.legend, drawn.notes, has_critical_path=drawn.has_critical_path)
    if legend:
        dot.attr("graph", label=legend, labelloc="b", labeljust="l")
    for number, box in enumerate(drawn.boxes):
        dot.node(f"n{number}", _label(drawn, box), id=f"{prefix}-n{number}", tooltip=tooltip(box), **_look(box))
    for number, arrow in enumerate(drawn.arrows):
        dot.edge(f"n{arrow.tail}", f"n{arrow.head}", id=f"{prefix}-e{number}", **_line(arrow))
    return dot


def _label(drawn: Sketch, box: Box) -> str:
    if drawn.detail == "full" or box.kind in ("param", "stub", "note"):
        return box_label(box)
    return name_label(box) if drawn.detail == "names" else bare_label(box)


def _look(box: Box) -> dict[str, str]:
    look = box.look
    stroke, line = (STALE.stroke, STALE.line) if box.stale else (look.stroke, look.line)
    style = "rounded,filled" if line == "solid" else f"rounded,filled,{line}"
    width = look.width + 1.2 if box.is_focus else look.width
    attributes = {"color": stroke, "fillcolor": look.fill, "style": style, "penwidth": f"{width:g}"}
    return attributes if box.kind in ("task", "group") else attributes | _SMALL


def _line(arrow: Arrow) -> dict[str, str]:
    if arrow.kind == "param":
        return {"arrowhead": "none", "style": "dotted", "penwidth": "1"}
    attributes = dict(_TONES[arrow.tone])
    if arrow.kind == "order":
        attributes["arrowhead"] = "onormal"
    if arrow.label:
        attributes["label"] = f" {arrow.label} "
    return attributes
