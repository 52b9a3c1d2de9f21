"""Who owns a name: what a stretch of code binds itself, and what it takes from outside.

Python decides this from the text alone, scope by scope, and so does this module. It says nothing about order; when a
name is bound is the matter of `nbdag.notebook.flow`.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nbdag.notebook.expansion import expanded_names

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Scope = Function | ast.Lambda | ast.ClassDef | Comprehension

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)


@dataclass(frozen=True, slots=True)
class Names:
    """What one scope does with names, nested scopes left out."""

    bound: frozenset[str]
    deleted: frozenset[str]
    declared_global: frozenset[str]
    declared_nonlocal: frozenset[str]

    @property
    def local(self) -> frozenset[str]:
        """Names that are variables of this very scope."""
        return (self.bound | self.deleted) - self.declared_global - self.declared_nonlocal


def names_of(nodes: Iterable[ast.AST]) -> Names:
    r"""What these statements or expressions bind, delete and declare in their own scope.

    >>> sorted(names_of(ast.parse("import os.path\nfor i in range(3): total = i").body).bound)
    ['i', 'os', 'total']
    """
    bound: set[str] = set()
    deleted: set[str] = set()
    declared: dict[type, set[str]] = {ast.Global: set(), ast.Nonlocal: set()}
    for node in _own_nodes(nodes):
        if isinstance(node, ast.Global | ast.Nonlocal):
            declared[type(node)].update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            deleted.add(node.id)
        else:
            bound.update(_bound_by(node))
        if isinstance(node, ast.ExceptHandler) and node.name:
            deleted.add(node.name)  # Python forgets the name where the handler ends
    return Names(
        frozenset(bound), frozenset(deleted), frozenset(declared[ast.Global]), frozenset(declared[ast.Nonlocal])
    )


def free_names(scope: Scope) -> tuple[str, ...]:
    """Names a nested scope takes from outside itself, in order of appearance, without its decorators and defaults.

    Names that it declares global are no longer the concern of the code around it.

    >>> free_names(ast.parse("lambda x: x + y + z", mode="eval").body)
    ('y', 'z')
    """
    if isinstance(scope, ast.ClassDef):
        return tuple(dict.fromkeys((*class_reads(scope), *deferred_names(scope))))
    body = _body_of(scope)
    names = names_of(body)
    inside = names.local | names.declared_global | _parameters(scope)
    reads = dict.fromkeys((*_reads(body), *sorted(names.declared_nonlocal)))
    return tuple(name for name in reads if name not in inside)


def class_reads(class_def: ast.ClassDef) -> tuple[str, ...]:
    r"""Names that the body of a class takes from around it when the class is made.

    A name that the class binds somewhere is not among them: Python looks for it in the class and then among the
    globals, never in the function around the class.

    >>> class_reads(ast.parse("class A:\n    x = y\n    def f(self): return raw").body[0])
    ('y',)
    """
    names = names_of(class_def.body)
    inside = names.local | names.declared_global | _type_parameters(class_def)
    reads: list[str] = []
    for node in _own_nodes(class_def.body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            reads.append(node.id)
        elif isinstance(node, COMPREHENSIONS):
            reads.extend(free_names(node))
    return tuple(name for name in dict.fromkeys(reads) if name not in inside)


def deferred_names(class_def: ast.ClassDef) -> tuple[str, ...]:
    r"""Names that the methods and lambdas of a class take from around the class, when they are called.

    >>> deferred_names(ast.parse("class A:\n    def f(self): return raw").body[0])
    ('raw',)
    """
    inside = _type_parameters(class_def)
    scopes = (node for node in _own_nodes(class_def.body) if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)))
    return tuple(dict.fromkeys(name for scope in scopes for name in free_names(scope) if name not in inside))


def outer_parts(scope: Scope) -> Sequence[ast.expr]:
    """The expressions of a scope that the code around it evaluates: decorators, defaults, bases, the first iterable."""
    match scope:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            arguments = scope.args
            annotated = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            annotated += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
            hints = [*(argument.annotation for argument in annotated), scope.returns]
            own = _type_parameters(scope)
            return [*scope.decorator_list, *_defaults(arguments), *_without(own, [hint for hint in hints if hint])]
        case ast.Lambda():
            return _defaults(scope.args)
        case ast.ClassDef():
            bases = [*scope.bases, *(keyword.value for keyword in scope.keywords)]
            return [*scope.decorator_list, *_without(_type_parameters(scope), bases)]
        case _:
            return [scope.generators[0].iter]


def needs_async(nodes: Iterable[ast.AST]) -> bool:
    """True when the code awaits in its own scope, so that a function made of it must be `async def`.

    >>> needs_async(ast.parse("async def f(): await g()").body), needs_async(ast.parse("x = [await g()]").body)
    (False, True)
    """
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef, ast.GeneratorExp)):
            stack.extend(outer_parts(node))
        else:
            stack.extend(ast.iter_child_nodes(node))
    return False


def _own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node that runs in the scope of `nodes`, in the order of the text; a nested scope is given, not entered.

    A `:=` within a comprehension binds outside of it, so that these are given too.
    """
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, COMPREHENSIONS):
            yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        inside = outer_parts(node) if isinstance(node, _SCOPES) else list(ast.iter_child_nodes(node))
        stack.extend(reversed(inside))


def _bound_by(node: ast.AST) -> Sequence[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.NamedExpr(target=target):
            return [target.id]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.split(".")[0] for alias in aliases]
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            return [name]
        case _:
            return []


def _reads(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in _own_nodes(nodes):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Call):
            yield from expanded_names(node)
        elif isinstance(node, _SCOPES):
            yield from free_names(node)


def _body_of(scope: Scope) -> list[ast.AST]:
    match scope:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [*scope.body]
        case ast.Lambda():
            return [scope.body]
        case ast.DictComp():
            results: list[ast.AST] = [scope.key, scope.value]
        case _:
            results = [scope.elt]
    later = [generator.iter for generator in scope.generators[1:]]
    return [*(node for generator in scope.generators for node in (generator.target, *generator.ifs)), *later, *results]


def _parameters(scope: Scope) -> frozenset[str]:
    if not isinstance(scope, (*FUNCTIONS, ast.Lambda)):
        return frozenset()
    arguments = scope.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return frozenset(argument.arg for argument in every if argument) | _type_parameters(scope)


def _type_parameters(scope: Scope) -> frozenset[str]:
    return frozenset(parameter.name for parameter in getattr(scope, "type_params", ()))


def _without(names: frozenset[str], expressions: list[ast.expr]) -> list[ast.expr]:
    """The expressions that mention none of the names: what mentions `T` of ``def f[T]`` is no matter of the outside."""
    if not names:
        return expressions
    return [expression for expression in expressions if names.isdisjoint(_reads([expression]))]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default)]
