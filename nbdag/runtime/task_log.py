"""Brings the records of `current_task().log` to the task's sink, each once.

Those loggers stand under ``nbdag.task`` and log from INFO up, whatever the root logger is set to. Their records go up
to the person's own handlers as well; one of these that writes to a captured stream has printed the record already.
"""

import logging
from collections.abc import Callable

from nbdag.runtime.context import TASK_LOGGER
from nbdag.runtime.sink import Sink
from nbdag.runtime.streams import stands_in


class TaskLogHandler(logging.Handler):
    """Writes records to the sink of the calling context, unless another handler prints them there."""

    def __init__(self, current: Callable[[], Sink | None]) -> None:
        super().__init__()
        self._current = current
        self.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        sink = self._current()
        if sink is None or is_printed(record):
            return
        try:
            sink.write("log", f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - a person's arguments that do not fit the message; logging's own way to say so
            self.handleError(record)


def is_printed(record: logging.LogRecord) -> bool:
    """True when a handler of the record's loggers writes it to a captured stream.

    >>> is_printed(logging.LogRecord("nbdag.task.train", logging.INFO, "", 0, "hello", (), None))
    False
    """
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        if any(record.levelno >= handler.level and stands_in(_stream_of(handler)) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def collect_task_log(current: Callable[[], Sink | None]) -> Callable[[], None]:
    """Collect what tasks log through their own loggers; returns what undoes it.

    >>> undo = collect_task_log(lambda: None)
    >>> logging.getLogger("nbdag.task").isEnabledFor(logging.INFO)
    True
    >>> undo()
    """
    logger = logging.getLogger(TASK_LOGGER)
    handler = TaskLogHandler(current)
    had_level = logger.level != logging.NOTSET
    if not had_level:
        logger.setLevel(logging.INFO)
    logger.addHandler(handler)

    def undo() -> None:
        logger.removeHandler(handler)
        if not had_level and logger.level == logging.INFO:
            logger.setLevel(logging.NOTSET)

    return undo


def _stream_of(handler: logging.Handler) -> object:
    """The stream a handler writes to: its own, or that of its console, as Rich's handler has one."""
    return getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
