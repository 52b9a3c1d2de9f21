"""Which names a cell's body may read before it binds them: a definite-assignment analysis of its syntax tree.

Such a name comes from outside the body: it is an input of the task if a task or parameter has that name. The walk
follows the control flow with the set of names that are bound on *every* path so far (`None` where no path arrives).
Laws, all on the safe side:

1. A name in that set is a local variable; reading any other is a read from outside.
2. What a nested function or lambda reads is read when the function is used, not where it is written.
3. `must_bind` holds only names read where *no* path can have bound them, so that without an input of that name the
   read can only fail.

Not seen: names inside strings (but for the lines that IPython fills in), `eval` and the like.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nbdag.notebook.expansion import expanded_names
from nbdag.notebook.scopes import (
    COMPREHENSIONS,
    Function,
    class_reads,
    deferred_names,
    free_names,
    names_of,
    needs_async,
    outer_parts,
)

Bound = frozenset[str] | None
"""Names bound on every path that arrives here; None where none arrives."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a body does with names and how it ends."""

    reads: tuple[str, ...]
    """Names it may read before it binds them, in the order of these reads."""
    must_bind: tuple[str, ...]
    """Those among `reads` that it binds only later."""
    binds: frozenset[str]
    """The body's own variables."""
    falls_through: bool
    """True when a path reaches the end of the body."""
    returns_value: bool
    """True when there is a `return` with a value."""
    is_async: bool
    """True when it awaits."""


def read_flow(body: Sequence[ast.stmt]) -> Flow:
    r"""What a task's body reads from outside, and how it ends.

    >>> read_flow(ast.parse("raw = raw.dropna()\nclean = raw[raw.x > low]").body).reads
    ('raw', 'low')
    """
    names = names_of(body)
    walk = _Walk(local=names.local, outside=names.declared_global)
    walk.block(body)
    falls_through = walk.bound is not None
    walk.use_what_is_left()
    return Flow(
        reads=tuple(walk.reads),
        must_bind=tuple(name for name, certain in walk.reads.items() if certain),
        binds=names.local,
        falls_through=falls_through,
        returns_value=walk.returns_value,
        is_async=needs_async(body),
    )


@dataclass(slots=True)
class _Loop:
    """Where `break` and `continue` of the innermost loop lead."""

    breaks: list[Bound] = field(default_factory=list)


