"""A sketch drawn in SVG without any Graphviz: plainer, but everything can be read.

Only ``svg g title text path polygon`` are written, and every text goes through one function that escapes it.
"""

import html
from dataclasses import dataclass

from nbdag.core.status import TaskStatus
from nbdag.views.boxes import Box
from nbdag.views.labels import BAR_WIDTH, NAME_LIMIT, bar_parts, group_summary, small_lines
from nbdag.views.layers import place
from nbdag.views.lettering import clean, ems, shorten
from nbdag.views.palette import EDGE, EDGE_CRITICAL, EDGE_FAINT, INK, INK_BARE, INK_SOFT, PALETTE, STALE
from nbdag.views.sketch import Arrow, Sketch

_NAME, _LINE, _GLYPH = 14.0, 11.0, 18.0
_PAD, _GLYPH_WIDTH, _MARGIN = 10.0, 24.0, 9.0
_LEAST_LEGEND = 420.0
_FONT = "Helvetica,Arial,sans-serif"
_DASHES = {"solid": "", "dashed": ' stroke-dasharray="5,3"', "dotted": ' stroke-dasharray="1.5,3"'}


@dataclass(frozen=True, slots=True)
class _Lettered:
    """The lines of a box, each as text, size, colour and boldness; a bar stands for itself as an empty text."""

    lines: tuple[tuple[str, float, str, bool], ...]
    glyph: str

    @property
    def size(self) -> tuple[float, float]:
        left = _GLYPH_WIDTH if self.glyph else 0.0
        widest = max(size * ems(text, bold=bold) if text else BAR_WIDTH for text, size, _, bold in self.lines)
        return left + widest + 2 * _PAD, sum(_height(line) for line in self.lines) + 1.2 * _PAD


def _height(line: tuple[str, float, str, bool]) -> float:
    return line[1] * 1.25


def fallback_svg(drawn: Sketch, *, title: str) -> str:
    """The sketch in SVG, by a simple layout of our own."""
    lettered = [_lettered(drawn, box) for box in drawn.boxes]
    is_across = drawn.direction == "TB"
    sizes = [box.size if is_across else (box.size[1], box.size[0]) for box in lettered]
    layout = place(sizes, [(arrow.tail, arrow.head) for arrow in drawn.arrows])
    parts = [
        _arrow(arrow, [point if is_across else point[::-1] for point in path], is_across=is_across)
        for arrow, path in zip(drawn.arrows, layout.paths, strict=True)
    ]
    for box, text, centre in zip(drawn.boxes, lettered, layout.centres, strict=False):
        parts.append(_box(box, text, centre if is_across else centre[::-1]))
    width, height = (layout.across, layout.along) if is_across else (layout.along, layout.across)
    legend, legend_width, bottom = _legend(drawn, max(width, _LEAST_LEGEND), height)
    return _page(parts + legend, max(width, legend_width), bottom, title)


def _page(parts: list[str], width: float, height: float, title: str) -> str:
    whole_width, whole_height = width + 2 * _MARGIN, height + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole_width:.0f}" height="{whole_height:.0f}" '
        f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {whole_width:.1f} {whole_height:.1f}" role="img">\n'
        f"<title>{html.escape(clean(title))}</title>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _lettered(drawn: Sketch, box: Box) -> _Lettered:
    ink = INK_SOFT if box.status in _DIM else INK
    if box.kind in ("param", "stub"):
        return _Lettered(((clean(box.name), _LINE, INK_SOFT, False),), "")
    count = f" ×{box.count:,}" if box.kind == "group" else ""
    limit = 80 if box.kind == "note" else NAME_LIMIT
    lines = [(shorten(box.name, limit) + count, _NAME, ink, True)]
    if box.kind == "note":
        return _Lettered((*lines, (clean(box.meta), _LINE, INK_SOFT, False)), "")
    if drawn.detail == "full":
        lines += _small(box)
    return _Lettered(tuple(lines), box.look.glyph)


_DIM = frozenset({TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED})


def _small(box: Box) -> list[tuple[str, float, str, bool]]:
    lines = [(text, _LINE, colour, False) for text, colour in small_lines(box)]
    if box.kind == "group":
        lines = [("", 8.0, "", False), (group_summary(box), _LINE, INK_SOFT, False), *lines[bool(box.meta) :]]
    return lines


def _box(box: Box, lettered: _Lettered, centre: tuple[float, float]) -> str:
    width, height = lettered.size
    left, top = centre[0] - width / 2, centre[1] - height / 2
    stroke, line = (STALE.stroke, STALE.line) if box.stale else (box.look.stroke, box.look.line)
    thick = box.look.width + (1.2 if box.is_focus else 0.0)
    outline = f'stroke="{stroke}" stroke-width="{thick:g}"{_DASHES[line]}'
    parts = ['<g class="node">', f'<path d="{_rounded(left, top, width, height)}" fill="{box.look.fill}" {outline}/>']
    text_left = left + _PAD
    if lettered.glyph:
        parts.append(_text(lettered.glyph, text_left, centre[1] + _GLYPH * 0.35, _GLYPH, box.look.stroke))
        text_left += _GLYPH_WIDTH
    base = top + 0.6 * _PAD
    for entry in lettered.lines:
        text, size, colour, bold = entry
        base += _height(entry)
        if text:
            parts.append(_text(text, text_left, base - size * 0.3, size, colour, bold=bold))
        else:
            parts += _bar(box, text_left, base - 7)
    return "\n".join([*parts, "</g>"])


