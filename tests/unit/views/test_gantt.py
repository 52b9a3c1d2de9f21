"""The Gantt chart shows every attempt, every wait and every state, whatever the tasks are called."""

import itertools
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nbdag.core.events import Event
from nbdag.core.records import RunRecord
from nbdag.core.status import TaskStatus
from nbdag.views.frames import gantt_frame
from nbdag.views.gantt import HATCHES, plot_gantt
from nbdag.views.palette import PALETTE

START = 1_790_000_000.0
HOSTILE = ("$x^2$", "a_b^{c", "日本\u202e\n", "<b>&amp;\\frac", "%", "x" * 200, "_hidden")


def started(seconds, task, attempt=1, queued=0.0):
    return seconds, "task_started", task, attempt, {"queued": queued, "worker": "thread-1"}


def ended(seconds, task, how="task_succeeded", attempt=1):
    return seconds, how, task, attempt, None


def frame_of(*facts, tasks=(), run_id=7, now=60.0):
    """The Gantt frame of one run, from facts: (seconds since its start, event, task, attempt, data)."""
    record = RunRecord(run_id)
    record.apply(Event(1, START, "run_started", None, 0, "", {"tasks": tasks}))
    for seq, (seconds, name, task, attempt, data) in enumerate(facts, 2):
        record.apply(Event(seq, START + seconds, name, task, attempt, "", data))
    return gantt_frame([record], now=START + now)


def drawn(frame, **options: Any):
    """Axes in a figure without pyplot, drawn once, so that every warning has come."""
    axes = Figure(figsize=(10, 5)).subplots()
    plot_gantt(frame, axes, **options)
    axes.figure.canvas.draw()
    return axes


