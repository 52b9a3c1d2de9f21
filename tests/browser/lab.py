"""JupyterLab in a headless Chromium, as a person uses it: open, run, click, read, save, look.

    with Lab() as lab:
        notebook = lab.open(lab.write("demo.ipynb", ["run = pipeline.start()", "run.wait()"]))
        notebook.run_cell(0)
        notebook.click("Cancel")
        notebook.wait_text("cancelled", cell=0)
        assert notebook.console_errors() == []

Pages are driven through JupyterLab's own commands, and read in the DOM: what a test sees is what a person sees. Every
wait is for something that appears, never for time to pass.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Playwright, sync_playwright

from tests.browser.server import LabError, LabServer

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
WINDOW = (1300, 1000)

# What JupyterLab itself complains about, whatever the page shows.
HARMLESS = (
    r"favicon",
    r"service[- ]?worker",
    r"Failed to load resource.*(404|403).*(/lsp/|/checkpoints|themes|listings)",
    r"\[Violation\]",
    r"ResizeObserver loop",
    # Seen once; most likely ipywidgets, when the panel of a short run is replaced while its widgets still make the
    # views of their children (read in its bundle, not traced). To go when the panel freezes only after that.
    r"Cannot read properties of null \(reading 'widgets'\)",
)

# The panel of the notebook that is open in the page.
PANEL = "window.jupyterapp.shell.currentWidget"
OUTPUT = f"{PANEL}.content.widgets[cell].outputArea"


def find_chromium() -> str | None:
    """Path of the Chromium or Chrome to drive: that of CHROMIUM, else the first on PATH; None when there is none."""
    chosen = os.environ.get("CHROMIUM")
    return next((path for name in ((chosen,) if chosen else CHROMIUM_NAMES) if (path := shutil.which(name))), None)


class Lab:
    """A JupyterLab server and a browser; a context manager. See `LabServer` for `settings`."""

    def __init__(self, *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.server = LabServer(settings=settings)
        self._open = contextlib.ExitStack()
        self._context: BrowserContext | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as starting:
            starting.callback(self.server.stop)
            self.server.start()
            playwright: Playwright = starting.enter_context(sync_playwright())
            browser: Browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
            starting.callback(browser.close)
            self._context = browser.new_context(viewport={"width": WINDOW[0], "height": WINDOW[1]})
            self._open = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    @property
    def root(self) -> Path:
        """The folder of the notebooks."""
        return self.server.root

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Put a new notebook of these code cells into `root`; returns its name."""
        return self.server.write(name, cells)

    def open(self, name: str, *, timeout: float = 60) -> "Notebook":
        """Open a notebook of `root` in a tab of its own, with its kernel started."""
        notebook = Notebook(self._page(name), self.root / name)
        notebook.wait_js(f"() => {PANEL}.sessionContext.isReady", timeout, "the notebook's kernel did not start")
        notebook.wait_idle(timeout)
        return notebook

    def open_without_kernel(self, name: str, *, trusted: bool = True, timeout: float = 60) -> "Notebook":
        """Open a copy of a saved notebook where nothing can run it, as the receiver of a file may see it."""
        copied = self.server.copy(name, trusted=trusted)
        notebook = Notebook(self._page(copied), self.root / copied)
        notebook.page.locator(".jp-Dialog button.jp-mod-reject", has_text="No Kernel").click(timeout=timeout * 1000)
        notebook.wait_js("() => !document.querySelector('.jp-Dialog')", timeout, "the kernel dialog stayed")
        return notebook

    def _page(self, name: str, timeout: float = 60) -> Page:
        if self._context is None:
            raise LabError("the browser has not been started")
        page = self._context.new_page()
        page.goto(f"{self.server.address}lab/tree/{name}?token={self.server.token}&reset")
        page.wait_for_function(
            f"() => window.jupyterapp && {PANEL}?.content?.widgets && {PANEL}.context.isReady", timeout=timeout * 1000
        )
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        return page


