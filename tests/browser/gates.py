"""Gates by which a test and the tasks in a notebook's kernel wait for one another: files in the notebooks' folder."""

from tests.browser.lab import Lab

IN_KERNEL = """
import time
from pathlib import Path
from nbdag import current_task

def wait_at(gate):
    while not Path(f"{gate}.gate").exists() and not current_task().cancelled:
        time.sleep(0.01)
"""


class Gates:
    """All gates of a lab's folder, closed at first."""

    def __init__(self, lab: Lab) -> None:
        self._root = lab.root
        for gate in self._root.glob("*.gate"):
            gate.unlink()

    def open(self, gate: str) -> None:
        """Let the tasks that wait at a gate go on."""
        (self._root / f"{gate}.gate").touch()
