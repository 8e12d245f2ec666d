"""OpenApex tells what a ticker is doing, why, and whether that has ever meant anything.

>>> import openapex as apex
>>> apex.analyze("IWM", source="demo", as_of="2024-12-31").simulated
True

Importing is cheap and has no side effect: everything is loaded when first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openapex.bars import Bars
    from openapex.desk.analysis import Analysis
    from openapex.desk.analyze import analyze
    from openapex.desk.context import ContextReport, context
    from openapex.desk.fetch import fetch, import_path
    from openapex.desk.rotation import RotationReport, rotation
    from openapex.desk.scan import ScanReport, scan
    from openapex.errors import ApexError
    from openapex.score.live import Live

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "ApexError",
    "Bars",
    "ContextReport",
    "Live",
    "RotationReport",
    "ScanReport",
    "analyze",
    "context",
    "fetch",
    "import_path",
    "rotation",
    "scan",
]

_HOMES = {
    "Analysis": "openapex.desk.analysis",
    "ApexError": "openapex.errors",
    "Bars": "openapex.bars",
    "ContextReport": "openapex.desk.context",
    "Live": "openapex.score.live",
    "RotationReport": "openapex.desk.rotation",
    "ScanReport": "openapex.desk.scan",
    "analyze": "openapex.desk.analyze",
    "fetch": "openapex.desk.fetch",
    "import_path": "openapex.desk.fetch",
    "rotation": "openapex.desk.rotation",
    "scan": "openapex.desk.scan",
}


class _Room(ModuleType):
    """A package that is also the function of its name: ``openapex.context`` is a room, ``context("IWM")`` a report."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function of that name at the desk."""
        return _function(self)(*args, **options)

    __signature__ = property(lambda self: import_module("inspect").signature(_function(self)))
    __doc__ = property(lambda self: _described(_function(self)))


def _function(room: ModuleType) -> Any:
    name = room.__name__.rpartition(".")[2]
    return getattr(import_module(f"openapex.desk.{name}"), name)


def _described(function: Any) -> str:
    """Return what ``help`` shows of a room: its function's signature and docstring, without the examples."""
    inspect = import_module("inspect")
    summary, _, rest = str(inspect.getdoc(function)).partition("\nExamples\n")[0].partition("\n")
    return f"{summary}\n\n{function.__name__}{inspect.signature(function)}\n{rest}"


class _Door(ModuleType):
    """The package itself: a room that shares its name with a function becomes callable when it is first imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "context" and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door


def __getattr__(name: str) -> Any:
    if name == "context":
        return import_module("openapex.context")
    if name not in _HOMES:
        raise AttributeError(f"module 'openapex' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
