r"""What is written on a box, in Graphviz's HTML-like markup, and the escaping that keeps it literal.

Two traps, both measured: a single ``&#92;`` is still read as the start of an escape like ``\N``, so a backslash is
written twice; and in a quoted attribute ``&lt;`` becomes ``<``, so an ampersand is written as ``&amp;`` there.
"""

import html
from collections.abc import Sequence
from math import ceil

from nbdag.core.status import TaskStatus
from nbdag.views.boxes import Box
from nbdag.views.lettering import clean, ems, has_wide, shorten
from nbdag.views.palette import EDGE_CRITICAL, INK, INK_BARE, INK_ERROR, INK_SOFT, PALETTE, STALE, Look

NAME_LIMIT, LINE_LIMIT, META_LIMIT = 28, 34, 34
BAR_WIDTH = 132
_TIP_LIMIT = 400
_LEAST_PART = 3
_LEGEND_ROW = 5
_BAR_PENDING = "#d1d9e0"
_DIM = frozenset({TaskStatus.UPSTREAM_FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED})
_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{rows}</TABLE>'


def literal(text: str) -> str:
    r"""The text for HTML-like markup, where it is shown as it is.

    >>> literal("<b> \\N")
    '&lt;b&gt; &#92;&#92;N'
    """
    return html.escape(clean(text)).replace("\\", "&#92;&#92;")


def quoted(text: str) -> str:
    """The text for a quoted attribute, where it is shown as it is; the quotes and their escaping are the writer's.

    >>> quoted("a & b")
    'a &amp; b'
    """
    import graphviz

    escaped: str = graphviz.escape(clean(text).replace("&", "&amp;"))
    return escaped


def box_label(box: Box) -> str:
    """The label of a box, brackets included."""
    match box.kind:
        case "task":
            return f"<{_card(box, [_lines(box)])}>"
        case "group":
            return f"<{_card(box, [_title_line(box), _bar(box), _group_lines(box)])}>"
        case "param" | "stub":
            return f"<{_wide_cell(box.name, 10, _font(box.name, 10, INK_SOFT))}>"
        case "note":
            return f"<{_font(box.name, 13, INK)}<BR/>{_font(box.meta, 10, INK_SOFT)}>"


def name_label(box: Box) -> str:
    """The label of a box in a large picture: glyph and name in one line."""
    count = _plain(f" ×{box.count:,}", INK_SOFT, 12) if box.kind == "group" else ""
    glyph = _plain(f"{box.look.glyph} ", box.look.stroke, 13) if box.look.glyph else ""
    return f"<{glyph}{_font(shorten(box.name, NAME_LIMIT), 13, _name_ink(box))}{count}>"


def bare_label(box: Box) -> str:
    """The label of a box in a very large picture, without markup."""
    count = f" ×{box.count:,}" if box.kind == "group" else ""
    return quoted(f"{box.look.glyph} {shorten(box.name, NAME_LIMIT)}{count}")


def tooltip(box: Box) -> str:
    """Everything that is known of the box, in one line of some length."""
    word = box.look.word
    parts = (f"{box.name}: {word}" if word else box.name, box.meta, box.stale, *box.errors)
    return quoted(shorten(" · ".join(part for part in parts if part), _TIP_LIMIT, keep_end=0))


def legend_label(entries: Sequence[tuple[Look, int]], notes: Sequence[str], *, has_critical_path: bool) -> str:
    """The label of the graph: glyph, number and word of each state that occurs, then the notes."""
    parts = [
        f"{_font(look.glyph, 13, look.stroke)}{_plain(f' {count:,} {look.word}', INK_BARE)}" for look, count in entries
    ]
    parts += [_font(note, 10, INK_BARE) for note in notes]
    if has_critical_path:
        parts.append(f"{_font('▬', 10, EDGE_CRITICAL)}{_plain(' critical path', INK_BARE)}")
    rows = [parts[start : start + _LEGEND_ROW] for start in range(0, len(parts), _LEGEND_ROW)]
    written = "".join(f'{_plain("    ", INK_BARE).join(row)}<BR ALIGN="LEFT"/>' for row in rows)
    return f"<{written}>" if rows else ""


def bar_parts(box: Box, width: float) -> list[tuple[str, float]]:
    """Colour and width of each part of a group's bar; no part that is there is too thin to be seen."""
    shares = [max(_LEAST_PART, width * number / box.count) for _, number in box.bar]
    surplus = sum(shares) - width
    shares[shares.index(max(shares))] -= surplus
    return [(_bar_colour(status), share) for (status, _), share in zip(box.bar, shares, strict=True)]


