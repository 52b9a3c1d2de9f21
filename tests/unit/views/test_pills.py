import datetime as dt
from pathlib import Path, PurePosixPath

import pytest

from nbdag.views.pills import pill


class Odd:
    def __repr__(self):
        raise RuntimeError("no repr today")


class OddList(list):
    def __repr__(self):
        raise RuntimeError("no repr today")

    def __iter__(self):
        raise RuntimeError("no iteration either")


class OddPath(PurePosixPath):
    def __str__(self):
        raise RuntimeError("no text today")


@pytest.mark.parametrize("name", ["api_key", "TOKEN", "dbPassword", "client_secret", "passwd", "credentials"])
def test_a_secret_is_never_shown(name):
    """What is named like a secret is shown as dots, whatever it is."""
    assert pill(name, "hunter2") == f"{name} = •••"
    assert pill(name, 1234) == f"{name} = •••"


def test_secrets_inside_values_are_never_shown():
    """Nor are secrets in a dict, nor the login in an address."""
    assert "hunter2" not in pill("db", {"password": "hunter2"})
    assert pill("db", {"pwd": "hunter2"}) == "db = {'pwd': •••}"
    assert pill("url", "pg://me:hunter2@db/x") == "url = 'pg://•••@db/x'"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (None, "None"),
        ([1, 2], "[1, 2]"),
        (Path("data") / "iris.csv", "'data/iris.csv'"),
        (dt.date(2026, 11, 22), "'2026-11-22'"),
        (Odd(), "Odd"),
        ([Odd()], "[Odd]"),
        (OddList(), "OddList"),
        (OddPath("x"), "OddPath"),
        ({0.5: b"x"}, "{0.5: b'x'}"),
        ("x" * 1_000_000, "'xxxxxxxxxxxxxxxxxxxxxx…"),
    ],
)
def test_values_are_short_and_never_run_a_users_repr(value, shown):
    """Built-in values are shown in at most 24 characters; of others the type's name."""
    assert pill("p", value) == f"p = {shown}"
