"""The front door: cheap, without side effects, and its names pinned."""

import subprocess
import sys
from pathlib import Path

import pytest

import openapex
from openapex.errors import ApexError, BadInput, SourceError, UnknownName

HEAVY = {"polars", "numpy", "llvmlite", "pandas", "yfinance", "deltalake", "exchange_calendars", "rich", "typer"}


def imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(name.partition('.')[0] for name in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported_by("import openapex") & HEAVY


def test_analyzing_one_ticker_never_imports_the_compiler_or_a_provider() -> None:
    code = "import openapex; openapex.analyze('IWM', source='demo').to_dict()"
    assert not imported_by(code) & {"llvmlite", "pandas", "yfinance", "exchange_calendars", "deltalake"}


@pytest.mark.parametrize("source", ["source='demo'", "data=PATH"])
def test_the_context_of_one_ticker_never_imports_the_compiler_or_a_provider(source: str, tmp_path: Path) -> None:
    path = tmp_path / "IWM.csv"
    days = "".join(f"2024-01-{day:02},1,1,1,1,100\n" for day in (2, 3, 4, 5))
    path.write_text(f"date,open,high,low,close,volume\n{days}")
    code = f"import openapex; PATH = {str(path)!r}; openapex.context('IWM', {source}).to_dict()"
    assert not imported_by(code) & {"llvmlite", "pandas", "yfinance", "exchange_calendars", "deltalake"}


ROOMS = {
    "first": "",
    "after a name of the room": "from openapex.context.regime import regime",
    "after a part of the room": "import openapex.context.macro as m; assert m.Macro",
    "after the room itself": "import openapex.context as room; assert room.__path__",
    "after the desk's": "from openapex.desk.context import context; assert context.__name__ == 'context'",
    "after the names": "from openapex import *",
    "after analyze": "openapex.analyze('IWM', source='demo')",
}


@pytest.mark.parametrize("before", ROOMS.values(), ids=ROOMS)
def test_context_is_a_room_and_a_function_in_any_order(before: str) -> None:
    script = f"""
import openapex
{before}
assert openapex.context("IWM", source="demo", as_of="2001-06-29").symbol == "IWM"
from openapex.context.regime import regime
import openapex.context.macro as m
assert openapex.context.regime.regime is regime
assert openapex.context.macro is m
assert openapex.context("IWM", source="demo", as_of="2001-06-29").weather.session.year == 2001
from openapex import context
assert context is openapex.context
assert context("IWM", source="demo", as_of="2001-06-29").symbol == "IWM"
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_public_names_are_pinned() -> None:
    assert openapex.__all__ == [
        "Analysis", "ApexError", "Bars", "ContextReport", "Live", "RotationReport", "ScanReport", "analyze", "context",
        "fetch",
        "import_path", "rotation", "scan",
    ]  # fmt: skip
    assert all(getattr(openapex, name) for name in openapex.__all__)
    assert set(openapex.__all__) <= set(dir(openapex))
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = openapex.analyse


def test_errors_form_the_documented_tree() -> None:
    import openapex.errors as errors

    names = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, ApexError)]
    assert not [name for name in names if name not in (errors.__doc__ or "")]
    assert issubclass(BadInput, ValueError)
    assert not issubclass(SourceError, BadInput)


def test_unknown_name_offers_the_nearest_choice() -> None:
    assert "Did you mean 'yahoo'?" in str(UnknownName("source", "yahooo", ["yahoo", "demo"]))
    assert "Did you mean" not in str(UnknownName("source", "zzz", ["yahoo", "demo"]))


def test_the_room_shows_the_docstring_and_signature_of_its_function() -> None:
    code = """
import sys, openapex
room = openapex.context
assert "openapex.desk.context" not in sys.modules, "nothing is loaded until it is asked for"
import inspect, pydoc
from openapex.desk.context import context
assert inspect.signature(room) == inspect.signature(context)
assert room.__doc__.startswith("Return what surrounds one ticker")
assert "holdings : path, optional" in pydoc.render_doc(room)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
