"""A pipeline to define tasks on."""

import pytest

from nbdag import DAG


@pytest.fixture
def pipeline():
    return DAG("story", max_parallel=2)
