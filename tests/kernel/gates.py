"""Gates by which a test and the tasks in its kernel wait for one another: files in the kernel's folder.

A task says `reach("name")` and `wait_at("name")`; the test waits until a gate is reached, and opens others. A cell that
blocks its kernel cannot be told anything in another way.
"""

from tests.kernel.harness import Kernel

IN_KERNEL = """
import time
from pathlib import Path
from nbdag import current_task

def reach(gate):
    Path(f"{gate}.gate").touch()

def wait_at(gate, *, heeds_cancel=False):
    while not Path(f"{gate}.gate").exists() and not (heeds_cancel and current_task().cancelled):
        time.sleep(0.01)
"""


class Gates:
    """All gates of a kernel, closed at first; the kernel's namespace gets `reach` and `wait_at`."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        for gate in kernel.folder.glob("*.gate"):
            gate.unlink()
        told = kernel.execute(IN_KERNEL)
        assert told.error is None, told.text

    def open(self, gate: str) -> None:
        """Let the tasks that wait at a gate go on."""
        (self._kernel.folder / f"{gate}.gate").touch()

    def wait(self, gate: str, timeout: float = 30) -> None:
        """Wait until a task has reached a gate."""
        file = self._kernel.folder / f"{gate}.gate"
        self._kernel.wait(file.exists, timeout, f"no task reached {gate!r}")
