from nbdag.views.nearby import Stub, nearby, stubs
from tests.unit.views.scenes import chain, fan, graph


def test_the_neighbourhood_reaches_as_far_as_asked():
    """So many steps up and down, from the task alone."""
    assert nearby(chain(10), 5, up=2, down=1) == (3, 4, 5, 6)
    assert nearby(chain(10), 5, up=0, down=0) == (5,)


def test_a_neighbourhood_stays_small():
    """At most 60 tasks are drawn."""
    assert len(nearby(fan(500), 0, up=2, down=2)) == 60


def test_what_is_left_out_is_counted_at_the_border():
    """One stub for the same hidden tasks, on each side."""
    # a -> b, c ; b, c -> d -> e
    whole = graph({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("d",)})
    assert stubs(whole, (1, 2, 3)) == (
        Stub("upstream", frozenset({0}), (1, 2)),
        Stub("downstream", frozenset({4}), (3,)),
    )
    assert stubs(whole, range(5)) == ()
