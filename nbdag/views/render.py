"""DOT made into SVG by whatever Graphviz there is, each tried in turn.

Order: the program that `NBDAG_DOT` names, the one of the package graphviz-pure, `dot` on the PATH. One that fails,
takes too long or draws another number of boxes than it was sent is passed over. graphviz-pure is found through its
package's list of files, since a kernel seldom has its environment's programs on its PATH.
"""

import html
import importlib.metadata
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

TIMEOUT = 20.0
"""Seconds a renderer gets."""
SCALE = 1.15
"""Pixels a point: the names of tasks are then a little larger than the notebook's text."""

Program = Callable[[str, str], bytes]
"""Takes DOT and a format (``"svg"``, ``"png"``) and gives the picture; raises when it cannot."""

_FAILURES = (OSError, subprocess.SubprocessError, UnicodeError, ValueError)


class Rendered(NamedTuple):
    """What came of it: the picture or None, and a sentence for each renderer that failed."""

    data: bytes | None
    problems: tuple[str, ...]


def programs() -> Iterator[tuple[str, Program]]:
    """The renderers of this machine, the preferred first, each with its name."""
    chosen = os.environ.get("NBDAG_DOT")
    if chosen:
        yield chosen, runner(chosen)
    bundled = _bundled()
    if bundled:
        yield "graphviz-pure", runner(bundled)
    system = shutil.which("dot")
    if system:
        yield "dot", runner(system)


def _bundled() -> str | None:
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.stem == "graphviz-pure" and "bin" in _folders(file))
    return next((str(path.resolve()) for path in found if path.is_file()), None)


def _folders(file: importlib.metadata.PackagePath) -> set[str]:
    return {"bin" if part.lower() in ("bin", "scripts") else part for part in file.parts[:-1]}


def runner(executable: str) -> Program:
    """A renderer that runs this Graphviz program."""

    def run(source: str, form: str) -> bytes:
        done = subprocess.run(
            [executable, "-Kdot", f"-T{form}"],
            input=source.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()[:200]}")
        return done.stdout

    return run


def render(source: str, boxes: int, *, tried: Sequence[tuple[str, Program]] | None = None) -> Rendered:
    """The picture in SVG by the first renderer that draws all the boxes.

    Args:
        source: The picture in DOT.
        boxes: How many boxes it has.
        tried: Renderers to use in place of this machine's.

    >>> render("digraph {a}", 1, tried=[("mine", lambda source, form: b'<g class="node"/>')]).data
    b'<g class="node"/>'
    """
    problems: list[str] = []
    for name, program in programs() if tried is None else tried:
        try:
            svg = program(source, "svg").decode()
            drawn = svg.count('class="node"')
            if drawn == boxes:
                return Rendered(svg.encode(), tuple(problems))
            problems.append(f"{name} drew {drawn} of {boxes} boxes")
        except _FAILURES as error:
            problems.append(f"{name} failed: {error}")
    if not problems:
        problems.append("no Graphviz was found (pip install graphviz-pure brings one)")
    return Rendered(None, tuple(problems))


def render_png(source: str) -> Rendered:
    """The picture in PNG by the first renderer that can."""
    problems: list[str] = []
    for name, program in programs():
        try:
            return Rendered(program(source, "png"), tuple(problems))
        except _FAILURES as error:
            problems.append(f"{name} failed: {error}")
    return Rendered(None, tuple(problems))


def dressed(svg: str, *, title: str) -> str:
    """A renderer's SVG made fit for a page: our title, common fonts, sized in pixels, no ids read out as tooltips."""
    svg = re.sub(r"\A.*?(?=<svg)", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<title>[^<]*</title>\n?", "", svg)
    svg = svg.replace('font-family="Helvetica"', 'font-family="Helvetica,Arial,sans-serif"')
    svg = re.sub(r'(?<=\s)(width|height)="([\d.]+)pt"', _in_pixels, svg, count=2)
    return re.sub(
        r"<svg[^>]*>", lambda head: f'{head[0][:-1]} role="img">\n<title>{html.escape(title)}</title>', svg, count=1
    )


def _in_pixels(size: re.Match[str]) -> str:
    return f'{size[1]}="{float(size[2]) * SCALE:.0f}"'
