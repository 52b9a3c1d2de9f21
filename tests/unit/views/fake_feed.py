"""A run that a test writes by hand, as its viewers see it."""

from collections.abc import Mapping
from typing import Any

from nbdag.core.events import Event
from nbdag.core.records import ErrorInfo
from nbdag.runtime.ports import OutputLine, OutputSlice, Progress, TaskDisplay


class FakeFeed:
    """Implements `RunFeed`. Time stands still until the test sets `at`."""

    def __init__(self, *tasks: str, pipeline: str = "ml", max_attempts: Mapping[str, int] = {}) -> None:
        self.run_id, self.pipeline, self.at = 3, pipeline, 0.0
        self.events: list[Event] = []
        self.progress: dict[str, Progress] = {}
        self.displays: list[TaskDisplay] = []
        self.lines: list[OutputLine] = []
        self.cancels = 0
        self.say("run_started", pipeline=pipeline, tasks=tasks, max_attempts=max_attempts)

    @property
    def finished(self) -> bool:
        return self.events[-1].name == "run_finished"

    def now(self) -> float:
        return self.at

    def output_tail(self, task: str, lines: int) -> list[str]:
        return [line.text for line in self.lines if line.task == task][-lines:]

    def output_since(self, number: int) -> OutputSlice:
        return OutputSlice(number, tuple(self.lines[number:]))

    def output_text(self, task: str) -> str:
        return "".join(f"{line.text}\n" for line in self.lines if line.task == task)

    def cancel(self) -> None:
        self.cancels += 1
        self.say("cancel_requested")

    def say(self, name: str, task: str | None = None, attempt: int = 0, message: str = "", /, **data: Any) -> None:
        self.events.append(Event(len(self.events) + 1, self.at, name, task, attempt, message, data))

    def start(self, task: str, attempt: int = 1) -> None:
        self.say("task_started", task, attempt, worker="t1", queued=0.0)

    def succeed(self, task: str, attempt: int = 1) -> None:
        self.say("task_succeeded", task, attempt)

    def fail(self, task: str, error: ErrorInfo, attempt: int = 1) -> None:
        self.say("task_failed", task, attempt, reason="error", error=error)

    def finish(self, status: str) -> None:
        self.say("run_finished", status=status)

    def write(self, task: str, text: str) -> None:
        self.lines.append(OutputLine(self.at, task, 1, "stdout", text))
