"""A pipeline can be looked at while its cells are still being written."""

import pytest

from nbdag import DAG
from nbdag.core.errors import CycleError


def test_a_half_written_pipeline_can_be_shown():
    """What cannot be found makes no edge; the task says what it misses."""
    # load -> train ;  report needs a task that nobody has written yet
    pipeline = DAG("half written")
    pipeline.task(lambda: 2, name="load")
    pipeline.task(lambda load: load + 1, name="train")
    pipeline.task(lambda figures: figures, name="report")

    picture = pipeline.show()

    assert "figures is not defined" in str(picture)
    assert "figures is not defined" in picture.svg
    assert picture.svg.count('class="edge"') == 1


def test_a_circle_is_not_drawn():
    """Tasks that depend on each other in a circle have no order to draw them in."""
    pipeline = DAG("circle")
    pipeline.task(lambda b: b, name="a")
    pipeline.task(lambda a: a, name="b")

    with pytest.raises(CycleError, match="a -> b -> a"):
        pipeline.show()
