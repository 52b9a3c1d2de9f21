"""Scripts in processes of their own: what they print, what they leave on stderr, and that they exit by themselves."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXIT = 5.0
"""Seconds within which a process exits when its last line is done."""

BEGIN = """
import asyncio, sys, threading, time
from nbdag import DAG, DAGExecutor, Task, Skip, allow_nested_loops, current_task
QUIET = dict(output="none", raise_on_error=False)
pipeline = DAG("script", max_parallel=2)
def say(*words): sys.__stdout__.write(" ".join(map(str, words)) + "\\n"); sys.__stdout__.flush()
def states(run=None): return {t.task: t.status.value for t in (run or pipeline.last_run).record().tasks.values()}
"""
END = "\nsay('-- end --')\n"


@dataclass(frozen=True, slots=True)
class Script:
    """How a script went. `seconds_to_exit` counts from its last line."""

    lines: tuple[str, ...]
    errors: str
    code: int
    seconds_to_exit: float


def run_script(body: str, *, interrupts: Sequence[str] = (), wall: float = 20.0) -> Script:
    """Run a script; sends an interrupt each time a line of `interrupts` is printed, in this order."""
    source = BEGIN + textwrap.dedent(body) + END
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDEVMODE": "", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", source], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    killer = _kill_after(process, wall)
    lines, waiting, ended_at = [], list(interrupts), time.monotonic()
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == "-- end --":
            ended_at = time.monotonic()
        if waiting and lines[-1] == waiting[0]:
            del waiting[0]
            process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    killer.cancel()
    assert process.returncode != -signal.SIGKILL, f"it did not exit: {lines}\n{errors}"
    said = tuple(line for line in lines if line != "-- end --")  # listeners may speak after it
    return Script(said, errors, process.returncode, time.monotonic() - ended_at)


def _kill_after(process: "subprocess.Popen[str]", seconds: float) -> threading.Timer:
    killer = threading.Timer(seconds, process.kill)
    killer.daemon = True
    killer.start()
    return killer
