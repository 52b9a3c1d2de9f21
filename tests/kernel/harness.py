"""Drives a real ipykernel the way a front end does: cells in, messages out, each attributed to the cell it belongs to.

    with Kernel() as kernel:
        kernel.execute("import nbdag")
        cell = kernel.start("run = pipeline.run()")      # does not wait
        cell.wait_text("[train] epoch 1")
        kernel.interrupt()
        assert cell.wait().error.name == "KeyboardInterrupt"

One thread does it all: messages are read when somebody waits for something, from all channels, and kept in order of
arrival in `Kernel.messages`. Which cell a message belongs to is what the kernel says (its parent header), so output
that lands in the wrong cell shows. A kernel is its own process group in a folder of its own, and goes with `stop()`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

CHANNELS = ("iopub", "shell", "control", "stdin")
MimeBundle = Mapping[str, Any]


class KernelError(Exception):
    """The kernel died, or did not do in time what a test waited for."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the kernel. `parent` is the id of the request it answers: the cell it belongs to."""

    channel: str
    type: str
    parent: str
    content: Mapping[str, Any]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellError:
    """The exception a cell ended with; `traceback` is what a person reads, without colours."""

    name: str
    value: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Result:
    """All a cell has put out, as its output area shows it."""

    status: str
    """``"ok"``, ``"error"`` or ``"aborted"``; empty while the cell runs."""
    stdout: str
    stderr: str
    displays: tuple[MimeBundle, ...]
    """What `display()` and the last expression showed, in order, in its latest version (updates by display id)."""
    value: MimeBundle | None
    """The last expression's bundle, None when there was none."""
    error: CellError | None
    messages: tuple[Message, ...]
    """Every IOPub message of this cell, comm messages too."""

    @property
    def text(self) -> str:
        """Everything a person can read: streams, displays as plain text, the traceback."""
        shown = [str(bundle.get("text/plain", "")) for bundle in self.displays]
        return "\n".join([self.stdout, self.stderr, *shown, self.error.traceback if self.error else ""])


@dataclass(slots=True)
class Widget:
    """A widget's model as a front end would know it by now."""

    comm: str
    state: dict[str, Any] = field(default_factory=dict)
    open: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that was sent to the kernel; it may still run."""

    kernel: "Kernel"
    id: str

    @property
    def done(self) -> bool:
        """True once the kernel has replied and all of the cell's own output is here."""
        return self.kernel.is_done(self.id)

    def wait(self, timeout: float = 30) -> Result:
        """Everything the cell put out, once it has ended."""
        self.kernel.wait(lambda: self.done, timeout, "the cell did not end")
        return self.result()

    def wait_text(self, text: str, timeout: float = 30) -> Result:
        """What the cell has put out so far, as soon as `text` can be read in it."""
        self.kernel.wait(lambda: text in self.result().text, timeout, f"the cell did not show {text!r}")
        return self.result()

    def result(self) -> Result:
        """What the cell has put out so far."""
        return self.kernel.result(self.id)


