"""Texts that are safe to show, and spans as people read them."""

from hypothesis import given
from hypothesis import strategies as st

from nbdag.views.wording import cells, cut, cut_to_cells, span_in_words, visible


def test_what_hides_is_made_visible():
    """Bidi marks, zero-width characters, controls and lone surrogates are shown as their codes."""
    assert visible("a\u202eb\u2066c\u200bd\x07e\ud800f\ng") == "a\\u202eb\\u2066c\\u200bd\\x07e\\ud800f\\ng"


def test_colours_of_a_terminal_are_dropped():
    """Colour codes and titles that programs print for terminals are left out."""
    assert visible("\x1b[1;31mred\x1b[0m \x1b]0;title\x07text") == "red text"


def test_writing_of_all_people_stays():
    """Letters, marks, emoji and their joiners are shown as they are."""
    text = "訓練 naïve é עברית 👩‍🔬 ❤️"
    assert visible(text) == text


@given(st.text())
def test_the_result_is_one_line_that_can_be_sent(text):
    """Whatever comes in, what goes out is one line of valid Unicode."""
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(st.text(), st.integers(1, 30))
def test_a_cut_text_fits(text, width):
    """No text is longer than it may be, and one that fits is not touched."""
    assert len(cut(text, width)) <= width
    assert cells(cut_to_cells(text, width)) <= width
    assert cut(text, len(text)) == text


def test_spans_on_their_borders():
    """Rounding never gives 60 seconds or 1000 milliseconds."""
    spans = (-1.0, 0.0, 0.0994, 0.0996, 0.996, 9.96, 59.4, 59.6, 3599.6)
    assert [span_in_words(span) for span in spans] == [
        *("0 ms", "0 ms", "99 ms", "0.10 s", "1.0 s", "10 s", "59 s", "1 min 00 s", "1 h 00 min"),
    ]
