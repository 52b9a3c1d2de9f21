"""How declared tasks depend on one another: names resolved, every problem found, order and neighbours.

Built from the specs and the names of the pipeline's parameters; never from a function's behaviour. All algorithms are
iterative: a chain of 100,000 tasks is as good as one of ten.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbdag.core.errors import (
    CycleError,
    DuplicateTaskError,
    GraphError,
    HandleReadError,
    SharedNameError,
    TriggerError,
    UndefinedNameError,
    UnknownInputError,
    UnknownTaskError,
)
from nbdag.core.inputs import Binding, Input, InputKind, bind
from nbdag.core.names import global_values, globals_assigned, namespace_of, undefined_globals
from nbdag.core.task import TaskSpec
from nbdag.core.triggers import NEEDS_UPSTREAM
from nbdag.core.walks import circles, path_lengths, reach, sorted_nodes

__all__ = ["Graph", "Input", "InputKind", "build_graph", "names_hold", "outline"]

_MOST_COMPARISONS = 100_000
"""How many names are compared for "did you mean" in one build: a thousand typos must not take a minute."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks by integer id, in definition order. `upstream` and `downstream` hold direct neighbours."""

    specs: tuple[TaskSpec, ...]
    index: Mapping[str, int]
    upstream: tuple[tuple[int, ...], ...]
    downstream: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[Input, ...], ...]
    order: tuple[int, ...]
    """Every task after its upstreams; among the free ones, definition order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every task's name, by id."""
        return tuple(spec.name for spec in self.specs)

    def resolve(self, name: str) -> int:
        """The id of a task; UnknownTaskError with the closest names when there is none of that name."""
        task = self.index.get(name)
        if task is None:
            raise UnknownTaskError(name, self.index)
        return task

    def ancestors(self, tasks: Iterable[int]) -> frozenset[int]:
        """All tasks that these need, directly or not; these themselves only where one needs another."""
        return reach(self.upstream, tasks)

    def descendants(self, tasks: Iterable[int]) -> frozenset[int]:
        """All tasks that need one of these, directly or not; these themselves only where one needs another."""
        return reach(self.downstream, tasks)

    def ready(self, completed: Collection[str]) -> tuple[str, ...]:
        """Tasks not completed whose upstreams all are, in definition order; `completed` holds names."""
        done = {self.resolve(name) for name in completed}
        return tuple(
            spec.name
            for task, spec in enumerate(self.specs)
            if task not in done and done.issuperset(self.upstream[task])
        )

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of tasks on the longest path down to each task, itself included. Computed at each access."""
        return path_lengths(self.order, self.upstream)

    @property
    def remaining(self) -> tuple[int, ...]:
        """Number of tasks on the longest path from each task on, itself included. Computed at each access."""
        return path_lengths(reversed(self.order), self.downstream)

    def function_of(self, task: int) -> Callable[..., Any]:
        """The function to call with a task's inputs; a cell's is made for exactly these arguments."""
        return _function(self.specs[task], self.inputs[task])


def build_graph(
    specs: Sequence[TaskSpec],
    params: Collection[str],
    *,
    handle_of: Callable[[object], str | None] = lambda _: None,
) -> Graph:
    """The graph of a pipeline's tasks, with every argument bound.

    `handle_of` tells nbdag's own objects: the text it gives, like ``"task 'features'"``, names one in a message; it
    gives None for all else. Raises one GraphError that holds all problems; a single problem is raised as itself.

    >>> from nbdag.core.options import make_spec
    >>> load = make_spec(lambda: [1, 2], name="load")
    >>> train = make_spec(lambda load, lr: len(load) * lr, name="train")
    >>> graph = build_graph([train, load], params={"lr"})
    >>> [graph.names[task] for task in graph.order]
    ['load', 'train']
    """
    graph, problems, cycles = _assembled(specs, params, handle_of)
    problems = [*problems, *cycles]
    if problems:
        raise problems[0] if len(problems) == 1 else GraphError(problems)
    return graph


def outline(
    specs: Sequence[TaskSpec],
    params: Collection[str],
    *,
    handle_of: Callable[[object], str | None] = lambda _: None,
) -> tuple[Graph, Sequence[GraphError]]:
    """The graph as far as it can be seen, to look at while cells are still being written, and what is wrong with it.

    What cannot be found makes no edge. Only tasks that depend on each other in a circle are refused as ever.

    >>> from nbdag.core.options import make_spec
    >>> graph, problems = outline([make_spec(lambda data: data, name="train")], params=())
    >>> graph.names, len(problems)
    (('train',), 1)
    """
    graph, problems, cycles = _assembled(specs, params, handle_of)
    if cycles:
        raise cycles[0] if len(cycles) == 1 else GraphError(cycles)
    return graph, problems


def _assembled(
    specs: Sequence[TaskSpec], params: Collection[str], handle_of: Callable[[object], str | None]
) -> tuple[Graph, list[GraphError], list[GraphError]]:
    """The graph, what is wrong with single tasks, and its circles."""
    unique: dict[str, TaskSpec] = {}
    doubles = [spec for spec in specs if unique.setdefault(spec.name, spec) is not spec]
    tasks = tuple(unique.values())
    index = {name: task for task, name in enumerate(unique)}
    bindings = [bind(spec, index, params) for spec in tasks]
    upstream = tuple(_upstream(spec, binding.inputs, index) for spec, binding in zip(tasks, bindings, strict=True))
    downstream = _turned(upstream)
    order = sorted_nodes(upstream, downstream)

    problems: list[GraphError] = [
        DuplicateTaskError(spec.name, _place(unique[spec.name]), _place(spec)) for spec in doubles
    ]
    problems += [SharedNameError(name) for name in params if name in index]
    search = _Search(tasks, index, params, handle_of)
    for spec, binding, above in zip(tasks, bindings, upstream, strict=True):
        problems += search.problems_of(spec, binding, has_upstream=bool(above))
    suspects = sorted(set(range(len(tasks))).difference(order)) if len(order) < len(tasks) else []
    cycles: list[GraphError] = [_cycle(circle, tasks) for circle in circles(upstream, downstream, suspects)]
    inputs = tuple(binding.inputs for binding in bindings)
    return Graph(tasks, index, upstream, downstream, inputs, tuple(order)), problems, cycles


def names_hold(graph: Graph, handle_of: Callable[[object], str | None]) -> bool:
    """True when the globals that the tasks of a built graph read are still defined, and none is nbdag's own object."""
    seen: set[int] = set()
    for task in range(len(graph.specs)):
        func = graph.function_of(task)
        if id(func) not in seen:
            seen.add(id(func))
            if undefined_globals(func) or any(handle_of(value) for _, value in global_values(func)):
                return False
    return True


