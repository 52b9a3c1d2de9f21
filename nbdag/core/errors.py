"""What nbdag raises: errors that carry data and word themselves, and the three signals a task can raise.

Misuse by a programmer is a built-in `TypeError` or `ValueError`; all else descends from `NbdagError`. Whatever is
wrong with a graph is also a `ValueError`. Every error survives pickling.
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any


class NbdagError(Exception):
    """Base of everything nbdag raises for a reason of its own. Keyword data becomes attributes."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.__dict__.update(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[BaseException], args: tuple[Any, ...], data: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(data)
    return error


class OptionError(NbdagError, TypeError, ValueError):
    """Options of a task that cannot be. `problems` holds one text for each wrong option, so that one look mends all."""

    def __init__(self, task: str, problems: Sequence[str]) -> None:
        count = "" if len(problems) == 1 else f"{len(problems)} options cannot be:\n  "
        super().__init__(f"task {task!r}: {count}" + "\n  ".join(problems), task=task, problems=tuple(problems))


class GraphError(NbdagError, ValueError):
    """A pipeline that cannot run. `problems` holds every error found (itself, if it is one), so one look mends all."""

    MOST_SHOWN = 50

    def __init__(self, problems: Sequence["GraphError"] = (), message: str = "") -> None:
        self._several = tuple(problems)
        super().__init__(message or self._listed())

    @property
    def problems(self) -> tuple["GraphError", ...]:
        """Each thing that is wrong, as an error of its own."""
        return self._several or (self,)

    def _listed(self) -> str:
        lines = [f"{number}. {problem}" for number, problem in enumerate(self._several[: self.MOST_SHOWN], 1)]
        if len(self._several) > self.MOST_SHOWN:
            lines.append(f"… and {len(self._several) - self.MOST_SHOWN} more; the error's .problems holds them all")
        return f"the pipeline has {len(self._several)} problems:\n" + "\n".join(lines)

    @property
    def brief(self) -> tuple[str, str]:
        """The task it is about, and what is wrong in a few words, for beside the task in a picture."""
        task = str(getattr(self, "wanted_by", "") or getattr(self, "task", ""))
        missing = getattr(self, "argument", "") or (getattr(self, "name", "") if task else "")
        return task, f"{missing} is not defined" if missing else str(self)


class CycleError(GraphError):
    """Tasks depend on each other in a circle. `path` starts and ends with the same task."""

    MOST_IN_PATH = 20

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(
            message=f"tasks depend on each other in a circle: {self._drawn()}. Remove one of these dependencies."
        )

    def _drawn(self) -> str:
        if len(self.path) <= self.MOST_IN_PATH + 1:
            return " -> ".join(self.path)
        half = self.MOST_IN_PATH // 2
        left_out = len(self.path) - 1 - 2 * half
        return " -> ".join([*self.path[:half], f"… {left_out} more …", *self.path[-half - 1 :]])


class UnknownTaskError(GraphError, KeyError):
    """A task was named that the pipeline does not have."""

    def __init__(self, name: str, known: Iterable[str] = (), *, wanted_by: str = "") -> None:
        self.name, self.wanted_by = name, wanted_by
        who = f"task {wanted_by!r} depends on {name!r}, which" if wanted_by else f"{name!r}"
        super().__init__(message=f"{who} is not a task of this pipeline.{did_you_mean(name, known)}")

    __str__ = Exception.__str__  # KeyError would show the repr of the message


class UnknownInputError(GraphError):
    """A task's argument is neither a task, nor a parameter, nor has it a default. `unlisted`: a task left out."""

    def __init__(self, task: str, argument: str, known: Iterable[str] = (), *, unlisted: bool = False) -> None:
        self.task, self.argument, self.unlisted = task, argument, unlisted
        if argument == task:
            why = "which is its own name. Rename the argument"
        elif unlisted:
            why = f"which is a task that its dependencies=[...] leaves out. Add {argument!r} to them"
        else:
            hint = did_you_mean(argument, known)
            why = f"which is neither a task nor a parameter of the pipeline, and has no default.{hint} Define it"
        super().__init__(message=f"task {task!r} takes {argument!r}, {why}, or give the argument a default.")


class UndefinedNameError(GraphError):
    """A task's function reads a global name that nobody defines."""

    def __init__(self, task: str, name: str, known: Iterable[str] = ()) -> None:
        self.task, self.name = task, name
        super().__init__(
            message=f"task {task!r} reads {name!r}, which nobody defines.{did_you_mean(name, known)} "
            f"Define or import it before the run; if it is to be a parameter, set pipeline.params[{name!r}]. "
            f"A function takes tasks and parameters as arguments."
        )


