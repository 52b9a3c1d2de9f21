"""What a task costs: CPU per no-op task, beside a bare loop of the standard library.

    python tests/benchmarks/bench_overhead.py [--tasks 10000] [--rounds 5] [--shapes chain,fan] [--workers 4]

Prints a Markdown table. The yardstick is what one would write by hand: a `graphlib.TopologicalSorter` that feeds a
`ThreadPoolExecutor`, with no events, no retries, no records. Both pass results on by name and both are measured from
the defined graph to the last result, in turns in one process, so that a busy machine slows both. CPU is that of all
threads; the medians of the rounds are compared. A warm-up run comes first: from then on nbdag reuses what it built
and compiled, while the loop prepares its sorter each time, so the first run of a pipeline costs more than shown here.
Run by hand: on a shared machine no test can hold it to a limit.
"""

import argparse
import gc
import queue
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from graphlib import TopologicalSorter
from math import isqrt
from typing import NamedTuple

from nbdag import DAG, Task

Upstream = Sequence[Sequence[int]]
"""For each task the tasks it needs."""


def chain(count: int) -> Upstream:
    return [[task - 1] if task else [] for task in range(count)]


def independent(count: int) -> Upstream:
    return [[] for _ in range(count)]


def fan(count: int) -> Upstream:
    """One task, then all but two of them, then one that needs these."""
    return [[], *([0] for _ in range(count - 2)), range(1, count - 1)]


def layered(count: int) -> Upstream:
    """About as many layers as tasks in a layer; each task needs three of the layer before."""
    width, chosen = isqrt(count), random.Random(7)
    return [
        chosen.sample(range(first := (task // width - 1) * width, first + width), min(3, width))
        if task >= width
        else []
        for task in range(count)
    ]


def tree(count: int) -> Upstream:
    """A binary tree that ends in its root: each task needs two, the leaves none."""
    return [[other for other in (2 * task + 1, 2 * task + 2) if other < count] for task in range(count)]


SHAPES: Mapping[str, Callable[[int], Upstream]] = {
    "chain": chain,
    "independent": independent,
    "fan": fan,
    "layered": layered,
    "tree": tree,
}


def nothing(**_: object) -> int:
    return 1


def bare_loop(graph: Mapping[str, Sequence[str]], workers: int) -> dict[str, object]:
    """Run the graph with the standard library alone."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    results: dict[str, object] = {}
    finished: queue.SimpleQueue[tuple[str, Future[int]]] = queue.SimpleQueue()

    def ended(name: str, future: Future[int]) -> None:
        finished.put((name, future))

    with ThreadPoolExecutor(workers) as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                future = pool.submit(nothing, **{other: results[other] for other in graph[name]})
                future.add_done_callback(partial(ended, name))
            name, future = finished.get()
            results[name] = future.result()
            sorter.done(name)
    return results


def pipeline_of(graph: Mapping[str, Sequence[str]], workers: int) -> DAG:
    pipeline = DAG("overhead", max_parallel=workers, store=None)
    for name, needed in graph.items():
        pipeline.add_task(Task(name, nothing, dependencies=list(needed)))
    return pipeline


def cpu_of(act: Callable[[], object]) -> float:
    """CPU seconds of all threads while `act` runs."""
    gc.collect()
    start = time.process_time()
    act()
    return time.process_time() - start


class Cost(NamedTuple):
    """CPU seconds of each round, and of defining the tasks once."""

    bare: list[float]
    nbdag: list[float]
    define: float

    @property
    def ratio(self) -> float:
        return statistics.median(self.nbdag) / statistics.median(self.bare)


def measured(upstream: Upstream, *, workers: int, rounds: int) -> Cost:
    graph = {f"t{task}": [f"t{other}" for other in needed] for task, needed in enumerate(upstream)}
    start = time.process_time()
    pipeline = pipeline_of(graph, workers)
    define = time.process_time() - start
    run = pipeline.run(output="none")  # both sides warm, and the result right
    assert dict(run.results) == bare_loop(graph, workers)
    del run
    cost = Cost([], [], define)
    for _ in range(rounds):
        cost.bare.append(cpu_of(lambda: bare_loop(graph, workers)))
        cost.nbdag.append(cpu_of(lambda: pipeline.run(output="none")))
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU per no-op task, beside graphlib + ThreadPoolExecutor.")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=list(SHAPES))
    given = parser.parse_args()
    print(f"{given.tasks:,} no-op tasks, {given.workers} workers, medians of {given.rounds}; CPU in µs per task\n")
    print("| shape | edges | graphlib + pool | nbdag | ratio | define |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for shape in given.shapes:
        upstream = SHAPES[shape](given.tasks)
        cost = measured(upstream, workers=given.workers, rounds=given.rounds)
        bare, nbdag = (1e6 * statistics.median(side) / given.tasks for side in (cost.bare, cost.nbdag))
        define = 1e6 * cost.define / given.tasks
        edges = sum(map(len, upstream))
        print(f"| {shape} | {edges:,} | {bare:.1f} | {nbdag:.1f} | {cost.ratio:.2f} | {define:.1f} |", flush=True)


if __name__ == "__main__":
    main()
