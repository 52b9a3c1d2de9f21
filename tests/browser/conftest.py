"""One JupyterLab and one browser for all tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import Lab, find_chromium

HERE = Path(__file__).parent
SECONDS_PER_TEST = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(SECONDS_PER_TEST))


# For this folder, not for the session: the browser's driver occupies the thread's event loop, which async tests need.
@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    """JupyterLab with a Chromium to look at it."""
    if find_chromium() is None:
        missing = "no Chromium or Chrome found: install chromium, or say where it is with CHROMIUM=path"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with Lab() as running:
        yield running
