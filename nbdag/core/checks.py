"""Single values checked: each function gives the value as it will be kept, or says in a Refusal what it must be.

The text of a refusal follows ``option=value`` in the message: ``retries=-1 must be a whole number, 0 or more``.
"""

import math
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from numbers import Integral, Real
from reprlib import repr as shown
from typing import Any, TypeVar

from nbdag.core.errors import did_you_mean
from nbdag.core.retry import ExceptionTypes
from nbdag.core.triggers import TriggerRule

Checked = TypeVar("Checked")

LONGEST_NAME = 200


class Refusal(ValueError):
    """A value cannot be; says what it must be instead."""


def check_name(value: object) -> str:
    """A name for a task, a pipeline, a parameter or a tag, in Unicode's composed form (NFC).

    Any printable text may be a name. Square brackets are kept for the items of a map.

    >>> check_name("größe 2")
    'größe 2'
    """
    if not isinstance(value, str):
        raise Refusal(f"must be a text, not {_kind(value)}")
    name = unicodedata.normalize("NFC", value)
    if not name:
        raise Refusal("must not be empty")
    if len(name) > LONGEST_NAME:
        raise Refusal(f"has {len(name)} characters; at most {LONGEST_NAME} are allowed")
    if unprintable := next((char for char in name if not char.isprintable()), None):
        raise Refusal(f"holds the unprintable character U+{ord(unprintable):04X}; take it out")
    if name != name.strip():
        raise Refusal("starts or ends with a space; take it out")
    if "[" in name or "]" in name:
        raise Refusal("holds a square bracket; these are kept for the items of a map")
    return name


def check_names(value: object) -> tuple[str, ...]:
    """Several names in their order, without repeats.

    >>> check_names(["load", "split", "load"])
    ('load', 'split')
    """
    return tuple(dict.fromkeys(_each(_listed(value, "names"), check_name)))


def check_paths(value: object) -> tuple[str, ...]:
    """Paths of files or folders, as text.

    >>> check_paths(["data/iris.csv"])
    ('data/iris.csv',)
    """
    return tuple(dict.fromkeys(_each(_listed(value, "paths"), _check_path)))


def _check_path(value: Any) -> str:
    path = value.__fspath__() if hasattr(value, "__fspath__") else value
    if not isinstance(path, str) or not path or "\0" in path:
        raise Refusal("must be a path: a text or a pathlib.Path")
    return path


def _listed(value: Any, what: str) -> Iterable[object]:
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        raise Refusal(f"must be a list of {what}: [{shown(str(value))}]")
    if not isinstance(value, Collection) or isinstance(value, Mapping):
        raise Refusal(f"must be a list of {what}, not {_kind(value)}")
    return sorted(value, key=str) if isinstance(value, (set, frozenset)) else value


def _each(values: Iterable[object], check: Callable[[object], Checked]) -> Iterator[Checked]:
    for value in values:
        try:
            yield check(value)
        except Refusal as refusal:
            raise Refusal(f"holds {shown(value)}, which {refusal}") from None


def check_flag(value: object) -> bool:
    """True or False, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise Refusal("must be True or False")
    return value


def check_whole(value: object) -> int:
    """A whole number; numpy's count, booleans do not."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise Refusal("must be a whole number")
    return int(value)


def check_count(value: object) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise Refusal("must be a whole number, 0 or more")
    return int(value)


def check_number(value: object) -> float:
    """A finite number as a float; booleans, NaN and infinity are none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise Refusal(f"must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refusal("must be a finite number")
    return number


def number_within(least: float, most: float = math.inf) -> Callable[[object], float]:
    """Checks for a number between two bounds, both allowed.

    >>> number_within(0, 1)(0.5)
    0.5
    """
    bounds = f"{least:g} or more" if most == math.inf else f"from {least:g} to {most:g}"

    def check(value: object) -> float:
        number = check_number(value)
        if not least <= number <= most:
            raise Refusal(f"must be a number {bounds}")
        return number

    return check


def check_seconds(value: Any) -> float:
    """A span in seconds, 0 or more; a timedelta will do."""
    if callable(total := getattr(value, "total_seconds", None)):
        value = total()
    if check_number(value) < 0:
        raise Refusal("must be 0 or more seconds")
    return float(value)


def check_limit(value: object) -> float:
    """A span in seconds that leaves time to do something."""
    seconds = check_seconds(value)
    if not seconds:
        raise Refusal("must be more than 0 seconds; leave it out for no limit")
    return seconds


def check_delay(value: object) -> float | tuple[float, ...] | Callable[[int, BaseException], float]:
    """What may stand for a retry's delay: seconds, a list of them (the last repeats), or a function."""
    if callable(value):
        return value
    if isinstance(value, (list, tuple)):
        if not value:
            raise Refusal("must hold at least one number of seconds")
        return tuple(_each(value, check_seconds))
    return check_seconds(value)


def check_exceptions(value: object) -> ExceptionTypes:
    """One exception class or several of them."""
    if _is_exception(value):
        return value  # type: ignore[return-value] # narrowed by the line above
    if isinstance(value, (list, tuple, set, frozenset)) and all(map(_is_exception, value)):
        return tuple(value)
    raise Refusal("must be an exception class, like OSError, or a list of them")


def check_retry_on(value: object) -> ExceptionTypes | Callable[[BaseException, int], bool]:
    """Exception classes, or a function of (exception, attempt) that says whether to try again."""
    if callable(value) and not isinstance(value, type):
        return value
    try:
        return check_exceptions(value)
    except Refusal as refusal:
        raise Refusal(f"{refusal}, or a function of (exception, attempt)") from None


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def check_trigger(value: object) -> TriggerRule:
    """A trigger rule, by its name.

    >>> check_trigger("all_done")
    <TriggerRule.ALL_DONE: 'all_done'>
    """
    names = [rule.value for rule in TriggerRule]
    if value not in names:
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        raise Refusal(f"must be one of {', '.join(names)}.{hint}")
    return TriggerRule(value)


def check_resources(value: object) -> tuple[tuple[str, float], ...]:
    """Shares of the pipeline's resources, sorted by name.

    >>> check_resources({"gpu": 1, "disk": 0.5})
    (('disk', 0.5), ('gpu', 1.0))
    """
    if not isinstance(value, Mapping):
        raise Refusal('must say how much of each resource, like {"gpu": 1}')
    shares = {}
    for name, share in zip(_each(value, check_name), value.values(), strict=True):
        try:
            shares[name] = check_number(share)
        except Refusal as refusal:
            raise Refusal(f"asks {shown(share)} of {name!r}, which {refusal}") from None
        if shares[name] <= 0:
            raise Refusal(f"asks {shown(share)} of {name!r}, which must be more than 0; leave it out for none")
    return tuple(sorted(shares.items()))


def check_version(value: object) -> str | int | float:
    """A label that its owner changes to make earlier results stale: a text or a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Refusal("must be a text or a number")
    return value


def none_or(check: Callable[[object], Checked]) -> Callable[[object], Checked | None]:
    """The same check, with None allowed.

    >>> none_or(check_count)(None) is None
    True
    """
    return lambda value: None if value is None else check(value)


def later(value: object) -> None:
    """Refuses whatever is not None or 0: an option that this version only reserves."""
    if value is not None and value != 0:
        raise Refusal("is not available in nbdag 0.1; leave it out")


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
