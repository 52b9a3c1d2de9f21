import base64
import re
import warnings
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbdag.core.records import ErrorInfo
from nbdag.core.status import TaskStatus
from nbdag.views.dot import to_graphviz
from nbdag.views.lettering import shorten
from nbdag.views.palette import PALETTE
from nbdag.views.picture import draw
from nbdag.views.scene import Lens, Scene
from tests.unit.views.scenes import chain, failed_run, graph, ml_pipeline, run, sweep, task

S = TaskStatus
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {f"{SVG}{name}" for name in ("svg", "g", "title", "text", "polygon", "path", "a", "ellipse", "polyline")}
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("<>&\"'\\{}|[]()%#;:/-!\x00\x07\n\t\u202e\ufeff\uffff\ud800 é訓🚀GNELT"), st.characters()
    ),
    min_size=1,
    max_size=40,
)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def plainly(scene, lens=None):
    """The picture by our own drawing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return draw(scene, lens, programs=[])


def shown_by_graphviz(scene, lens=None):
    return draw(scene, lens)


DRAWERS = pytest.mark.parametrize("drawn_by", [shown_by_graphviz, plainly])


@DRAWERS
@given(name=HOSTILE, other=HOSTILE, title=HOSTILE)
@example(name="\\N", other="\\G", title="--><script>")
@example(name="<b>x</b>", other="&lt;i&gt;", title="]]>")
@example(name='class="node" width="1pt"', other="<title>x</title>", title="<!-- -->")
@example(name="a\\", other='"', title="%%{init}%%")
def test_hostile_text_is_shown_literally(drawn_by, name, other, title):
    """Valid XML, nothing but drawing elements, no link, no handler; and the name reads as it was written."""
    if shorten(name, 28) == shorten(other, 28):
        return
    known = {
        name: task(S.FAILED, 1.0, error=ErrorInfo(other, title)),
        other: task(S.UPSTREAM_FAILED, blamed=(name,)),
    }
    scene = Scene(
        title, graph({name: (title + "p",), other: (name,)}), run(known), {title + "p": other}, {}, {other: title}
    )

    picture = drawn_by(scene)

    root = ET.fromstring(picture.svg)
    assert {element.tag for element in root.iter()} <= ALLOWED
    names = {attribute.rpartition("}")[2].lower() for element in root.iter() for attribute in element.attrib}
    assert "href" not in names
    assert not [attribute for attribute in names if attribute.startswith("on")]
    assert shorten(name, 28) in texts(picture.svg)
    assert shorten(other, 28) in texts(picture.svg)
    assert "<script" not in picture.html


@DRAWERS
def test_every_state_can_be_drawn(drawn_by):
    """Each with its glyph on the box and its word in the legend."""
    needs = {f"is_{status}": () for status in S}
    known = {f"is_{status}": task(status, 1.0 if status not in (S.PENDING, S.CACHED) else None) for status in S}

    shown = texts(drawn_by(Scene("ml", graph(needs), run(known))).svg)

    for status, look in PALETTE.items():
        assert f"is_{status}" in shown
        assert look.glyph in shown
        assert f"1 {look.word}" in [text.strip() for text in shown]


@DRAWERS
def test_what_a_person_reads_on_the_boxes(drawn_by):
    """Name, seconds, result, attempt n of m, parameters, legend."""
    shown = [text.strip() for text in texts(drawn_by(ml_pipeline()).svg)]
    for text in (
        "train_model",
        "14 s · attempt 2 of 3",
        "1.8 s · ndarray 147×12",
        "path = 'iris.csv'",
        "2 success",
        "1 running",
    ):
        assert text in shown


@DRAWERS
def test_a_group_shows_its_failures(drawn_by):
    """Number of tasks, failed ones by name, how many tasks are drawn as how many boxes."""
    shown = "\n".join(text.strip() for text in texts(drawn_by(sweep()).svg))
    assert "×27" in shown
    assert "train_20: ValueError: Input conta…" in shown
    assert "2 failed" in shown
    assert "61 tasks drawn as 7" in shown


def test_a_notebook_gets_one_image_and_the_full_texts():
    """An img with the svg and what is seen in words; texts that were cut are in a folded table."""
    bundle = failed_run_picture()._repr_mimebundle_()

    assert set(bundle) == {"text/html", "text/plain"}
    data, alt, table = re.fullmatch(
        r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)" style="max-width:100%">(.*)', bundle["text/html"]
    ).groups()
    assert base64.b64decode(data).decode().startswith("<svg ")
    assert alt == (
        "Pipeline orders: 5 success, 1 failed (aggregate_by_customer_and_region_weekly), 3 upstream_failed, 1 stale"
    )
    assert table.startswith("<details><summary>9 tasks in full</summary><table ")
    assert "aggregate_by_customer_and_region_weekly</td>" in table
    assert "KeyError: &#x27;region_code&#x27; in groupby of orders" in table
    assert bundle["text/plain"].startswith("Pipeline orders: 5 success")


def failed_run_picture():
    return draw(failed_run())


def test_there_is_no_table_where_the_picture_says_everything():
    """Nothing cut, nothing failed."""
    assert draw(ml_pipeline()).table == ""


def test_the_table_of_a_large_pipeline_is_cut_and_keeps_what_failed():
    """At most 200 rows, failed tasks among them."""
    known = {"c999": task(S.FAILED, 1.0, error=ErrorInfo("OSError", "x"))}
    table = draw(Scene("ml", chain(1000), run(known))).table
    assert table.count("<tr>") == 201
    assert ">c999</td>" in table
    assert "… and 800 more tasks" in table


def test_a_hostile_error_is_text_in_the_table():
    """Markup in an error is shown, not obeyed; a very long one is cut."""
    known = {"t": task(S.FAILED, 1.0, error=ErrorInfo("E", "<img onerror=x>" + "y" * 5000))}
    table = draw(Scene("ml", graph({"t": ()}), run(known))).table
    assert "&lt;img onerror=x&gt;" in table
    assert "<img" not in table
    assert len(table) < 2500


def test_two_pictures_share_no_id():
    """Ids on one page stay apart."""
    ids = [set(re.findall(r'\bid="([^"]+)"', draw(ml_pipeline()).svg)) for _ in range(2)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_picture_that_turns_out_too_wide_is_turned():
    """Left to right only while it can be read; a direction that was asked for stays."""
    long = {f"t{number}": "a long summary of the result " + "x" * 30 for number in range(6)}
    needs = {f"t{number}": (f"t{number - 1}",) if number else () for number in range(6)}
    scene = Scene("ml", graph(needs), run({name: task(S.SUCCESS, 1.0) for name in needs}), summaries=long)
    assert "rankdir=TB" in draw(scene).dot
    assert "rankdir=LR" in draw(scene, Lens(direction="LR")).dot


def test_an_empty_pipeline_has_a_friendly_picture():
    """It says so, and how to begin."""
    picture = draw(Scene("ml", graph({})))
    assert "ml has no tasks yet" in texts(picture.svg)
    assert picture.text == repr(picture) == str(picture) == "Pipeline ml: no tasks yet"


@DRAWERS
def test_large_pipelines_are_drawn(drawn_by):
    """5,000 tasks as few boxes; 200 and 1,000 in full, with glyph and name."""
    assert drawn_by(Scene("ml", chain(5000))).svg.count('class="node"') <= 60
    for size in (200, 1000):
        svg = drawn_by(Scene("ml", chain(size)), Lens(full=True)).svg
        assert svg.count('class="node"') == size
        assert "○" in svg
        assert f"c{size - 1}<" in svg


@pytest.mark.parametrize(
    ("ending", "begins"),
    [
        (".svg", b"<svg "),
        (".png", b"\x89PNG"),
        (".dot", b"digraph"),
        (".html", b"<!doctype html>"),
        (".txt", b"Pipeline"),
    ],
)
def test_a_picture_is_saved_by_its_ending(tmp_path, ending, begins):
    """Five kinds of file; the path comes back."""
    path = draw(ml_pipeline()).save(tmp_path / f"ml{ending}")
    assert path.read_bytes().startswith(begins)


def test_a_png_without_graphviz_names_the_way_out(tmp_path, monkeypatch):
    """Nothing can draw it: the error says why and that .svg always works."""
    picture = draw(ml_pipeline())
    monkeypatch.setattr("nbdag.views.render.programs", lambda: iter([("dot", _no_png)]))
    with pytest.raises(RuntimeError, match=r"dot failed: no png today. Save it as \.svg"):
        picture.save(tmp_path / "ml.png")


def _no_png(source, form):
    raise ValueError("no png today")


def test_an_unknown_ending_is_refused_with_the_choices(tmp_path):
    """Nothing is written."""
    with pytest.raises(ValueError, match=r"'\.pdf': use \.svg, \.png"):
        draw(ml_pipeline()).save(tmp_path / "ml.pdf")
    assert not list(tmp_path.iterdir())


def test_to_graphviz_hands_out_a_plain_digraph():
    """One statement an edge, opaque names, full texts as tooltips."""
    source = to_graphviz(failed_run()).source
    assert source.count("->") == len(re.findall(r"^\tn\d+ -> n\d+ \[", source, re.MULTILINE)) == 10
    assert 'tooltip="aggregate_by_customer_and_region_weekly: failed' in source
