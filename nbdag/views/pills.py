"""Parameters as short texts: ``lr = 0.1``. Never a secret, never a long value, never a user's own `__repr__`."""

import re
from datetime import date
from pathlib import PurePath
from reprlib import Repr
from typing import Any

from nbdag.views.lettering import shorten

MOST_PILLS = 6
"""With more parameters than this a picture shows none of them."""

VALUE_LIMIT = 24
_SECRET = re.compile(r"key|token|passw|pwd|secret|credential|auth", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"://[^/\s@]*@")
_HIDDEN = "•••"


def is_secret(name: str) -> bool:
    """True when a thing of this name should not have its value shown.

    >>> is_secret("OPENAI_API_KEY"), is_secret("learning_rate")
    (True, False)
    """
    return _SECRET.search(name) is not None


def pill(name: str, value: Any) -> str:
    """A parameter as it is shown in pictures.

    >>> pill("path", "iris.csv"), pill("api_key", "sk-1234"), pill("db", "pg://me:pw@host/x")
    ("path = 'iris.csv'", 'api_key = •••', "db = 'pg://•••@host/x'")
    """
    return f"{shorten(name, 28)} = {_HIDDEN if is_secret(name) else shorten(_short(value), VALUE_LIMIT, keep_end=0)}"


def _short(value: Any) -> str:
    try:
        return _brief.repr(value)
    except Exception:  # noqa: BLE001 - a user's subclass of a built-in may fail anywhere; the picture must not
        return type(value).__name__


class _Brief(Repr):
    """Shows built-in values; of anything else only the type's name, since its `repr` may be slow, huge or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 4 * VALUE_LIMIT
        self.maxlevel = 2

    def repr1(self, x: Any, level: int) -> str:
        if type(x) in _PLAIN:
            return super().repr1(x, level)
        if isinstance(x, float):  # also NumPy's
            return float.__repr__(x)
        if isinstance(x, (PurePath, date)):
            return self.repr_str(str(x), level)
        return type(x).__name__

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(_LOGIN_IN_URL.sub(f"://{_HIDDEN}@", x), level)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        shown = {key: _Hidden() if isinstance(key, str) and is_secret(key) else value for key, value in x.items()}
        return super().repr_dict(shown, level)

    def repr__Hidden(self, x: Any, level: int) -> str:  # noqa: N802 - `reprlib` finds it by the type's name
        return _HIDDEN


class _Hidden:
    """Stands for a value that is not shown."""


_PLAIN = frozenset(
    {type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, range, _Hidden}
)
_brief = _Brief()
