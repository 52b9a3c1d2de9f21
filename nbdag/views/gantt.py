"""The Gantt chart of a run: which task ran when, waited for what long, was tried how often.

Drawn from the Gantt frame alone, so that a filtered frame, one of last week, or several runs at once are drawn as well.
Lanes are tasks in the order in which they started, bars are their attempts; a state has the colours of every other
picture, and a hatch and a word besides. Pyplot is used only when no axes are given, for a notebook to show the figure.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nbdag.core.status import TaskStatus
from nbdag.views.fonts import drawable, families, glyph_path
from nbdag.views.lanes import Bar, Lane, Row, labelled, lay_out
from nbdag.views.lettering import ems, shorten
from nbdag.views.palette import EDGE, EDGE_FAINT, INK_BARE, PALETTE
from nbdag.views.wording import span_in_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

HATCHES: Mapping[TaskStatus, str] = MappingProxyType(
    {
        TaskStatus.RUNNING: "///",
        TaskStatus.FAILED: "xx",
        TaskStatus.SKIPPED: "\\\\\\",
        TaskStatus.CANCELLED: "..",
    }
)
"""What tells a bar from others without its colour; one of success is plain."""

TIME_AXIS: tuple[tuple[float, float, str], ...] = (
    (0.5, 0.001, "milliseconds"),
    (300, 1, "seconds"),
    (3 * 3600, 60, "minutes"),
    (math.inf, 3600, "hours"),
)
"""Up to so many seconds in all, the time axis counts in units of so many seconds, called so."""

WIDTH, TALLEST, LANE = 10.0, 9.0, 0.3
"""Inches: the width of a figure of our own, the most its lanes may fill, a lane that has the room it wants."""
ABOVE, BELOW = 0.65, 0.5
"""Inches for title and legend, and for the time axis."""
TITLE, NAME, NOTE = 11.0, 9.0, 8.0
"""Sizes of text in points."""
LEADING = 1.1
"""Height of a line of text, in units of its size."""
POINTS = 72
"""In an inch."""
LEGEND_COLUMNS = 6
LONGEST_NAME = 34
QUEUED, RETRY_DELAY = "queued", "retry delay"


def plot_gantt(frame: "pd.DataFrame", ax: "Axes | None" = None, *, title: str | None = None) -> "Axes":
    """The axes that show the attempts of a Gantt frame on a time axis that begins with the run.

    Bars are attempts; the thin line before a bar is time it was ready and waited for a slot, the dotted one between two
    bars the wait before a retry; a cross ends an attempt that failed. Tasks that were not executed stand at the left
    edge with their state. A running attempt's bar goes as far as the frame's `duration`. Above 60 lanes the lanes get
    thin, and labels go first to what failed.

    Args:
        frame: What `pipeline.gantt()` or `run.gantt()` returns, or some rows of it. Each run in it gets a group of
            lanes with its own time zero.
        ax: Where to draw; without it, a new pyplot figure. The axes that are given should be empty.
        title: Shown above the chart; without it, the number of the run.

    >>> from matplotlib.figure import Figure
    >>> from nbdag.views.frames import gantt_frame
    >>> plot_gantt(gantt_frame([], now=0.0), Figure().subplots(), title="nothing yet").get_title(loc="left")
    'nothing yet'
    """
    chart = lay_out(_rows(frame))
    axes = _new_axes(len(chart)) if ax is None else ax
    style = _Style(tuple(families()), _points(axes)[1] / max(1, len(chart)))

    _prepare(axes, chart, style)
    _draw_waits(axes, chart, style)
    _draw_bars(axes, chart, style)
    _draw_notes(axes, chart, style)
    _label_lanes(axes, chart, style)
    _label_time(axes, chart, style)
    legend_lines = _draw_legend(axes, chart, style)
    _write_title(axes, _runs_of(frame) if title is None else title, legend_lines, style)
    return axes


@dataclass(frozen=True, slots=True)
class _Style:
    """What the room on the page and the machine's fonts decide."""

    fonts: tuple[str, ...]
    lane_height: float
    """In points."""

    @property
    def is_thin(self) -> bool:
        """True when lanes have no room for a hatch and a note each."""
        return self.lane_height < NAME * LEADING

    @property
    def apart(self) -> int:
        """Lanes from one text to the next."""
        return math.ceil(NAME * LEADING / self.lane_height)

    def text(self, size: float, color: str | None = None) -> dict[str, Any]:
        """Properties of a text that is shown as it is: no mathematics, no TeX, no missing characters."""
        literal = {"parse_math": False, "usetex": False, "fontfamily": list(self.fonts), "fontsize": size}
        return literal if color is None else {**literal, "color": color}


