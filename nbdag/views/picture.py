"""A finished picture: how it looks in a notebook, in a terminal and in a file.

It is drawn once, when it is made, and is only text from then on; showing it cannot fail and needs no kernel. In a
notebook it is one ``<img>``: nothing in it can run, restyle the page or clash with another picture, and a notebook
that is not trusted keeps it.
"""

import base64
import html
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from nbdag.views.dot import digraph
from nbdag.views.fallback import fallback_svg
from nbdag.views.fulltexts import full_texts
from nbdag.views.render import Program, dressed, render, render_png
from nbdag.views.scene import Lens, Scene, facts
from nbdag.views.sketch import Sketch, sketch
from nbdag.views.text import headline, tree

_WIDEST_ACROSS = 1450
"""Pixels; a wider picture is turned from left-to-right to top-to-bottom unless the direction was asked for."""


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A pipeline's picture. The last line of a cell shows it; `save` writes it to a file."""

    svg: str
    alt: str
    """What is seen, in a sentence."""
    text: str
    """The pipeline as an indented tree, for terminals."""
    table: str
    """HTML table of the texts that had to be cut and of the errors; empty when nothing is missing."""
    dot: str
    """The picture in Graphviz's language."""

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self.html, "text/plain": self.text}

    @property
    def html(self) -> str:
        """The picture for a page: an image, and the full texts folded away below it."""
        data = base64.b64encode(self.svg.encode()).decode()
        image = f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(self.alt)}" style="max-width:100%">'
        return image + self.table

    def save(self, path: str | Path) -> Path:
        """Writes the picture to a file and gives its path; the ending decides: .svg, .png, .dot, .html or .txt.

        Raises:
            ValueError: Another ending.
            RuntimeError: A .png, and there is no Graphviz to draw it.
        """
        path = Path(path)
        match path.suffix.lower():
            case ".svg":
                path.write_text(self.svg, encoding="utf-8")
            case ".dot" | ".gv":
                path.write_text(self.dot, encoding="utf-8")
            case ".html":
                path.write_text(f'<!doctype html><meta charset="utf-8">{self.html}', encoding="utf-8")
            case ".txt":
                path.write_text(self.text + "\n", encoding="utf-8")
            case ".png":
                path.write_bytes(_png(self.dot))
            case ending:
                raise ValueError(
                    f"cannot write a picture as {ending or path.name!r}: use .svg, .png, .dot, .html or .txt."
                )
        return path


def _png(dot: str) -> bytes:
    done = render_png(dot)
    if done.data is None:
        why = "; ".join(done.problems) or "no Graphviz was found (pip install graphviz-pure brings one)"
        raise RuntimeError(f"no PNG could be drawn: {why}. Save it as .svg, which needs no Graphviz.")
    return done.data


def draw(scene: Scene, lens: Lens | None = None, *, programs: Sequence[tuple[str, Program]] | None = None) -> Picture:
    """The picture of a scene through a lens.

    A renderer that fails is replaced by the next one, at last by a plain drawing of our own, with one warning.

    Args:
        scene: What is known of the pipeline.
        lens: Which part is drawn, and how; by default all of it.
        programs: Renderers to use in place of this machine's.

    Raises:
        UnknownTaskError: `lens.focus` is not a task.
        ValueError: `lens.full` with more tasks than can be drawn.

    >>> from nbdag.core.graph import Graph
    >>> draw(Scene("ml", Graph((), {}, (), (), (), ()))).alt
    'Pipeline ml: no tasks yet'
    """
    lens = lens or Lens()
    drawn = sketch(scene, lens)
    told = facts(scene)
    alt = headline(scene.title, told, has_run=scene.record is not None)
    svg, dot = _svg(drawn, alt, programs)
    if drawn.direction == "LR" and lens.direction is None and _width(svg) > _WIDEST_ACROSS:
        svg, dot = _svg(replace(drawn, direction="TB"), alt, programs)
    is_folded = any(box.kind == "group" for box in drawn.boxes)
    table = full_texts(scene, told, is_folded=is_folded)
    return Picture(svg=svg, alt=alt, text=tree(scene, lens), table=table, dot=dot)


def _svg(drawn: Sketch, alt: str, programs: Sequence[tuple[str, Program]] | None) -> tuple[str, str]:
    dot = digraph(drawn, prefix=f"n{uuid4().hex[:8]}").source
    done = render(dot, len(drawn.boxes), tried=programs)
    if done.problems:
        instead = "another renderer drew the picture" if done.data else "the picture is drawn in a plainer way"
        warnings.warn(f"{'; '.join(done.problems)}; {instead}.", RuntimeWarning, stacklevel=3)
    if done.data is None:
        return fallback_svg(drawn, title=alt), dot
    return dressed(done.data.decode(), title=alt), dot


def _width(svg: str) -> float:
    return float(svg.partition(' width="')[2].partition('"')[0])
