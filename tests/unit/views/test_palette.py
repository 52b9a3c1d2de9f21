from nbdag.core.status import TaskStatus
from nbdag.views.palette import PALETTE, STALE


def test_every_state_has_a_look_and_its_own_word():
    """Pictures can draw every state, and name it as frames and messages do."""
    assert {status: look.word for status, look in PALETTE.items()} == {status: status.value for status in TaskStatus}


def test_no_two_states_look_the_same_without_colour_or_without_glyph():
    """A state is told by glyph and line alone, or by colour and line alone, except a skip above from a skip."""
    looks = [*PALETTE.values(), STALE]
    by_shape = {(look.glyph, look.line) for look in looks}
    by_colour = {(look.stroke, look.fill, look.line) for look in looks}
    assert len(by_shape) == len(looks) - 1
    assert len(by_colour) == len(looks)


def test_every_stroke_reads_on_white_and_on_near_black():
    """Each stroke has a contrast of at least 2.8 to both grounds."""
    for look in [*PALETTE.values(), STALE]:
        assert _contrast(look.stroke, "#ffffff") > 2.8
        assert _contrast(look.stroke, "#111111") > 2.8


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
