"""The tasks a pipeline has by now: defined, replaced, renamed, removed; found by name, handle or function."""

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from nbdag.core.checks import Refusal, check_name
from nbdag.core.errors import DuplicateTaskError, GraphError, NbdagError, ResourceError, UnknownTaskError
from nbdag.core.graph import Graph, build_graph, names_hold, outline
from nbdag.core.inputs import InputKind, bind
from nbdag.core.task import TaskSpec
from nbdag.task import Named, Task


class Definitions:
    """The declared tasks of one pipeline, in definition order."""

    def __init__(self) -> None:
        self.specs: dict[str, TaskSpec] = {}
        self._name_of: dict[int, str] = {}  # by id of the function, which the spec keeps alive
        self._graph: Graph | None = None
        self._built_from: tuple[object, ...] = ()  # ids of specs, which the graph keeps alive, and parameters' names

    def define(self, spec: TaskSpec, *, replace: bool) -> TaskSpec | None:
        """Add or replace a task; gives the definition it replaced. Another function of its name may be refused."""
        earlier = self.specs.get(spec.name)
        if earlier is not None and not (replace or _may_replace(earlier, spec)):
            raise DuplicateTaskError(spec.name, place_of(earlier), place_of(spec))
        if earlier is not None:
            self._forget_function(earlier)
        self.specs[spec.name] = spec
        self._name_of[id(spec.func)] = spec.name
        return earlier

    def remove(self, task: Named) -> TaskSpec:
        """Take a task away; gives what it was."""
        (name,) = self.known([task])
        spec = self.specs.pop(name)
        self._forget_function(spec)
        return spec

    def _forget_function(self, spec: TaskSpec) -> None:
        """Its function stands for it no longer; of several tasks with one function that stands for the latest."""
        if self._name_of.get(id(spec.func)) == spec.name:
            del self._name_of[id(spec.func)]

    def rename(self, task: Named, new_name: str) -> str:
        """Give a task another name and mend the lists that name it; gives the old name."""
        (name,) = self.known([task])
        if new_name == name:
            return name
        if new_name in self.specs:
            raise NbdagError(f"cannot rename {name!r}: there is a task {new_name!r} already.")
        names = {name: new_name}
        renamed = [_with_names(spec, names) for spec in self.specs.values()]
        self.specs = {spec.name: spec for spec in renamed}
        self._name_of = {id(spec.func): spec.name for spec in renamed}
        return name

    def adopt(self, specs: Mapping[str, TaskSpec]) -> None:
        """Take over the definitions whose names are free."""
        for name, spec in specs.items():
            if name not in self.specs:
                self.define(spec, replace=False)

    def name_of(self, task: Named) -> str:
        """The name that a name, a handle or a task's function stands for; a name need not be defined yet."""
        if isinstance(task, str):
            return task
        if isinstance(task, Task):
            return task.name
        name = self._name_of.get(id(task))
        if name is None:
            raise UnknownTaskError(getattr(task, "__name__", repr(task)), self.specs)
        return name

    def has(self, task: object) -> bool:
        """True when a name, a handle or a function stands for a task that is defined."""
        try:
            return self.name_of(task) in self.specs  # type: ignore[arg-type]  # anything may be asked for with `in`
        except UnknownTaskError:
            return False

    def by_name(self, values: Mapping[Named, Any]) -> dict[str, Any]:
        """The same values under the names of the tasks."""
        return dict(zip(self.known(values), values.values(), strict=True))

    def known(self, tasks: Iterable[Named | Iterable[Named]]) -> list[str]:
        """Names of tasks that must be defined; lists of them are taken apart."""
        names: list[str] = []
        for task in tasks:
            if isinstance(task, list | tuple | set | frozenset):
                names.extend(self.known(task))
                continue
            name = self.name_of(task)  # type: ignore[arg-type]  # an odd iterable is refused there by its repr
            if name not in self.specs:
                raise UnknownTaskError(name, self.specs)
            names.append(name)
        return names

    def check_force(self, force: bool | Named | Iterable[Named]) -> None:
        """Refuse a `force` that names no task of the pipeline."""
        if not isinstance(force, bool):
            self.known([force] if isinstance(force, str | Task) or callable(force) else force)

    def graph(
        self,
        params: Mapping[str, Any],
        resources: Mapping[str, float],
        *,
        handle_of: Callable[[object], str | None],
        targets: Collection[str] = (),
    ) -> Graph:
        """How the tasks depend on one another; raises one error that holds all problems.

        With targets, only they and what they need have to be right: where other tasks are not, those are left out.
        """
        try:
            return self._checked(list(self.specs.values()), params, resources, handle_of)
        except GraphError:
            needed = self._needed(targets, params)
            if not targets or len(needed) == len(self.specs):
                raise
        return self._checked(needed, params, resources, handle_of)

    def outline(
        self, params: Mapping[str, Any], handle_of: Callable[[object], str | None]
    ) -> tuple[Graph, dict[str, str]]:
        """The graph as far as it can be seen, and by task what is wrong with it; raises for circles only."""
        graph, problems = outline(list(self.specs.values()), params, handle_of=handle_of)
        return graph, dict(problem.brief for problem in problems)

    def _needed(self, targets: Iterable[str], params: Mapping[str, Any]) -> list[TaskSpec]:
        """The definitions of these tasks and of all they need, as far as those exist, in definition order."""
        needed: set[str] = set()
        waiting = list(targets)
        while waiting:
            name = waiting.pop()
            spec = self.specs.get(name)
            if spec is None or name in needed:
                continue
            needed.add(name)
            bound = [each.source for each in bind(spec, self.specs, params).inputs if each.kind is InputKind.TASK]
            waiting += [*bound, *(spec.dependencies or ()), *spec.after]
        return [spec for name, spec in self.specs.items() if name in needed]

    def _checked(
        self,
        specs: list[TaskSpec],
        params: Mapping[str, Any],
        resources: Mapping[str, float],
        handle_of: Callable[[object], str | None],
    ) -> Graph:
        problems: list[GraphError] = [
            ResourceError(spec.name, name, amount, resources)
            for spec in specs
            for name, amount in spec.resources
            if amount > resources.get(name, 0)
        ]
        if not problems:
            return self._built(specs, params, handle_of)
        try:
            build_graph(specs, params, handle_of=handle_of)
        except GraphError as error:
            problems = [*error.problems, *problems]
        raise problems[0] if len(problems) == 1 else GraphError(problems)

    def _built(
        self, specs: list[TaskSpec], params: Mapping[str, Any], handle_of: Callable[[object], str | None]
    ) -> Graph:
        """The graph; the one built last, where only the notebook's other names may have changed since."""
        built_from = (*map(id, specs), *params)
        if self._graph is None or built_from != self._built_from or not names_hold(self._graph, handle_of):
            self._graph = build_graph(specs, params, handle_of=handle_of)
            self._built_from = built_from
        return self._graph

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of a task in which handles and functions that stand for tasks are replaced by names."""
        named = dict(options)
        for option in ("dependencies", "after"):
            tasks = named.get(option)
            if isinstance(tasks, list | tuple | set | frozenset):
                named[option] = [task if isinstance(task, str) else self.name_of(task) for task in tasks]
        return named


def checked_name(name: object) -> str:
    """A name for a task or a pipeline, checked; an error tells the value and what it must be."""
    try:
        return check_name(name)
    except Refusal as refusal:
        raise ValueError(f"name={name!r} {refusal}") from None


def place_of(spec: TaskSpec) -> str:
    """Where a task is defined, for messages."""
    if spec.place:
        return spec.place
    filename, line = _source(spec.func)
    return f"{filename}:{line}" if filename else repr(spec.func)


def _may_replace(earlier: TaskSpec, later: TaskSpec) -> bool:
    """True for the same function, the same place run again, and in IPython for another cell."""
    if earlier.func is later.func:
        return True
    first, second = _source(earlier.func), _source(later.func)
    if first == second:
        return bool(first[0])
    return first[0] != second[0] and _in_ipython()


def _in_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _source(func: Callable[..., Any]) -> tuple[str, int]:
    """File and line of a function's code; empty for what has none."""
    plain = inspect.unwrap(func)
    plain = getattr(plain, "func", plain)
    code = getattr(getattr(plain, "__func__", plain), "__code__", None)
    return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)


def _with_names(spec: TaskSpec, names: Mapping[str, str]) -> TaskSpec:
    listed = spec.dependencies
    return replace(
        spec,
        name=names.get(spec.name, spec.name),
        dependencies=None if listed is None else tuple(names.get(name, name) for name in listed),
        after=tuple(names.get(name, name) for name in spec.after),
    )
