"""The pieces of HTML that the live panel and the frozen one share.

JupyterLab cleans the HTML of a notebook that it does not trust: no script, no style element, and only inline styles
whose values it knows (no variables, no ``inherit``). So the pieces here carry short inline styles, take the page's own
text colour, and use colours that read on light and on dark. Without any style, as GitHub shows them, they are still a
table. Every text goes through `escaped`.
"""

import html
from collections.abc import Iterable

from nbdag.views.palette import PALETTE, Look
from nbdag.views.rows import PanelModel, Row
from nbdag.views.wording import cut, span_in_words, ticking_span

MOST_NAME = 34
"""Characters of a task's name that are shown; the whole name is in the tooltip."""
_FAINT = "opacity:0.7"
_TRACK = "rgba(128,128,128,0.25)"
_MONO = "font-family:monospace;font-size:12px"
_CELL = "padding:0 14px 0 0;font-size:13px;border:0;text-align:left;vertical-align:top;line-height:20px"


def escaped(text: str) -> str:
    """The text as HTML that shows it literally, also inside a quoted attribute.

    >>> escaped('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(text, quote=True)


def state(look: Look, word: str = "") -> str:
    """The glyph of a state in its colour, and its word in the page's own, which reads better on dark.

    >>> from nbdag.core.status import TaskStatus
    >>> state(PALETTE[TaskStatus.SUCCESS])
    '<span style="color:#19804c">✓</span> success'
    """
    return f'<span style="color:{look.stroke}">{look.glyph}</span> {escaped(word or look.word)}'


def name(row: Row) -> str:
    """The task's name, cut where it is long."""
    title = f' title="{escaped(row.task)}"' if len(row.task) > MOST_NAME else ""
    return f"<b{title}>{escaped(cut(row.task, MOST_NAME))}</b>"


def aside(text: str) -> str:
    """A remark at the right edge."""
    return f'<div style="text-align:right;{_FAINT}">{escaped(text)}</div>'


def remarks(row: Row) -> str:
    """Time, attempts and the like: what stands at the end of a row."""
    return f'<span style="{_FAINT}">{escaped(row.remarks)}</span>'


def error(row: Row) -> str:
    """The error line of a task, or an empty text."""
    if not row.error:
        return ""
    edge = f"border-left:3px solid {row.look.stroke};margin-left:4px;padding-left:6px"
    return f'<span style="{_MONO};{edge}">{escaped(row.error)}</span>'


def heading(model: PanelModel) -> str:
    """Pipeline, run, state, time and counts, on one line."""
    span = "" if model.seconds is None else _elapsed(model)
    return (
        f"<b>{escaped(model.pipeline)}</b> · run {model.run_id} · {state(model.look, model.state)}{span}"
        f'<span style="padding-left:16px">{_tally(model)}</span>'
    )


def _tally(model: PanelModel) -> str:
    if model.note or not model.total:
        return f'<span style="{_FAINT}">{escaped(model.note or "no tasks")}</span>'
    parts = (state(PALETTE[status], f"{count} {PALETTE[status].word}") for status, count in model.counts)
    return " &nbsp;".join(f'<span style="white-space:nowrap">{part}</span>' for part in parts)


def _elapsed(model: PanelModel) -> str:
    seconds = model.seconds or 0.0
    return f" in {span_in_words(seconds)}" if model.is_finished else f" · {ticking_span(seconds)}"


def table(model: PanelModel) -> str:
    """The rows: state, name, bar, remarks and error of each task; then what they leave out.

    While the run goes on a bar says how much of its task is done. When it is over a bar says when in the run the
    task ran.
    """
    body = "".join(_table_row(row, is_finished=model.is_finished) for row in model.rows)
    more = f'<div style="{_FAINT}">{escaped(model.more)}</div>' if model.more else ""
    if not body:
        return more
    return f'<table style="border-collapse:collapse;border:0;margin:4px 0"><tbody>{body}</tbody></table>{more}'


def _table_row(row: Row, *, is_finished: bool) -> str:
    bar = _when(row) if is_finished else _how_much(row)
    cells = "".join(f'<td style="{_CELL};white-space:nowrap">{cell}</td>' for cell in (name(row), state(row.look), bar))
    last = f'<td style="{_CELL};white-space:normal">{remarks(row)} {error(row)}</td>'
    return f'<tr style="background:transparent;border:0">{cells}{last}</tr>'


def _when(row: Row) -> str:
    if row.span is None:
        return ""
    left, right = row.span
    width = max(right - left, 0.015)
    return bar([("transparent", min(left, 1 - width)), (row.look.stroke, width)], width="200px")


def _how_much(row: Row) -> str:
    return bar([(row.look.stroke, row.fraction or 0.0)], width="200px")


def bar(parts: Iterable[tuple[str, float]], *, width: str = "100%") -> str:
    """A horizontal bar of coloured parts (colour, share of the width), on a grey track.

    >>> bar([("#19804c", 0.5)]).count("width:50.0%")
    1
    """
    # Floats, not flex: the cleaning of JupyterLab keeps both, but mail and GitHub keep neither, and these degrade.
    drawn = "".join(
        f'<div style="float:left;height:6px;width:{share * 100:.1f}%;background-color:{colour}"></div>'
        for colour, share in parts
        if share > 0
    )
    return (
        f'<div style="width:{width};height:6px;margin-top:7px;border-radius:3px;overflow:hidden;'
        f'background-color:{_TRACK}">{drawn}</div>'
    )


def overall_bar(model: PanelModel) -> str:
    """The whole run as one bar, a part for each state that tasks ended in."""
    parts = [(PALETTE[status].stroke, count / model.total) for status, count in model.counts if status.is_terminal]
    return bar(parts, width="100%")


def tails(model: PanelModel) -> str:
    """The last lines of the running tasks, each line led by the name of its task."""
    lines = [f"[{cut(row.task, MOST_NAME)}] {line}" for row in model.rows for line in row.lines]
    return output(lines) if lines else ""


def output(lines: Iterable[str]) -> str:
    """Lines of output as they were printed, in a fixed-width block."""
    text = escaped("\n".join(lines))
    return f'<pre style="{_MONO};margin:2px 0;white-space:pre-wrap;word-wrap:break-word;{_FAINT}">{text}</pre>'
