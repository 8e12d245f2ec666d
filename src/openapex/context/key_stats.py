"""Key statistics for traders: what stands on the last bar, each with its definition.

Levels use split-adjusted prices; returns, drawdown, beta and correlation use total-return prices.  Everything is known
at the close of the last bar.  A statistic that cannot be computed is NaN, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import Bars, FloatArray
from openapex.context.atr_band import is_in_band
from openapex.indicators.atr import ATR
from openapex.indicators.percent_rank import percent_rank
from openapex.indicators.relative_volume import RELATIVE_VOLUME
from openapex.indicators.step import interpreted
from openapex.indicators.swings import SWINGS
from openapex.indicators.volatility import REALISED_VOLATILITY

NAN = float("nan")
BETA_SESSIONS = 252
BETA_LEAST = 60
LEVEL_SESSIONS = 504
"""Sessions back in which confirmed swings still count as support or resistance."""

RETURN_SPANS: Mapping[str, str] = {
    "ret_1w_pct": "-1w", "ret_1m_pct": "-1mo", "ret_3m_pct": "-3mo", "ret_6m_pct": "-6mo",
    "ret_1y_pct": "-1y", "ret_3y_pct": "-3y", "ret_5y_pct": "-5y",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatDefinition:
    """Words for one statistic: what the screen calls it, its unit, and one sentence that defines it."""

    label: str
    unit: str
    sentence: str


_BETA = "slope of daily total returns on {0}'s over the last 252 common sessions (at least 60)"
KEY_STATS: Mapping[str, StatDefinition] = {
    "last": StatDefinition("Last", "price", "Close of the last bar used."),
    "change_pct": StatDefinition("Change", "%", "Total return since the bar before."),
    "ret_1w_pct": StatDefinition("1 week", "%", "Total return since the last bar at or before 7 days earlier."),
    "ret_1m_pct": StatDefinition("1 month", "%", "Total return since the last bar at or before one month earlier."),
    "ret_3m_pct": StatDefinition("3 months", "%", "Total return since the last bar at or before three months earlier."),
    "ret_6m_pct": StatDefinition("6 months", "%", "Total return since the last bar at or before six months earlier."),
    "ret_ytd_pct": StatDefinition("YTD", "%", "Total return since the last bar of the year before."),
    "ret_1y_pct": StatDefinition("1 year", "%", "Total return since the last bar at or before one year earlier."),
    "ret_3y_pct": StatDefinition("3 years", "%", "Total return, not annualised, over three years."),
    "ret_5y_pct": StatDefinition("5 years", "%", "Total return, not annualised, over five years."),
    "high_52w": StatDefinition("52-week high", "price", "Highest high of the last 52 weeks."),
    "low_52w": StatDefinition("52-week low", "price", "Lowest low of the last 52 weeks."),
    "position_52w_pct": StatDefinition("52-week position", "%", "Close between 52-week low (0) and high (100)."),
    "atr": StatDefinition("ATR 14", "price", "Average true range (Wilder) over 14 bars."),
    "atr_pct": StatDefinition("ATR 14 %", "%", "ATR as a share of the close."),
    "atr_pct_percentile": StatDefinition("ATR % percentile", "%", "Share of own history with a lower ATR %."),
    "atr_pct_in_band": StatDefinition("in 1.5–2.5 % band", "0/1", "1 when ATR % lies in the page's 1.5–2.5 % band."),
    "atr_pct_band_share_pct": StatDefinition("days in band", "%", "Share of own history with ATR % in that band."),
    "realised_volatility_20_pct": StatDefinition(
        "Volatility 20", "% a year", "Standard deviation of 20 daily log total returns, times √252."
    ),
    "drawdown_pct": StatDefinition("Drawdown", "%", "Total-return price against its highest so far."),
    "max_drawdown_1y_pct": StatDefinition("Max drawdown 1y", "%", "Deepest total-return drawdown in the last year."),
    "max_drawdown_pct": StatDefinition("Max drawdown", "%", "Deepest total-return drawdown in the whole history."),
    "beta_spy": StatDefinition("Beta SPY", "", "Beta: " + _BETA.format("SPY") + "."),
    "beta_spy_low": StatDefinition("Beta SPY low", "", "Lower end of its 95 % interval (White errors)."),
    "beta_spy_high": StatDefinition("Beta SPY high", "", "Upper end of its 95 % interval (White errors)."),
    "correlation_spy": StatDefinition("Correlation SPY", "", "Pearson correlation of the same returns."),
    "n_sessions_spy": StatDefinition("n SPY", "sessions", "Return pairs behind beta and correlation to SPY."),
    "beta_qqq": StatDefinition("Beta QQQ", "", "Beta: " + _BETA.format("QQQ") + "."),
    "beta_qqq_low": StatDefinition("Beta QQQ low", "", "Lower end of its 95 % interval (White errors)."),
    "beta_qqq_high": StatDefinition("Beta QQQ high", "", "Upper end of its 95 % interval (White errors)."),
    "correlation_qqq": StatDefinition("Correlation QQQ", "", "Pearson correlation of the same returns."),
    "n_sessions_qqq": StatDefinition("n QQQ", "sessions", "Return pairs behind beta and correlation to QQQ."),
    "average_volume_20": StatDefinition("Average volume", "shares", "Mean volume of the last 20 bars."),
    "average_dollar_volume_20": StatDefinition("Dollar volume", "price", "Mean of close × volume, last 20 bars."),
    "relative_volume": StatDefinition("Relative volume", "×", "Volume against the mean of the 20 bars before."),
    "distance_sma_50_pct": StatDefinition("to SMA 50", "%", "Close against the mean of the last 50 closes."),
    "distance_sma_200_pct": StatDefinition("to SMA 200", "%", "Close against the mean of the last 200 closes."),
    "support": StatDefinition("Support", "price", "Nearest confirmed swing below the close, last 504 bars."),
    "resistance": StatDefinition("Resistance", "price", "Nearest confirmed swing above the close, last 504 bars."),
}

FUND_FACTS = ("expense_ratio_pct", "yield_pct", "total_assets_usd", "holdings_pe", "holdings_pb", "top10_weight_pct")
STOCK_FACTS = ("market_cap_usd", "trailing_pe", "forward_pe", "dividend_yield_pct")


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """ATR(14) and the last confirmed swing high and low on every bar, shape (n_bars,)."""

    atr: FloatArray
    high_pivot: FloatArray
    low_pivot: FloatArray


def levels_of(bars: Bars) -> Levels:
    """Return the levels of one symbol's bars."""
    columns = [bars.high, bars.low, bars.close]
    return Levels(interpreted(ATR, columns)[0], *interpreted(SWINGS, columns)[:2])


