"""Every option of a task, checked when the task is defined, with one error for all that is wrong.

`OPTIONS` is the whole table; decorator, `Task`, the cell magic and the manual read it.
"""

from collections.abc import Callable, Mapping, Sequence
from reprlib import repr as shown
from typing import Any, Literal, NamedTuple

from nbdag.core import checks
from nbdag.core.errors import OptionError, did_you_mean
from nbdag.core.retry import RetryPolicy
from nbdag.core.signature import Signature, own_name, read_signature
from nbdag.core.task import Pool, TaskSpec
from nbdag.core.triggers import TriggerRule


class Option(NamedTuple):
    """One option: what it is when left out, how a value is checked, what it does."""

    default: object
    check: Callable[[object], Any]
    about: str


def _isolation(value: object) -> None:
    if value == "process":
        checks.later(value)
    elif value is not None:
        raise checks.Refusal("must be left out: a def runs in a thread, an async def on the run's worker loop")


def _loop(value: object) -> Literal["caller"] | None:
    if value is None:
        return None
    if value != "caller":
        raise checks.Refusal('must be "caller" (an async def on the notebook\'s own loop), or left out')
    return "caller"


OPTIONS: dict[str, Option] = {
    "name": Option(None, checks.none_or(checks.check_name), "name of the task; left out: the function's name"),
    "dependencies": Option(
        None, checks.none_or(checks.check_names), "tasks it needs; left out: those its arguments name; []: none"
    ),
    "after": Option((), checks.check_names, "tasks that come first, without giving it anything"),
    "retries": Option(0, checks.check_count, "extra attempts after a failure"),
    "retry_delay": Option(
        0, checks.check_delay, "seconds before a retry, or one value per retry, or a function (retry, exception)"
    ),
    "backoff": Option(1.0, checks.number_within(1), "each further delay is so many times longer"),
    "max_retry_delay": Option(300, checks.check_seconds, "no delay is longer, in seconds"),
    "jitter": Option(0.0, checks.number_within(0, 1), "share by which a delay varies at random, 0 to 1"),
    "retry_on": Option(Exception, checks.check_retry_on, "exceptions worth a retry, or a function of them"),
    "no_retry_on": Option((), checks.check_exceptions, "exceptions that end the task at once; wins over retry_on"),
    "timeout": Option(None, checks.none_or(checks.check_limit), "seconds for one attempt"),
    "total_timeout": Option(None, checks.none_or(checks.check_limit), "seconds for all attempts and delays"),
    "kill_grace": Option(5, checks.check_seconds, "seconds that a stopped attempt gets to clean up"),
    "crash_retries": Option(0, checks.later, "extra attempts when the worker process dies"),
    "isolation": Option(None, _isolation, "left out: thread or worker loop"),
    "trigger": Option("all_success", checks.check_trigger, "which ends of its upstreams let it start"),
    "allow_failure": Option(False, checks.check_flag, "its failure does not fail the run"),
    "cleanup": Option(False, checks.check_flag, 'with trigger="all_done": runs even after a cancel'),
    "priority": Option(0, checks.check_whole, "higher starts first"),
    "resources": Option({}, checks.check_resources, "shares of the pipeline's resources it holds while it runs"),
    "tags": Option((), checks.check_names, "labels"),
    "cache": Option(True, checks.check_flag, "False: executes in every run"),
    "ttl": Option(None, checks.none_or(checks.check_limit), "seconds for which a result may be reused"),
    "version": Option(None, checks.none_or(checks.check_version), "change it to make earlier results stale"),
    "files": Option((), checks.check_paths, "files it reads"),
    "env": Option((), checks.check_names, "environment variables it reads"),
    "reads": Option((), checks.check_names, "globals it reads in ways that cannot be seen"),
    "ignore": Option((), checks.check_names, "globals that do not matter for its result"),
    "trust": Option(False, checks.check_flag, "reuse results although not all it reads can be seen"),
    "keep": Option(True, checks.check_flag, "False: its result is dropped when nobody needs it any more"),
    "outputs": Option(None, checks.later, "names of several results"),
    "map_over": Option(None, checks.later, "once for each item of an upstream's result"),
    "loop": Option(None, _loop, '"caller": an async def runs on the notebook\'s own loop'),
}
"""Every keyword of `pipeline.task`, in the order of the manual."""

