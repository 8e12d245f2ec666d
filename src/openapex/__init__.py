"""OpenApex tells what a ticker is doing, why, and whether that has ever meant anything.

>>> import openapex as apex
>>> apex.analyze("IWM", source="demo", as_of="2024-12-31").simulated
True

Importing is cheap and has no side effect: everything is loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openapex.bars import Bars
    from openapex.desk.analysis import Analysis
    from openapex.desk.analyze import analyze
    from openapex.desk.fetch import fetch, import_path
    from openapex.errors import ApexError

__version__ = "0.1.0"
__all__ = ["Analysis", "ApexError", "Bars", "analyze", "fetch", "import_path"]

_HOMES = {
    "Analysis": "openapex.desk.analysis",
    "ApexError": "openapex.errors",
    "Bars": "openapex.bars",
    "analyze": "openapex.desk.analyze",
    "fetch": "openapex.desk.fetch",
    "import_path": "openapex.desk.fetch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'openapex' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