def _rows(frame: "pd.DataFrame") -> list[Row]:
    """The frame's rows as plain values; their moments as seconds since the earliest one."""
    start = frame["start"]
    columns = (
        frame["run_id"],
        frame["task"],
        frame["attempt"].fillna(0),
        frame["status"],
        (start - start.min()).dt.total_seconds(),
        frame["duration"],
        frame["queued"].fillna(0.0),
    )
    return [
        Row(run_id, task, attempt, TaskStatus(status), None if math.isnan(seconds) else seconds, duration, queued)
        for run_id, task, attempt, status, seconds, duration, queued in zip(*map(list, columns), strict=True)
    ]


def _runs_of(frame: "pd.DataFrame") -> str:
    run_ids = list(frame["run_id"].unique())
    return f"run{'s' * (len(run_ids) > 1)} {', '.join(map(str, run_ids))}" if run_ids else ""


def _new_axes(lanes: int) -> "Axes":
    """Axes in a pyplot figure of their own, which a notebook shows at the end of the cell."""
    import matplotlib.pyplot as plt

    height = min(max(lanes, 2) * LANE, TALLEST) + ABOVE + BELOW
    # Constrained layout moves the edges when the figure is drawn; until then these tell how much room the lanes have.
    room = {"left": 0.15, "right": 0.98, "top": 1 - ABOVE / height, "bottom": BELOW / height}
    _, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained", gridspec_kw=room)
    return axes


def _points(axes: "Axes") -> tuple[float, float]:
    """Width and height of the axes in points."""
    extent = axes.get_window_extent()
    scale = POINTS / axes.figure.dpi
    return extent.width * scale, extent.height * scale


def _prepare(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    """Empty ground: lanes from top to bottom, time from left to right, a line above each run of several."""
    margin = max(0.5, NOTE / 2 / style.lane_height)  # a text has room in the first and last lane, however thin
    axes.set_ylim(max(len(chart), 1) - 1 + margin, -margin)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=EDGE, alpha=0.25, linewidth=0.8)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(EDGE)
    axes.tick_params(axis="both", length=0)
    for place, lane in enumerate(chart):
        if lane.is_heading:
            axes.axhline(place - 0.5, color=EDGE, linewidth=0.8)
    if not chart:
        axes.text(0.5, 0.5, "no tasks", None, transform=axes.transAxes, ha="center", **style.text(NAME, INK_BARE))


