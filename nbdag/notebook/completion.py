"""What can stand at the cursor of a magic's line: options, task names, pipeline names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbdag import dag as face
from nbdag.core.triggers import TriggerRule
from nbdag.notebook.options import FORMS, Form, flags, spelled
from nbdag.notebook.source import Shell

OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "%%dag_task": (*flags(), "--run", "--show"),
    "%dag": (),
    "%dag_run": ("--force", "--background"),
    "%dag_show": ("--up", "--down", "--full", "--direction"),
    "%dag_status": (),
    "%dag_events": (),
    "%dag_gantt": ("--plot",),
    "%dag_pull": ("--as", "--inputs", "--force"),
    "%dag_cancel": (),
    "%dag_drop": (),
    "%dag_debug": (),
}
"""Every magic with its options."""

_TAKE_TASKS = frozenset({"%%dag_task", "%dag_run", "%dag_show", "%dag_pull", "%dag_drop", "%dag_debug"})
_WORDS_AFTER: Mapping[str, tuple[str, ...]] = {
    spelled("trigger"): tuple(rule.value for rule in TriggerRule),
    spelled("loop"): ("caller",),
    "--direction": ("LR", "TB"),
}
_TAKE_NO_NAME = frozenset(spelled(option) for option, form in FORMS.items() if form in (Form.NUMBER, Form.AMOUNTS))


def completions(line: str, *, tasks: Iterable[str], pipelines: Iterable[str]) -> list[str]:
    """The words that fit at the end of a line; none where the line is no magic of nbdag.

    >>> completions("%dag_run tr", tasks=["load", "train"], pipelines=[])
    ['train']
    >>> completions("%%dag_task train --deps load,fe", tasks=["load", "features"], pipelines=[])
    ['features']
    """
    command, *words = line.split() or [""]
    if command not in OPTIONS_OF or not (words or line[-1:].isspace()):
        return []
    word = "" if line[-1:].isspace() else words.pop()
    before = words[-1] if words else ""
    if word.startswith("-"):
        fitting: Iterable[str] = OPTIONS_OF[command]
    elif before in _WORDS_AFTER:
        fitting = _WORDS_AFTER[before]
    elif command == "%dag":
        fitting = pipelines
    elif command in _TAKE_TASKS and before not in _TAKE_NO_NAME:
        fitting = tasks
    else:
        fitting = ()
    last = word.rpartition(",")[2]
    return [name for name in fitting if name.startswith(last)]


def install(shell: Shell) -> Callable[[], None]:
    """Completes the lines of nbdag's magics in a shell; returns what undoes it."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # before IPython 8.6
        return _install_as_hooks(shell)
    completer = shell.Completer

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython has no types here
    def nbdag_matcher(context: Any) -> dict[str, Any]:
        found = _now(context.text_until_cursor)
        return {
            "completions": [SimpleCompletion(text=text, type="magic") for text in found],
            "matched_fragment": _fragment(context.text_until_cursor),
            "suppress": bool(found),
        }

    completer.custom_matchers.append(nbdag_matcher)
    return lambda: completer.custom_matchers.remove(nbdag_matcher)


def _install_as_hooks(shell: Shell) -> Callable[[], None]:
    def complete(_shell: object, event: Any) -> list[str]:
        return _now(event.text_until_cursor)

    for command in OPTIONS_OF:
        shell.set_hook("complete_command", complete, str_key=command)
    table = shell.strdispatchers["complete_command"].strs

    def undo() -> None:
        for command in OPTIONS_OF:
            table.pop(command, None)

    return undo


def _now(line: str) -> list[str]:
    dag = face.current()
    return completions(line, tasks=dag.tasks if dag else (), pipelines=face.names())


def _fragment(line: str) -> str:
    """What a completion replaces: the rest of the line from the last space or comma."""
    return line[max(line.rfind(" "), line.rfind(",")) + 1 :]
