import pytest

from nbdag.core.errors import UnknownTaskError
from nbdag.core.records import ErrorInfo
from nbdag.core.status import TaskStatus
from nbdag.views.palette import PALETTE, STALE
from nbdag.views.scene import Lens, Scene
from nbdag.views.sketch import sketch
from tests.unit.views.scenes import chain, failed_run, fan, graph, ml_pipeline, run, sweep, task

S = TaskStatus


def _arrows(drawn):
    names = [box.name for box in drawn.boxes]
    return {(names[arrow.tail], names[arrow.head]): (arrow.kind, arrow.tone, arrow.label) for arrow in drawn.arrows}


def test_tasks_and_parameters_are_boxes_and_what_they_pass_on_are_arrows():
    """A parameter's arrow goes to the tasks that take it."""
    drawn = sketch(ml_pipeline())
    assert [(box.kind, box.name) for box in drawn.boxes] == [
        ("task", "load_data"),
        ("task", "clean"),
        ("task", "features"),
        ("task", "train_model"),
        ("task", "evaluate"),
        ("param", "path = 'iris.csv'"),
        ("param", "lr = 0.1"),
    ]
    assert _arrows(drawn) == {
        ("load_data", "clean"): ("data", "plain", ""),
        ("clean", "features"): ("data", "plain", ""),
        ("features", "train_model"): ("data", "plain", ""),
        ("clean", "evaluate"): ("data", "plain", ""),
        ("train_model", "evaluate"): ("data", "plain", ""),
        ("path = 'iris.csv'", "load_data"): ("param", "plain", ""),
        ("lr = 0.1", "train_model"): ("param", "plain", ""),
    }


def test_arrows_tell_how_a_failure_spread():
    """Red from the failed task, grey among what was not executed, bold on the critical path, "after" for mere order."""
    long = "aggregate_by_customer_and_region_weekly"
    arrows = _arrows(sketch(failed_run()))
    assert arrows["fetch_orders", "join"] == ("data", "critical", "")
    assert arrows["fetch_customers", "join"] == ("data", "plain", "")
    assert arrows[long, "plot"] == ("data", "blocked", "")
    assert arrows["plot", "email_report"] == ("data", "faint", "")
    assert arrows["fetch_weather", "forecast"] == ("data", "faint", "")
    assert arrows["quality_checks", "email_report"] == ("order", "faint", "after")


def test_the_legend_counts_the_states_that_occur():
    """In the order of the palette; stale tasks are counted once more, since stale lies over a state."""
    drawn = sketch(failed_run())
    assert drawn.legend == (
        (PALETTE[S.SUCCESS], 5),
        (PALETTE[S.FAILED], 1),
        (PALETTE[S.UPSTREAM_FAILED], 3),
        (STALE, 1),
    )
    assert drawn.notes == ()
    assert drawn.has_critical_path


def test_a_group_says_how_many_are_in_each_state_and_names_what_failed():
    """The sweep's 61 tasks are 7 boxes; a group is in the state that matters most."""
    drawn = sketch(sweep())
    train = drawn.boxes[3]
    assert [(box.name, box.count, box.status) for box in drawn.boxes] == [
        ("load_data", 1, S.SUCCESS),
        ("split_folds", 1, S.SUCCESS),
        ("prepare", 3, S.SUCCESS),
        ("train", 27, S.RUNNING),
        ("score", 27, S.PENDING),
        ("rank_models", 1, S.PENDING),
        ("report", 1, S.PENDING),
    ]
    assert train.bar == ((S.SUCCESS, 20), (S.RUNNING, 5), (S.FAILED, 2))
    assert train.errors == (
        "train_20: ValueError: Input contains NaN in fold 20",
        "train_21: ValueError: Input contains NaN in fold 21",
    )
    assert [arrow.label for arrow in drawn.arrows] == ["", "× 3", "each × 9", "1 : 1", "all 27", "", ""]
    assert drawn.notes == ("61 tasks drawn as 7",)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((S.SUCCESS, S.RUNNING, S.FAILED), S.RUNNING),
        ((S.SUCCESS, S.FAILED, S.PENDING), S.FAILED),
        ((S.SUCCESS, S.PENDING), S.PENDING),
        ((S.CACHED, S.SUCCESS), S.SUCCESS),
    ],
)
def test_a_group_is_running_else_failed_else_as_its_least_finished(states, status):
    """What somebody has to look at comes first."""
    known = {f"fetch_{number}": task(states[number % len(states)]) for number in range(60)}
    assert sketch(Scene("ml", fan(60), run(known))).boxes[1].status is status


def test_a_group_names_three_failures_and_counts_the_rest():
    """All 60 failed: three by name, 57 as a number."""
    known = {f"fetch_{number}": task(S.FAILED, 1.0, error=ErrorInfo("OSError", "x")) for number in range(60)}
    (_, group, _) = sketch(Scene("ml", fan(60), run(known))).boxes
    assert group.errors == ("fetch_0: OSError: x", "fetch_1: OSError: x", "fetch_2: OSError: x", "and 57 more failed")


