import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdag.views.lettering import clean, counted, ems, has_wide, shorten
from nbdag.views.wording import cells


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", "\u00a0"),
        (" \n ", "\u00a0"),
        ("a\x00b", "a\ufffdb"),
        ("gpj.\u202eexe", "gpj.\ufffdexe"),
        ("\ufeffbom", "\ufffdbom"),
        ("\ud800", "\ufffd"),
        ("\U0001fffe", "\ufffd"),
        ("a\u2028b", "a b"),
        ("naïve 訓練 🚀", "naïve 訓練 🚀"),
    ],
)
def test_what_cannot_be_shown_is_replaced(text, cleaned):
    """Controls, noncharacters and direction marks become U+FFFD; white space becomes one space."""
    assert clean(text) == cleaned


@given(st.text(max_size=60))
def test_a_shortened_text_fits(text):
    """No text is ever wider than its limit."""
    assert cells(shorten(text, 28)) <= 28


def test_a_long_name_keeps_its_beginning_and_its_end():
    """A name is cut in the middle, so that numbered names stay apart; wide characters count twice."""
    assert shorten("x" * 40 + "_17", 28) == "x" * 19 + "…xxxxx_17"
    assert shorten("訓" * 20, 28) == "訓" * 9 + "…" + "訓" * 4


def test_a_shortened_text_can_drop_its_end():
    """An error keeps its beginning, where the exception's type is."""
    assert shorten("ValueError: " + "x" * 40, 20, keep_end=0) == "ValueError: xxxxxxx…"


def test_wide_text_is_measured_by_the_em():
    """East Asian characters are one em wide, emoji more; bold text is wider."""
    assert ems("訓練") == 2.0
    assert ems("🚀") == 1.3
    assert ems("e\u0301") == ems("e")
    assert ems("M") > ems("é") > ems("i")
    assert ems("name", bold=True) > ems("name")
    assert has_wide("🚀")
    assert not has_wide("é")


def test_numbers_agree_with_their_noun():
    """One task, several tasks."""
    assert [counted(number, "task") for number in (0, 1, 10_000)] == ["0 tasks", "1 task", "10,000 tasks"]
