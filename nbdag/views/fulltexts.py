"""The texts that a picture had to cut, in full: an HTML table that is folded away below it.

Only elements and inline styles that JupyterLab keeps in notebooks that are not trusted.
"""

import html
from collections.abc import Sequence

from nbdag.core.status import TaskStatus
from nbdag.views.labels import LINE_LIMIT, META_LIMIT, NAME_LIMIT
from nbdag.views.lettering import clean, counted
from nbdag.views.palette import PALETTE
from nbdag.views.scene import Fact, Scene
from nbdag.views.wording import cells

_MOST_ROWS = 200
_LONGEST = 1000
_HEAD = ("task", "state", "seconds", "error", "inputs")
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
_NAME = f"{_CELL};max-width:24em;overflow-wrap:break-word"
_WHOLE = f"{_CELL};white-space:nowrap"
_LONG = f"{_CELL};overflow-wrap:anywhere"
_STYLES = (_NAME, _WHOLE, _WHOLE, _LONG, _NAME)
"""Names are broken only when very long, state and seconds never, errors anywhere."""


def full_texts(scene: Scene, told: Sequence[Fact], *, is_folded: bool) -> str:
    """The table, failed tasks first when not all fit; empty when the picture says everything.

    Args:
        scene: What was drawn.
        told: Its facts.
        is_folded: Some boxes stand for several tasks.
    """
    if not is_folded and not any(_is_cut(fact) for fact in told):
        return ""
    rows = list(range(len(told)))
    if len(rows) > _MOST_ROWS:
        rows = sorted(rows, key=lambda task: told[task].status is not TaskStatus.FAILED)[:_MOST_ROWS]
    body = "".join(_row(_cells(scene, told[task], task)) for task in sorted(rows))
    more = len(told) - len(rows)
    rest = f"<div>… and {counted(more, 'more task')}</div>" if more else ""
    head = "".join(f'<th style="{_WHOLE}">{name}</th>' for name in _HEAD)
    return (
        f"<details><summary>{counted(len(told), 'task')} in full</summary>"
        '<table style="border-collapse:collapse;font-size:90%">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}</details>"
    )


def _is_cut(fact: Fact) -> bool:
    limits = ((fact.name, NAME_LIMIT), (fact.meta, META_LIMIT), (fact.stale, LINE_LIMIT - 2))
    return bool(fact.error) or any(cells(clean(text)) > limit for text, limit in limits if text)


def _cells(scene: Scene, fact: Fact, task: int) -> tuple[str, ...]:
    look = PALETTE[fact.status]
    inputs = ", ".join(given.argument for given in scene.graph.inputs[task])
    spent = "" if fact.seconds is None else f"{fact.seconds:.2f}"
    what = fact.error or fact.meta if fact.status is not TaskStatus.SUCCESS else ""
    return (
        fact.name,
        f"{look.glyph} {look.word}",
        spent,
        " · ".join(part for part in (what, fact.stale) if part),
        inputs,
    )


def _row(texts: Sequence[str]) -> str:
    written = (html.escape(clean(cell[:_LONGEST] + "…" * (len(cell) > _LONGEST))) if cell else "" for cell in texts)
    filled = (f'<td style="{style}">{text}</td>' for style, text in zip(_STYLES, written, strict=True))
    return f"<tr>{''.join(filled)}</tr>"