def group_summary(box: Box) -> str:
    """How many members of a group are in each state."""
    counts = [f"{number:,} {PALETTE[status].word}" for status, number in box.bar]
    return " · ".join([*counts, box.meta] if box.meta else counts)


def small_lines(box: Box) -> list[tuple[str, str]]:
    """The lines below a box's name, cut to length, each with its colour."""
    lines = [(shorten(box.meta, META_LIMIT), INK_SOFT)] if box.meta else []
    if box.stale:
        lines.append((shorten(f"{STALE.glyph} {box.stale}", LINE_LIMIT, keep_end=0), STALE.stroke))
    limit = META_LIMIT if box.kind == "group" else LINE_LIMIT
    lines += [(shorten(error, limit, keep_end=0), INK_ERROR) for error in box.errors]
    return lines


def _bar_colour(status: TaskStatus) -> str:
    return _BAR_PENDING if status is TaskStatus.PENDING else PALETTE[status].stroke


def _font(text: str, size: int, colour: str) -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{literal(text)}</FONT>'


def _plain(text: str, colour: str, size: int = 10) -> str:
    """A text of our own, whose spaces at its ends stay."""
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{text}</FONT>'


def _name_ink(box: Box) -> str:
    return INK_SOFT if box.status in _DIM else INK


def _card(box: Box, rows: Sequence[str]) -> str:
    glyph = _font(box.look.glyph, 17, box.look.stroke)
    first = f'<TD ROWSPAN="{len(rows)}" WIDTH="22">{glyph}</TD>{rows[0]}'
    return _TABLE.format(padding=1, rows="".join(f"<TR>{row}</TR>" for row in (first, *rows[1:])))


def _lines(box: Box) -> str:
    name = shorten(box.name, NAME_LIMIT)
    lines = [(name, 13, f"<B>{_font(name, 13, _name_ink(box))}</B>")]
    lines += [(text, 10, _font(text, 10, colour)) for text, colour in small_lines(box)]
    return _cell(lines)


def _cell(lines: Sequence[tuple[str, int, str]]) -> str:
    """A cell of lines at the left; as wide as needed where the renderer would guess the width of a text wrongly."""
    wide = [ceil(size * ems(text, bold=size > 10)) for text, size, _ in lines if has_wide(text)]
    width = f' WIDTH="{max(wide)}"' if wide else ""
    written = '<BR ALIGN="LEFT"/>'.join(markup for *_, markup in lines)
    return f'<TD ALIGN="LEFT" BALIGN="LEFT"{width}>{written}<BR ALIGN="LEFT"/></TD>'


def _wide_cell(text: str, size: int, markup: str) -> str:
    if not has_wide(text):
        return markup
    row = f'<TR><TD WIDTH="{ceil(size * ems(text))}">{markup}</TD></TR>'
    return _TABLE.format(padding=0, rows=row)


def _title_line(box: Box) -> str:
    name = shorten(box.name, NAME_LIMIT)
    count = f" ×{box.count:,}"
    markup = f"<B>{_font(name, 13, _name_ink(box))}</B>{_plain(count, INK_SOFT, 12)}"
    return _cell([(name + count, 13, markup)])


def _bar(box: Box) -> str:
    parts = "".join(
        f'<TD WIDTH="{round(width)}" HEIGHT="6" FIXEDSIZE="TRUE" BGCOLOR="{colour}"></TD>'
        for colour, width in bar_parts(box, BAR_WIDTH)
    )
    fixed = f'FIXEDSIZE="TRUE" ALIGN="LEFT" WIDTH="{BAR_WIDTH}" HEIGHT="6"'
    table = _TABLE.format(padding=0, rows=f"<TR>{parts}</TR>").replace("<TABLE", f"<TABLE {fixed}", 1)
    return f'<TD ALIGN="LEFT" CELLPADDING="2">{table}</TD>'


def _group_lines(box: Box) -> str:
    lines = [(group_summary(box), 10, _counts(box))]
    lines += [(text, 10, _font(text, 10, colour)) for text, colour in small_lines(box)[bool(box.meta) :]]
    return _cell(lines)


def _counts(box: Box) -> str:
    parts = [_count(status, number) for status, number in box.bar]
    if box.meta:
        parts.append(_font(box.meta, 10, INK_SOFT))
    return _plain(" · ", INK_SOFT).join(parts)


def _count(status: TaskStatus, number: int) -> str:
    text = f"{number:,} {PALETTE[status].word}"
    if status is TaskStatus.FAILED:
        return f"<B>{_font(text, 10, INK_ERROR)}</B>"
    return _font(text, 10, INK_SOFT)
