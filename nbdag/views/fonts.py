"""Text that matplotlib draws literally and without a warning, whatever a task is called.

A name may hold what the default font has no picture for, and matplotlib then warns and draws a box for each character.
Here a text is drawn with the person's own fonts, then with those that are usually installed for the world's other
scripts, then with DejaVu, which comes with matplotlib; what none of them has becomes □.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbdag.views.wording import visible

if TYPE_CHECKING:
    from matplotlib.path import Path

OTHER_SCRIPTS = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Segoe UI Symbol",
    "Arial Unicode MS",
)
"""Fonts to be asked for what the person's own fonts lack, where they are installed."""

ALWAYS_THERE = "DejaVu Sans"
MISSING = "□"


def families() -> list[str]:
    """The installed fonts to draw with, in the order in which they are asked for a character.

    >>> "DejaVu Sans" in families()
    True
    """
    from matplotlib import font_manager, rcParams

    lists: Mapping[Any, list[str]] = rcParams  # "sans-serif" and its like stand for a list of fonts
    wanted = [font for family in rcParams["font.family"] for font in lists.get(f"font.{family}", [family])]
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return [family for family in dict.fromkeys((*wanted, *OTHER_SCRIPTS, ALWAYS_THERE)) if family in installed]


def drawable(text: str, fonts: Sequence[str]) -> str:
    """The text on one line, with □ for each character that none of the fonts has.

    >>> drawable("tâche 日", ["DejaVu Sans"])
    'tâche □'
    """
    line = visible(text)
    if line.isascii():
        return line
    known = _known({ord(character) for character in line}, fonts)
    return "".join(character if ord(character) in known else MISSING for character in line)


def glyph_path(glyph: str) -> "Path":
    """A character of DejaVu as a path around the origin, to be used as a marker.

    >>> box = glyph_path("■").get_extents()
    >>> bool(abs(box.x0 + box.x1) < 1e-9 > abs(box.y0 + box.y1))
    True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    path = TextPath((0, 0), glyph, size=1, prop=FontProperties(family=ALWAYS_THERE))
    box = path.get_extents()
    return path.transformed(Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2))


def _known(codes: set[int], fonts: Sequence[str]) -> set[int]:
    """Those characters that one of the fonts has."""
    from matplotlib import font_manager

    known: set[int] = set()
    for family in fonts:
        font = font_manager.get_font(font_manager.findfont(family))
        known |= {code for code in codes - known if font.get_char_index(code)}
        if known == codes:
            break
    return known
