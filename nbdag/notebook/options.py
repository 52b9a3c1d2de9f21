"""The options of `%%dag_task` and what their texts mean as values of `pipeline.task`.

Every keyword of `pipeline.task` is an option, `_` written `-`; `FORMS` says how each one's text is read, and
`nbdag.core.options` then checks the value, so that a cell and a function obey the same rules.
"""

import argparse
import ast
import builtins
import shlex
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from nbdag.core.checks import later
from nbdag.core.errors import did_you_mean
from nbdag.core.options import OPTIONS
from nbdag.notebook.cells import CellError


class Form(Enum):
    """How the text of an option is read; the value is its placeholder in the help."""

    FLAG = ""
    """Given or not: `--cleanup`, `--no-keep`."""
    TEXT = "TEXT"
    NUMBER = "N"
    NAMES = "A,B"
    AMOUNTS = "NAME=N,…"
    OBJECTS = "NAME,…"
    """Things of the notebook or built-in ones, by name: `OSError,requests.ConnectionError`."""
    DELAY = "N|N,…|NAME"
    """A number, several, or a function of the notebook."""


FORMS: dict[str, Form] = {
    "dependencies": Form.NAMES,
    "after": Form.NAMES,
    "retries": Form.NUMBER,
    "retry_delay": Form.DELAY,
    "backoff": Form.NUMBER,
    "max_retry_delay": Form.NUMBER,
    "jitter": Form.NUMBER,
    "retry_on": Form.OBJECTS,
    "no_retry_on": Form.OBJECTS,
    "timeout": Form.NUMBER,
    "total_timeout": Form.NUMBER,
    "kill_grace": Form.NUMBER,
    "crash_retries": Form.NUMBER,
    "isolation": Form.TEXT,
    "trigger": Form.TEXT,
    "allow_failure": Form.FLAG,
    "cleanup": Form.FLAG,
    "priority": Form.NUMBER,
    "resources": Form.AMOUNTS,
    "tags": Form.NAMES,
    "cache": Form.FLAG,
    "ttl": Form.NUMBER,
    "version": Form.TEXT,
    "files": Form.NAMES,
    "env": Form.NAMES,
    "reads": Form.NAMES,
    "ignore": Form.NAMES,
    "trust": Form.FLAG,
    "keep": Form.FLAG,
    "outputs": Form.NAMES,
    "map_over": Form.TEXT,
    "loop": Form.TEXT,
}
"""Every option but `name`, which is the word after `%%dag_task`."""

ALIASES: dict[str, tuple[str, ...]] = {"dependencies": ("--deps",)}


def spelled(option: str) -> str:
    """How an option is written in a cell.

    >>> spelled("retry_delay")
    '--retry-delay'
    """
    return "--" + option.replace("_", "-")


def flags() -> tuple[str, ...]:
    """Every option as it is written, the aliases and the `--no-…` of flags among them.

    >>> [flag for flag in flags() if "keep" in flag or "dep" in flag]
    ['--dependencies', '--deps', '--keep', '--no-keep']
    """
    written = []
    for option, form in FORMS.items():
        written += [spelled(option), *ALIASES.get(option, ())]
        if form is Form.FLAG:
            written.append("--no-" + spelled(option)[2:])
    return tuple(written)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Gives a parser all the options; those not written leave no trace in what it parses."""
    for option, form in FORMS.items():
        arguments: dict[str, Any] = {"dest": option, "default": argparse.SUPPRESS, "help": _about(option)}
        if form is Form.FLAG:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["metavar"] = form.value
        parser.add_argument(spelled(option), *ALIASES.get(option, ()), **arguments)


def _about(option: str) -> str:
    """Options of a later version can be written, and are refused with their reason; the help does not offer them."""
    return argparse.SUPPRESS if OPTIONS[option].check is later else OPTIONS[option].about


def parse_line(parser: argparse.ArgumentParser, line: str) -> argparse.Namespace:
    """The words of a magic's line by the parser's arguments; quotes hold a word together.

    Raises:
        CellError: a word fits nothing, with what may have been meant.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise CellError(f"cannot read {line!r}: {str(error).lower()}") from None
    parsed, extra = parser.parse_known_args(words)
    for word in extra:
        known = [flag for action in parser._actions for flag in action.option_strings]
        if word in ("--help", "-h"):
            raise CellError("a ? after the magic's name shows its help, as in `%dag_run?`")
        if word.startswith("--"):
            raise CellError(f"there is no option {word}.{did_you_mean(word.split('=')[0], known)}")
        raise CellError(f"{word!r} is one word too many (lists have commas and no spaces: load,clean)")
    return parsed


def read_options(given: Mapping[str, Any], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the options that were written, for `nbdag.core.options.make_spec`.

    Args:
        given: texts by option; entries that are no option of a task are left out.
        namespace: the notebook's, where exceptions and functions are looked up by name.

    >>> read_options({"retries": "2", "retry_on": "OSError", "resources": "gpu=1,openai=2", "keep": False}, {})
    {'retries': 2, 'retry_on': <class 'OSError'>, 'resources': {'gpu': 1, 'openai': 2}, 'keep': False}
    """
    return {option: _value(option, given[option], namespace) for option in FORMS if option in given}


def _value(option: str, text: Any, namespace: Mapping[str, Any]) -> Any:
    match FORMS[option]:
        case Form.NUMBER:
            return _literal(text)
        case Form.NAMES:
            return split_names(text)
        case Form.AMOUNTS:
            return _amounts(option, text)
        case Form.OBJECTS:
            found = [_look_up(name, option, namespace) for name in split_names(text)]
            return found[0] if len(found) == 1 else tuple(found)
        case Form.DELAY:
            value = _literal(text)
            if isinstance(value, str):
                return _look_up(value, option, namespace)
            return list(value) if isinstance(value, tuple) else value
        case Form.FLAG | Form.TEXT:
            return text


def split_names(text: str) -> list[str]:
    r"""Names parted by commas; brackets and quotes around them are welcome.

    >>> split_names("load,clean"), split_names("['load', \"clean\"]"), split_names("[]")
    (['load', 'clean'], ['load', 'clean'], [])
    """
    inside = text.strip()
    if inside[:1] + inside[-1:] in ("[]", "()"):
        inside = inside[1:-1]
    return [name for part in inside.split(",") if (name := part.strip().strip("'\""))]


def _literal(text: str) -> Any:
    """The number or list that is written, else the text itself: the check of the option says what it should be."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _amounts(option: str, text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        written = _literal(text)
        if isinstance(written, dict):
            return written
    amounts = {}
    for part in split_names(text):
        name, equals, amount = part.partition("=")
        if not equals:
            raise CellError(f"{spelled(option)} takes amounts, as in {spelled(option)} {name}=1; got {part!r}")
        amounts[name.strip()] = _literal(amount.strip())
    return amounts


def _look_up(name: str, option: str, namespace: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    known: Sequence[str] = [*namespace, *vars(builtins)]
    if first not in known:
        raise CellError(f"{spelled(option)} {name}: the notebook has no {first!r}.{did_you_mean(first, known)}")
    found = namespace[first] if first in namespace else vars(builtins)[first]
    for part in rest:
        if not hasattr(found, part):
            raise CellError(f"{spelled(option)} {name}: {first} has no {part!r}.{did_you_mean(part, dir(found))}")
        first, found = f"{first}.{part}", getattr(found, part)
    return found
