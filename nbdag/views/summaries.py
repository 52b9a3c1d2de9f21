"""A result in a few words: its type, and its shape or size where it has one."""

from typing import Any

LONGEST = 28


def summary_of(value: Any) -> str:
    """What a result is, in a few words; never its content, except for a short number or text.

    >>> summary_of([1, 2, 3]), summary_of(0.93), summary_of(None)
    ('list of 3', '0.93', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool | int | float | complex):
        return _short(f"{value:.6g}" if isinstance(value, float) else repr(value))
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST - 2 else f"str of {len(value):,}"
    kind = type(value).__name__
    shape = _shape_of(value)
    if shape:
        return _short(f"{kind} {shape}")
    if isinstance(value, bytes | tuple | list | dict | set | frozenset):
        return f"{kind} of {len(value):,}"
    return _short(kind)


def _shape_of(value: Any) -> str:
    try:
        shape = value.shape
        return "×".join(str(int(size)) for size in shape)
    except Exception:  # noqa: BLE001 - any object may answer to .shape in its own way, or fail to
        return ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
