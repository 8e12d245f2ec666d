"""Macro series of the simulated economy, named as FRED names them, with the day each value became known."""

from typing import NamedTuple

import numpy as np
import polars as pl

from openapex.bars import FloatArray, SessionArray
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.market import Market
from openapex.sources.source import MACRO_SCHEMA

SERIES = (
    "BAMLH0A0HYM2",
    "CFNAI",
    "DFF",
    "DGS10",
    "DGS2",
    "DTWEXBGS",
    "FEDFUNDS",
    "ICSA",
    "PAYEMS",
    "T10Y2Y",
    "UNRATE",
    "USREC",
    "VIXCLS",
)
"""Every series, sorted."""


class _Published(NamedTuple):
    series: str
    reference: SessionArray
    known: SessionArray
    value: FloatArray
    decimals: int


def macro(market: Market) -> pl.DataFrame:
    """Return every macro series in `MACRO_SCHEMA`, sorted by series, reference date and day of publication."""
    parts = [*_daily(market), *_weekly(market), *_monthly(market)]
    frames = [
        pl.DataFrame(
            {
                "series": pl.repeat(part.series, len(part.value), dtype=pl.String, eager=True),
                "reference_date": part.reference,
                "known_at": part.known,
                "value": np.rint(part.value * float(10**part.decimals)) / float(10**part.decimals),
                "as_published": pl.repeat(True, len(part.value), dtype=pl.Boolean, eager=True),
            },
            schema=MACRO_SCHEMA,
        )
        for part in parts
    ]
    return pl.concat(frames).sort("series", "reference_date", "known_at")


def _daily(market: Market) -> list[_Published]:
    """Return the daily series, published on the next session (the dollar index: on the next Monday)."""
    days, e = market.sessions, market.economy
    next_day = np.concatenate([days[1:], days[-1:] + 1])
    vix = 100.0 * market.sigma * 15.8745 * 1.08 * (1.0 + 0.03 * market.draws.normals("vix", market.n)) + 1.0
    monday = days + (7 - (days.astype(np.int64) + 3) % 7)
    return [
        _Published("DGS2", days, next_day, e.yield_2y, 2),
        _Published("DGS10", days, next_day, e.yield_10y, 2),
        _Published(
            "T10Y2Y", days, next_day, np.rint(e.yield_10y * 100.0) / 100.0 - np.rint(e.yield_2y * 100.0) / 100.0, 2
        ),
        _Published("DFF", days, next_day, e.policy - 0.04, 2),
        _Published("BAMLH0A0HYM2", days, next_day, e.spread, 2),
        _Published("VIXCLS", days, next_day, vix, 2),
        _Published("DTWEXBGS", days, monday, _dollar(market), 4),
    ]


def _dollar(market: Market) -> FloatArray:
    """Return the dollar index: up with surprises in US yields and when stocks fall."""
    path, level = [], 100.0
    e = market.economy
    columns = (
        e.shock_2y.tolist(),
        market.factor("market").tolist(),
        market.draws.fat_tailed("dollar", market.n).tolist(),
    )
    for shock, r, z in zip(*columns, strict=True):
        level += level * (0.0003 * (105.0 - level) / 10.0 + 0.02 * shock - 0.06 * r + 0.0028 * z)
        path.append(level)
    return np.array(path)


def _weekly(market: Market) -> list[_Published]:
    """Return initial jobless claims: week to Saturday, first print on Thursday, revised a week later."""
    days = market.sessions
    saturdays = np.arange(np.datetime64("2000-01-08"), days[-1], 7)
    growth = _at(market, market.economy.growth, saturdays)
    n = len(saturdays)
    claims = 330.0 - 75.0 * growth + 25.0 * growth * growth + 9.0 * market.draws.normals("claims", n)
    claims = np.maximum(claims, 150.0) * 1000.0
    first = claims + 2500.0 * market.draws.normals("claims/first", n)
    return [
        _Published("ICSA", saturdays, saturdays + 5, _thousands(first), 0),
        _Published("ICSA", saturdays, saturdays + 12, _thousands(claims), 0),
    ]


def _thousands(count: FloatArray) -> FloatArray:
    return np.rint(count / 1000.0) * 1000.0


def _at(market: Market, column: FloatArray, when: SessionArray) -> FloatArray:
    """Return the value of the last session up to each day."""
    return column[np.maximum(np.searchsorted(market.sessions, when, side="right") - 1, 0)]


def _monthly(market: Market) -> list[_Published]:
    first = market.sessions[0].astype("datetime64[M]")
    last = market.sessions[-1].astype("datetime64[M]")
    months = np.arange(first, last + 1)
    begin, after = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    growth = _at(market, market.economy.growth, after - 1)
    n, draws = len(months), market.draws
    to_friday = (4 - (after.astype(np.int64) + 3) % 7) % 7
    friday = after + to_friday.astype("timedelta64[D]")
    jobs = 115.0 + 130.0 * growth + 45.0 * draws.normals("jobs", n)
    level = 130_000.0 + np.add.accumulate(jobs)
    early = level + 55.0 * draws.normals("jobs/first", n)
    slump = _recession(growth)
    return [
        _Published("FEDFUNDS", begin, after, _monthly_mean(market, begin, after), 2),
        _Published("PAYEMS", begin, friday, early, 0),
        _Published("PAYEMS", begin, friday + 28, level, 0),
        _Published("UNRATE", begin, friday, _unemployment(growth, draws), 1),
        _Published("CFNAI", begin, after + 22, 0.45 * growth - 0.05 + 0.25 * draws.normals("activity", n), 2),
        _Published("USREC", begin, after + 270, slump, 0),
    ]


def _monthly_mean(market: Market, begin: SessionArray, after: SessionArray) -> FloatArray:
    total = np.concatenate([[0.0], np.add.accumulate(market.economy.policy - 0.04)])
    low, high = np.searchsorted(market.sessions, begin), np.searchsorted(market.sessions, after)
    mean: FloatArray = (total[high] - total[low]) / (high - low)
    return mean


def _unemployment(growth: FloatArray, draws: Draws) -> FloatArray:
    """Return the unemployment rate: rises while growth is below trend, drifts back to about 4.5."""
    rate, path = 4.1, []
    for g, z in zip(growth.tolist(), draws.normals("unemployment", len(growth)).tolist(), strict=True):
        rate = max(2.5, rate - 0.16 * g + 0.03 * (6.2 - rate) + 0.06 * z)
        path.append(rate)
    return np.array(path)


def _recession(growth: FloatArray) -> FloatArray:
    """Return 1 from growth below -0.9 until it is back above -0.2."""
    is_slump, path = False, []
    for g in growth.tolist():
        is_slump = g < -0.2 if is_slump else g < -0.9
        path.append(1.0 if is_slump else 0.0)
    return np.array(path)