@pytest.mark.parametrize(
    ("needs", "direction"),
    [
        ({f"c{n}": (f"c{n - 1}",) if n else () for n in range(6)}, "LR"),
        ({f"c{n}": (f"c{n - 1}",) if n else () for n in range(7)}, "TB"),
        ({f"c{n}": () for n in range(4)}, "LR"),
        ({f"c{n}": () for n in range(5)}, "TB"),
        ({f"{'x' * 30}{n}": (f"{'x' * 30}{n - 1}",) if n else () for n in range(6)}, "TB"),
    ],
)
def test_short_and_slim_graphs_run_left_to_right(needs, direction):
    """At most six tasks long, four wide, and not wider than a page; else top to bottom."""
    assert sketch(Scene("ml", graph(needs))).direction == direction


def test_the_direction_can_be_asked_for():
    """`direction=` overrides what fits."""
    assert sketch(Scene("ml", chain(30)), Lens(direction="LR")).direction == "LR"
    assert sketch(Scene("ml", chain(2)), Lens(direction="TB")).direction == "TB"


def test_the_direction_stays_while_a_run_goes_on():
    """Long lines below the names do not turn a picture."""
    scene = failed_run()
    assert sketch(scene).direction == sketch(Scene(scene.title, scene.graph)).direction == "LR"


def test_a_neighbourhood_shows_what_it_leaves_out():
    """The focus is marked; stubs say how many neighbours are hidden."""
    drawn = sketch(Scene("ml", chain(10)), Lens(focus="c5", up=1, down=1))
    assert [(box.kind, box.name) for box in drawn.boxes] == [
        ("task", "c4"),
        ("task", "c5"),
        ("task", "c6"),
        ("stub", "+1 upstream"),
        ("stub", "+1 downstream"),
    ]
    assert [box.name for box in drawn.boxes if box.is_focus] == ["c5"]
    assert drawn.notes == ("3 of 10 tasks, around c5", "not run yet")
    assert drawn.legend == ((PALETTE[S.PENDING], 3),)


def test_a_typo_in_the_focus_gets_an_answer():
    """The closest name is proposed."""
    with pytest.raises(UnknownTaskError, match="Did you mean 'train_model'"):
        sketch(ml_pipeline(), Lens(focus="train_modl"))


def test_full_draws_every_task_up_to_a_limit():
    """`full=True` gathers nothing, and refuses what nobody could read, with the way out."""
    assert len(sketch(Scene("ml", fan(500)), Lens(full=True)).boxes) == 502
    with pytest.raises(ValueError, match=r"at most 2,000 tasks and 'ml' has 2,001.*show\('c0', up=2, down=2\)"):
        sketch(Scene("ml", chain(2001)), Lens(full=True))


def test_less_is_written_the_more_is_drawn():
    """All lines up to 150 boxes, names up to 300, bare names beyond."""
    assert [sketch(Scene("ml", chain(size)), Lens(full=True)).detail for size in (150, 300, 301)] == [
        "full",
        "names",
        "bare",
    ]


def test_parameters_are_hidden_when_there_are_many_or_on_request():
    """More than six, or `params=False`."""
    seven = graph({"train": tuple("abcdefg")})
    assert [box.kind for box in sketch(Scene("ml", seven)).boxes] == ["task"]
    assert [box.kind for box in sketch(ml_pipeline(), Lens(params=False)).boxes] == ["task"] * 5


def test_a_tasks_own_parameter_is_shown_once_it_is_set():
    """A default is no news; a value given for this task is."""
    whole = graph({"train": ("epochs", "depth")}, own={"epochs", "depth"})
    drawn = sketch(Scene("ml", whole, params={"train.epochs": 20}))
    assert [box.name for box in drawn.boxes] == ["train", "train.epochs = 20"]


def test_an_empty_pipeline_says_how_to_begin():
    """No tasks: a friendly note."""
    drawn = sketch(Scene("ml", graph({})))
    assert [(box.kind, box.name) for box in drawn.boxes] == [("note", "ml has no tasks yet")]


def test_a_group_is_named_by_what_its_members_share():
    """By the common beginning of their names, else by their function."""

    def fetch(): ...

    names = [f"{letter}{number}" for letter in "ab" for number in range(50)]
    whole = graph({"load": (), **dict.fromkeys(names, ("load",))}, code=dict.fromkeys(names, fetch))
    assert sketch(Scene("ml", whole)).boxes[1].name == "fetch"


def test_joins_between_groups_are_told_by_numbers():
    """How many of which side go together."""

    def split(): ...
    def part(): ...

    parts = [f"part_{number}" for number in range(40)]
    splits = [f"split_{number}" for number in range(40)]
    all_to_all = {**dict.fromkeys(splits, ()), **dict.fromkeys(parts, tuple(splits))}
    by_pairs = {
        **dict.fromkeys(splits, ()),
        **{f"part_{n}": (f"split_{2 * n}", f"split_{2 * n + 1}") for n in range(20)},
    }
    code = {**dict.fromkeys(splits, split), **dict.fromkeys(parts, part)}
    assert [arrow.label for arrow in sketch(Scene("ml", graph(all_to_all, code=code))).arrows] == ["all to all"]
    assert [arrow.label for arrow in sketch(Scene("ml", graph(by_pairs, code=code)), Lens(full=True)).arrows] == [
        ""
    ] * 40
