"""Total returns of one symbol: its share in the common factors, its bonds' yields, its own noise and its reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from openapex.bars import BoolArray, FloatArray
from openapex.sources.demo.calendar import report_sessions
from openapex.sources.demo.market import PER_YEAR, Market
from openapex.sources.demo.universe import FACTORS, Bond, Fund, Stock


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """What happens to a symbol, each of shape (n_sessions,) over the whole market history.

    `total` is the total return as a fraction, `sigma` the daily volatility as known the day before, `carry` the yearly
    yield that its dividends pay out, `reports` the sessions with an earnings report.
    """

    total: FloatArray
    sigma: FloatArray
    carry: FloatArray
    reports: BoolArray


def fund_returns(market: Market, fund: Fund) -> Returns:
    """Return what happens to a fund."""
    noise = fund.noise / sqrt(PER_YEAR)
    own = market.turbulence * noise * market.draws.fat_tailed(f"{fund.symbol}/own", market.n)
    nothing = np.zeros(market.n, dtype=np.bool_)
    if fund.bond is not None:
        carry, total = _bond(market, fund.bond)
        sigma = np.sqrt(_bond_variance(fund.bond) + noise * noise) * (0.7 + 0.3 * market.turbulence)
        return Returns(total + own, sigma, carry, nothing)
    total, variance = _common(market, fund.load)
    sigma = np.sqrt(variance + noise * noise * (market.turbulence * market.turbulence))
    return Returns(np.maximum(total + own, -0.5), sigma, np.full(market.n, fund.yield_pct / 100.0), nothing)


def stock_returns(market: Market, stock: Stock) -> Returns:
    """Return what happens to an invented company: factors, own volatility clusters, a jump at each report."""
    total, variance = _common(market, stock.load)
    reports = np.zeros(market.n, dtype=np.bool_)
    reports[report_sessions(market.sessions, stock.report_lag)] = True
    daily = stock.noise / sqrt(PER_YEAR)
    shock = market.draws.fat_tailed(f"{stock.symbol}/own", market.n)
    own = _clustered(shock) * market.turbulence * daily
    jump = np.where(reports, 2.2 * daily * surprise(market, stock.symbol), 0.0)
    total = total + stock.alpha / PER_YEAR + own * shock + jump
    sigma = np.sqrt(variance + own * own)
    return Returns(np.minimum(np.maximum(total, -0.5), 0.9), sigma, np.full(market.n, stock.yield_pct / 100.0), reports)


def surprise(market: Market, symbol: str) -> FloatArray:
    """Return the earnings surprise that a report on each session would bring, mean 0 and variance 1."""
    return market.draws.fat_tailed(f"{symbol}/surprise", market.n)


def _common(market: Market, load: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Return the return and the variance that come from the factors, added up in the order of `load`."""
    total, variance = np.zeros(market.n), np.zeros(market.n)
    turbulence = market.turbulence * market.turbulence
    for name, weight in load.items():
        total = total + weight * market.factor(name)
        if name == "market":
            variance = variance + weight * weight * (market.sigma * market.sigma)
        else:
            daily = weight * FACTORS[name].volatility
            variance = variance + (daily * daily / PER_YEAR) * turbulence
    return total, variance


def _clustered(shock: FloatArray) -> FloatArray:
    """Return the volatility, around 1, of a GARCH(1,1) driven by `shock`."""
    h, path = 1.0, []
    for e in shock.tolist():
        path.append(h)
        h = min(0.03 + h * (0.07 * e * e + 0.90), 8.0)
    around_one: FloatArray = np.sqrt(np.array(path))
    return around_one


def _bond(market: Market, bond: Bond) -> tuple[FloatArray, FloatArray]:
    """Return yearly carry and daily total return: yield earned, less duration times the change of yields."""
    economy = market.economy
    total_weight = bond.short + bond.long
    base = (bond.short * economy.yield_2y + bond.long * economy.yield_10y) / total_weight
    share = bond.credit / (bond.credit + 1.0)
    earned = (base + 0.75 * share * economy.spread) / 100.0
    pull = bond.short * _change(economy.yield_2y) + bond.long * _change(economy.yield_10y)
    pull = (pull + bond.credit * _change(economy.spread)) / 100.0
    return earned, earned / PER_YEAR - pull + 0.5 * pull * pull


def _change(level: FloatArray) -> FloatArray:
    change = np.zeros(len(level))
    change[1:] = level[1:] - level[:-1]
    return change


def _bond_variance(bond: Bond) -> float:
    """Return the usual daily variance of a bond fund, from the usual daily moves of the two yields and the spread."""
    short, long, credit = bond.short * 0.00045, bond.long * 0.00055, bond.credit * 0.0008
    return short * short + long * long + credit * credit
