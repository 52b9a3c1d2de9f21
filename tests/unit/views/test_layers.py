from hypothesis import given
from hypothesis import strategies as st

from nbdag.views import layers
from nbdag.views.layers import place


def _overlap(one, other):
    (across, along, width, depth), (across_2, along_2, width_2, depth_2) = one, other
    return abs(across - across_2) < (width + width_2) / 2 - 0.01 and abs(along - along_2) < (depth + depth_2) / 2 - 0.01


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 25))
    sizes = [(draw(st.integers(10, 200)), draw(st.integers(10, 60))) for _ in range(size)]
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda pair: pair[0] < pair[1])
    return sizes, sorted(draw(st.sets(pairs, max_size=40))) if size > 1 else []


@given(graphs())
def test_boxes_never_overlap_and_arrows_go_forward(drawn):
    """Whatever the graph: every box apart from the others, inside the picture; each arrow from its tail to its head."""
    sizes, edges = drawn

    layout = place(sizes, edges)

    boxes = [(*centre, *size) for centre, size in zip(layout.centres, sizes, strict=False)]
    assert not any(_overlap(one, other) for place, one in enumerate(boxes) for other in boxes[:place])
    for across, along, width, depth in boxes:
        assert across - width / 2 >= -0.01
        assert across + width / 2 <= layout.across + 0.01
        assert along - depth / 2 >= -0.01
        assert along + depth / 2 <= layout.along + 0.01
    for (tail, head), path in zip(edges, layout.paths, strict=True):
        assert path[0] == (boxes[tail][0], boxes[tail][1] + sizes[tail][1] / 2)
        assert path[-1] == (boxes[head][0], boxes[head][1] - sizes[head][1] / 2)
        assert [along for _, along in path] == sorted(along for _, along in path)


def test_a_long_arrow_goes_around_the_boxes_it_passes():
    """A -> b -> c and a -> c: the long arrow bends beside b."""
    layout = place([(100, 20)] * 3, [(0, 1), (1, 2), (0, 2)])
    bends = layout.paths[2][1:-1]
    assert len(bends) == 2
    assert all(abs(across - layout.centres[1][0]) > 50 for across, _ in bends)


def test_what_feeds_one_box_stands_just_above_it():
    """A parameter of the last task is not drawn beside the first."""
    layout = place([(100, 20)] * 4, [(0, 1), (1, 2), (3, 2)])
    assert layout.centres[3][1] == layout.centres[1][1]


def test_very_many_long_arrows_are_drawn_straight(monkeypatch):
    """Bends are left out where they would cost too much."""
    monkeypatch.setattr(layers, "_MOST_BENDS", 0)
    assert len(place([(100, 20)] * 3, [(0, 1), (1, 2), (0, 2)]).paths[2]) == 2
