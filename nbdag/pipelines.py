"""Which pipelines there are, and which one is the current one: what `%%dag_task` adds to.

The one thing of the public face that is process-wide, as a notebook has one current pipeline whatever module asks.
"""

import weakref
from typing import TYPE_CHECKING

from nbdag.views.display import front_end
from nbdag.views.tracebacks import show_errors_plainly

if TYPE_CHECKING:
    from nbdag.dag import DAG

_current: "list[DAG]" = []
_latest: "weakref.WeakValueDictionary[str, DAG]" = weakref.WeakValueDictionary()


def current() -> "DAG | None":
    """The current pipeline: the one made or chosen last; None before the first.

    >>> from nbdag import DAG
    >>> pipeline = DAG("reports")
    >>> current() is pipeline
    True
    """
    return _current[0] if _current else None


def choose(pipeline: "DAG") -> None:
    """Make a pipeline the current one."""
    _current[:] = [pipeline]
    _latest[pipeline.name] = pipeline


def find(name: str) -> "DAG | None":
    """The latest living pipeline of this name."""
    return _latest.get(name)


def names() -> list[str]:
    """Names of all living pipelines."""
    return sorted(_latest)


def announce(pipeline: "DAG") -> None:
    """A pipeline was made: it becomes the current one. In IPython, says what stays in an earlier one of its name."""
    if front_end() in ("kernel", "ipython"):
        show_errors_plainly()
        _tell_of_earlier(pipeline.name)
    choose(pipeline)


def _tell_of_earlier(name: str) -> None:
    earlier = find(name)
    if earlier is not None and len(earlier):
        tasks = f"{len(earlier)} task{'s' * (len(earlier) != 1)}"
        print(  # noqa: T201 - for the person at the notebook
            f"{name} is new and empty; the earlier pipeline of this name keeps its {tasks} "
            "(pipeline.adopt(earlier) takes them over)"
        )