def key_stats(
    bars: Bars, benchmarks: Mapping[str, Bars], facts: pl.DataFrame | None = None, levels: Levels | None = None
) -> dict[str, float]:
    """Return the key statistics of one symbol on its last bar.

    Parameters
    ----------
    bars : Bars
        One symbol, at least one bar.
    benchmarks : mapping of symbol to Bars
        SPY and QQQ where known; an absent one leaves its beta and correlation NaN.
    facts : polars.DataFrame or None
        Rows of `FACT_SCHEMA` known by the last session; the newest of each field is shown.
    levels : Levels, optional
        Those of `bars`, where somebody has computed them already.

    Returns
    -------
    dict of str to float
        The names of `KEY_STATS` in order, then the fund or stock facts that are known.
    """
    stats = dict.fromkeys(KEY_STATS, NAN)
    stats["last"] = float(bars.close[-1])
    levels = levels or levels_of(bars)
    stats |= _returns(bars) | _range(bars) | _average_true_range(bars, levels.atr) | _risk(bars) | _volume(bars)
    stats |= {f"distance_sma_{window}_pct": _distance_pct(bars.close, window) for window in (50, 200)}
    stats |= _levels(bars, levels)
    for name in ("SPY", "QQQ"):
        if name in benchmarks:
            stats |= _beta(bars, benchmarks[name], name.lower())
    return stats | _facts(facts)


def _returns(bars: Bars) -> dict[str, float]:
    price, last = bars.adj_close, bars.sessions[-1].item()
    stats = {name: _return_pct(bars, _before(last, span)) for name, span in RETURN_SPANS.items()}
    stats["ret_ytd_pct"] = _return_pct(bars, date(last.year - 1, 12, 31))
    stats["change_pct"] = float(100 * (price[-1] / price[-2] - 1)) if len(price) > 1 else NAN
    return stats


def _before(day: date, span: str) -> date:
    return pl.Series([day]).dt.offset_by(span).item()  # type: ignore[no-any-return]


def _return_pct(bars: Bars, since: date) -> float:
    at = int(np.searchsorted(bars.sessions, np.datetime64(since, "D"), side="right")) - 1
    return float(100 * (bars.adj_close[-1] / bars.adj_close[at] - 1)) if at >= 0 else NAN


def _year_ago(bars: Bars) -> int:
    start = np.datetime64(_before(bars.sessions[-1].item(), "-1y"), "D")
    return int(np.searchsorted(bars.sessions, start, side="right"))


