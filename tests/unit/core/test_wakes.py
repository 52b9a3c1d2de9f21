"""Moments to be looked at again."""

from nbdag.core.wakes import Wakes


def test_what_is_due_comes_once_the_earliest_first():
    """Moments up to now come out in order of time, then of their making; later ones stay."""
    wakes = Wakes()
    for at, node in ((3.0, 1), (1.0, 2), (1.0, 0), (9.0, 3)):
        wakes.add(at, node, 1)

    assert list(wakes.due(3.0)) == [(2, 1), (0, 1), (1, 1)]
    assert list(wakes.due(8.9)) == []
    assert list(wakes.due(9.0)) == [(3, 1)]


def test_what_is_added_meanwhile_and_due_comes_too():
    """A wake for now that another wake made is not left for the next look."""
    wakes = Wakes()
    wakes.add(1.0, 1, 1)

    seen = []
    for node, attempt in wakes.due(1.0):
        seen.append((node, attempt))
        if attempt < 3:
            wakes.add(1.0, node, attempt + 1)

    assert seen == [(1, 1), (1, 2), (1, 3)]
