"""The rules of the house that no linter knows: sizes, names, a cheap import, the public names, what the README says."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbdag

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "nbdag").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

MOST_LINES = 400
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
HEAVY = {
    "IPython",
    "asyncio",
    "cloudpickle",
    "graphviz",
    "ipywidgets",
    "matplotlib",
    "nest_asyncio2",
    "numpy",
    "pandas",
}
HEAVY_THIRD_PARTIES = HEAVY - {"asyncio"}
PUBLIC = {
    "DAG",
    "DAGExecutor",
    "DAGMonitor",
    "Fail",
    "Retry",
    "Run",
    "Skip",
    "Task",
    "TaskStatus",
    "allow_nested_loops",
    "current",
    "current_task",
    "log_metric",
    "progress",
}
HOOKS = {"load_ipython_extension", "unload_ipython_extension"}
MAIN_COMMAND = 'pip install -e ".[lab]" && jupyter lab notebooks/quickstart.ipynb'
TEST_COMMAND = 'pip install -e ".[test]" && pytest'


def test_modules_fit_in_a_head():
    """A module of the package has at most 400 lines; a longer one is split by responsibility."""
    assert [_named(path) for path in MODULES if len(path.read_text().splitlines()) > MOST_LINES] == []


def test_modules_have_names_that_say_something():
    """No module or folder is called utils, common, helpers, base or manager."""
    assert [_named(path) for path in MODULES if VAGUE_NAMES & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_every_test_says_its_rule():
    """Every test has a docstring: the rule it holds, in a sentence."""
    silent = [
        f"{_named(path)}::{test.name}"
        for path in TESTS
        for test in ast.walk(ast.parse(path.read_text()))
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_")
        if not ast.get_docstring(test)
    ]
    assert silent == []


def test_layers_hold():
    """A module imports from its own folder and from rows below it, and the core imports nothing but values."""
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    linter = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linter.returncode == 0, linter.stdout


def test_import_loads_nothing_heavy():
    """`import nbdag` loads no pandas, matplotlib, ipywidgets or IPython, and little more than asyncio would alone."""
    loaded = _modules_loaded_by("import nbdag")

    assert HEAVY & {name.partition(".")[0] for name in loaded} == set()
    assert len(loaded) <= 1.2 * len(_modules_loaded_by("import asyncio"))


def test_public_names_load_no_third_party():
    """Taking every public name from nbdag still loads nothing heavy: the face loads it on first use."""
    loaded = _modules_loaded_by("from nbdag import *")

    assert HEAVY_THIRD_PARTIES & {name.partition(".")[0] for name in loaded} == set()


def test_public_names_are_there():
    """What the documentation imports can be imported, and `__all__` and `dir()` tell of it."""
    assert set(nbdag.__all__) >= PUBLIC
    assert [name for name in {*nbdag.__all__, *HOOKS} if not hasattr(nbdag, name)] == []
    assert set(nbdag.__all__) <= set(dir(nbdag))


def test_nothing_else_is_public():
    """A name of the package that is neither private nor a module of it stands in `__all__`."""
    extra = {name for name, value in vars(nbdag).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert extra - set(nbdag.__all__) - HOOKS == set()


def test_public_functions_show_how():
    """Every public function has an example in its docstring, which is run as a doctest."""
    functions = {name: getattr(nbdag, name) for name in nbdag.__all__ if inspect.isfunction(getattr(nbdag, name))}
    assert [name for name, function in functions.items() if ">>>" not in (function.__doc__ or "")] == []


def test_no_path_of_a_machine():
    """No file names a folder of the machine it was written on."""
    folder = re.compile(r"(?<![\w.}])/(?:root|tmp|work|(?:home|Users)/(?!u/)\w+)/")  # u is nobody
    written = [path for path in _texts() if folder.search(path.read_text(encoding="utf-8"))]
    assert [_named(path) for path in written] == []


def test_the_readme_gives_the_two_commands():
    """The README's two commands do all the set-up, and CI runs the same one as a reader."""
    readme = (ROOT / "README.md").read_text()
    assert MAIN_COMMAND in readme
    assert TEST_COMMAND in readme
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_changelog_knows_the_version():
    """The newest entry of the changelog is the version that is built."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _texts() -> list[Path]:
    own = [path for pattern in ("*.md", "*.toml", ".ci/*", "LICENSE") for path in ROOT.glob(pattern)]
    folders = [ROOT / name for name in ("nbdag", "notebooks", "tests")]
    return own + [p for folder in folders for suffix in ("py", "md", "ipynb") for p in folder.rglob(f"*.{suffix}")]


def _modules_loaded_by(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    python = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(python.stdout.split())
