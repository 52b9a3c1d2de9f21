"""The harness itself: the whole way of a person through a notebook, with plain widgets and no nbdag."""

from tests.browser.lab import Lab

WIDGETS = """
import threading
import ipywidgets
from IPython.display import display

bar, label = ipywidgets.IntProgress(max=20), ipywidgets.Label("waiting")
go, proceed = ipywidgets.Button(description="Go"), threading.Event()

def work():
    proceed.wait()
    bar.value, label.value = 20, "finished"

def on_click(_):
    bar.value, label.value = 10, "half way"
    threading.Thread(target=work).start()

go.on_click(on_click)
display(ipywidgets.HBox([go, bar, label]))
"""
PICTURE = """
from IPython.display import HTML
svg = "%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30'/%3E%3C/svg%3E"
HTML(f'<img alt="a black box" src="data:image/svg+xml,{svg}"><b>kept</b><script>window.leaked = true</script>')
"""


def test_widgets_live_and_are_gone_without_their_kernel(lab: Lab, tmp_path):
    """A click moves the bar at once; without a kernel the saved pictures and texts are shown, but no widget."""
    name = lab.write("harness.ipynb", [WIDGETS, PICTURE, "proceed.set()", "import time; print('on'); time.sleep(60)"])
    notebook = lab.open(name)

    notebook.run_cell(0)
    notebook.wait_text("waiting", cell=0)
    assert notebook.bars(0) == ["0%"]
    notebook.click("Go", cell=0)
    notebook.wait_text("half way", cell=0)
    assert notebook.bars(0) == ["50%"]
    notebook.run_cell(1)
    notebook.run_cell(2)
    notebook.wait_text("finished", cell=0)
    assert notebook.bars(0) == ["100%"]

    notebook.start_cell(3)
    notebook.wait_text("on", cell=3)
    notebook.interrupt()
    notebook.wait_run()
    assert notebook.outputs(3)[-1]["ename"] == "KeyboardInterrupt"

    light = notebook.screenshot(tmp_path / "light.png").read_bytes()
    with notebook.dark():
        assert notebook.screenshot(tmp_path / "dark.png").read_bytes() != light
    assert notebook.console_errors() == []

    saved = notebook.save()
    assert "application/vnd.jupyter.widget-view+json" in saved["cells"][0]["outputs"][0]["data"]
    notebook.close()

    for trusted in (True, False):
        reopened = lab.open_without_kernel(name, trusted=trusted)
        assert reopened.is_trusted() is trusted
        assert reopened.pictures(1) == ["a black box"]
        assert "kept" in reopened.text(1)
        assert reopened.page.evaluate("() => window.leaked === true") is trusted
        assert "finished" not in reopened.text(0)
        reopened.close()
