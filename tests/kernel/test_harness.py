"""The harness itself: what a front end can rely on, on every version of ipykernel."""

import sys

from tests.kernel.harness import Kernel


def test_output_errors_and_values_are_told_apart(each_kernel: Kernel):
    """A cell's streams, last value and traceback come back separately, without colours."""
    good = each_kernel.execute("import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
    bad = each_kernel.execute("{}['gone']")

    assert (good.status, good.stdout, good.stderr, good.value) == ("ok", "out\n", "err\n", {"text/plain": "42"})
    assert (bad.status, bad.error.name, bad.error.value) == ("error", "KeyError", "'gone'")
    assert "{}['gone']" in bad.error.traceback
    assert "\x1b" not in bad.text


def test_an_interrupt_stops_the_running_cell_only(each_kernel: Kernel):
    """The stop button ends the cell with KeyboardInterrupt and leaves the kernel usable."""
    cell = each_kernel.start("import time; print('began', flush=True); time.sleep(60)")
    cell.wait_text("began")
    each_kernel.interrupt()

    assert cell.wait().error.name == "KeyboardInterrupt"
    assert each_kernel.execute("1 + 1").value == {"text/plain": "2"}


def test_an_update_belongs_to_the_display_it_changes(kernel: Kernel):
    """A display updated from a later cell shows its new content in the cell that displayed it."""
    first = kernel.start("from IPython.display import display; shown = display({'epoch': 1}, display_id=True)")
    first.wait()
    second = kernel.execute("shown.update({'epoch': 2})")

    assert first.result().displays == ({"text/plain": "{'epoch': 2}"},)
    assert second.displays == ()


def test_a_click_reaches_the_widget(kernel: Kernel):
    """A button's callback runs in the kernel when it is clicked by its text."""
    kernel.execute(
        "import ipywidgets; button, label = ipywidgets.Button(description='Go'), ipywidgets.Label('waiting')\n"
        "button.on_click(lambda _: setattr(label, 'value', 'clicked'))"
    )
    kernel.click("Go")

    kernel.wait(
        lambda: any(widget.state.get("value") == "clicked" for widget in kernel.widgets().values()),
        timeout=20,
        failure="the label did not change",
    )


def test_questions_are_answered_in_order(kernel: Kernel):
    """Where a cell asks for input the given answers are typed, one after the other."""
    assert kernel.execute("print(input('a? ') + input('b? '))", answers=["1", "2"]).stdout == "12\n"


def test_tab_and_help_answer_as_in_a_notebook(kernel: Kernel):
    """Completion and inspection look at the cursor."""
    kernel.execute("def prepare(rows):\n    'Clean rows.'\n")

    assert "prepare" in kernel.complete("prep")
    assert "Clean rows." in kernel.inspect("prepare")


def test_a_restart_forgets_the_names():
    """After a restart the kernel is another process that knows nothing of the one before."""
    with Kernel(sys.executable) as kernel:
        kernel.execute("x = 1")
        before = kernel.pid
        kernel.restart()

        assert kernel.execute("x").error.name == "NameError"
        assert kernel.pid != before
