"""Pipelines in the notebook: steps as cells or functions, a graph one can see, runs one can watch, stop and debug.

    from nbdag import DAG
    pipeline = DAG("training")

    @pipeline.task
    def load(): ...

    pipeline.run()

Names are loaded on first use: `import nbdag` costs about as much as `import asyncio` and loads no pandas, matplotlib,
ipywidgets or IPython.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from nbdag.core.errors import Fail, Retry, Skip
    from nbdag.core.status import TaskStatus
    from nbdag.dag import DAG
    from nbdag.executor import DAGExecutor
    from nbdag.monitor import DAGMonitor
    from nbdag.nested_loops import allow_nested_loops
    from nbdag.pipelines import current
    from nbdag.run import Run
    from nbdag.runtime.context import current_task, log_metric, progress
    from nbdag.task import Task

__version__ = "0.1.0"

__all__ = [
    "DAG",
    "DAGExecutor",
    "DAGMonitor",
    "Fail",
    "Retry",
    "Run",
    "Skip",
    "Task",
    "TaskStatus",
    "allow_nested_loops",
    "current",
    "current_task",
    "log_metric",
    "progress",
]

_HOMES = {
    "DAG": "dag",
    "DAGExecutor": "executor",
    "DAGMonitor": "monitor",
    "Fail": "core.errors",
    "Retry": "core.errors",
    "Run": "run",
    "Skip": "core.errors",
    "Task": "task",
    "TaskStatus": "core.status",
    "allow_nested_loops": "nested_loops",
    "current": "pipelines",
    "current_task": "runtime.context",
    "log_metric": "runtime.context",
    "progress": "runtime.context",
}


def __getattr__(name: str) -> typing.Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'nbdag' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"nbdag.{home}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: typing.Any) -> None:
    """Give a notebook the magics: `%load_ext nbdag`."""
    from nbdag.notebook import load_ipython_extension as load

    load(shell)


def unload_ipython_extension(shell: typing.Any) -> None:
    """Take the magics away again: `%unload_ext nbdag`."""
    from nbdag.notebook import unload_ipython_extension as unload

    unload(shell)