def _bar(box: Box, left: float, top: float) -> list[str]:
    parts = []
    for colour, width in bar_parts(box, BAR_WIDTH):
        parts.append(f'<path d="M{left:.1f},{top:.1f}h{width:.1f}v6h{-width:.1f}z" fill="{colour}"/>')
        left += width
    return parts


def _rounded(left: float, top: float, width: float, height: float, radius: float = 8.0) -> str:
    across, down = width - 2 * radius, height - 2 * radius
    turn = f"a{radius:g},{radius:g} 0 0 1 "
    return (
        f"M{left + radius:.1f},{top:.1f}h{across:.1f}{turn}{radius:g},{radius:g}v{down:.1f}{turn}{-radius:g},{radius:g}"
        f"h{-across:.1f}{turn}{-radius:g},{-radius:g}v{-down:.1f}{turn}{radius:g},{-radius:g}z"
    )


def _text(text: str, left: float, base: float, size: float, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{left:.1f}" y="{base:.1f}" font-family="{_FONT}" font-size="{size:g}"{weight} '
        f'fill="{colour}">{html.escape(clean(text))}</text>'
    )


_TONES = {
    "plain": (EDGE, 1.3, ""),
    "critical": (EDGE_CRITICAL, 2.6, ""),
    "blocked": (PALETTE[TaskStatus.FAILED].stroke, 1.3, _DASHES["dashed"]),
    "faint": (EDGE_FAINT, 1.3, _DASHES["dashed"]),
}


def _arrow(arrow: Arrow, points: list[tuple[float, ...]], *, is_across: bool) -> str:
    colour, width, dashes = _TONES[arrow.tone] if arrow.kind != "param" else (EDGE, 1.0, _DASHES["dotted"])
    x, y = points[-1]
    tip = (x, y - 6) if is_across else (x - 6, y)
    ends = points if arrow.kind == "param" else [*points[:-1], tip]
    line = f'fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}'
    parts = ['<g class="edge">', f'<path d="{_curve(ends, is_across=is_across)}" {line}/>']
    if arrow.kind != "param":
        wing = f"{x - 4:.1f},{y - 8:.1f} {x + 4:.1f},{y - 8:.1f}"
        if not is_across:
            wing = f"{x - 8:.1f},{y - 4:.1f} {x - 8:.1f},{y + 4:.1f}"
        inside = "none" if arrow.kind == "order" else colour
        parts.append(f'<polygon points="{x:.1f},{y:.1f} {wing}" fill="{inside}" stroke="{colour}"/>')
    if arrow.label:
        middle = points[0][0] + (points[1][0] - points[0][0]) / 2, points[0][1] + (points[1][1] - points[0][1]) / 2
        parts.append(_text(arrow.label, middle[0] + 4, middle[1] + 3, 10, INK_BARE))
    return "\n".join([*parts, "</g>"])


def _curve(points: list[tuple[float, ...]], *, is_across: bool) -> str:
    """A line through the points that leaves and enters each along the direction of the picture."""
    (x, y), *rest = points
    path = f"M{x:.1f},{y:.1f}"
    for next_x, next_y in rest:
        half_x, half_y = (x + next_x) / 2, (y + next_y) / 2
        first, second = ((x, half_y), (next_x, half_y)) if is_across else ((half_x, y), (half_x, next_y))
        path += f"C{first[0]:.1f},{first[1]:.1f} {second[0]:.1f},{second[1]:.1f} {next_x:.1f},{next_y:.1f}"
        x, y = next_x, next_y
    return path


def _legend(drawn: Sketch, widest: float, top: float) -> tuple[list[str], float, float]:
    """The legend below a picture, in as many lines as it takes, with its width and its bottom."""
    parts: list[str] = []
    left, right, base = 0.0, 0.0, top + 26
    entries = [(look.glyph, look.stroke, f"{count:,} {look.word}") for look, count in drawn.legend]
    notes = [*drawn.notes, *(["▬ critical path"] if drawn.has_critical_path else [])]
    for glyph, stroke, text in [*entries, *(("", "", note) for note in notes)]:
        if left and left + 18 + _LINE * ems(text) > widest:
            left, base = 0.0, base + 18
        if glyph:
            parts.append(_text(glyph, left, base, _NAME, stroke))
            left += 18
        parts.append(_text(text, left, base, _LINE, INK_BARE))
        left += _LINE * ems(text) + 14
        right = max(right, left)
    return parts, right, base + 4 if parts else top
