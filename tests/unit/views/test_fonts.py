"""Any text is drawn literally and without a warning."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from nbdag.views.fonts import MISSING, drawable, families, glyph_path
from nbdag.views.palette import PALETTE


def test_what_no_font_has_becomes_a_box():
    """A character without a picture is one box; the others stay."""
    assert drawable("α → \u4e00!", ["DejaVu Sans"]) == f"α → {MISSING}!"


def test_any_of_the_fonts_will_do():
    """A character is kept when a later font has it."""
    assert drawable("✗", ["cmr10"]) == MISSING
    assert drawable("✗", ["cmr10", "DejaVu Sans"]) == "✗"


def test_unseen_characters_are_shown_as_their_codes():
    """Nothing in a name turns the line around or breaks it."""
    assert drawable("a\u202eb\nc", ["DejaVu Sans"]) == "a\\u202eb\\nc"


def test_the_fonts_of_the_person_come_first():
    """A person's own font is asked before ours; one that is not installed is left out."""
    with mpl.rc_context({"font.family": ["serif"], "font.serif": ["Not Installed", "STIXGeneral"]}):
        assert families()[0] == "STIXGeneral"
        assert families()[-1] == "DejaVu Sans"
    with mpl.rc_context({"font.family": ["DejaVu Sans Mono"]}):
        assert families()[0] == "DejaVu Sans Mono"


@pytest.mark.parametrize(
    "text", ["日本語", "😀👩‍👩‍👧", "a\x00b\x07", "\ud800", "\u202egpj.exe", "\U0010ffff", "ไทย עברית", "é̂̃", "\n\t", ""]
)
def test_a_drawable_text_draws_without_a_warning(text):
    """Matplotlib has nothing to complain about, as warnings are errors here."""
    figure = Figure()
    figure.text(0.5, 0.5, drawable(text, families()), fontfamily=families(), parse_math=False)

    figure.canvas.draw()


def test_every_glyph_of_the_palette_is_drawable():
    """The marks of all states are in the font that comes with matplotlib."""
    for look in PALETTE.values():
        assert drawable(look.glyph, ["DejaVu Sans"]) == look.glyph
        assert glyph_path(look.glyph).get_extents().width > 0
