"""The one line under a `%%dag_task` cell: what the task takes, what it reads besides, and what will bite.

train ← features (task), lr=0.1 (param) · reads ratios(), CFG · not defined yet: tset. Did you mean 'test'?
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from reprlib import Repr
from types import FunctionType, ModuleType
from typing import Any

from nbdag.core.errors import did_you_mean
from nbdag.core.inputs import InputKind, bind
from nbdag.core.names import globals_read, undefined_globals
from nbdag.core.task import TaskSpec

_IPYTHON = frozenset({"get_ipython", "In", "Out", "exit", "quit", "display"})
_MOST_NAMES = 8

_repr = Repr()
_repr.maxstring = _repr.maxother = 30
_repr.maxdict = _repr.maxlist = _repr.maxtuple = _repr.maxset = 3


def sentence(
    spec: TaskSpec,
    *,
    tasks: Collection[str],
    params: Mapping[str, Any],
    namespace: Mapping[str, Any],
    notes: Iterable[str] = (),
) -> str:
    """What a definition amounts to at this moment; later cells may still change it.

    Args:
        spec: the task as defined.
        tasks: names of the pipeline's tasks, its own among them.
        params: the pipeline's parameters.
        namespace: the notebook's variables.
        notes: what else there is to say, one text each.

    >>> from nbdag.core.options import make_spec
    >>> spec = make_spec(lambda features, lr: None, name="train")
    >>> sentence(spec, tasks={"features", "train"}, params={"lr": 0.1}, namespace={})
    'train ← features (task), lr=0.1 (param)'
    """
    binding = bind(spec, tasks, params)
    taken = {given.argument for given in binding.inputs}
    parts = [_inputs(spec, tasks, params)]
    reads = [name for name in globals_read(spec.func) if name not in taken]
    if told := [_as_read(name, namespace) for name in reads if _is_worth_telling(name, namespace)]:
        parts.append("reads " + _listed(told))
    wanted = [*binding.unbound]
    if spec.specialise is not None and binding.unbound:
        parts.append(f"assigns {_listed(binding.unbound)} only after reading it, so it must be a task or a parameter")
        wanted = []
    wanted += [name for name in undefined_globals(spec.func) if name not in taken]
    wanted += [name for name in _ordered_by(spec) if name not in tasks]
    if missing := tuple(dict.fromkeys(wanted)):
        parts.append(_not_defined_yet(missing, [*tasks, *params, *namespace]))
    return " · ".join([*parts, *notes])


def _inputs(spec: TaskSpec, tasks: Collection[str], params: Mapping[str, Any]) -> str:
    defaults = {argument.name: argument.default for argument in spec.arguments}
    inputs = bind(spec, tasks, params).inputs
    taken = []
    for given in inputs:
        match given.kind:
            case InputKind.TASK:
                taken.append(f"{given.source} (task)")
            case InputKind.PARAM:
                taken.append(f"{given.argument}={_repr.repr(params[given.source])} (param)")
            case InputKind.OWN:
                taken.append(f"{given.argument}={_repr.repr(defaults[given.argument])} (default)")
    arguments = {given.source for given in inputs if given.kind is InputKind.TASK}
    taken += [f"{name} (first)" for name in _ordered_by(spec) if name in tasks and name not in arguments]
    return f"{spec.name} ← {', '.join(taken)}" if taken else f"{spec.name} takes no input"


def _ordered_by(spec: TaskSpec) -> Sequence[str]:
    """Tasks that are named in the options of this one."""
    return [*(spec.dependencies or ()), *spec.after]


def _is_worth_telling(name: str, namespace: Mapping[str, Any]) -> bool:
    """Modules, and what was imported from them, is not the notebook's own."""
    if name not in namespace or name in _IPYTHON or isinstance(namespace[name], ModuleType):
        return False
    value = namespace[name]
    if isinstance(value, type | FunctionType) or callable(value):
        return getattr(value, "__module__", None) == namespace.get("__name__")
    return True


def _as_read(name: str, namespace: Mapping[str, Any]) -> str:
    return f"{name}()" if callable(namespace[name]) else name


def _not_defined_yet(missing: Sequence[str], known: Iterable[str]) -> str:
    known = dict.fromkeys(name for name in known if not name.startswith("_"))  # a task may be a variable as well
    hint = "".join(did_you_mean(name, known) for name in missing[:1])
    return f"not defined yet: {_listed(missing)}" + (f".{hint}" if hint else "")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
