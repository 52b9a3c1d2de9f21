"""What the `params` of one run mean: which argument of which task each of them sets."""

from collections.abc import Collection, Mapping

from nbdag.core.errors import ParamError, did_you_mean
from nbdag.core.graph import Graph
from nbdag.core.inputs import InputKind


def resolve_params(graph: Graph, params: Collection[str], run_params: Mapping[str, object]) -> dict[str, object]:
    """The values a run changes, by the `source` of the inputs they reach.

    A key is a parameter of the pipeline, a task's own parameter in full (``"train.epochs"``), or that without its task
    where only one task has it; the full name wins where both are given. Raises one ParamError (a ValueError) for all
    keys that are unknown or could mean several.

    >>> from nbdag.core.graph import build_graph
    >>> from nbdag.core.options import make_spec
    >>> graph = build_graph([make_spec(lambda lr, epochs=3: None, name="train")], params={"lr"})
    >>> resolve_params(graph, {"lr"}, {"lr": 0.05, "epochs": 20})
    {'lr': 0.05, 'train.epochs': 20}
    """
    sources_of: dict[str, list[str]] = {}
    for inputs in graph.inputs if run_params else ():
        for bound in inputs:
            if bound.kind is InputKind.OWN:
                sources_of.setdefault(bound.argument, []).append(bound.source)
    full = {*params, *(source for sources in sources_of.values() for source in sources)}

    values: dict[str, object] = {}
    problems: dict[str, str] = {}
    for name, value in run_params.items():
        sources = [name] if name in full else sources_of.get(name, [])
        if len(sources) == 1:
            if name in full or sources[0] not in run_params:
                values[sources[0]] = value
        elif sources:
            problems[name] = f"params: {name!r} could be {_either(sources)}. Give the full name."
        else:
            hint = did_you_mean(name, (*full, *sources_of))
            problems[name] = f"params: {name!r} is no parameter of the pipeline or of a task.{hint}"
    if problems:
        raise ParamError(problems)
    return values


def _either(names: Collection[str]) -> str:
    return " or ".join(map(repr, names))
