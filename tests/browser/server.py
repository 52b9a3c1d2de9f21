"""A JupyterLab server of our own: a free port, a random token; settings, data and notebooks in throw-away folders."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.sign import NotebookNotary

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    # Every cell is in the DOM, on screen or not: a test can read what a person would scroll to.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.terminals_enabled=False",
    "--ServerApp.disable_check_xsrf=True",
    "--LanguageServerManager.autodetect=False",
    "--LabApp.expose_app_in_browser=True",  # `window.jupyterapp`, by which pages are driven
)


class LabError(Exception):
    """The server or a page did not do what a test waited for."""


class LabServer:
    """JupyterLab over the notebooks in `root`. `settings` are those of its front end, by plugin."""

    def __init__(self, *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="nbdag-lab-"))
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.token = secrets.token_hex(16)
        self.port = 0
        self.root = self._home / "notebooks"
        self.root.mkdir()

    @property
    def address(self) -> str:
        """Where the server listens, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self, timeout: float = 90) -> None:
        """Start the process and wait until it answers."""
        self._write_settings()
        for _ in range(3):  # another program can take the free port before the server does
            self.port = _free_port()
            self._process = self._launch()
            if self._answers(timeout):
                return
            self._end_process()
        raise LabError(f"JupyterLab did not start:\n{self.log()[-3000:]}")

    def stop(self) -> None:
        """End the server, its kernels and its folders."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):  # it may have died; the process group goes all the same
                self.stop_kernels()
                self.request("api/shutdown", method="POST")
        self._end_process()
        shutil.rmtree(self._home, ignore_errors=True)

    def stop_kernels(self) -> None:
        """Shut down every kernel that runs."""
        for kernel in self.request("api/kernels"):
            self.request(f"api/kernels/{kernel['id']}", method="DELETE")

    def request(self, path: str, *, method: str = "GET", timeout: float = 15) -> Any:
        """The server's answer to a REST call, parsed."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.address + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def log(self) -> str:
        """What the server wrote so far."""
        path = self._home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- notebooks

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Put a new notebook of these code cells into `root`; returns its name."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.root / name)
        return name

    def copy(self, name: str, *, kernel: bool = False, trusted: bool = True) -> str:
        """Copy a saved notebook as it reaches somebody else: by default without a kernel to run it.

        An untrusted copy is one that this server never signed, such as a download.
        """
        notebook = nbformat.read(self.root / name, as_version=nbformat.NO_CONVERT)
        copied = f"{Path(name).stem}-{'trusted' if trusted else 'untrusted'}-{'live' if kernel else 'dead'}.ipynb"
        notebook.metadata["title"] = copied  # other content: no signature of another copy fits
        if not kernel:
            # Without a language, or JupyterLab starts another kernel of that language.
            notebook.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "No such kernel"}
            notebook.metadata.pop("language_info", None)
        nbformat.write(notebook, self.root / copied)
        if trusted:
            notary = NotebookNotary(data_dir=str(self._home / "data"))
            notary.sign(notebook)
            notary.store.close()
        return copied

    # -- the process

    def _write_settings(self) -> None:
        for folder in FOLDERS.values():
            (self._home / folder).mkdir(exist_ok=True)
        for plugin, values in self._settings.items():
            package, name = plugin.split(":")
            path = self._home / "settings" / package / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _launch(self) -> "subprocess.Popen[bytes]":
        folders = {variable: str(self._home / folder) for variable, folder in FOLDERS.items()}
        unwanted = ("MPLBACKEND", "PYTHONWARNINGS")
        env = {name: value for name, value in os.environ.items() if name not in unwanted}
        options = [
            *OPTIONS,
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
        ]
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                cwd=self.root,
                env=env | folders | {"JUPYTER_PREFER_ENV_PATH": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # not listening yet
                self.request("api/status", timeout=3)
                return True
            time.sleep(0.1)
        return False

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for sent, patience in ((0, 8), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
