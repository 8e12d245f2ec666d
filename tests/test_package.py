"""The front door: cheap, without side effects, and its names pinned."""

import subprocess
import sys

import pytest

import openapex
from openapex.errors import ApexError, BadInput, SourceError, UnknownName

HEAVY = {"polars", "numpy", "numba", "pandas", "yfinance", "deltalake", "exchange_calendars", "rich", "typer"}


def imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(name.partition('.')[0] for name in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported_by("import openapex") & HEAVY


def test_analyzing_one_ticker_never_imports_the_compiler_or_a_provider() -> None:
    code = "import openapex; openapex.analyze('IWM', source='demo').to_dict()"
    assert not imported_by(code) & {"numba", "pandas", "yfinance", "exchange_calendars", "deltalake"}


def test_public_names_are_pinned() -> None:
    assert openapex.__all__ == ["Analysis", "ApexError", "Bars", "analyze", "fetch", "import_path"]
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
