"""Lanes stand in the order in which tasks started, with times since their run began."""

from nbdag.core.status import TaskStatus
from nbdag.views.lanes import MANY, Bar, Lane, Row, labelled, lay_out

FAILED, SUCCESS, PENDING, RUNNING = TaskStatus.FAILED, TaskStatus.SUCCESS, TaskStatus.PENDING, TaskStatus.RUNNING
CACHED, SKIPPED = TaskStatus.CACHED, TaskStatus.SKIPPED


def executed(task, start, duration=1.0, *, attempt=1, status=SUCCESS, queued=0.0, run_id=1):
    return Row(run_id, task, attempt, status, start, duration, queued)


def idle(task, status=PENDING, run_id=1):
    return Row(run_id, task, 0, status, None, 0.0, 0.0)


def names(chart):
    return [lane.label for lane in chart]


def test_lanes_are_ordered_by_start_and_idle_tasks_come_last():
    """What started first is on top; what was not executed is below, in the order given."""
    rows = [idle("z"), executed("b", 20.0), idle("a", CACHED), executed("c", 10.0)]

    assert names(lay_out(rows)) == ["c", "b", "z", "a"]


def test_time_zero_is_when_the_first_task_was_ready():
    """Bars are placed in seconds since the run's first task could have started."""
    rows = [executed("a", 100.0, 2.0, queued=0.5), executed("b", 103.0, 1.0, queued=0.25)]

    assert lay_out(rows) == [
        Lane("a", (Bar(1, SUCCESS, 0.5, 2.5, 0.5),), SUCCESS),
        Lane("b", (Bar(1, SUCCESS, 3.5, 4.5, 0.25),), SUCCESS),
    ]
    assert lay_out(rows)[1].bars[0].ready == 3.25


def test_attempts_share_a_lane_in_the_order_of_time():
    """A retried task is one lane; its state is that of its last attempt, however the rows are sorted."""
    rows = [executed("a", 7.0, attempt=2), executed("a", 5.0, attempt=1, status=FAILED)]

    (lane,) = lay_out(rows)

    assert [bar.attempt for bar in lane.bars] == [1, 2]
    assert (lane.status, lane.end) == (SUCCESS, 3.0)


def test_each_run_is_a_group_with_a_heading_and_its_own_zero():
    """Several runs stand below one another, comparable from their starts."""
    rows = [executed("a", 50.0, run_id=3), executed("a", 9000.0, 2.0, run_id=4), idle("b", run_id=4)]

    chart = lay_out(rows)

    assert names(chart) == ["run 3", "a", "run 4", "a", "b"]
    assert [lane.end for lane in chart] == [0.0, 1.0, 0.0, 2.0, 0.0]
    assert [lane.is_heading for lane in chart] == [True, False, True, False, False]


def test_idle_tasks_of_a_large_run_share_a_lane_per_state():
    """With very many tasks, those that were not executed are counted; one alone keeps its name."""
    rows = [executed(f"t{number}", float(number)) for number in range(MANY)]
    rows += [idle("x"), idle("y", SKIPPED), idle("z")]

    assert lay_out(rows)[MANY:] == [Lane("2 tasks", (), PENDING, 2), Lane("y", (), SKIPPED)]


def test_idle_tasks_of_a_small_run_each_have_a_lane():
    """Up to the limit, every task is named."""
    rows = [executed(f"t{number}", float(number)) for number in range(MANY - 2)]

    assert names(lay_out([*rows, idle("x"), idle("y")]))[-2:] == ["x", "y"]


def test_nothing_gives_no_lanes():
    """An empty frame is an empty chart."""
    assert lay_out([]) == []


def test_labels_keep_their_distance_and_prefer_what_matters():
    """Where not every lane can be labelled, failed, running and retried ones go first."""
    plain, failed = Lane("a", (), SUCCESS), Lane("b", (), FAILED)
    chart = [plain] * 4 + [failed, failed] + [plain] * 4

    assert labelled(chart, apart=1) == list(range(10))
    assert labelled(chart, apart=3) == [0, 4, 7]
    assert [chart[place].label for place in labelled(chart, apart=20)] == ["b"]


def test_headings_and_lanes_of_many_tasks_are_always_labelled():
    """A run's name is found even beside a failure."""
    chart = [Lane("b", (), FAILED), Lane("run 2"), Lane("b", (), FAILED), Lane("9 tasks", (), PENDING, 9)]

    assert labelled(chart, apart=2) == [1, 3]


def test_notable_is_what_failed_runs_or_was_retried():
    """A plain success is not looked for."""
    once, twice = Bar(1, SUCCESS, 0, 1, 0), Bar(2, SUCCESS, 1, 2, 0)

    assert [
        lane.is_notable
        for lane in (
            Lane("a", (once,), SUCCESS),
            Lane("b", (once, twice), SUCCESS),
            Lane("c", (once,), FAILED),
            Lane("d", (once,), RUNNING),
            Lane("e", (), CACHED),
        )
    ] == [False, True, True, True, False]
