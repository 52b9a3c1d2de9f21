"""Three pictures, byte for byte.

After a wanted change look at them, then write them anew: python -m tests.unit.views.test_golden_pictures
"""

import importlib.metadata
import re
from pathlib import Path

import pytest

from nbdag.views.picture import draw
from tests.unit.views.scenes import failed_run, ml_pipeline, sweep

GOLDEN = Path(__file__).parent / "golden"
SCENES = {"ml_pipeline": ml_pipeline, "failed_run": failed_run, "sweep": sweep}
DRAWN_BY = "0.2.2"


def _svg(name):
    return re.sub(r'(?<=["_])n[0-9a-f]{8}(?=&#45;)', "id", draw(SCENES[name]()).svg)


def _version():
    try:
        return importlib.metadata.version("graphviz-pure")
    except importlib.metadata.PackageNotFoundError:
        return None


@pytest.mark.skipif(_version() != DRAWN_BY, reason=f"the pictures were drawn by graphviz-pure {DRAWN_BY}")
@pytest.mark.parametrize("name", SCENES)
def test_the_picture_has_not_changed(name):
    """A change of what people see is made knowingly."""
    assert _svg(name) == (GOLDEN / f"{name}.svg").read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in SCENES:
        (GOLDEN / f"{each}.svg").write_text(_svg(each), encoding="utf-8")
