"""Which cell defined which task, where the front end tells cells apart.

So a cell whose task was renamed can drop the task of its earlier name, and a task that is defined by a second cell
can be told from one that is defined again by its own.
"""

from collections.abc import Mapping
from typing import NamedTuple

from nbdag.core.task import TaskSpec


class Change(NamedTuple):
    """What a definition means for the others."""

    renamed_from: str | None = None
    """The task that the same cell defined before under another name, and that nobody defined since."""
    from_other_cell: bool = False
    """The task was another cell's until now."""


class _Entry(NamedTuple):
    cell: str
    spec: TaskSpec


class Ledger:
    """The latest definition of each task by a cell, for every pipeline of a notebook.

    >>> from nbdag.core.options import make_spec
    >>> lode, load = make_spec(print, name="lode"), make_spec(print, name="load")
    >>> ledger = Ledger()
    >>> ledger.define("ml", lode, cell="c1", before={})
    Change(renamed_from=None, from_other_cell=False)
    >>> ledger.define("ml", load, cell="c1", before={"lode": lode})
    Change(renamed_from='lode', from_other_cell=False)
    >>> ledger.define("ml", load, cell="c2", before={"load": load})
    Change(renamed_from=None, from_other_cell=True)
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}

    def define(self, pipeline: str, spec: TaskSpec, *, cell: str | None, before: Mapping[str, TaskSpec]) -> Change:
        """Takes down that a cell defines a task.

        Args:
            pipeline: name of the pipeline.
            spec: the task, as the cell defines it now.
            cell: id of the cell; None where the front end does not say.
            before: what the pipeline held until now. An entry counts only while the pipeline holds that very
                definition: somebody may have removed it, or defined it otherwise.
        """
        held = {
            name: entry.cell
            for (where, name), entry in self._entries.items()
            if where == pipeline and before.get(name) is entry.spec
        }
        self._entries.pop((pipeline, spec.name), None)
        if cell is None:
            return Change()
        self._entries[pipeline, spec.name] = _Entry(cell, spec)
        renamed = [name for name, by in held.items() if by == cell and name != spec.name]
        return Change(renamed[0] if renamed else None, held.get(spec.name, cell) != cell)
