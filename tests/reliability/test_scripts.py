"""Whole processes: they exit by themselves, leave nothing on stderr, and stop when they are interrupted."""

import pytest

from tests.reliability.scripts import EXIT, run_script

WAYS = {
    "run()": "run = pipeline.run(**QUIET)",
    "start() and wait()": "run = pipeline.start(**QUIET).wait()",
    "await run_async()": "run = asyncio.run(pipeline.run_async(**QUIET))",
    "await start()": """
async def main(): return await pipeline.start(**QUIET)
run = asyncio.run(main())""",
    "DAGExecutor": """
executor = DAGExecutor(pipeline)
assert asyncio.run(executor.run(output="none")) is (not executor.failed)
run = executor.last_run""",
    "run() in a running loop": """
async def main(): return pipeline.run(**QUIET)
run = asyncio.run(main())""",
    "run() in a thread": """
thread = threading.Thread(target=lambda: pipeline.run(**QUIET)); thread.start(); thread.join()
run = pipeline.last_run""",
    "run() with nested loops allowed": """
allow_nested_loops()
async def main(): return pipeline.run(**QUIET)
run = asyncio.run(main())""",
}

MIXED = """
@pipeline.task
def load(): return 1
@pipeline.task
async def fetch(load): await asyncio.sleep(0.01); return load + 1
@pipeline.task(retries=1)
async def fails(fetch): raise ValueError("bad")
@pipeline.task
def blocked(fails): ...
@pipeline.task
def skips(): raise Skip("none")
"""
EXPECTED = (
    "{'load': 'success', 'fetch': 'success', 'fails': 'failed', 'blocked': 'upstream_failed', 'skips': 'skipped'}"
)


def clean(script, *lines):
    """The script printed these lines, nothing on stderr, and exited well in time."""
    assert (script.errors, script.lines, script.code) == ("", lines, 0)
    assert script.seconds_to_exit < EXIT


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run(way):
    """A pipeline of functions and coroutines runs the same way however it is started."""
    clean(run_script(MIXED + WAYS[way] + "\nsay(states(run))"), EXPECTED)


@pytest.mark.parametrize("way", WAYS)
def test_an_abandoned_thread_keeps_no_process(way):
    """A function that hangs past its deadline does not keep the interpreter from its exit."""
    hangs = """
@pipeline.task(timeout=0.1)
def hangs(): time.sleep(3600)
"""
    clean(run_script(hangs + WAYS[way] + "\nsay(states(run))"), "{'hangs': 'failed'}")


@pytest.mark.parametrize("way", ["run()", "await run_async()", "DAGExecutor"])
def test_a_stuck_coroutine_keeps_no_process(way):
    """Nor does a coroutine that ignores its cancellation, or one that blocks its loop."""
    stuck = """
@pipeline.task(timeout=0.1, kill_grace=0.1)
async def deaf():
    while True:
        try: await asyncio.sleep(3600)
        except asyncio.CancelledError: pass
@pipeline.task
async def fine(): await asyncio.sleep(0.3)
"""
    blocks = """
@pipeline.task(timeout=0.1, kill_grace=0.1)
async def blocks(): time.sleep(3600)
"""
    clean(run_script(stuck + WAYS[way] + "\nsay(states(run))"), "{'deaf': 'failed', 'fine': 'success'}")
    clean(run_script(blocks + WAYS[way] + "\nsay(states(run))"), "{'blocks': 'failed'}")


def test_a_run_that_nobody_waits_for_keeps_no_process():
    """A script may end while its run goes on."""
    body = """
@pipeline.task
def slow(): time.sleep(3600)
@pipeline.task
async def waits(): await asyncio.sleep(3600)
run = pipeline.start(**QUIET)
while 'running' not in states(run).values(): time.sleep(0.01)
"""
    clean(run_script(body))


def test_a_cancelled_run_leaves_nothing():
    """After a cancel the process exits, whatever still runs."""
    body = """
@pipeline.task
def slow(): time.sleep(3600)
@pipeline.task
async def waits(): await asyncio.sleep(3600)
run = pipeline.start(**QUIET)
while 'running' not in states(run).values(): time.sleep(0.01)
run.cancel(); run.wait(); say(states(run))
"""
    clean(run_script(body), "{'slow': 'cancelled', 'waits': 'cancelled'}")


def test_listeners_hear_of_the_end_before_the_process_exits():
    """A script that ends with its run still tells its listeners; one that hangs is not waited for long."""
    body = """
@pipeline.task
def a(): ...
pipeline.on("run_finished", lambda event: say("heard", event.data["status"]))
pipeline.run(**QUIET)
"""
    clean(run_script(body), "heard success")

    hanging = run_script(body + 'pipeline.on("run_finished", lambda event: time.sleep(3600)); pipeline.run(**QUIET)')
    assert (hanging.errors, hanging.code) == ("", 0)
    assert hanging.seconds_to_exit < EXIT


def test_a_script_that_fails_shows_the_users_line():
    """The traceback ends in the task, with one note, and the process exits with 1."""
    script = run_script(
        """
        @pipeline.task
        def load(): return {}
        @pipeline.task
        def train(load): return load["missing"]
        pipeline.run(output="none")
        """
    )

    assert script.code == 1
    assert script.errors.rstrip().splitlines()[-2:] == [
        "KeyError: 'missing'",
        "task 'train' of script, run 1, its only attempt",
    ]


