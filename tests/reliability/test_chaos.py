"""Random pipelines with random faults on real threads and loops; a seed that failed becomes a case of its own."""

import asyncio
import threading
from random import Random

import pytest

from nbdag import DAG, Retry, Skip
from tests.reliability.rules import assert_kept

SEEDS, ALL_SEEDS = 30, 500
RULES = ("all_success", "all_success", "all_success", "all_done", "none_failed", "one_failed")


def fault(random):
    """What a task does besides its work, drawn beforehand: the order of threads must not change the story."""
    kind = random.choices(("fine", "raise", "exit", "skip", "retry", "hang", "print"), (60, 12, 4, 6, 6, 6, 6))[0]
    return kind, random.uniform(0, 0.004)


def plain(kind, seconds, stop):
    def work(**above):
        stop.wait(30 if kind == "hang" else seconds)
        act(kind)

    return work


def coroutine(kind, seconds, stop, *, deaf):
    async def work(**above):
        try:
            await asyncio.sleep(30 if kind == "hang" else seconds)
        except asyncio.CancelledError:
            if not deaf:
                raise
            while not stop.is_set():  # noqa: ASYNC110 - the test's thread sets it
                await asyncio.sleep(0.001)
        act(kind)

    return work


def act(kind):
    match kind:
        case "raise":
            raise ValueError(kind)
        case "exit":
            raise SystemExit(3)
        case "skip":
            raise Skip(kind)
        case "retry":
            raise Retry(kind, after=0.001)
        case "print":
            print("x" * 10_000)


def pipeline_of(random, stop):
    pipeline = DAG("chaos", max_parallel=random.randint(1, 4), max_async=random.randint(1, 4), resources={"gpu": 2})
    for number in range(random.randint(5, 60)):
        kind, seconds = fault(random)
        make = coroutine if random.random() < 0.4 else plain
        deaf = {"deaf": random.random() < 0.2} if make is coroutine else {}
        above = sorted(random.sample(range(number), min(number, random.choice((0, 1, 1, 2, 3)))))
        trigger = random.choice(RULES) if above else "all_success"
        pipeline.task(
            make(kind, seconds, stop, **deaf),
            name=f"t{number}",
            dependencies=[f"t{up}" for up in above],
            trigger=trigger,
            cleanup=trigger == "all_done" and random.random() < 0.3,
            retries=random.choice((0, 0, 1, 3)),
            retry_delay=random.choice((0, 0.001)),
            timeout=0.03 if kind == "hang" or random.random() < 0.1 else None,
            kill_grace=0.02,
            allow_failure=random.random() < 0.1,
            priority=random.randint(0, 2),
            resources=random.choice(({}, {}, {"gpu": 1}, {"gpu": 2})),
        )
    return pipeline


@pytest.mark.timeout(900)
def test_random_runs_keep_the_rules(full):
    """Whatever fails, hangs, refuses to stop or is cancelled, every run ends and its log obeys the rules."""
    for seed in range(ALL_SEEDS if full else SEEDS):
        random, stop = Random(seed), threading.Event()
        pipeline = pipeline_of(random, stop)
        on_error = random.choice(("continue", "continue", "stop", "cancel"))
        timeout = random.choice((None, None, 0.05))
        run = pipeline.start(output="none", raise_on_error=False, on_error=on_error, timeout=timeout)
        cancel = threading.Timer(random.uniform(0, 0.1), run.cancel) if random.random() < 0.3 else None
        if cancel is not None:
            cancel.start()
        release = threading.Timer(1.0, stop.set)  # lets go of what hangs, as nothing else would
        release.start()
        try:
            run.wait(30)
            limits = {"parallel": pipeline.max_parallel, "async": pipeline.max_async, **pipeline.resources}
            assert_kept(run, limits)
        except BaseException as error:
            pytest.fail(f"seed {seed}: {error!r}\n{run.status().to_string()}")
        finally:
            stop.set()
            for timer in (cancel, release):
                if timer is not None:
                    timer.cancel()
