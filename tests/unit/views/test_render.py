import importlib.metadata
import subprocess
import sys

import pytest

from nbdag.views import render
from nbdag.views.picture import draw
from nbdag.views.render import dressed, programs, runner
from nbdag.views.scene import Scene
from tests.unit.views.scenes import graph

SCENE = Scene("ml", graph({"load": (), "train": ("load",)}))


def _svg(boxes):
    nodes = '<g class="node"><title>n0</title></g>' * boxes
    return (
        f'<?xml version="1.0"?><!DOCTYPE svg><svg width="10pt" height="20pt" viewBox="0 0 10 20">{nodes}</svg>'.encode()
    )


def good(source, form):
    return _svg(boxes=2)


def forgetful(source, form):
    return _svg(boxes=1)


def failing(source, form):
    raise ValueError("exit code 1: lost edge")


def missing(source, form):
    raise FileNotFoundError("no such program")


def hanging(source, form):
    raise subprocess.TimeoutExpired("dot", 20.0)


def garbled(source, form):
    return b"\xff\xfe"


def test_the_first_renderer_that_works_draws():
    """No warning, and no further renderer is asked."""
    assert 'class="node"' in draw(SCENE, programs=[("good", good), ("failing", failing)]).svg


@pytest.mark.parametrize("broken", [forgetful, failing, missing, hanging, garbled])
def test_a_broken_renderer_is_passed_over_with_one_warning(broken):
    """Wrong number of boxes, exit code, missing program, time-out, garbage: the next one draws."""
    with pytest.warns(RuntimeWarning, match=r"broken .*another renderer drew") as warned:
        picture = draw(SCENE, programs=[("broken", broken), ("good", good)])
    assert len(warned) == 1
    assert picture.svg.count('class="node"') == 2
    assert "load" not in picture.svg


def test_with_no_renderer_left_the_picture_is_drawn_plainly():
    """Our own drawing shows every task, with one warning."""
    with pytest.warns(RuntimeWarning, match=r"a failed: exit code 1.*; b drew 1 of 2 boxes; .* plainer") as warned:
        picture = draw(SCENE, programs=[("a", failing), ("b", forgetful)])
    assert len(warned) == 1
    assert ">load<" in picture.svg
    assert ">train<" in picture.svg


def test_without_any_graphviz_the_warning_names_the_remedy():
    """Nothing is installed: the plain drawing, and what to install."""
    with pytest.warns(RuntimeWarning, match="pip install graphviz-pure"):
        assert ">load<" in draw(SCENE, programs=[]).svg


def _script(folder, text):
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\n{text}")
    program.chmod(0o755)
    return str(program)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake programs are scripts")
def test_a_program_that_ends_in_an_error_or_not_at_all_is_a_failure(tmp_path, monkeypatch):
    """Its exit code and what it said are told; it is given a limited time."""
    loud = _script(tmp_path, "import sys; print('half', flush=True); sys.exit('lost edge')")
    with pytest.raises(ValueError, match="exit code 1: lost edge"):
        runner(loud)("digraph {}", "svg")
    monkeypatch.setattr(render, "TIMEOUT", 0.2)
    endless = _script(tmp_path, "import threading; threading.Event().wait()")
    with pytest.raises(subprocess.TimeoutExpired):
        runner(endless)("digraph {}", "svg")


def test_the_bundled_program_is_found_without_a_path(monkeypatch):
    """A kernel has no environment's programs on its PATH."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NBDAG_DOT", raising=False)
    assert [name for name, _ in programs()] == ["graphviz-pure"]


def test_a_machine_without_graphviz_has_no_renderers(monkeypatch):
    """Neither the package nor a system's program."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NBDAG_DOT", raising=False)
    monkeypatch.setattr(importlib.metadata, "files", _not_installed)
    assert list(programs()) == []


def _not_installed(package):
    raise importlib.metadata.PackageNotFoundError(package)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake programs are scripts")
def test_a_systems_dot_is_used(tmp_path, monkeypatch):
    """When it is on the PATH."""
    _script(tmp_path, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NBDAG_DOT", raising=False)
    assert [name for name, _ in programs()][-1] == "dot"


def test_a_chosen_program_comes_first(monkeypatch):
    """`NBDAG_DOT` names it."""
    monkeypatch.setenv("NBDAG_DOT", "/opt/dot")
    assert next(iter(programs()))[0] == "/opt/dot"


def test_a_renderers_svg_is_made_fit_for_a_page():
    """No prolog, no comments, no ids as tooltips, pixels, common fonts, and our title, escaped."""
    raw = (
        '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<!-- made -->\n<svg width="100pt" height="20pt" viewBox="0 0 1 1">\n'
        '<g class="node"><title>n0</title><text font-family="Helvetica" font-size="13.00">a</text></g></svg>'
    )
    assert dressed(raw, title="<ml>") == (
        '<svg width="115" height="23" viewBox="0 0 1 1" role="img">\n<title>&lt;ml&gt;</title>\n'
        '<g class="node"><text font-family="Helvetica,Arial,sans-serif" font-size="13.00">a</text></g></svg>'
    )
