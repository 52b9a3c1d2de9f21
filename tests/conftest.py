"""What all tests share: `--full`, the hypothesis profiles, and a store of their own."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile(
    "full", parent=settings.get_profile("quick"), max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="run property tests, simulations and fault tests with the counts the design states, not the quick ones",
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("full" if config.getoption("--full") else "quick")
    _keep_stores_away_from_the_project(config)


def _keep_stores_away_from_the_project(config: pytest.Config) -> None:
    """Point NBDAG_STORE at a folder that goes when the tests end; subprocesses, kernels and doctests inherit it."""
    store = Path(tempfile.mkdtemp(prefix="nbdag-tests-"))
    before = os.environ.get("NBDAG_STORE")
    os.environ["NBDAG_STORE"] = str(store)

    def put_back() -> None:
        if before is None:
            del os.environ["NBDAG_STORE"]
        else:
            os.environ["NBDAG_STORE"] = before
        shutil.rmtree(store, ignore_errors=True)

    config.add_cleanup(put_back)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True under `--full`: take the stated counts instead of the quick ones."""
    return bool(request.config.getoption("--full"))