def spans(axes, label) -> list[tuple[int, float, float]]:
    """The lane, start and end of all that is drawn under a label."""
    found = []
    for collection in axes.collections:
        if collection.get_label() == label:
            for path in collection.get_paths():
                (left, low), (right, high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((round((low + high) / 2), round(float(left), 3), round(float(right), 3)))
    return found


def names(axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def notes(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_attempts_are_bars_on_the_lane_of_their_task():
    """A retry is a bar of its own behind the failed one, on the same lane."""
    frame = frame_of(
        started(1.0, "load"),
        ended(2.0, "load", "task_retrying"),
        started(5.0, "load", attempt=2, queued=0.5),
        ended(9.0, "load", attempt=2),
        started(9.0, "train"),
        ended(10.0, "train"),
    )

    axes = drawn(frame)

    assert names(axes) == ["load", "train"]
    assert spans(axes, "failed") == [(0, 0.0, 1.0)]
    assert spans(axes, "success") == [(0, 4.0, 8.0), (1, 8.0, 9.0)]
    assert notes(axes) == ["8.0 s · 2 attempts", "1.0 s"]


def test_waits_are_lines_before_the_bars():
    """Time in the queue is solid and ends where the bar begins; the wait before a retry is dotted."""
    frame = frame_of(
        started(1.0, "load", queued=1.0),
        ended(2.0, "load", "task_retrying"),
        started(5.0, "load", attempt=2, queued=0.5),
        ended(9.0, "load", attempt=2),
    )

    axes = drawn(frame)

    assert spans(axes, "queued") == [(0, 0.0, 1.0), (0, 4.5, 5.0)]
    assert spans(axes, "retry delay") == [(0, 2.0, 4.5)]


def test_each_state_has_its_colour_and_its_hatch():
    """What the colour says, the hatch says as well."""
    frame = frame_of(
        started(0, "a"),
        started(0, "b"),
        started(0, "c"),
        started(0, "d"),
        started(0, "e"),
        ended(1, "a"),
        ended(1, "b", "task_failed"),
        ended(1, "c", "task_skipped"),
        ended(1, "d", "task_cancelled"),
    )

    axes = drawn(frame)

    bars = {bar.get_label(): bar for bar in axes.collections if bar.get_label() in set(TaskStatus)}
    assert set(bars) == {"success", "failed", "skipped", "cancelled", "running"}
    for status, bar in bars.items():
        assert to_hex(bar.get_facecolor()[0]) == PALETTE[TaskStatus(status)].stroke
        assert (bar.get_hatch() or "") == HATCHES.get(TaskStatus(status), "")
    assert len(set(HATCHES.values()) | {""}) == len(bars)


def test_the_end_of_a_failed_attempt_is_marked():
    """A cross stands where each failed attempt ended, retried or not."""
    frame = frame_of(
        started(0, "a"),
        ended(1, "a", "task_retrying"),
        started(2, "a", attempt=2),
        ended(4, "a", "task_failed", attempt=2),
    )

    crosses = [line for line in drawn(frame).lines if line.get_marker() == "x"]

    assert [list(zip(*line.get_data(), strict=True)) for line in crosses] == [[(1.0, 0), (4.0, 0)]]


def test_tasks_that_were_not_executed_stand_at_the_left_edge_with_their_state():
    """Each has its glyph and its word where its bar would begin."""
    frame = frame_of((1, "task_cached", "a", 0, None), (1, "task_skipped", "b", 0, None), tasks=("a", "b", "c"))

    axes = drawn(frame)

    assert names(axes) == ["a", "b", "c"]
    assert notes(axes) == ["↺ cached", "⊘ skipped", "○ pending"]
    assert {text.xy[0] for text in axes.texts} == {0.0}


def test_a_running_attempt_reaches_until_now():
    """The bar of what runs ends at the moment the frame was made."""
    axes = drawn(frame_of(started(0, "a"), now=12.5))

    assert spans(axes, "running") == [(0, 0.0, 12.5)]
    assert notes(axes) == ["► 12 s"]


def test_the_legend_lists_what_the_chart_shows_and_no_more():
    """Every state and every kind of line present, in the order of the palette."""
    frame = frame_of(
        started(0, "a", queued=0.5),
        ended(1, "a", "task_failed"),
        started(0, "b"),
        ended(1, "b"),
        tasks=("a", "b", "c"),
    )

    assert legend(drawn(frame)) == ["success", "failed", "pending", "queued"]


def test_a_note_at_the_far_end_lies_inside_the_axes():
    """The axis is longer than the run by what the last words need."""
    axes = drawn(frame_of(started(0, "a"), ended(100, "a")))

    right = axes.texts[0].get_window_extent().x1
    assert right <= axes.get_window_extent().x1


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (0.02, "milliseconds since the run began"),
        (20, "seconds since the run began"),
        (1000, "minutes since the run began"),
        (40_000, "hours since the run began"),
    ],
)
def test_the_time_axis_counts_in_the_unit_that_suits_the_run(seconds, label):
    """Ticks are short round numbers, from milliseconds to hours; the data are seconds always."""
    axes = drawn(frame_of(started(0, "a"), ended(seconds, "a")))

    ticks = [float(tick.get_text()) for tick in axes.get_xticklabels()]
    assert axes.get_xlabel() == label
    assert 3 <= len(ticks) <= 13
    assert max(ticks) < 1000
    assert spans(axes, "success") == [(0, 0.0, seconds)]


def test_hostile_names_are_drawn_as_they_are():
    """A name is never mathematics, TeX or markup, and one that no font can draw raises no warning."""
    facts = [fact for name in HOSTILE for fact in (started(0, name), ended(1, name))]

    axes = drawn(frame_of(*facts), title="$\\frac{1$")

    assert names(axes)[:2] == ["$x^2$", "a_b^{c"]
    assert names(axes)[3:5] == ["<b>&amp;\\frac", "%"]
    assert max(map(len, names(axes))) <= 34
    assert axes.get_title(loc="left") == "$\\frac{1$"
    assert not any(label.get_parse_math() or label.get_usetex() for label in axes.get_yticklabels())


def test_a_large_run_has_thin_lanes_and_fewer_labels():
    """Above sixty lanes, labels keep their distance, a failed task keeps its own, and every bar is there."""
    facts = [fact for n in range(500) for fact in (started(n, f"t{n}"), ended(n + 1, f"t{n}"))]
    facts[2 * 257 + 1] = ended(258, "t257", "task_failed")

    axes = drawn(frame_of(*facts, tasks=[f"t{n}" for n in range(500)] + ["x", "y"]))

    assert len(spans(axes, "success")) == 499
    assert {"t257", "2 tasks"} <= set(names(axes))
    assert len(names(axes)) <= 40
    assert notes(axes) == ["✗ 1.0 s", "○ pending"]
    assert not any(bar.get_hatch() for bar in axes.collections)


def test_labels_do_not_overlap():
    """However many lanes there are, one can read every label that is drawn."""
    for count in (5, 40, 70, 300):
        axes = drawn(frame_of(*[started(n, f"t{n}") for n in range(count)]))
        boxes = sorted((label.get_window_extent() for label in axes.get_yticklabels()), key=lambda box: box.y0)
        assert all(below.y1 <= above.y0 + 1 for below, above in itertools.pairwise(boxes)), count


def test_several_runs_are_groups_with_headings():
    """Two runs in one frame are compared from their own starts."""
    import pandas as pd

    frames = [frame_of(started(0, "a"), ended(n, "a"), run_id=n) for n in (2, 3)]

    axes = drawn(pd.concat(frames))

    assert names(axes) == ["run 2", "a", "run 3", "a"]
    assert spans(axes, "success") == [(1, 0.0, 2.0), (3, 0.0, 3.0)]
    assert axes.get_title(loc="left") == "runs 2, 3"


def test_some_rows_of_a_frame_are_a_chart_as_well():
    """A filtered and sorted frame is drawn like any other."""
    frame = frame_of(started(0, "a"), ended(1, "a"), started(1, "b"), ended(4, "b"), started(1, "c"), ended(3, "c"))

    axes = drawn(frame[frame["duration"] > 1.5].sort_values("duration"))

    assert sorted(names(axes)) == ["b", "c"]
    assert max(end for _, _, end in spans(axes, "success")) == 3.0


@pytest.mark.parametrize("frame", [gantt_frame([], now=START), frame_of()])
def test_an_empty_run_is_an_empty_chart(frame):
    """Nothing to show is said, not raised."""
    axes = drawn(frame, title="empty")

    assert notes(axes) == ["no tasks"]
    assert axes.get_legend() is None


def test_axes_that_are_given_are_used_and_pyplot_is_left_alone():
    """Drawing into somebody's figure makes no figure of its own and changes no setting."""
    import matplotlib.pyplot as plt

    before, settings = plt.get_fignums(), dict(mpl.rcParams)
    axes = Figure().subplots(1, 2)[1]

    assert plot_gantt(frame_of(started(0, "a")), axes) is axes
    assert plt.get_fignums() == before
    assert dict(mpl.rcParams) == settings


def test_without_axes_a_figure_is_made_that_a_notebook_shows():
    """The figure is pyplot's, ten inches wide and as tall as its lanes ask for."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    few, many = (frame_of(*[started(0, f"t{n}") for n in range(count)]) for count in (10, 5000))
    try:
        figures = [plot_gantt(frame).figure for frame in (few, many)]
        assert [figure.number in plt.get_fignums() for figure in figures] == [True, True]
        assert [figure.get_figwidth() for figure in figures] == [10, 10]
        assert figures[0].get_figheight() < 5 < figures[1].get_figheight() < 11
        figures[0].canvas.draw()
    finally:
        plt.close("all")


def test_a_dark_style_keeps_its_ground():
    """The chart draws on whatever the person's style puts behind it, with that style's ink for names."""
    with mpl.rc_context({"axes.facecolor": "#111111", "ytick.labelcolor": "#eeeeee", "ytick.color": "#eeeeee"}):
        axes = drawn(frame_of(started(0, "a")))

    assert to_hex(axes.get_facecolor()) == "#111111"
    assert to_hex(axes.get_yticklabels()[0].get_color()) == "#eeeeee"
