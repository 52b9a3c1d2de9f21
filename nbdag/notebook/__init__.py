"""The language of cells: `%%dag_task` and the other magics. Thin: parses, and calls the public face."""

from collections.abc import Callable

from nbdag.notebook.source import Shell

_UNDO = "_nbdag_undo"
"""Kept on the shell it belongs to: what takes the extension out of it."""


def load_ipython_extension(shell: Shell) -> None:
    """What `%load_ext nbdag` does: the magics and their completion. A second time changes nothing."""
    if hasattr(shell, _UNDO):
        return
    from nbdag.notebook.completion import install
    from nbdag.notebook.magics import DagMagics

    shell.register_magics(DagMagics)
    uninstall = install(shell)

    def undo() -> None:
        uninstall()
        for kind, names in DagMagics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)

    setattr(shell, _UNDO, undo)


def unload_ipython_extension(shell: Shell) -> None:
    """What `%unload_ext nbdag` does: the shell is as it was before."""
    undo: Callable[[], None] | None = shell.__dict__.pop(_UNDO, None)
    if undo is not None:
        undo()