def _draw_waits(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    """Thin lines: solid from ready to started, dotted from a failed try to the time its retry was ready."""
    from matplotlib.collections import LineCollection

    queues = [[(bar.ready, place), (bar.start, place)] for place, bar in _bars(chart) if bar.queued > 0]
    delays = [
        [(before.end, place), (after.ready, place)]
        for place, lane in enumerate(chart)
        for before, after in itertools.pairwise(lane.bars)
    ]
    width = min(1.2, 0.15 * style.lane_height)  # many thin ones must not become a grey wall
    for segments, line, label in ((queues, "solid", QUEUED), (delays, "dotted", RETRY_DELAY)):
        if segments:
            axes.add_collection(
                LineCollection(segments, colors=EDGE_FAINT, linewidths=width, linestyles=line, label=label, zorder=2)
            )


def _bars(chart: Iterable[Lane]) -> Iterator[tuple[int, Bar]]:
    """Every bar with the place of its lane."""
    return ((place, bar) for place, lane in enumerate(chart) for bar in lane.bars)


def _draw_bars(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    """Every attempt, one collection per state."""
    from matplotlib.collections import LineCollection, PolyCollection

    bars_of: dict[TaskStatus, list[tuple[int, Bar]]] = {}
    for place, bar in _bars(chart):
        bars_of.setdefault(bar.status, []).append((place, bar))
    half = max(0.4, 0.5 / style.lane_height) if style.is_thin else 0.3
    for status, bars in bars_of.items():
        look = PALETTE[status]
        corners = [_corners(place, bar, half) for place, bar in bars]
        axes.add_collection(PolyCollection(corners, **_paint(status, style), label=look.word, zorder=3))
        # The left edge is a line of its own, as a bar that is narrower than a pixel has to be seen.
        edges = [(bottom, top) for top, _, _, bottom in corners]
        axes.add_collection(LineCollection(edges, colors=look.stroke, linewidths=1.0, zorder=3))
    _mark_failed(axes, bars_of.get(TaskStatus.FAILED, ()), style)


def _mark_failed(axes: "Axes", failed: Sequence[tuple[int, Bar]], style: _Style) -> None:
    """A dot at the end of each failed attempt, with a cross on it where there is room."""
    ends, places = [bar.end for _, bar in failed], [place for place, _ in failed]
    size = min(9.0, max(3.0, 0.8 * style.lane_height))
    color = PALETTE[TaskStatus.FAILED].stroke
    marks: dict[str, Any] = {"linestyle": "none", "clip_on": False, "zorder": 4}
    has_room = size > 5
    edge = "white" if has_room else color
    axes.plot(ends, places, marker="o", markersize=size, color=color, markeredgecolor=edge, **marks)
    if has_room:
        axes.plot(ends, places, marker="x", markersize=0.45 * size, color="white", **marks)


def _corners(place: int, bar: Bar, half: float) -> list[tuple[float, float]]:
    top, bottom = place - half, place + half
    return [(bar.start, top), (bar.end, top), (bar.end, bottom), (bar.start, bottom)]


def _paint(status: TaskStatus, style: _Style) -> dict[str, Any]:
    """How bars of a state are painted: in its full colour, hatched in its light one where there is room for it."""
    look = PALETTE[status]
    hatch = "" if style.is_thin else HATCHES.get(status, "")
    return {"facecolor": look.stroke, "edgecolor": look.fill, "linewidth": 0.0, "hatch": hatch}


def _draw_notes(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    """Words beside the bars: how long a task took in how many attempts, or why it has no bar; and room for them."""
    width = _points(axes)[0]
    needed = max((lane.end for lane in chart), default=0.0) or 1.0
    for place in labelled(chart, style.apart):
        lane = chart[place]
        if lane.status is None or (style.is_thin and lane.bars and not lane.is_notable):
            continue
        note = _note(lane, lane.status)
        gap = 9.0 if lane.bars else 4.0
        axes.annotate(
            note,
            (lane.end, place),
            (gap, 0),
            textcoords="offset points",
            verticalalignment="center_baseline",
            annotation_clip=False,
            **style.text(NOTE, INK_BARE if lane.status is TaskStatus.SUCCESS else PALETTE[lane.status].stroke),
        )
        room = gap + NOTE * (ems(note) + 1)
        needed = max(needed, lane.end * width / max(width - room, width / 2))
    axes.set_xlim(0, needed)


def _note(lane: Lane, status: TaskStatus) -> str:
    look = PALETTE[status]
    if not lane.bars:
        return f"{look.glyph} {look.word}"
    words = span_in_words(lane.end - lane.bars[0].start)
    if status is not TaskStatus.SUCCESS:
        words = f"{look.glyph} {words}"
    return words if len(lane.bars) == 1 else f"{words} · {len(lane.bars)} attempts"


def _label_lanes(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    places = labelled(chart, style.apart)
    names = [shorten(drawable(chart[place].label, style.fonts), LONGEST_NAME) for place in places]
    axes.set_yticks(places, names, **style.text(NAME))
    for place, label in zip(places, axes.get_yticklabels(), strict=True):
        if chart[place].is_heading:
            label.set(color=INK_BARE, fontweight="bold")


def _label_time(axes: "Axes", chart: Sequence[Lane], style: _Style) -> None:
    """Ticks in the unit that suits the longest run; the data are seconds always."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    end = max((lane.end for lane in chart), default=0.0)
    size, unit = next((size, unit) for most, size, unit in TIME_AXIS if end <= most)
    if size > 1:  # round numbers of minutes are not round numbers of seconds
        first, second, *_ = MaxNLocator(9, steps=[1, 2, 5, 10], integer=True).tick_values(0, end / size)
        axes.xaxis.set_major_locator(MultipleLocator((second - first) * size))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds / size:g}"))
    axes.set_xlabel(f"{unit} since the run began", loc="left", **style.text(NOTE, INK_BARE))
    axes.tick_params(axis="x", labelsize=NOTE, labelcolor=INK_BARE)
    axes.xaxis.set_visible(end > 0)


def _draw_legend(axes: "Axes", chart: Sequence[Lane], style: _Style) -> int:
    """One line of words above the lanes for what the chart holds; how many lines it needs."""
    handles = [*_state_handles(chart, style), *_wait_handles(chart)]
    if not handles:
        return 0
    legend = axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=LEGEND_COLUMNS,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.4,
        fontsize=NOTE,
    )
    for text in legend.get_texts():
        text.set(**style.text(NOTE))
    return math.ceil(len(handles) / LEGEND_COLUMNS)


def _state_handles(chart: Sequence[Lane], style: _Style) -> "Iterator[Artist]":
    """A patch for each state that has a bar, for the others their glyph."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    barred = {bar.status for _, bar in _bars(chart)}
    present = barred | {lane.status for lane in chart if lane.status}
    for status, look in PALETTE.items():
        if status in barred:
            yield Patch(**_paint(status, style), label=look.word)
        elif status in present:
            yield Line2D([], [], linestyle="none", marker=glyph_path(look.glyph), color=look.stroke, label=look.word)


def _wait_handles(chart: Sequence[Lane]) -> "Iterator[Artist]":
    from matplotlib.lines import Line2D

    if any(bar.queued > 0 for _, bar in _bars(chart)):
        yield Line2D([], [], color=EDGE_FAINT, linewidth=1.2, label=QUEUED)
    if any(len(lane.bars) > 1 for lane in chart):
        yield Line2D([], [], color=EDGE_FAINT, linewidth=1.2, linestyle="dotted", label=RETRY_DELAY)


def _write_title(axes: "Axes", title: str, legend_lines: int, style: _Style) -> None:
    axes.set_title(drawable(title, style.fonts), loc="left", pad=6 + legend_lines * NOTE * 1.9, **style.text(TITLE))
