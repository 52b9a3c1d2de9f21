"""Text made fit to be drawn: cleaned, cut to length, measured.

Names, errors and values are a user's and may hold anything. `clean` is the one gate: what passes it has no character
that breaks XML, hides, or turns the reading direction around.
"""

import re
import unicodedata

from nbdag.views.wording import cells

_UNFIT = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls; the rest of them is white space to `str.split`
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the reading direction around
    "\ufeff\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
_NARROW = frozenset("iljtfrI.,:;'|!()[]{} `-/\\")
_BROAD = frozenset("mwMW@%—")


def clean(text: str) -> str:
    r"""The text on one line, with every character that cannot be shown as it is replaced by U+FFFD.

    An empty text becomes a no-break space, since an empty label is an error to the renderers.

    >>> clean("two\n  lines \x07")
    'two lines �'
    """
    return " ".join(_UNFIT.sub("\ufffd", text).split()) or "\u00a0"


def shorten(text: str, limit: int, *, keep_end: int = 8) -> str:
    """The cleaned text in at most `limit` columns, cut in the middle so that its last `keep_end` columns stay.

    >>> shorten("aggregate_by_customer_and_region_weekly", 28)
    'aggregate_by_custom…n_weekly'
    >>> shorten("KeyError: 'region_code' in groupby of orders", 34, keep_end=0)
    "KeyError: 'region_code' in groupb…"
    """
    text = clean(text)
    if cells(text) <= limit:
        return text
    tail = _head(text[::-1], keep_end)[::-1]
    return f"{_head(text, limit - 1 - keep_end)}…{tail}"


def _head(text: str, limit: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += cells(char)
        if used > limit:
            return text[:position]
    return text


def has_wide(text: str) -> bool:
    """True when a renderer without the fonts would guess the text's width wrongly: East Asian or emoji.

    >>> has_wide("naïve"), has_wide("訓練")
    (False, True)
    """
    return not text.isascii() and any(cells(char) == 2 for char in text)


def ems(text: str, *, bold: bool = False) -> float:
    """The text's width in Helvetica or Arial, in units of the font size, rather too wide than too narrow.

    >>> round(ems("train_model"), 1)
    5.5
    """
    width = sum(_ems(char) for char in text)
    return width * 1.07 if bold else width


def _ems(char: str) -> float:
    if char in _NARROW:
        return 0.31
    if char in _BROAD:
        return 0.9
    if char.isascii():
        return 0.69 if char.isupper() else 0.56
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) not in "WF":
        return 0.66
    return 1.3 if unicodedata.category(char) == "So" else 1.0


def counted(number: int, noun: str) -> str:
    """A number with its noun in singular or plural, thousands set apart.

    >>> counted(1, "task"), counted(1204, "task")
    ('1 task', '1,204 tasks')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
