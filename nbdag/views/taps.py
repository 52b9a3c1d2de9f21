"""What tasks display and plot, taken to the sink of the task that made it.

Both taps are installed for as long as runs go on, and ask for the current sink at each call: without one, everything
behaves as before. `DisplayTap` wraps the publisher of the IPython kernel. `PyplotTap` gives each task a registry of
figures of its own, so that concurrent tasks have each their own ``plt.gcf()``, and no cell's end takes their figures.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbdag.runtime.sink import Sink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Current = Callable[[], Sink | None]
Bundle = tuple[Mapping[str, Any], Mapping[str, Any]]

_ID, _UPDATE = "nbdag_display_id", "nbdag_update"


def display_ids(metadata: Mapping[str, Any]) -> tuple[dict[str, Any], str, bool]:
    """The metadata of a captured display, its display id, and whether it replaces an earlier one of that id.

    >>> display_ids({"nbdag_display_id": "a", "isolated": True})
    ({'isolated': True}, 'a', False)
    """
    rest = {key: value for key, value in metadata.items() if key not in (_ID, _UPDATE)}
    return rest, metadata.get(_ID, ""), bool(metadata.get(_UPDATE))


class DisplayTap:
    """Takes ``display(...)`` inside a task to the task's sink; `publisher` is the shell's ``display_pub``."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher

    def install(self, current: Current) -> Callable[[], None]:
        """Wrap the publisher; returns the undo."""
        publish, clear = self._publisher.publish, self._publisher.clear_output

        def publish_to_task(
            data: Mapping[str, Any],
            metadata: Mapping[str, Any] | None = None,
            *args: Any,
            transient: Mapping[str, Any] | None = None,
            update: bool = False,
            **options: Any,
        ) -> None:
            sink = current()
            if sink is None:
                publish(data, metadata, *args, transient=transient, update=update, **options)
                return
            display_id = (transient or {}).get("display_id")
            marks = {_ID: display_id, _UPDATE: update} if display_id else {}
            sink.show(data, {**(metadata or {}), **marks})

        def clear_unless_task(wait: bool = False) -> None:
            # In a task it would wipe the cell, and with it the panel and what other tasks displayed.
            if current() is None:
                clear(wait)

        restore_publish = _replace(self._publisher, "publish", publish_to_task)
        restore_clear = _replace(self._publisher, "clear_output", clear_unless_task)

        def undo() -> None:
            restore_publish()
            restore_clear()

        return undo

    def flush(self, sink: Sink) -> None:
        """Nothing waits: displays are taken as they come."""


def _replace(owner: Any, name: str, function: Callable[..., None]) -> Callable[[], None]:
    """Set an attribute of this one object; the undo leaves it alone when somebody else has set it since."""
    before = owner.__dict__.get(name)
    setattr(owner, name, function)

    def restore() -> None:
        if owner.__dict__.get(name) is not function:
            return
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    return restore


class PyplotTap:
    """Gives each task its own pyplot figures; when its body ends they go to its sink, drawn by `draw`.

    With `draw` None there is nobody to look at them: they join the program's own figures, as if drawn there.
    """

    _drawing = Lock()  # matplotlib draws in one thread at a time

    def __init__(self, draw: "Callable[[Figure], Bundle] | None") -> None:
        self._draw = draw
        self._figures: _TaskFigures | None = None

    def install(self, current: Current) -> Callable[[], None]:
        """Replace pyplot's registry now, or as soon as somebody imports matplotlib; returns the undo."""
        if _REGISTRY in sys.modules:
            self._wrap(sys.modules[_REGISTRY], current)
            return self._unwrap
        finder = _WhenImported(_REGISTRY, lambda module: self._wrap(module, current))
        sys.meta_path.insert(0, finder)

        def undo() -> None:
            finder.remove()
            self._unwrap()

        return undo

    def flush(self, sink: Sink) -> None:
        """Take the figures of a task whose body has ended to its sink, and close them."""
        managers = [] if self._figures is None else self._figures.taken_from(sink)
        if not managers:
            return
        with self._drawing:
            for manager in managers:
                self._pass_on(manager, sink)

    def _pass_on(self, manager: Any, sink: Sink) -> None:
        if self._draw is None:
            assert self._figures is not None
            self._figures.adopt(manager)
            return
        try:
            sink.show(*self._draw(manager.canvas.figure))
        except Exception as error:  # noqa: BLE001 - a frontier: the user's artists must not fail a task that is done
            sink.write("stderr", f"a figure could not be drawn: {type(error).__name__}: {error}\n")
        finally:
            manager.canvas.mpl_disconnect(manager._cidgcf)
            manager.destroy()

    def _wrap(self, module: ModuleType, current: Current) -> None:
        self._figures = module.Gcf.figs = _TaskFigures(module.Gcf.figs, current)

    def _unwrap(self) -> None:
        module = sys.modules.get(_REGISTRY)
        if module is not None and self._figures is not None and module.Gcf.figs is self._figures:
            module.Gcf.figs = self._figures.shared
        self._figures = None


_REGISTRY = "matplotlib._pylab_helpers"


class _TaskFigures:
    """Stands for pyplot's ordered dict of figure managers; inside a task it is the task's own."""

    def __init__(self, shared: "OrderedDict[int, Any]", current: Current) -> None:
        self.shared = shared
        self._current = current
        self._of_sink: dict[int, tuple[Sink, OrderedDict[int, Any]]] = {}

    def taken_from(self, sink: Sink) -> Sequence[Any]:
        _, figures = self._of_sink.pop(id(sink), (sink, OrderedDict[int, Any]()))
        return list(figures.values())

    def adopt(self, manager: Any) -> None:
        """Make a task's figure one of the program's own, under a number that is free."""
        manager.num = max(self.shared, default=0) + 1
        manager.canvas.figure._number = manager.num
        self.shared[manager.num] = manager

    def _mine(self) -> "OrderedDict[int, Any]":
        sink = self._current()
        if sink is None:
            return self.shared
        # The sink is kept with its figures, so that its id stays its own.
        return self._of_sink.setdefault(id(sink), (sink, OrderedDict[int, Any]()))[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mine(), name)

    def __len__(self) -> int:
        return len(self._mine())

    def __iter__(self) -> Iterator[int]:
        yield from self._mine()

    def __reversed__(self) -> Iterator[int]:
        yield from reversed(self._mine())

    def __contains__(self, number: object) -> bool:
        return number in self._mine()

    def __getitem__(self, number: int) -> Any:
        return self._mine()[number]

    def __setitem__(self, number: int, manager: Any) -> None:
        self._mine()[number] = manager

    def __delitem__(self, number: int) -> None:
        del self._mine()[number]


class _WhenImported(importlib.abc.MetaPathFinder):
    """Calls `then` with a module right after its first import, before the importer sees it."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self._name, self._then = name, then

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        self.remove()
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute, then = spec.loader.exec_module, self._then

            def execute_and_tell(module: ModuleType) -> None:
                execute(module)
                then(module)

            spec.loader.exec_module = execute_and_tell  # type: ignore[method-assign]  # this spec's own loader object
        return spec

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def png_bundle(figure: "Figure") -> Bundle:
    """The figure as a mime bundle with a PNG image, as the inline backend of Jupyter draws it.

    >>> from matplotlib.figure import Figure
    >>> sorted(png_bundle(Figure(figsize=(1, 1)))[0])
    ['image/png', 'text/plain']
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return {"image/png": b64encode(buffer.getvalue()).decode(), "text/plain": repr(figure)}, {}