class HandleReadError(GraphError):
    """A task's function reads one of nbdag's own objects as a global. `what` says which, e.g. ``"task 'features'"``."""

    def __init__(self, task: str, name: str, what: str) -> None:
        self.task, self.name, self.what = task, name, what
        if what.startswith("task "):
            remedy = f"take the result of {what} as an argument of that task's name"
        else:
            remedy = "pipelines and runs are not for use inside tasks; take what you need as an argument"
        super().__init__(message=f"task {task!r} reads the global {name!r}, which is {what}: {remedy}.")


class SharedNameError(GraphError):
    """A task and a parameter of the pipeline have one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(message=f"{name!r} is a task and also a parameter of the pipeline. Rename one of them.")


class TriggerError(GraphError):
    """A task without upstreams has a trigger rule that means nothing there."""

    def __init__(self, task: str, trigger: str) -> None:
        self.task, self.trigger = task, trigger
        super().__init__(
            message=f"task {task!r} has trigger={trigger!r} but depends on no task, so it could never start. "
            "Give it dependencies, or leave the trigger out."
        )


class ResourceError(GraphError):
    """A task asks for more of a resource than the pipeline has, so that it could never start."""

    def __init__(self, task: str, resource: str, amount: float, resources: Mapping[str, float]) -> None:
        self.task, self.resource, self.amount = task, resource, amount
        if resource in resources:
            has = f"the pipeline has {resources[resource]:g}."
        else:
            has = f"the pipeline has no such resource.{did_you_mean(resource, resources)}"
        super().__init__(
            message=f"task {task!r} asks for {amount:g} of {resource!r}; {has} "
            f"Give it with pipeline.resources[{resource!r}] = {amount:g}."
        )


class ParamError(NbdagError, ValueError):
    """Parameters given to a run that the pipeline does not have. `names` holds each of them."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(problems.values()), names=tuple(problems))


class DuplicateTaskError(GraphError):
    """Two different functions were given one task name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        self.name, self.first, self.second = name, first, second
        super().__init__(
            message=f"task {name!r} is defined twice: {first} and {second}. Rename one of them, "
            f"or remove the first with pipeline.remove({name!r})."
        )


class RunError(NbdagError):
    """A run ended without doing all it should."""


class RunTimeout(RunError):
    """The run's own time limit passed."""


class RunCancelled(RunError):
    """The run was cancelled."""


class TaskError(NbdagError):
    """A task ended without a result, and there is no exception of the user's to raise instead."""


class NoResult(TaskError, KeyError):
    """A result was asked for that a run does not have."""

    __str__ = Exception.__str__  # KeyError would show the repr of the message


class TaskTimeout(TaskError):
    """A task's attempt took longer than its `timeout` or `total_timeout`."""


class TaskCrashed(TaskError):
    """The process an attempt ran in died."""


class TaskFailed(TaskError):
    """A task failed; carries the worker's traceback text, as the exception itself could not be brought here."""


class Skip(Exception):  # a signal to nbdag, not an error
    """Raise it in a task to end the task as SKIPPED; the reason is shown.

    >>> raise Skip("no new data today")
    Traceback (most recent call last):
    nbdag.core.errors.Skip: no new data today
    """


class Fail(Exception):  # a signal to nbdag, not an error
    """Raise it in a task to fail now, however many retries are left.

    >>> raise Fail("the account is closed")
    Traceback (most recent call last):
    nbdag.core.errors.Fail: the account is closed
    """


class Retry(Exception):  # a signal to nbdag, not an error
    """Raise it in a task to end this attempt and try again after `after` seconds, within the task's `retries`.

    Raises ValueError when `after` is no span that can be waited for.

    >>> raise Retry("rate limited", after=2.5)
    Traceback (most recent call last):
    nbdag.core.errors.Retry: rate limited
    """

    def __init__(self, why: str = "", *, after: float | None = None) -> None:
        super().__init__(why)
        given: Any = after  # whatever the task's author wrote
        if given is not None and not (isinstance(given, Real) and 0 <= float(given) < math.inf):
            raise ValueError(f"Retry(after={given!r}): must be a number of seconds, 0 or more")
        self.after: float | None = None if given is None else float(given)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the closest known names and a leading space, or an empty text.

    >>> did_you_mean("feature", ["features", "train"])
    " Did you mean 'features'?"
    """
    close = difflib.get_close_matches(name, {str(other): None for other in known}, n=3, cutoff=0.6)
    likeness = [difflib.SequenceMatcher(None, other, name).ratio() for other in close]
    best = [other for other, ratio in zip(close, likeness, strict=True) if ratio > likeness[0] - 0.1]
    return f" Did you mean {' or '.join(map(repr, best))}?" if best else ""
