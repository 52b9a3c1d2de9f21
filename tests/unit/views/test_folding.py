import functools

from hypothesis import given
from hypothesis import strategies as st

from nbdag.views import folding
from nbdag.views.folding import Group, depths, fold, quotient
from tests.unit.views.scenes import chain, fan, graph, sweep


def _shape(groups):
    return [(group.kind, len(group.members)) for group in groups]


def test_a_pipeline_that_can_be_read_is_drawn_whole():
    """Up to 60 tasks each has its own box, identical or not."""
    assert _shape(fold(fan(58))) == [("one", 1)] * 60


def test_a_wide_fan_out_becomes_one_box():
    """Tasks of one code with the same neighbours are gathered."""
    assert _shape(fold(fan(59))) == [("one", 1), ("fan", 59), ("one", 1)]


def test_stages_of_a_fan_out_are_gathered_stage_by_stage():
    """61 tasks of a sweep are drawn as 7: neighbours count by their group, not by their name."""
    assert _shape(fold(sweep().graph)) == [
        ("one", 1), ("one", 1), ("fan", 3), ("fan", 27), ("fan", 27), ("one", 1), ("one", 1),
    ]  # fmt: skip


def test_small_fan_outs_alone_do_not_fold_a_middling_pipeline():
    """Up to 150 tasks with no fan-out of 8: all is drawn."""
    needs = {f"root_{number}": () for number in range(30)}
    code = {}
    for number in range(30):
        for twin in "ab":
            needs[f"leaf_{number}{twin}"] = (f"root_{number}",)
            code[f"leaf_{number}{twin}"] = _leaf
    assert len(fold(graph(needs, code=code))) == 90


def _leaf(which=0): ...


def test_different_code_is_never_gathered():
    """Neighbours alone do not make two tasks identical; a partial of one function is that function."""
    needs = {"load": ()} | {f"leaf_{number}": ("load",) for number in range(200)}
    halves = {f"leaf_{number}": functools.partial(_leaf, number) for number in range(100)}
    shape = _shape(fold(graph(needs, code=halves)))
    assert shape.count(("fan", 100)) == 1
    assert shape.count(("one", 1)) == 101


def test_a_long_chain_becomes_links():
    """Above 300 boxes, tasks in a line are gathered into some links."""
    groups = fold(chain(400))
    assert _shape(groups) == [("chain", 20)] * 20
    assert groups[0].members == tuple(range(20))


def test_a_chain_of_one_code_is_no_fan_out():
    """Tasks that wait for one another are never one box of equals."""
    needs = {f"c{number}": (f"c{number - 1}",) if number else () for number in range(200)}
    assert _shape(fold(graph(needs, code=dict.fromkeys(needs, _leaf)))) == [("one", 1)] * 200


def test_a_very_large_pipeline_becomes_bands_of_ranks():
    """What no other way makes small is drawn by ranks, in at most 60 boxes."""
    needs = {
        f"t{number}": tuple({f"t{number - 30 - number % 7}", f"t{number - 31}"}) if number >= 40 else ()
        for number in range(3000)
    }
    groups = fold(graph(needs))
    assert len(groups) <= folding.MOST_BANDS
    assert {group.kind for group in groups} == {"band"}
    assert sorted(task for group in groups for task in group.members) == list(range(3000))


def test_edges_between_boxes_keep_the_edges_they_stand_for():
    """Two members that one box needs give one arrow, which knows both."""
    # a -> c ; b -> c
    edges = quotient(graph({"a": (), "b": (), "c": ("a", "b")}), [Group((0, 1), "fan"), Group((2,))])
    assert edges == {(0, 1): ((0, 2), (1, 2))}


@given(st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=3), st.integers(0, 2)), min_size=61, max_size=400))
def test_folding_loses_no_task_and_makes_no_circle(steps):
    """Whatever the graph: every task is in exactly one box, and the boxes can be put in order."""
    needs = {
        f"t{number}": tuple({f"t{number - back}" for back in backs if back <= number})
        for number, (backs, _) in enumerate(steps)
    }
    kinds = (lambda: 0, lambda: 1, lambda: 2)
    drawn = graph(needs, code={f"t{number}": kinds[kind] for number, (_, kind) in enumerate(steps)})

    groups = fold(drawn)

    assert sorted(task for group in groups for task in group.members) == list(range(len(steps)))
    edges = quotient(drawn, groups)
    rank = depths(len(groups), edges)
    assert all(rank[tail] < rank[head] for tail, head in edges)