CACHING = ("cache", "ttl", "version", "files", "env", "reads", "ignore", "trust")
"""Options that say when a result may be reused; kept together in `TaskSpec.caching`, where given."""


def make_spec(
    func: Callable[..., Any],
    *,
    place: str = "",
    candidates: Sequence[str] = (),
    must_bind: Sequence[str] = (),
    specialise: Callable[[tuple[str, ...]], Callable[..., Any]] | None = None,
    **options: Any,
) -> TaskSpec:
    """The checked definition of a task; `options` are those of `OPTIONS`.

    Raises one OptionError (a TypeError and ValueError) that names every wrong option with its value and the remedy,
    and a TypeError for what cannot be a task: something not callable, or a generator.

    >>> spec = make_spec(print, name="report", retries=2, after=["train"])
    >>> spec.name, spec.retry.retries, spec.after
    ('report', 2, ('train',))
    >>> make_spec(print, name="report", timeot=2)
    Traceback (most recent call last):
    nbdag.core.errors.OptionError: task 'report': there is no option timeot=2. Did you mean 'timeout'?
    """
    signature = read_signature(func)
    checked, problems = _checked(options)
    name = checked["name"] or own_name(func)
    if name is None:
        problems.setdefault("name", 'the function has no name of its own: give the task one with name="..."')
    problems |= _contradictions(checked, signature)
    if problems or name is None:
        raise OptionError(name or type(func).__name__, tuple(problems.values()))
    return TaskSpec(
        name=name,
        func=func,
        arguments=signature.arguments,
        takes_any=signature.takes_any,
        is_async=signature.is_async,
        retry=_retry_policy(checked),
        pool=_pool(checked, signature),
        resources=checked["resources"],
        place=place,
        caching=tuple((option, checked[option]) for option in CACHING if option in options),
        candidates=tuple(candidates),
        must_bind=tuple(must_bind),
        specialise=specialise,
        **{option: checked[option] for option in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    *("dependencies", "after", "timeout", "total_timeout", "kill_grace", "trigger"),
    *("allow_failure", "cleanup", "priority", "tags", "keep"),
)


def _checked(options: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, str]]:
    """Every option's kept value (its default where it was left out or is wrong), and what is wrong by option."""
    checked = dict(_DEFAULTS)
    problems = {}
    for name, value in options.items():
        option = OPTIONS.get(name)
        if option is None:
            problems[name] = f"there is no option {name}={shown(value)}.{did_you_mean(name, OPTIONS)}"
            continue
        try:
            checked[name] = option.check(value)
        except checks.Refusal as refusal:
            problems[name] = f"{name}={shown(value)} {refusal}"
    return checked, problems


_DEFAULTS: dict[str, Any] = {name: option.check(option.default) for name, option in OPTIONS.items()}


def _contradictions(checked: Mapping[str, Any], signature: Signature) -> dict[str, str]:
    problems = {}
    if checked["loop"] and not signature.is_async:
        problems["loop"] = 'loop="caller" is for async def only; leave it out, or make the function async'
    if checked["cleanup"] and checked["trigger"] not in (TriggerRule.ALL_DONE, TriggerRule.ALWAYS):
        problems["cleanup"] = 'cleanup=True needs trigger="all_done", so that it runs however the others end'
    return problems


def _retry_policy(checked: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        retries=checked["retries"],
        delay=checked["retry_delay"],
        backoff=checked["backoff"],
        max_delay=checked["max_retry_delay"],
        jitter=checked["jitter"],
        retry_on=checked["retry_on"],
        no_retry_on=checked["no_retry_on"],
    )


def _pool(checked: Mapping[str, Any], signature: Signature) -> Pool:
    if not signature.is_async:
        return "thread"
    return "caller" if checked["loop"] else "loop"
