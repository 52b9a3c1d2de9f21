"""Texts of the user's as they may be shown, and numbers as people read them.

What a task is called, prints or raises is shown literally: nothing in it may turn the line around, hide, or end the
element it stands in. These functions make text harmless to read; escaping for HTML is `markup`'s.
"""

import re
import unicodedata

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINS_EMOJI = "\u200d\ufe0f"


def visible(text: str) -> str:
    r"""The text on one line, without terminal colours, each unseen character (control, bidi, unassigned) as its code.

    >>> visible("abc\u202egpj.exe\tok\x1b[31m!")
    'abc\\u202egpj.exe ok!'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, _ANSI.sub("", text).replace("\t", " ")))


def _shown(char: str) -> str:
    if char in _JOINS_EMOJI or unicodedata.category(char) not in _UNSEEN:
        return char
    return char.encode("unicode_escape").decode() if ord(char) < 0xD800 or ord(char) > 0xDFFF else f"\\u{ord(char):04x}"


def cut(text: str, width: int) -> str:
    """At most `width` characters; what was longer ends in an ellipsis.

    >>> cut("preprocess", 6)
    'prepr…'
    """
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def cells(text: str) -> int:
    """How many columns of a terminal the text fills.

    >>> cells("日本 ok")
    7
    """
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char) or char in _JOINS_EMOJI:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut_to_cells(text: str, width: int) -> str:
    """The beginning that fits into `width` columns of a terminal, with an ellipsis when something is left out.

    >>> cut_to_cells("日本日本", 6)
    '日本…'
    """
    if cells(text) <= width:
        return text
    kept, used = [], 1
    for char in text:
        used += _cells_of(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept) + "…"


def span_in_words(seconds: float) -> str:
    """A span as people say it, in two or three significant digits.

    >>> [span_in_words(span) for span in (0.0042, 0.18, 4.21, 14.3, 185, 7500)]
    ['4 ms', '0.18 s', '4.2 s', '14 s', '3 min 05 s', '2 h 05 min']
    """
    if seconds < 0.0995:
        return f"{max(seconds, 0.0) * 1000:.0f} ms"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def ticking_span(seconds: float) -> str:
    """A span that still grows, in whole seconds, so that it changes once a second at most.

    >>> ticking_span(4.9)
    '4 s'
    """
    return f"{int(seconds)} s" if seconds < 60 else span_in_words(int(seconds))