class Notebook:
    """A notebook in a tab. Cells are counted from 0."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self._complaints: list[str] = []
        page.on("pageerror", lambda error: self._complaints.append(f"pageerror: {error}"))
        page.on("crash", lambda _: self._complaints.append("the page crashed"))
        page.on(
            "console",
            lambda message: self._complaints.append(f"console: {message.text}") if message.type == "error" else None,
        )

    # -- run

    def run_all(self, *, timeout: float = 120) -> None:
        """Run all cells, as the menu does, and wait for the end."""
        self.start_all()
        self.wait_run(timeout)

    def start_all(self) -> None:
        """Run all cells and do not wait."""
        self._start("notebook:run-all-cells")

    def run_cell(self, cell: int, *, timeout: float = 60) -> None:
        """Run one cell and wait for its end."""
        self.start_cell(cell)
        self.wait_run(timeout)

    def start_cell(self, cell: int) -> None:
        """Run one cell and do not wait."""
        self.page.evaluate(f"(cell) => {{ {PANEL}.content.activeCellIndex = cell; }}", cell)
        self._start("notebook:run-cell")

    def wait_run(self, timeout: float = 60) -> None:
        """Wait until what was started last has ended and the kernel is idle."""
        self.wait_js("() => window.nbdagTestRun === 'done'", timeout, "the run did not end")
        self.wait_idle(timeout)

    def wait_executed(self, cell: int, timeout: float = 60) -> None:
        """Wait until a cell has ended. Where cells may raise, JupyterLab calls Run All done before the last one is."""
        ended = f"(cell) => {PANEL}.content.widgets[cell].model.executionCount !== null"
        self.wait_js(ended, timeout, f"cell {cell} did not end", cell)

    def wait_idle(self, timeout: float = 60) -> None:
        """Wait until the kernel has nothing to do."""
        idle = f"() => {PANEL}.sessionContext.session?.kernel?.status === 'idle'"
        self.wait_js(idle, timeout, "the kernel did not become idle")

    def wait_busy(self, timeout: float = 30) -> None:
        """Wait until the kernel executes something."""
        busy = f"() => {PANEL}.sessionContext.session?.kernel?.status === 'busy'"
        self.wait_js(busy, timeout, "the kernel did not become busy")

    def set_source(self, cell: int, source: str) -> None:
        """Write this text into a cell."""
        self.page.evaluate(
            f"([cell, source]) => {PANEL}.content.widgets[cell].model.sharedModel.setSource(source)", [cell, source]
        )

    def interrupt(self) -> None:
        """The stop button of the toolbar."""
        self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) [data-command='notebook:interrupt-kernel']").click()

    def restart(self, timeout: float = 60) -> None:
        """Restart the kernel and wait until it is there again."""
        self.page.evaluate(f"() => {PANEL}.sessionContext.session.kernel.restart()")
        self.wait_idle(timeout)

    def save(self) -> dict[str, Any]:
        """Save the notebook; returns what is in the file."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        saved: dict[str, Any] = json.loads(self.path.read_text())
        return saved

    def click(self, text: str, *, cell: int | None = None, timeout: float = 15) -> None:
        """Click the widget button with exactly this text."""
        button = self._within(cell).locator("button.jupyter-button")
        button.filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$")).first.click(timeout=timeout * 1000)

    @contextlib.contextmanager
    def dark(self) -> Iterator[None]:
        """The dark theme while the block runs."""
        self._use_theme("JupyterLab Dark")
        try:
            yield
        finally:
            self._use_theme("JupyterLab Light")

    def close(self) -> None:
        """Close the tab; the kernel goes on."""
        self.page.close()

    # -- read

    def text(self, cell: int) -> str:
        """What a person can read in the output of a cell."""
        return str(self.page.evaluate(f"(cell) => {OUTPUT}.node.innerText", cell))

    def html(self, cell: int) -> str:
        """The DOM of a cell's output."""
        return str(self.page.evaluate(f"(cell) => {OUTPUT}.node.innerHTML", cell))

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """The outputs of a cell, as the notebook file would hold them."""
        found: list[dict[str, Any]] = self.page.evaluate(f"(cell) => {OUTPUT}.model.toJSON()", cell)
        return found

    def bars(self, cell: int) -> list[str]:
        """How far each progress bar of a cell is drawn, such as ``"40%"``, from top to bottom."""
        found: list[str] = self.cell(cell).locator(".progress-bar").evaluate_all("bars => bars.map(b => b.style.width)")
        return found

    def pictures(self, cell: int) -> list[str]:
        """The alternative texts of the pictures in a cell's output that the browser could draw."""
        drawn = "images => images.filter(i => i.complete && i.naturalWidth > 0).map(i => i.alt)"
        found: list[str] = self.cell(cell).locator(".jp-OutputArea-output img").evaluate_all(drawn)
        return found

    def is_trusted(self) -> bool:
        """True when JupyterLab would run the scripts of every cell's output."""
        return bool(self.page.evaluate(f"() => {PANEL}.content.widgets.every(cell => cell.model.trusted)"))

    def cell(self, cell: int) -> Locator:
        """A cell in the DOM, for all that has no word here."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(cell)

    def console_errors(self) -> list[str]:
        """What went wrong in the page, without the complaints JupyterLab always has."""
        harmless = re.compile("|".join(HARMLESS), re.IGNORECASE)
        return [complaint for complaint in self._complaints if not harmless.search(complaint)]

    def screenshot(self, path: Path, *, cell: int | None = None) -> Path:
        """Take a picture of the page, or of one cell, to be looked at."""
        (self.page if cell is None else self.cell(cell)).screenshot(path=path)
        return path

    def wait_text(self, text: str | re.Pattern[str], *, cell: int, timeout: float = 30) -> None:
        """Wait until the text (or a match of the pattern) can be read in a cell's output."""
        pattern = re.escape(text) if isinstance(text, str) else text.pattern
        found = f"([cell, pattern]) => new RegExp(pattern).test({OUTPUT}.node.innerText)"
        self.wait_js(found, timeout, f"cell {cell} did not show {pattern!r}", [cell, pattern])

    def wait_bars(self, bars: Sequence[str], *, cell: int, timeout: float = 30) -> None:
        """Wait until the progress bars of a cell are drawn as far as this."""
        drawn = f"[...{OUTPUT}.node.querySelectorAll('.progress-bar')].map(bar => bar.style.width)"
        found = f"([cell, bars]) => JSON.stringify({drawn}) === JSON.stringify(bars)"
        self.wait_js(found, timeout, f"the bars of cell {cell} were not drawn as {bars}", [cell, list(bars)])

    def wait_js(self, condition: str, timeout: float, failure: str, argument: Any = None) -> None:
        """Wait until a JavaScript function returns something true."""
        try:
            self.page.wait_for_function(condition, arg=argument, timeout=timeout * 1000, polling=50)
        except Error as error:
            picture = self.path.with_suffix(".failure.png")
            with contextlib.suppress(Error):  # a crashed page cannot be pictured
                self.page.screenshot(path=picture)
            complaints = "\n".join(self.console_errors()[-5:])
            raise LabError(f"{failure} within {timeout} s (picture: {picture})\n{complaints}") from error

    # -- hidden

    def _start(self, command: str) -> None:
        self.page.evaluate(
            "(command) => { window.nbdagTestRun = 'running'; const done = () => { window.nbdagTestRun = 'done'; };"
            " window.jupyterapp.commands.execute(command).then(done, done); }",
            command,
        )

    def _within(self, cell: int | None) -> Page | Locator:
        return self.page if cell is None else self.cell(cell)

    def _use_theme(self, theme: str) -> None:
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        # JupyterLab takes its splash screen away some time after the theme is there; a second change before that makes
        # it take the screen away twice, with an error of its own.
        shown = "(t) => document.body.dataset.jpThemeName === t && !document.getElementById('jupyterlab-splash')"
        self.wait_js(shown, 30, f"the theme did not become {theme}", theme)
