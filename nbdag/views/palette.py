"""How each state looks, everywhere: glyph, colours, line and word, in one table.

Pictures, panel, Gantt and text all draw from `PALETTE`, so a state looks the same wherever it is met. The strokes were
found by search: the least distance of any two (CIE76) over normal, protan, deutan and tritan sight is 21, and each has
a contrast of at least 2.9 on white and on near-black. Colour is never alone: glyph, word and line say it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from nbdag.core.status import TaskStatus

Line = Literal["solid", "dashed", "dotted"]


@dataclass(frozen=True, slots=True)
class Look:
    """How one state is drawn. Colours are ``"#rrggbb"``; `stroke` reads on light and dark, `fill` is for dark text."""

    glyph: str
    """One character of the Basic Multilingual Plane that no system turns into an emoji."""
    stroke: str
    fill: str
    line: Line
    width: float
    """Width of a box's border in pixels."""
    word: str
    """The state's name as it is written in frames and messages."""


PALETTE: Mapping[TaskStatus, Look] = MappingProxyType(
    {
        TaskStatus.SUCCESS: Look("✓", "#19804c", "#e7f4ec", "solid", 1.3, "success"),
        TaskStatus.CACHED: Look("↺", "#0071f2", "#e7f0fe", "solid", 1.3, "cached"),
        TaskStatus.RUNNING: Look("►", "#d97e00", "#fff3df", "solid", 2.2, "running"),
        TaskStatus.RETRYING: Look("↻", "#d97e00", "#fff3df", "dashed", 1.8, "retrying"),
        TaskStatus.FAILED: Look("✗", "#ad3209", "#fbe9e3", "solid", 2.4, "failed"),
        TaskStatus.UPSTREAM_FAILED: Look("⊘", "#ad3209", "#fdf5f2", "dashed", 1.3, "upstream_failed"),
        TaskStatus.SKIPPED: Look("⊘", "#858d98", "#f0f2f4", "dashed", 1.3, "skipped"),
        TaskStatus.CANCELLED: Look("■", "#858d98", "#f0f2f4", "dotted", 1.6, "cancelled"),
        TaskStatus.PENDING: Look("○", "#858d98", "#ffffff", "solid", 1.3, "pending"),
    }
)
"""How each state of a task looks; the order is that of legends."""

STALE = Look("△", "#905499", "#f5ecf6", "dashed", 1.3, "stale")
"""How a task looks whose last result no longer matches its code or inputs; drawn over its state."""

INK = "#1f2328"
"""Names of tasks, on a fill."""
INK_SOFT = "#59636e"
"""Second lines, on a fill."""
INK_ERROR = "#a32a08"
"""Error lines, on a fill."""
INK_BARE = "#7d8590"
"""Text on the page itself, be it white or near-black."""
EDGE = "#8b949e"
EDGE_CRITICAL = "#6e7781"
"""Edges of the critical path, drawn wider."""
EDGE_FAINT = "#afb8c1"
"""Edges between tasks that did not execute."""
PILL_STROKE, PILL_FILL = "#d1d9e0", "#f6f8fa"
"""Parameters and other small boxes."""