class _Walk:
    """One pass over a body, in the order in which it runs. `bound` is the state at the current point."""

    def __init__(self, local: frozenset[str], outside: frozenset[str]) -> None:
        self.local, self.outside = local, outside
        self.bound: Bound = frozenset()
        self.reads: dict[str, bool] = {}  # name -> it can only fail without an input of that name
        self.returns_value = False
        self._seen: set[str] = set()  # bound by anything that may have run before this point
        self._deferred: dict[str, tuple[str, ...]] = {}  # function or class -> what it reads when used
        self._loops: list[_Loop] = []
        self._silent = False

    # ------------------------------------------------------------------ names

    def bind(self, *names: str) -> None:
        self._seen.update(names)
        if self.bound is not None:
            self.bound |= set(names)

    def unbind(self, *names: str) -> None:
        if self.bound is not None:
            self.bound -= set(names)

    def read(self, name: str, *, later: bool = False) -> None:
        """Note a read here; `later` for one that happens at some time after this point."""
        if self.bound is None or self._silent:
            return
        deferred = self._deferred.pop(name, ())
        if name not in self.bound and name not in self.outside:
            certain = name in self.local and name not in self._seen and not later
            self.reads[name] = self.reads.get(name, False) or certain
        for inner in deferred:
            self.read(inner, later=True)
        if deferred:
            self._deferred[name] = deferred  # it was away so that functions may call each other in circles

    def use_what_is_left(self) -> None:
        """Functions that the body never used by name: somebody else may call them once it has ended."""
        self.bound = self.bound if self.bound is not None else frozenset(self._seen)
        for names in list(self._deferred.values()):
            for name in names:
                self.read(name, later=True)

    # ------------------------------------------------------------- statements

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                self.evaluate(value)
                self.assign(*targets)
            case ast.AugAssign(target=target, value=value):
                self.evaluate(_loaded(target), value)
                self.assign(target)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.evaluate(value)
                    self.assign(target)
            case ast.Delete(targets=targets):
                self.evaluate(*targets)
                for name in names_of(targets).deleted:
                    self.read(name)
                    self.unbind(name)
            case ast.Return(value=value):
                self.returns_value |= value is not None
                self.evaluate(value)
                self.bound = None
            case ast.Raise(exc=error, cause=cause):
                self.evaluate(error, cause)
                self.bound = None
            case ast.Assert(test=test, msg=message):
                holds, fails = self.condition(test)
                self.bound = fails
                self.evaluate(message)
                self.bound = holds
            case ast.Break():
                self._leave_by_break()
            case ast.Continue():
                self.bound = None
            case ast.Import() | ast.ImportFrom():
                self.bind(*names_of([node]).bound)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._definition(node)
            case ast.If() | ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.AsyncWith() | ast.Match():
                self._compound(node)
            case ast.Try() | ast.TryStar():
                self._try(node)
            case ast.Expr(value=value):
                self.evaluate(value)
            case _:  # `pass`, `global`; and `type X = …`, of which Python evaluates the right side only when asked
                self.bind(*names_of([node]).bound)

    def _compound(self, node: ast.stmt) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                holds, fails = self.condition(test)
                self.bound = _join(self._after(holds, body), self._after(fails, orelse))
            case ast.For() | ast.AsyncFor():
                self._for(node)
            case ast.While():
                self._while(node)
            case ast.With() | ast.AsyncWith():
                self._with(node)
            case ast.Match():
                self._match(node)

    def _after(self, start: Bound, statements: Iterable[ast.stmt]) -> Bound:
        self.bound = start
        self.block(statements)
        return self.bound

    def _leave_by_break(self) -> None:
        if self._loops:  # outside of a loop it is a syntax error, found when the body is compiled
            self._loops[-1].breaks.append(self.bound)
        self.bound = None

    def _definition(self, node: Function | ast.ClassDef) -> None:
        self.evaluate(*outer_parts(node))
        if isinstance(node, ast.ClassDef):
            for name in class_reads(node):
                self.read(name)
        self.bind(node.name)
        self._deferred[node.name] = deferred_names(node) if isinstance(node, ast.ClassDef) else free_names(node)
        if node.decorator_list:  # a decorator may call it at once
            self.read(node.name)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.evaluate(node.iter)
        self._enter_loop(node)
        head = self.bound
        self.assign(node.target)
        self.block(node.body)
        self.bound = _join(self._after(head, node.orelse), *self._loops.pop().breaks)

    def _while(self, node: ast.While) -> None:
        self._enter_loop(node)
        holds, fails = self.condition(node.test)
        self._after(holds, node.body)
        breaks = self._loops.pop().breaks
        self.bound = _join(self._after(fails, node.orelse), *breaks)

    def _enter_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        """At the head of a loop any turn of it may have run: all it binds may be bound, all it deletes may be gone."""
        turn = names_of([node])
        self._seen |= turn.bound
        self.unbind(*turn.deleted)
        self._loops.append(_Loop())

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars)
        before = self.bound
        self.block(node.body)
        if any(_suppresses(item.context_expr) for item in node.items):
            self.bound = _join(self.bound, _less(before, names_of(node.body).deleted))

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = self.bound
        self.block(node.body)
        self.block(node.orelse)
        ends = [self.bound]
        raised = _less(before, names_of([*node.body]).deleted)
        for handler in node.handlers:
            self.bound = raised
            self.evaluate(handler.type)
            if handler.name:
                self.bind(handler.name)
            self.block(handler.body)
            if handler.name:
                self.unbind(handler.name)
            ends.append(self.bound)
        self.bound = _join(*ends)
        if node.finalbody:
            self._finally(node, before)

    def _finally(self, node: ast.Try | ast.TryStar, before: Bound) -> None:
        """Walk the `finally` as after a failure anywhere, then once more in silence for the state after it."""
        normal = self.bound
        self.bound = _less(before, names_of([*node.body, *node.handlers, *node.orelse]).deleted)
        self.block(node.finalbody)
        silent, self._silent = self._silent, True
        self._after(normal, node.finalbody)
        self._silent = silent

    def _match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)
        ends: list[Bound] = []
        for case in node.cases:
            unmatched = self.bound
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.expr) and not isinstance(part, ast.Constant):
                    self.evaluate(part)
            self.bind(*names_of([case.pattern]).bound)
            holds, _ = self.condition(case.guard) if case.guard else (self.bound, None)
            ends.append(self._after(holds, case.body))
            self.bound = None if _is_irrefutable(case) else unmatched
        self.bound = _join(*ends, self.bound)

    # ------------------------------------------------------------ expressions

    def assign(self, *targets: ast.expr) -> None:
        """Bind the names of targets; what a target like ``table[key]`` or ``model.rate`` reads is read first."""
        for target in targets:
            match target:
                case ast.Name(id=name):
                    self.bind(name)
                    self._deferred.pop(name, None)
                case ast.Tuple(elts=parts) | ast.List(elts=parts):
                    self.assign(*parts)
                case ast.Starred(value=part):
                    self.assign(part)
                case _:
                    self.evaluate(*(child for child in ast.iter_child_nodes(target) if isinstance(child, ast.expr)))

    def evaluate(self, *nodes: ast.AST | None) -> None:
        for node in nodes:
            match node:
                case None:
                    pass
                case ast.Name(id=name, ctx=ast.Load()):
                    self.read(name)
                case ast.NamedExpr(target=target, value=value):
                    self.evaluate(value)
                    self.assign(target)
                case ast.Call():
                    self.evaluate(*ast.iter_child_nodes(node))
                    for name in expanded_names(node):
                        self.read(name, later=True)  # where it is unbound, the line stays as it is
                case ast.BoolOp() | ast.IfExp():
                    self.bound = _join(*self.condition(node))
                case ast.Lambda() | ast.GeneratorExp():
                    self.evaluate(*outer_parts(node))
                    for name in free_names(node):
                        self.read(name, later=True)
                    self._bind_by_chance(node)
                case ast.ListComp() | ast.SetComp() | ast.DictComp():
                    self.evaluate(*outer_parts(node))
                    for name in free_names(node):
                        self.read(name)
                    self._bind_by_chance(node)
                case _:
                    self.evaluate(*ast.iter_child_nodes(node))

    def _bind_by_chance(self, node: ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        if isinstance(node, COMPREHENSIONS):
            self._seen |= names_of([node]).bound  # a := in it binds out here, if it comes to that

    def condition(self, node: ast.expr) -> tuple[Bound, Bound]:
        """Evaluate a condition; the states where it holds and where it does not."""
        match node:
            case ast.Constant(value=value):
                return (self.bound, None) if value else (None, self.bound)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                holds, fails = self.condition(operand)
                return fails, holds
            case ast.BoolOp(op=operator, values=values):
                return self._chain(values, stops_when=isinstance(operator, ast.Or))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                holds, fails = self.condition(test)
                self.bound = holds
                when_true = self.condition(body)
                self.bound = fails
                when_false = self.condition(orelse)
                return _join(when_true[0], when_false[0]), _join(when_true[1], when_false[1])
            case _:
                self.evaluate(node)
                return self.bound, self.bound

    def _chain(self, values: Sequence[ast.expr], *, stops_when: bool) -> tuple[Bound, Bound]:
        """`and` stops at the first that fails, `or` at the first that holds; the rest is then not evaluated."""
        stopped: list[Bound] = []
        for value in values:
            holds, fails = self.condition(value)
            stopped.append(holds if stops_when else fails)
            self.bound = fails if stops_when else holds
        return (_join(*stopped), self.bound) if stops_when else (self.bound, _join(*stopped))


def _join(*states: Bound) -> Bound:
    """What is bound on every path that arrives."""
    arriving = [state for state in states if state is not None]
    return frozenset.intersection(*arriving) if arriving else None


def _less(state: Bound, names: frozenset[str]) -> Bound:
    return None if state is None else state - names


def _loaded(target: ast.expr) -> ast.expr:
    """The target of ``x += 1`` as the read that it also is."""
    return ast.copy_location(ast.Name(target.id, ast.Load()), target) if isinstance(target, ast.Name) else target


def _suppresses(context: ast.expr) -> bool:
    """True for a context manager known to swallow errors, so that its block may end anywhere."""
    if not isinstance(context, ast.Call):
        return False
    called = context.func
    return getattr(called, "attr", getattr(called, "id", "")) == "suppress"


def _is_irrefutable(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
