"""Pipelines and runs written by hand, for tests of pictures."""

import graphlib
from collections.abc import Callable, Collection, Mapping
from types import FunctionType
from typing import Any

from nbdag.core.graph import Graph, Input, InputKind
from nbdag.core.records import AttemptRecord, ErrorInfo, RunRecord, TaskRecord
from nbdag.core.status import TaskStatus
from nbdag.core.task import TaskSpec
from nbdag.views.scene import Scene

STARTED = 1000.0


def graph(
    needs: Mapping[str, Collection[str]],
    *,
    code: Mapping[str, Callable[..., Any]] | None = None,
    order_only: Collection[tuple[str, str]] = (),
    own: Collection[str] = (),
) -> Graph:
    """A graph of `{task: names it takes}`; a name that is no task is a parameter, one in `own` the task's own."""
    index = {name: number for number, name in enumerate(needs)}
    upstream = tuple(tuple(index[name] for name in taken if name in index) for taken in needs.values())
    downstream: list[list[int]] = [[] for _ in needs]
    for number, above in enumerate(upstream):
        for up in above:
            downstream[up].append(number)
    inputs = tuple(
        tuple(_input(task, name, index, own) for name in taken if (name, task) not in order_only)
        for task, taken in needs.items()
    )
    specs = tuple(TaskSpec(name, (code or {}).get(name) or _fresh(number)) for name, number in index.items())
    order = tuple(graphlib.TopologicalSorter(dict(enumerate(upstream))).static_order())
    return Graph(specs, index, upstream, tuple(map(tuple, downstream)), inputs, order)


def _input(task: str, name: str, index: Mapping[str, int], own: Collection[str]) -> Input:
    if name in index:
        return Input(name, InputKind.TASK, name)
    return Input(name, InputKind.OWN, f"{task}.{name}") if name in own else Input(name, InputKind.PARAM, name)


def _fresh(number: int) -> Callable[[], None]:
    """A function whose code no other has."""
    code = _fetch.__code__.replace(co_name=f"step_{number}", co_firstlineno=number + 1)
    return FunctionType(code, {})


def task(status: TaskStatus, seconds: float | None = None, **known: Any) -> TaskRecord:
    """A task's record; `attempts` is their number."""
    number = known.pop("attempts", 1)
    record = TaskRecord("", status=status, **known)
    if seconds is not None:
        record.start = STARTED
        record.end = STARTED + seconds if status.is_terminal else None
        record.attempts = [AttemptRecord(attempt + 1, STARTED, 0.0, "w1") for attempt in range(number)]
    return record


def run(tasks: Mapping[str, TaskRecord]) -> RunRecord:
    """A run's record."""
    record = RunRecord(3)
    for name, known in tasks.items():
        known.task = name
        record.tasks[name] = known
    return record


def chain(length: int) -> Graph:
    return graph({f"c{number}": (f"c{number - 1}",) if number else () for number in range(length)})


def fan(width: int) -> Graph:
    """Load -> fetch_0 … fetch_{width - 1} -> merge, all fetches of one code."""
    fetches = {f"fetch_{number}": ("load",) for number in range(width)}
    return graph({"load": (), **fetches, "merge": tuple(fetches)}, code=dict.fromkeys(fetches, _fetch))


def _fetch() -> None: ...
def _prepare() -> None: ...
def _train() -> None: ...
def _score() -> None: ...


def ml_pipeline() -> Scene:
    """A run of five tasks under way: one cached, two done, one in its second attempt, one waiting."""
    needs = {
        "load_data": ("path",),
        "clean": ("load_data",),
        "features": ("clean",),
        "train_model": ("features", "lr"),
        "evaluate": ("clean", "train_model"),
    }
    record = run(
        {
            "load_data": task(TaskStatus.CACHED),
            "clean": task(TaskStatus.SUCCESS, 0.31),
            "features": task(TaskStatus.SUCCESS, 1.8),
            "train_model": task(TaskStatus.RUNNING, 0.0, max_attempts=3, attempts=2),
            "evaluate": task(TaskStatus.PENDING),
        }
    )
    summaries = {"load_data": "DataFrame 150×5", "clean": "DataFrame 147×5", "features": "ndarray 147×12"}
    return Scene(
        "ml_training", graph(needs), record, {"path": "iris.csv", "lr": 0.1}, summaries=summaries, now=STARTED + 14
    )


def failed_run() -> Scene:
    """A run that ended: a failure, three tasks blocked by it, one task stale since."""
    long = "aggregate_by_customer_and_region_weekly"
    needs = {
        "fetch_orders": (),
        "fetch_customers": (),
        "join": ("fetch_orders", "fetch_customers"),
        long: ("join",),
        "quality_checks": ("join",),
        "fetch_weather": (),
        "plot": (long,),
        "forecast": (long, "fetch_weather"),
        "email_report": ("plot", "forecast", "quality_checks"),
    }
    error = ErrorInfo("KeyError", "'region_code' in groupby of orders")
    record = run(
        {
            "fetch_orders": task(TaskStatus.SUCCESS, 4.2),
            "fetch_customers": task(TaskStatus.SUCCESS, 1.1),
            "join": task(TaskStatus.SUCCESS, 0.8),
            long: task(TaskStatus.FAILED, 2.3, attempts=3, max_attempts=3, reason="error", error=error),
            "quality_checks": task(TaskStatus.SUCCESS, 0.2),
            "fetch_weather": task(TaskStatus.SUCCESS, 1.4),
            **{name: task(TaskStatus.UPSTREAM_FAILED, blamed=(long,)) for name in ("plot", "forecast", "email_report")},
        }
    )
    return Scene(
        "orders",
        graph(needs, order_only={("quality_checks", "email_report")}),
        record,
        summaries={"fetch_orders": "DataFrame 98310×14", "fetch_customers": "DataFrame 5204×9"},
        stale={"fetch_weather": "code changed since last run"},
    )


def sweep() -> Scene:
    """A run of 61 tasks under way: three preparations, 27 models, 27 scores."""
    needs: dict[str, tuple[str, ...]] = {"load_data": (), "split_folds": ("load_data",)}
    code: dict[str, Callable[..., Any]] = {}
    known = {"load_data": task(TaskStatus.SUCCESS, 2.1), "split_folds": task(TaskStatus.SUCCESS, 0.4)}
    for number in range(3):
        needs[f"prepare_{number}"], code[f"prepare_{number}"] = ("split_folds",), _prepare
        known[f"prepare_{number}"] = task(TaskStatus.SUCCESS, 0.9)
    for number in range(27):
        train, score = f"train_{number}", f"score_{number}"
        needs[train], needs[score] = (f"prepare_{number % 3}",), (train,)
        code[train], code[score] = _train, _score
        known[train], known[score] = _trained(number), _scored(number)
    needs["rank_models"] = tuple(f"score_{number}" for number in range(27))
    needs["report"] = ("rank_models", "load_data")
    return Scene("sweep", graph(needs, code=code), run(known), now=STARTED + 50)


def _trained(number: int) -> TaskRecord:
    if number < 20:
        return task(TaskStatus.SUCCESS, 12.0 + number)
    if number < 22:
        return task(TaskStatus.FAILED, 3.0, error=ErrorInfo("ValueError", f"Input contains NaN in fold {number}"))
    return task(TaskStatus.RUNNING, 0.0)


def _scored(number: int) -> TaskRecord:
    if number < 15:
        return task(TaskStatus.SUCCESS, 0.1)
    return task(TaskStatus.UPSTREAM_FAILED if number in (20, 21) else TaskStatus.PENDING)
