"""The simulated universe: which symbols there are, and how each one hangs on the factors.

The list itself is data (`universe.toml`).  Funds are described one by one; invented stocks are dealt from their
sector's typical values, each by its own stream of chance.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from openapex.sources.demo.draws import Draws


@dataclass(frozen=True, slots=True)
class Factor:
    """A common return factor; see `universe.toml` for the units."""

    name: str
    volatility: float
    drift: tuple[float, float, float]
    short_rate: float
    long_rate: float


@dataclass(frozen=True, slots=True)
class Sector:
    """Typical values of a sector's companies."""

    code: str
    name: str
    n: int
    beta: float
    growth: float
    yield_pct: float
    pe: float
    book: float
    gross_pct: float
    net_pct: float
    revenue_growth_pct: float
    industries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bond:
    """Durations in years: to the 2-year yield, the 10-year yield and the high-yield spread."""

    short: float
    long: float
    credit: float


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund as described in `universe.toml`; pe, pb and top10_pct are None where they do not apply."""

    symbol: str
    name: str
    category: str
    noise: float
    price: float
    volume: float
    expense_pct: float
    assets: float
    load: Mapping[str, float] = field(default_factory=dict)
    bond: Bond | None = None
    yield_pct: float = 0.0
    sector: str | None = None
    pe: float | None = None
    pb: float | None = None
    top10_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """An invented company.

    `load` are its factor loadings, `noise` its own yearly volatility, `alpha` its own yearly drift, `listed` the day
    it came to the market (None: there from the start), `shares` its share count before any split, `report_lag` the
    days from a quarter's end to its report, `is_profitable` whether it has earnings to speak of.
    """

    symbol: str
    name: str
    sector: Sector
    load: Mapping[str, float]
    noise: float
    alpha: float
    price: float
    volume: float
    shares: float
    yield_pct: float
    split_above: float
    listed: date | None
    report_lag: int
    is_profitable: bool


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("universe.toml").read_text(encoding="utf-8"))


def _factor(row: dict[str, Any]) -> Factor:
    calm, bear, recovery = row["drift"]
    return Factor(row["name"], row["volatility"], (calm, bear, recovery), row["short_rate"], row["long_rate"])


def _fund(row: dict[str, Any]) -> Fund:
    return Fund(**{**row, "bond": Bond(**row["bond"]) if "bond" in row else None})


FACTORS: Mapping[str, Factor] = {row["name"]: _factor(row) for row in _tables()["factor"]}
"""Every return factor but the market itself."""

SECTORS: Mapping[str, Sector] = {
    row["code"]: Sector(**{**row, "industries": tuple(row["industries"])}) for row in _tables()["sector"]
}
"""The eleven sectors by the code that starts their stocks' tickers."""

FUNDS: Mapping[str, Fund] = {row["symbol"]: _fund(row) for row in _tables()["fund"]}
"""The funds by ticker."""

STOCKS: tuple[str, ...] = tuple(f"{s.code}{i:02d}" for s in SECTORS.values() for i in range(1, s.n + 1))
"""Tickers of the invented stocks: sector code and number."""

SYMBOLS: tuple[str, ...] = tuple(sorted((*FUNDS, *STOCKS)))
"""Every symbol of the simulated market."""


def stock(draws: Draws, symbol: str) -> Stock:
    """Return the invented company behind a ticker of `STOCKS`."""
    sector, number = SECTORS[symbol[:3]], int(symbol[3:])
    u = draws.uniforms(f"{symbol}/company", 17).tolist()
    octave = int(u[0] * 8.0)
    cap = 4e8 * float(1 << octave) * (1.0 + u[1])
    price = 14.0 + 66.0 * u[2]
    industry, _, factor = sector.industries[number % len(sector.industries)].partition("=")
    load = {
        "market": sector.beta * (0.75 + 0.5 * u[3]),
        "size": 1.25 - 0.16 * octave - 0.2 * u[4],
        "growth": sector.growth + 0.6 * (u[5] - 0.5),
        sector.code: 0.8 + 0.4 * u[6],
    } | ({factor: 1.0} if factor else {})
    noise = (0.17 + 0.24 * u[7] * u[7] + 0.018 * (7 - octave)) * (0.4 + 0.6 * sector.beta)
    is_profitable = factor != "biotech" and u[13] < 0.93
    return Stock(
        symbol=symbol,
        name=f"{_first_name(number, sector)} {industry}",
        sector=sector,
        load=load,
        noise=noise,
        alpha=0.5 * noise * noise + 0.06 * (u[8] - 0.45),
        price=price,
        volume=cap / price * (0.003 + 0.007 * u[9]),
        shares=cap / price,
        yield_pct=sector.yield_pct * (0.4 + 1.2 * u[10]) if is_profitable and u[11] < 0.75 else 0.0,
        split_above=90.0 + 330.0 * u[12],
        listed=_listed(symbol, u[14], u[15]),
        report_lag=30 + int(u[16] * 19.0),
        is_profitable=is_profitable,
    )


def _first_name(number: int, sector: Sector) -> str:
    """Return an invented name, another one for each company: 24 by 10 words walked through in steps."""
    words = _tables()["words"]
    at = number + sum(s.n for s in list(SECTORS.values())[: list(SECTORS).index(sector.code)])
    return str(words["first"][at % 24] + words["second"][(at // 24 + at) % 10])


def _listed(symbol: str, chance: float, when: float) -> date | None:
    if symbol in _tables()["ipo"]:
        return date.fromisoformat(str(_tables()["ipo"][symbol]))
    if chance > 0.3:
        return None
    return date(2000 + int(1.0 + when * 23.0), 1 + int(chance * 36.0), 15)