class Kernel:
    """A running ipykernel; a context manager. `python` may be that of another virtual environment."""

    def __init__(self, python: str = sys.executable, *, env: Mapping[str, str] | None = None) -> None:
        self.python = python
        self.messages: list[Message] = []
        self._folder = Path(tempfile.mkdtemp(prefix="nbdag-kernel-"))
        self._extra_env = dict(env or {})
        self._answers: dict[str, list[str]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._client: BlockingKernelClient | None = None

    # -- life

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Where the kernel runs, as the folder of a notebook."""
        return self._folder / "work"

    @property
    def pid(self) -> int:
        """The kernel's process id, which is also its process group."""
        return self._running().pid

    def launch(self, timeout: float = 60) -> None:
        """Start the process and wait until it answers and its output reaches us."""
        self.folder.mkdir(exist_ok=True)
        path, _ = write_connection_file(str(self._folder / "connection.json"))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", "ipykernel_launcher", "-f", path],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._client = BlockingKernelClient()
        self._client.load_connection_file(path)
        self._client.start_channels(hb=False)
        # Output is published, not queued: until our subscription has arrived, what the kernel says is lost.
        deadline = time.monotonic() + timeout
        while not self._seen("iopub") or not self._seen("shell"):
            if time.monotonic() > deadline:
                raise KernelError(f"the kernel did not start within {timeout} s:\n{self.log()}")
            self._client.kernel_info()
            self._read(0.3)
        self.messages.clear()

    def stop(self) -> None:
        """End the kernel and everything it started; remove its folder."""
        process, self._process = self._process, None
        client, self._client = self._client, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        if client is not None:
            client.stop_channels()
            client.context.term()
        shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self) -> None:
        """A fresh kernel in the same folder, as after the restart button; messages so far are forgotten."""
        self.kill()
        client, self._client = self._client, None
        if client is not None:
            client.stop_channels()
            client.context.term()
        (self._folder / "connection.json").unlink(missing_ok=True)
        self.messages.clear()
        self.launch()

    def kill(self) -> None:
        """End it with SIGKILL: what the kernel has not written down is lost."""
        process = self._running()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def log(self) -> str:
        """What the kernel's process wrote past Jupyter: crashes, C libraries, grandchildren."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- what a front end does

    def execute(self, code: str, *, timeout: float = 30, answers: Sequence[str] = ()) -> Result:
        """Run a cell and wait for its end."""
        return self.start(code, answers=answers).wait(timeout)

    def start(self, code: str, *, answers: Sequence[str] = ()) -> Cell:
        """Send a cell and do not wait. `answers` are typed, in order, where it asks for input (as `%debug` does)."""
        client = self._connected()
        cell = Cell(self, client.execute(code, allow_stdin=bool(answers), stop_on_error=True))
        self._answers[cell.id] = list(answers)
        return cell

    def interrupt(self) -> None:
        """The stop button: SIGINT to the kernel itself, as Jupyter sends it."""
        os.kill(self._running().pid, signal.SIGINT)

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        """What Tab offers at the cursor (by default the end)."""
        reply = self._ask(self._connected().complete(code, cursor_pos=cursor))
        return [str(match) for match in reply["matches"]]

    def inspect(self, code: str, cursor: int | None = None) -> str:
        """The text of Shift-Tab at the cursor (by default the end), without colours; empty when nothing is known."""
        reply = self._ask(self._connected().inspect(code, cursor_pos=cursor))
        return _plain(str(reply["data"].get("text/plain", "")))

    def click(self, description: str) -> None:
        """Click the widget button with this text, as the browser reports it."""
        found = [w for w in self.widgets().values() if w.open and w.state.get("description") == description]
        if not found:
            raise KernelError(f"there is no button {description!r}")
        client = self._connected()
        content = {"comm_id": found[-1].comm, "data": {"method": "custom", "content": {"event": "click"}}}
        client.shell_channel.send(client.session.msg("comm_msg", content))

    # -- what a front end knows

    def widgets(self) -> dict[str, Widget]:
        """The models of all widgets by comm id, whichever cell made or changed them."""
        known: dict[str, Widget] = {}
        for message in self.messages:
            comm = str(message.content.get("comm_id", ""))
            match message.type:
                case "comm_open":
                    known[comm] = Widget(comm, dict(message.content["data"].get("state", {})))
                case "comm_msg" if comm in known:
                    known[comm].state |= message.content["data"].get("state", {})
                case "comm_close" if comm in known:
                    known[comm].open = False
        return known

    def is_done(self, request: str) -> bool:
        """True when a request was replied to and its last output has arrived."""
        replied = any(m.channel == "shell" and m.parent == request for m in self.messages)
        return replied and any(
            m.type == "status" and m.parent == request and m.content["execution_state"] == "idle" for m in self.messages
        )

    def result(self, request: str) -> Result:
        """What the request with this id has put out so far."""
        own = tuple(m for m in self.messages if m.channel == "iopub" and m.parent == request)
        replies = [m for m in self.messages if m.channel == "shell" and m.parent == request]
        errors = [
            CellError(m.content["ename"], m.content["evalue"], _plain("\n".join(m.content["traceback"])))
            for m in own
            if m.type == "error"
        ]
        values = [m.content["data"] for m in own if m.type == "execute_result"]
        return Result(
            status=str(replies[-1].content["status"]) if replies else "",
            stdout=_stream(own, "stdout"),
            stderr=_stream(own, "stderr"),
            displays=tuple(_displays(own, self.messages)),
            value=values[-1] if values else None,
            error=errors[-1] if errors else None,
            messages=own,
        )

    def wait(self, condition: Callable[[], bool], timeout: float, failure: str) -> None:
        """Read messages until `condition()` holds; fails when the kernel dies or the time is over."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self._running().poll() is not None:
                raise KernelError(f"{failure}: the kernel died\n{self.log()}")
            if time.monotonic() > deadline:
                seen = "\n".join(f"{m.channel} {m.type} {str(m.content)[:200]}" for m in self.messages[-12:])
                raise KernelError(f"{failure} within {timeout} s. The last messages:\n{seen}\n{self.log()}")
            self._read(0.1)

    # -- the wire

    def _environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "PYTHONWARNINGS")}
        env["IPYTHONDIR"] = str(self._folder / "ipython")  # nobody's profile, nobody's history
        env["JPY_PARENT_PID"] = str(os.getpid())  # the kernel ends itself when the tests are killed
        return env | self._extra_env

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise KernelError("the kernel has not been started, or was stopped")
        return self._process

    def _connected(self) -> BlockingKernelClient:
        if self._client is None:
            raise KernelError("the kernel has not been started, or was stopped")
        return self._client

    def _seen(self, channel: str) -> bool:
        return any(message.channel == channel for message in self.messages)

    def _ask(self, request: str, timeout: float = 20) -> Mapping[str, Any]:
        self.wait(lambda: self.is_done(request), timeout, "the kernel did not reply")
        return next(m.content for m in self.messages if m.channel == "shell" and m.parent == request)

    def _read(self, timeout: float) -> None:
        """Take in every message that is there; wait up to `timeout` for the first."""
        client = self._connected()
        channels = {name: getattr(client, f"{name}_channel") for name in CHANNELS}
        poller = zmq.Poller()
        for channel in channels.values():
            poller.register(channel.socket, zmq.POLLIN)
        poller.poll(int(timeout * 1000))
        for name, channel in channels.items():
            while channel.msg_ready():
                self._take(name, channel.get_msg(timeout=0))

    def _take(self, channel: str, raw: Mapping[str, Any]) -> None:
        parent = str(raw["parent_header"].get("msg_id", ""))
        self.messages.append(Message(channel, raw["header"]["msg_type"], parent, raw["content"], raw["metadata"]))
        if raw["header"]["msg_type"] == "input_request":
            answers = self._answers.get(parent, [])
            self._connected().input(answers.pop(0) if answers else "")


def _stream(messages: Iterable[Message], name: str) -> str:
    return "".join(m.content["text"] for m in messages if m.type == "stream" and m.content["name"] == name)


def _displays(own: Iterable[Message], everything: Iterable[Message]) -> Iterable[MimeBundle]:
    """What a cell displayed; an update belongs to the output it changes, whichever cell it was sent from."""
    latest = {
        m.content["transient"]["display_id"]: m.content["data"] for m in everything if m.type == "update_display_data"
    }
    for message in own:
        if message.type in ("display_data", "execute_result"):
            display_id = message.content.get("transient", {}).get("display_id")
            yield latest.get(display_id, message.content["data"])


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
