"""Kernels for the tests of this folder: one for each module and version of ipykernel."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.harness import Kernel

HERE = Path(__file__).parent
SECONDS_PER_TEST = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.kernel)
            item.add_marker(pytest.mark.timeout(SECONDS_PER_TEST))


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """A kernel of the ipykernel that is installed beside nbdag."""
    with Kernel() as running:
        yield running


@pytest.fixture(scope="module")
def kernel6() -> Iterator[Kernel]:
    """A kernel of ipykernel 6; NBDAG_KERNEL6 names the Python of a virtual environment that has it and nbdag."""
    with Kernel(python_with_ipykernel_6()) as running:
        yield running


@pytest.fixture(scope="module", params=["ipykernel 7", "ipykernel 6"])
def each_kernel(request: pytest.FixtureRequest) -> Kernel:
    """Runs the test on both versions, one after the other."""
    return request.getfixturevalue("kernel" if request.param == "ipykernel 7" else "kernel6")


def python_with_ipykernel_6() -> str:
    python = os.environ.get("NBDAG_KERNEL6")
    if python is None:
        missing = "NBDAG_KERNEL6 does not name the Python of a virtual environment with ipykernel 6 and nbdag"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return python
