"""Which tickers to scan: a file of tickers, a fund's holdings, a named list, or all that the data holds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from openapex.errors import BadInput, NoData, UnknownName, UnreadableData
from openapex.sources.holdings import read_holdings
from openapex.sources.kinds import kind_of
from openapex.sources.tables import columns_of

MOST = 100_000

BENCHMARK = "SPY"
"""What the symbols of a universe are compared with."""


@dataclass(frozen=True, slots=True)
class Universe:
    """Tickers in the order given, each once, and their sectors where known."""

    name: str
    symbols: tuple[str, ...]
    sectors: Mapping[str, str] = field(default_factory=dict)


def universe_names() -> tuple[str, ...]:
    """Return the names of the universes that come with the package, sorted."""
    return tuple(sorted(_named()))


def universe(spec: str) -> Universe:
    """Return the universe that a file or a name stands for.

    Parameters
    ----------
    spec : str
        A path to a text file of tickers (one a line, ``#`` begins a comment), to a CSV with a column ``symbol`` or
        ``ticker``, or to an iShares holdings CSV; or one of `universe_names`.

    Raises
    ------
    BadInput
        If it is neither a file nor a known name.
    NoData
        If it names no ticker.
    """
    path = Path(spec).expanduser()
    if not path.is_file():
        named = _named()
        if spec in named:
            return Universe(spec, *named[spec])
        if path.suffix or "/" in spec:
            raise BadInput(f"universe is {spec!r}, must be an existing file or one of {', '.join(universe_names())}")
        raise UnknownName("universe", spec, universe_names())
    found = _from_csv(path) if path.suffix.lower() == ".csv" else Universe(path.name, _lines(path))
    if not found.symbols:
        raise NoData(f"{path.name} names no ticker, must name at least one")
    if len(found.symbols) > MOST:
        raise BadInput(f"{path.name} names {len(found.symbols)} tickers, must be at most {MOST}")
    return found


def _named() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    text = (resources.files("openapex.desk") / "universes.toml").read_text("utf-8")
    return {name: (tuple(table["symbols"]), table.get("sectors", {})) for name, table in tomllib.loads(text).items()}


def _lines(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UnreadableData(f"{path.name} is not UTF-8 text, must be one ticker a line") from error
    words = (line.partition("#")[0].strip(" \t,;\"'").upper() for line in lines)
    return tuple(dict.fromkeys(word for word in words if word))


def _from_csv(path: Path) -> Universe:
    if kind_of(columns_of(path)) == "holdings":
        rows = read_holdings(path, "FUND")
        if "asset_class" in rows.columns:
            rows = rows.filter((rows["asset_class"] == "Equity") | rows["asset_class"].is_null())
        rows = rows.drop_nulls("symbol").unique("symbol", keep="first", maintain_order=True)
        sectors = dict(zip(rows["symbol"].to_list(), rows["sector"].to_list(), strict=True))
        return Universe(path.name, tuple(sectors), {name: sector for name, sector in sectors.items() if sector})
    words = [line.split(",")[0].strip().strip('"') for line in path.read_text("utf-8-sig").splitlines()]
    if words and words[0].lower() in ("symbol", "ticker", "symbols", "tickers"):
        words = words[1:]
    return Universe(path.name, tuple(dict.fromkeys(word.upper() for word in words if word)))
