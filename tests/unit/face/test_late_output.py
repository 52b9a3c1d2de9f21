"""What an abandoned attempt writes stays with its task, also when its run is over."""

import sys
import threading

from nbdag import DAG


def test_output_after_the_end_of_the_run_belongs_to_the_task(capsys):
    """The capture closes when the last abandoned attempt has ended, not when its run has."""
    own, go_on, said = sys.stdout, threading.Event(), threading.Event()
    pipeline = DAG("late")

    @pipeline.task(timeout=0.05)
    def slow():
        go_on.wait(10)
        print("late words")
        said.set()

    run = pipeline.run(output="none", raise_on_error=False)
    go_on.set()
    assert said.wait(10)

    assert "late words" in run.logs("slow")
    assert "late words" not in capsys.readouterr().out
    while any(thread.name == "nbdag-thread-1" for thread in threading.enumerate()):
        threading.Event().wait(0.01)
    assert sys.stdout is own