def _range(bars: Bars) -> dict[str, float]:
    first = _year_ago(bars)
    if first == 0:  # less than 52 weeks of history: its range is not a 52-week range
        return {}
    high, low = float(bars.high[first:].max()), float(bars.low[first:].min())
    position = 100 * (float(bars.close[-1]) - low) / (high - low) if high > low else NAN
    return {"high_52w": high, "low_52w": low, "position_52w_pct": position}


def _average_true_range(bars: Bars, atr: FloatArray) -> dict[str, float]:
    share = 100 * atr / bars.close
    known = share[~np.isnan(share)]
    if np.isnan(share[-1]):
        return {}
    in_band = is_in_band(known)
    return {
        "atr": float(atr[-1]),
        "atr_pct": float(share[-1]),
        "atr_pct_percentile": percent_rank(known),
        "atr_pct_in_band": float(in_band[-1]),
        "atr_pct_band_share_pct": 100.0 * float(in_band.mean()),
    }


def _risk(bars: Bars) -> dict[str, float]:
    price = bars.adj_close
    (volatility,) = interpreted(REALISED_VOLATILITY, [price[-21:]], {"window": 20})
    drawdown = 100 * (price / np.fmax.accumulate(price) - 1)
    first = _year_ago(bars)
    year = price[first:]
    return {
        "realised_volatility_20_pct": float(volatility[-1]),
        "drawdown_pct": float(drawdown[-1]),
        "max_drawdown_pct": float(np.fmin.reduce(drawdown)),
        "max_drawdown_1y_pct": float(np.fmin.reduce(100 * (year / np.fmax.accumulate(year) - 1))) if first else NAN,
    }


def _volume(bars: Bars) -> dict[str, float]:
    (relative,) = interpreted(RELATIVE_VOLUME, [bars.volume[-21:]], {"window": 20})
    enough = len(bars) >= 20
    return {
        "relative_volume": float(relative[-1]),
        "average_volume_20": float(bars.volume[-20:].mean()) if enough else NAN,
        "average_dollar_volume_20": float((bars.volume * bars.close)[-20:].mean()) if enough else NAN,
    }


def _distance_pct(close: FloatArray, window: int) -> float:
    return float(100 * (close[-1] / close[-window:].mean() - 1)) if len(close) >= window else NAN


def _levels(bars: Bars, levels: Levels) -> dict[str, float]:
    pivots = np.concatenate([column[-LEVEL_SESSIONS:] for column in (levels.high_pivot, levels.low_pivot)])
    pivots, close = np.unique(pivots[~np.isnan(pivots)]), float(bars.close[-1])
    below, above = pivots[pivots < close], pivots[pivots > close]
    return {
        "support": float(below[-1]) if len(below) else NAN,
        "resistance": float(above[0]) if len(above) else NAN,
    }


def _beta(bars: Bars, benchmark: Bars, name: str) -> dict[str, float]:
    """Ordinary least squares over common sessions, 95 % interval from White (HC1) errors."""
    _, mine, theirs = np.intersect1d(bars.sessions, benchmark.sessions, assume_unique=True, return_indices=True)
    mine, theirs = mine[-BETA_SESSIONS - 1 :], theirs[-BETA_SESSIONS - 1 :]
    y = np.diff(bars.adj_close[mine]) / bars.adj_close[mine][:-1]
    x = np.diff(benchmark.adj_close[theirs]) / benchmark.adj_close[theirs][:-1]
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known] - x[known].mean() if known.any() else x[known], y[known]
    n = len(x)
    if n < BETA_LEAST or not (x != 0).any():
        return {}
    y = y - y.mean()
    sum_xx = float((x * x).sum())
    beta = float((x * y).sum()) / sum_xx
    error = y - beta * x
    half = 1.96 * float(np.sqrt(n / (n - 2) * (x * x * error * error).sum())) / sum_xx
    sum_yy = float((y * y).sum())
    return {
        f"beta_{name}": beta,
        f"beta_{name}_low": beta - half,
        f"beta_{name}_high": beta + half,
        f"correlation_{name}": float((x * y).sum() / np.sqrt(sum_xx * sum_yy)) if sum_yy > 0 else NAN,
        f"n_sessions_{name}": float(n),
    }


def _facts(facts: pl.DataFrame | None) -> dict[str, float]:
    if facts is None or facts.is_empty():
        return {}
    newest = facts.sort("known_at").group_by("field").last()
    known = dict(newest.select("field", "value").iter_rows())
    return {name: float(known[name]) for name in (*FUND_FACTS, *STOCK_FACTS) if known.get(name) is not None}
