"""The panel as it stays in the saved notebook: HTML without scripts, widgets or style elements, and plain text.

JupyterLab shows the HTML as it is whether or not it trusts the notebook, and without a kernel.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nbdag.views import markup
from nbdag.views.markup import escaped
from nbdag.views.rows import PanelModel, Row
from nbdag.views.wording import visible

MOST_OUTPUT = 64_000
"""Characters of output that are kept in the notebook; the beginning and the end of what a task wrote matter most."""


class TaskOutput(NamedTuple):
    """All that one task wrote."""

    task: str
    text: str


def html(model: PanelModel, outputs: Sequence[TaskOutput] = ()) -> str:
    """The panel as HTML that stays readable everywhere; what the tasks printed opens on a click.

    >>> from nbdag.core.records import RunRecord
    >>> from nbdag.views.rows import panel_model
    >>> "run 3" in html(panel_model(RunRecord(3), now=0.0, progress={}))
    True
    """
    return (
        f'<div class="nbdag-run" style="font-size:13px;line-height:20px;max-width:960px">'
        f"<div>{markup.heading(model)}</div>"
        f'<div style="margin-bottom:8px">{markup.overall_bar(model)}</div>'
        f"{markup.table(model)}{_output(outputs)}</div>"
    )


def text(model: PanelModel) -> str:
    """The panel as lines of plain text, the summary first.

    >>> from nbdag.core.records import RunRecord
    >>> from nbdag.views.rows import panel_model
    >>> text(panel_model(RunRecord(3), now=0.0, progress={}))
    ' · run 3 · running: no tasks'
    """
    names = max((len(row.task) for row in model.rows), default=0)
    words = max((len(row.look.word) for row in model.rows), default=0)
    lines = [line for row in model.rows for line in _text_rows(row, min(names, markup.MOST_NAME), words)]
    return "\n".join([model.summary, *lines, *([f"  {model.more}"] if model.more else [])])


def _text_rows(row: Row, names: int, words: int) -> Iterable[str]:
    yield f"  {row.look.glyph} {row.task:<{names}}  {row.look.word:<{words}}  {row.remarks}".rstrip()
    if row.error:
        yield f"      {row.error}"


def _output(outputs: Sequence[TaskOutput]) -> str:
    written = [(task, text.splitlines()) for task, text in outputs if text.strip()]
    if not written:
        return ""
    each = MOST_OUTPUT // len(written)
    blocks = "".join(
        f"<div><b>{escaped(visible(task))}</b> · {_count(lines)}</div>{markup.output(_shortened(lines, each))}"
        for task, lines in written
    )
    total = _count([line for _, lines in written for line in lines])
    return (
        f'<details style="margin-top:4px"><summary style="cursor:pointer">output: {total}</summary>{blocks}</details>'
    )


def _count(lines: Sequence[str]) -> str:
    return f"{len(lines)} line{'' if len(lines) == 1 else 's'}"


def _shortened(lines: Sequence[str], most: int) -> list[str]:
    """The lines, or their beginning and end with a note between, so that they stay within `most` characters."""
    clean = [visible(line) for line in lines]
    if sum(map(len, clean)) + len(clean) <= most:
        return clean
    head = _fitting(clean, most // 2)
    tail = _fitting(clean[len(head) :][::-1], most // 2)[::-1]
    return [*head, f"… {len(clean) - len(head) - len(tail)} more lines; run.logs() has them …", *tail]


def _fitting(lines: Sequence[str], most: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        most -= len(line) + 1
        if most < 0:
            break
        kept.append(line)
    return kept
