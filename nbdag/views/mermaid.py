"""A sketch in the Mermaid language, which GitHub, GitLab and JupyterLab's Markdown draw by themselves."""

from collections import defaultdict

from nbdag.views.boxes import Box
from nbdag.views.labels import META_LIMIT, NAME_LIMIT
from nbdag.views.lettering import clean, shorten
from nbdag.views.palette import INK, PILL_FILL, PILL_STROKE, STALE, Look
from nbdag.views.scene import Lens, Scene
from nbdag.views.sketch import Arrow, sketch

_LITERAL = frozenset(" _-.,:=+()·×…→↑")
_DASHES = {"solid": "", "dashed": ",stroke-dasharray:5 3", "dotted": ",stroke-dasharray:2 3"}
_LINES = {"data": "-->", "order": "-.->", "param": "-.-"}
_SMALL = "small"


def to_mermaid(scene: Scene, lens: Lens | None = None) -> str:
    """The picture as a Mermaid flowchart, to paste into a Markdown cell or file below ``` ```mermaid ```.

    >>> from nbdag.core.graph import Graph
    >>> print(to_mermaid(Scene("ml", Graph((), {}, (), (), (), ()))).splitlines()[0])
    flowchart LR
    """
    drawn = sketch(scene, lens)
    lines = [f"flowchart {drawn.direction}"]
    lines += [f"    n{number}{_box(box)}" for number, box in enumerate(drawn.boxes)]
    lines += [f"    {_arrow(arrow)}" for arrow in drawn.arrows]
    members: dict[str, list[str]] = defaultdict(list)
    looks: dict[str, Look] = {}
    for number, box in enumerate(drawn.boxes):
        look = STALE if box.stale else box.look
        name = look.word or _SMALL
        members[name].append(f"n{number}")
        looks[name] = look
    for name, look in looks.items():
        lines.append(f"    classDef {name} {_style(look)}")
        lines.append(f"    class {','.join(members[name])} {name}")
    return "\n".join(lines) + "\n"


def _style(look: Look) -> str:
    stroke, fill = (look.stroke, look.fill) if look.word else (PILL_STROKE, PILL_FILL)
    return f"fill:{fill},stroke:{stroke},stroke-width:{look.width:g}px,color:{INK}{_DASHES[look.line]}"


def _box(box: Box) -> str:
    if box.kind not in ("task", "group"):
        return f'(["{_escaped(box.name)}"])'
    count = f" ×{box.count:,}" if box.kind == "group" else ""
    lines = [f"{box.look.glyph} {_escaped(shorten(box.name, NAME_LIMIT))}{count}"]
    lines += [_escaped(shorten(text, META_LIMIT)) for text in (box.meta, box.stale, *box.errors) if text]
    return f'("{"<br/>".join(lines)}")'


def _arrow(arrow: Arrow) -> str:
    label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
    return f"n{arrow.tail} {_LINES[arrow.kind]}{label} n{arrow.head}"


def _escaped(text: str) -> str:
    """The text with all but letters, digits and plain signs as Mermaid's ``#code;``, so that none has a meaning."""
    return "".join(char if char.isalnum() or char in _LITERAL else f"#{ord(char)};" for char in clean(text))