def _upstream(spec: TaskSpec, inputs: Iterable[Input], index: Mapping[str, int]) -> tuple[int, ...]:
    """The tasks that come before a task: its inputs, those it lists, those that only order. Leaves out unknown ones."""
    above = {index[bound.source] for bound in inputs if bound.kind is InputKind.TASK}
    above.update(index[name] for name in _listed(spec) if name in index)
    return tuple(sorted(above))


def _listed(spec: TaskSpec) -> tuple[str, ...]:
    return spec.dependencies + spec.after if spec.dependencies else spec.after


def _turned(upstream: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The same edges, seen from the other end."""
    downstream: list[list[int]] = [[] for _ in upstream]
    for task, above in enumerate(upstream):
        for other in above:
            downstream[other].append(task)
    return tuple(map(tuple, downstream))


def _cycle(circle: Sequence[int], specs: Sequence[TaskSpec]) -> CycleError:
    return CycleError(path=[specs[task].name for task in (*circle, circle[0])])


def _place(spec: TaskSpec) -> str:
    return spec.place or f"a function of module {getattr(spec.func, '__module__', None) or 'unknown'}"


def _function(spec: TaskSpec, inputs: Iterable[Input]) -> Callable[..., Any]:
    if spec.specialise is None:
        return spec.func
    return spec.specialise(tuple(bound.argument for bound in inputs))


class _Look(NamedTuple):
    """What a function reads that it should not: handles by name, with what they are, and undefined names."""

    func: Callable[..., Any]
    handles: tuple[tuple[str, str], ...]
    undefined: tuple[str, ...]


class _Search:
    """Looks for what is wrong with one task after another; stops giving hints when they would take too long."""

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        tasks: Mapping[str, int],
        params: Collection[str],
        handle_of: Callable[[object], str | None],
    ) -> None:
        self._specs = specs
        self._tasks = tasks
        self._known = (*tasks, *params)
        self._handle_of = handle_of
        self._comparisons_left = _MOST_COMPARISONS
        self._assigned: frozenset[str] | None = None
        self._looks: dict[int, _Look] = {}

    def problems_of(self, spec: TaskSpec, binding: Binding, *, has_upstream: bool) -> Iterator[GraphError]:
        """Everything wrong with one task, as far as it shows without the others' edges."""
        unknown = [name for name in _listed(spec) if name not in self._tasks]
        for name in unknown:
            yield UnknownTaskError(name, self._hints(self._tasks), wanted_by=spec.name)
        for name in binding.unbound:
            yield UnknownInputError(spec.name, name, self._hints(self._known), unlisted=name in self._tasks)
        if spec.trigger in NEEDS_UPSTREAM and not has_upstream and not unknown:
            yield TriggerError(spec.name, spec.trigger.value)
        look = self._look(_function(spec, binding.inputs))
        for name, what in look.handles:
            yield HandleReadError(spec.name, name, what)
        for name in look.undefined:
            if name not in binding.unbound and name not in self._assigned_by_tasks():
                yield UndefinedNameError(spec.name, name, self._hints((*self._known, *namespace_of(look.func))))

    def _look(self, func: Callable[..., Any]) -> _Look:
        """What a function reads; looked at once for all tasks that share it."""
        look = self._looks.get(id(func))
        if look is None:
            handles = ((name, self._handle_of(value)) for name, value in global_values(func))
            look = _Look(func, tuple((name, what) for name, what in handles if what), undefined_globals(func))
            self._looks[id(func)] = look
        return look

    def _assigned_by_tasks(self) -> frozenset[str]:
        """Globals that one task may fill for another; found only when a name is missing."""
        if self._assigned is None:
            self._assigned = frozenset().union(*(globals_assigned(spec.func) for spec in self._specs))
        return self._assigned

    def _hints(self, names: Collection[str]) -> Collection[str]:
        self._comparisons_left -= len(names)
        return names if self._comparisons_left >= 0 else ()
