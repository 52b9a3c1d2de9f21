from nbdag.core.status import TaskStatus
from nbdag.views.scene import Lens, Scene
from nbdag.views.text import tree
from tests.unit.views.scenes import chain, failed_run, graph, run, task

FAILED_LINE = (
    "   ├─ ✗ aggregate_by_customer_and_region_weekly  failed · 2.3 s · 3 attempts · "
    "KeyError: 'region_code' in groupby of orders"
)


def test_a_run_as_a_tree():
    """State, seconds, result, error; each task once, other ways to it marked with where it is."""
    assert tree(failed_run()).splitlines() == [
        "Pipeline orders: 5 success, 1 failed (aggregate_by_customer_and_region_weekly), 3 upstream_failed, 1 stale",
        "✓ fetch_orders  success · 4.2 s · DataFrame 98310×14",
        "└─ ✓ join  success · 0.80 s",
        FAILED_LINE,
        "   │  ├─ ⊘ plot  upstream_failed · blocked by aggregate_by_customer_and_region_weekly",
        "   │  │  └─ ⊘ email_report  upstream_failed · blocked by aggregate_by_customer_and_region_weekly",
        "   │  └─ ⊘ forecast  upstream_failed · blocked by aggregate_by_customer_and_region_weekly  → email_report ↑",
        "   └─ ✓ quality_checks  success · 0.20 s  → email_report ↑",
        "✓ fetch_customers  success · 1.1 s · DataFrame 5204×9  → join ↑",
        "✓ fetch_weather  success · 1.4 s · △ code changed since last run  → forecast ↑",
    ]


def test_a_task_stands_below_the_deepest_task_it_needs():
    """What it needs is above it; the shorter way there points down."""
    # a -> b -> c ; a -> c
    assert tree(Scene("ml", graph({"a": (), "b": ("a",), "c": ("a", "b")}))).splitlines() == [
        "Pipeline ml: 3 tasks, not run yet",
        "○ a  → c ↓",
        "└─ ○ b",
        "   └─ ○ c",
    ]


def test_a_long_tree_is_cut_and_a_deep_one_not_indented_without_end():
    """10,000 tasks give 200 lines and the number of the others."""
    lines = tree(Scene("ml", chain(10_000))).splitlines()
    assert len(lines) == 202
    assert max(map(len, lines)) < 100
    assert lines[-1] == "… and 9,800 more tasks"


def test_a_neighbourhood_as_a_tree():
    """Only what is around the task, and how many others there are."""
    assert tree(Scene("ml", chain(5)), Lens(focus="c2", up=1, down=0)).splitlines() == [
        "Pipeline ml: 5 tasks, not run yet",
        "○ c1",
        "└─ ○ c2",
        "… and 3 more tasks",
    ]


def test_many_failures_are_named_in_part():
    """Three names in the headline, and a number."""
    known = {f"c{number}": task(TaskStatus.FAILED, 1.0) for number in range(5)}
    assert tree(Scene("ml", chain(5), run(known))).splitlines()[0] == "Pipeline ml: 5 failed (c0, c1, c2 and 2 more)"


def test_hostile_names_stay_on_their_line():
    """Line ends and control characters in names cannot break the tree or the terminal."""
    text = tree(Scene("m\x1b[31ml", graph({"a\nb\x1b[2J": ()})))
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
