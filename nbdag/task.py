"""A task as people hold it: its definition, and how it stands in the latest run."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Union

from nbdag.core.options import make_spec
from nbdag.core.records import TaskRecord
from nbdag.core.status import TaskStatus
from nbdag.core.task import TaskSpec

if TYPE_CHECKING:
    from nbdag.dag import DAG

Named = Union[str, "Task", Callable[..., Any]]
"""What may stand for a task wherever one is named."""


class Task:
    """A named step: a function with its options. Added to a pipeline, it is a handle that also tells how it stands.

    `pipeline["train"]` and `pipeline.tasks["train"]` give the handle of a task, whichever way it was defined; it goes
    on to stand for the name when the task is defined anew. Every keyword of `DAG.task` is an option here too.

    >>> task = Task("total", lambda numbers: sum(numbers), dependencies=["numbers"])
    >>> task.name, task.status.value, task.result
    ('total', 'pending', None)
    """

    def __init__(self, name: str, func: Callable[..., Any], dependencies: Any = None, **options: Any) -> None:
        self._dag: DAG | None = None
        self._func, self._options = func, {"name": name, "dependencies": dependencies, **options}
        self._named = _by_name(self._options)
        self._spec = make_spec(func, **self._named)
        self._name = self._spec.name

    @classmethod
    def _of(cls, dag: "DAG", name: str) -> "Task":
        task = cls.__new__(cls)
        task._dag, task._name, task._spec, task._options = dag, name, dag.specs[name], {}
        return task

    def _detach(self, spec: TaskSpec) -> None:
        """The pipeline has no such task any more; the handle keeps its last definition."""
        self._dag, self._spec, self._options = None, spec, {}

    def _defined(self, named: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> TaskSpec:
        """The definition, with the tasks that its options list as `named` gives them."""
        options = named(self._options)
        return self._spec if not options or options == self._named else make_spec(self._func, **options)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def spec(self) -> TaskSpec:
        """Its definition, checked."""
        return self._spec if self._dag is None else self._dag.specs[self._name]

    @property
    def func(self) -> Callable[..., Any]:
        """Its function."""
        return self.spec.func

    @property
    def dependencies(self) -> list[str]:
        """Names of the tasks it needs: those listed, or those its arguments name."""
        if self._dag is not None:
            graph = self._dag.graph()
            return [graph.specs[task].name for task in graph.upstream[graph.resolve(self._name)]]
        return list(self.spec.dependencies or ())

    @property
    def status(self) -> TaskStatus:
        """Where it stands in the latest run that had it; PENDING before the first."""
        return self._record.status

    @property
    def ok(self) -> bool:
        """True when the latest run has its result (SUCCESS or CACHED)."""
        return self.status.is_ok

    @property
    def result(self) -> Any:
        """What it returned in the latest run without one-run parameters; None when there is no result."""
        return None if self._dag is None else self._dag._history.main_result_of(self._name)

    @property
    def error(self) -> BaseException | None:
        """The exception of its last attempt in the latest run; None when it did not fail."""
        return None if self._dag is None else self._dag._history.error_of(self._name)

    @property
    def attempts(self) -> int:
        """How many attempts the latest run has made."""
        return self._record.attempt

    @property
    def start_time(self) -> datetime | None:
        """When its first attempt began (UTC)."""
        return _moment(self._record.start)

    @property
    def end_time(self) -> datetime | None:
        """When it ended (UTC)."""
        return _moment(self._record.end)

    @property
    def duration(self) -> float | None:
        """Seconds from the first attempt's start to the end."""
        return self._record.duration

    @property
    def _record(self) -> TaskRecord:
        return TaskRecord(self._name) if self._dag is None else self._dag._history.record_of(self._name)

    def __getattr__(self, name: str) -> Any:
        # Only for names that a Task has not: somebody takes the handle for the result.
        if name.startswith("_"):
            raise AttributeError(name)
        own = self.__dict__.get("_name", "task")
        raise AttributeError(f"a Task has no {name!r}. Its result may: {own}.result.{name}")

    def __repr__(self) -> str:
        record = self._record
        words = [f"<Task {self._name!r}", str(record.status.value)]
        if record.duration is not None:
            words.append(f"{record.duration:.2f} s")
        if record.error is not None:
            words.append(str(record.error))
        return ", ".join(words) + ">"


def _by_name(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, handles and functions in them replaced by the names that they most likely stand for."""
    named = dict(options)
    for option in ("dependencies", "after"):
        tasks = named.get(option)
        if isinstance(tasks, list | tuple | set | frozenset):
            named[option] = [task.name if isinstance(task, Task) else getattr(task, "__name__", task) for task in tasks]
    return named


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