INTERRUPTED = """
except KeyboardInterrupt:
    say('interrupted', states(), pipeline.last_run.state.value)
"""


def test_an_interrupt_cancels_a_run_of_threads():
    """The first interrupt cancels; a thread is not waited for; the KeyboardInterrupt comes through."""
    body = """
@pipeline.task
def slow(): say("inside"); time.sleep(3600)
try: pipeline.run(output="none")
"""
    script = run_script(body + INTERRUPTED, interrupts=["inside"])
    clean(script, "inside", "interrupted {'slow': 'cancelled'} cancelled")


CLEANING = """
    try: say("inside"); await asyncio.sleep(3600)
    finally: await asyncio.sleep(0.2); say("cleaned")
"""


@pytest.mark.parametrize(
    ("loop", "call"),
    [
        ("None", "pipeline.run(output='none')"),
        ("None", "asyncio.run(pipeline.run_async(output='none'))"),
        ("None", "asyncio.run(DAGExecutor(pipeline).run(output='none'))"),
        ("'caller'", "pipeline.run(output='none')"),
        ("'caller'", "asyncio.run(pipeline.run_async(output='none'))"),
    ],
)
def test_an_interrupt_lets_coroutines_clean_up(loop, call):
    """A coroutine's `finally` is waited for before the KeyboardInterrupt comes through."""
    body = f"@pipeline.task(loop={loop})\nasync def waits():{CLEANING}try: {call}\n" + INTERRUPTED.lstrip()
    script = run_script(body, interrupts=["inside"])
    clean(script, "inside", "cleaned", "interrupted {'waits': 'cancelled'} cancelled")


def test_a_second_interrupt_gives_up_at_once():
    """What ignores the first interrupt is given up at the second, however long its grace is."""
    body = """
@pipeline.task(kill_grace=3600)
async def deaf():
    while True:
        try: say("inside"); await asyncio.sleep(3600)
        except asyncio.CancelledError: pass
try: pipeline.run(output="none")
"""
    script = run_script(body + INTERRUPTED, interrupts=["inside", "inside"])
    clean(script, "inside", "inside", "interrupted {'deaf': 'cancelled'} cancelled")


def test_an_interrupt_of_somebody_else_leaves_a_started_run_alone():
    """A run that was started goes on when what waits for something else is interrupted, and when its waiting is."""
    body = """
go_on = threading.Event()
@pipeline.task
def slow(): return go_on.wait(30)
run = pipeline.start(**QUIET)
for wait in (lambda: time.sleep(30), run.wait):
    try: say("inside"); wait()
    except KeyboardInterrupt: say(run.state.value)
go_on.set()
run.wait()
say(dict(run.results))
"""
    script = run_script(body, interrupts=["inside", "inside"])
    clean(script, "inside", "running", "inside", "running", "{'slow': True}")


CALLER = """
@pipeline.task(loop="caller")
async def here(): await asyncio.sleep(0.01); return id(asyncio.get_running_loop())
@pipeline.task
def there(here): return here
"""


def test_tasks_on_the_callers_loop():
    """`loop="caller"` runs a coroutine on the loop that awaits the run; a script needs none."""
    body = """
async def main():
    run = await pipeline.run_async(**QUIET)
    say(run.results["there"] == id(asyncio.get_running_loop()))
asyncio.run(main())
say(pipeline.run(**QUIET).ok)
"""
    clean(run_script(CALLER + body), "True", "True")


def test_a_blocking_run_within_its_callers_loop_is_refused_with_the_remedy():
    """It would wait for the loop that it blocks; after allow_nested_loops() it works."""
    body = """
async def main():
    try: pipeline.run(**QUIET)
    except Exception as error: say(type(error).__name__, "await pipeline.run_async()" in str(error))
    allow_nested_loops()
asyncio.run(main())
async def nested():
    run = pipeline.run(**QUIET)
    say(run.results["there"] == id(asyncio.get_running_loop()))
asyncio.run(nested())
try: pipeline.start(**QUIET)
except Exception as error: say(type(error).__name__, "no event loop runs here" in str(error))
"""
    clean(run_script(CALLER + body), "NbdagError True", "True", "NbdagError True")


def test_nesting_loops_beside_nest_asyncio_is_refused():
    """The original nest_asyncio cannot be combined; the message says what to do."""
    body = """
import types
sys.modules["nest_asyncio"] = types.ModuleType("nest_asyncio"); asyncio._nest_patched = True
try: allow_nested_loops()
except Exception as error: say(type(error).__name__, "Restart the kernel" in str(error))
"""
    clean(run_script(body), "NbdagError True")


def test_fifty_runs_leave_no_threads():
    """Threads of runs that are over end; their number stays bounded."""
    body = """
@pipeline.task
def a(): ...
@pipeline.task(timeout=30)
async def b(a): ...
pipeline.on("*", lambda event: None)
for _ in range(50): pipeline.run(**QUIET)
ends = time.monotonic() + 5
while threading.active_count() > 1 and time.monotonic() < ends: time.sleep(0.01)
say(threading.active_count())
"""
    clean(run_script(body), "1")


def test_the_terminal_shows_a_run_without_a_notebook():
    """With output a script tells of its run on stdout, and nothing on stderr."""
    script = run_script(MIXED + "\nrun = pipeline.run(raise_on_error=False)")

    assert (script.errors, script.code) == ("", 0)
    assert "fails" in "\n".join(script.lines)
