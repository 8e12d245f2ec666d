"""Rate beta: how much a symbol moves, ahead of the benchmark or on its own, when the 2-year Treasury yield moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray, SessionArray
from openapex.context.causal import NAN, last_part, percentile
from openapex.context.macro import Macro
from openapex.context.relative import common_rows

YIELD = "DGS2"
WINDOW = 252
LEAST = 126
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class RateBeta:
    """Slope of returns on changes of the 2-year yield, percent a percentage point, with a Newey–West 95 % interval.

    `n` pairs, the first and the last of which end on `first` and `last`; `lag` of the Bartlett weights; `percentile` of
    `beta` among the rolling ones, NaN where not asked for or too few.
    """

    beta: float
    low: float
    high: float
    r_squared: float
    n: int
    lag: int
    percentile: float
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Rate beta of one symbol: of its return minus the benchmark's, and of its own.

    `rank` ("1 of 5") counts from the largest `relative` in size among those known; None where it is unknown or alone.
    """

    symbol: str
    relative: RateBeta | None
    own: RateBeta | None
    rank: str | None = None


def rate_beta(bars: Bars, benchmark: Bars | None, macro: Macro, *, with_history: bool = True) -> RateBeta | None:
    """Return the rate beta of one symbol at the close of its last session, None with fewer than 126 pairs.

    Parameters
    ----------
    bars : Bars
        One symbol.
    benchmark : Bars or None
        Whose return is subtracted; None takes the symbol's own return.
    macro : Macro
        DGS2, as known by the last session of `bars`.
    with_history : bool, default True
        Whether to place the beta among the rolling ones.

    Returns
    -------
    RateBeta or None
        None also where the yield did not move within the window.

    References
    ----------
    Newey, W. K. and West, K. D. (1987), "A Simple, Positive Semi-definite, Heteroskedasticity and Autocorrelation
    Consistent Covariance Matrix", *Econometrica* 55(3).  Lag: the same (1994), *Review of Economic Studies* 61(4).
    """
    return _rate_beta(bars, benchmark, _yields(bars, macro), with_history)


def sensitivities(bars: Mapping[str, Bars], benchmark: str, macro: Macro) -> tuple[Sensitivity, ...]:
    """Return the rate betas of several symbols side by side, in the mapping's order, without their history.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        One symbol each; the last 300 bars are enough.
    benchmark : str
        Whose return is subtracted for `relative`, which is None for itself and for all where it is not in `bars`.
    macro : Macro
        DGS2, as known by the last session of each.
    """
    by_day: dict[bytes, tuple[SessionArray, FloatArray]] = {}
    other = bars.get(benchmark)
    rows = []
    for symbol, own in bars.items():
        day = own.sessions[-1:].tobytes()
        if day not in by_day:
            by_day[day] = _yields(own, macro)
        is_other = other is not None and symbol != benchmark
        relative = _rate_beta(own, other, by_day[day], False) if is_other else None
        rows.append(Sensitivity(symbol, relative, _rate_beta(own, None, by_day[day], False)))
    return _ranked(rows)


def _ranked(rows: Sequence[Sensitivity]) -> tuple[Sensitivity, ...]:
    sizes = {row.symbol: abs(row.relative.beta) for row in rows if row.relative is not None}
    if len(sizes) < 2:
        return tuple(rows)
    order = sorted(sizes, key=lambda symbol: -sizes[symbol])
    return tuple(
        replace(row, rank=f"{order.index(row.symbol) + 1} of {len(order)}") if row.symbol in sizes else row
        for row in rows
    )


def rolling_betas(x: FloatArray, y: FloatArray, window: int = WINDOW, least: int = LEAST) -> FloatArray:
    """Return the least-squares slope of `y` on `x` over the last `window` pairs, from `least` on, by running sums.

    Parameters
    ----------
    x, y : array of float, shape (n,)
        No NaN.

    Returns
    -------
    array of float, shape (n,)
        NaN on the first ``least - 1`` pairs and where `x` did not move in the window.

    Notes
    -----
    Within 1e-9 of a direct fit for changes of yields and returns in percent; a longer series changes no earlier bit.
    """
    n = np.minimum(np.arange(1, len(x) + 1), window)
    sum_x, sum_y, sum_xx, sum_xy = (last_part(np.add.accumulate(one), window) for one in (x, y, x * x, x * y))
    spread = np.where(_has_moved(x, window) & (n >= least), sum_xx - sum_x * sum_x / n, NAN)
    return (sum_xy - sum_x * sum_y / n) / spread


def _has_moved(x: FloatArray, window: int) -> BoolArray:
    """Return whether the last `window` values differ: counted, as their rounded sums would never say no."""
    differs = np.append(0.0, x[1:] != x[:-1])[: len(x)]
    return last_part(np.add.accumulate(differs), window - 1) > 0


def _yields(bars: Bars, macro: Macro) -> tuple[SessionArray, FloatArray]:
    """Return the dates and yields known at the close of the last bar."""
    return macro.latest(YIELD, bars.sessions[-1].item() if len(bars) else None)


def _rate_beta(
    bars: Bars, benchmark: Bars | None, yields: tuple[SessionArray, FloatArray], with_history: bool
) -> RateBeta | None:
    days, x, y = _pairs(bars, benchmark, yields)
    if len(x) < LEAST:
        return None
    return _fit(days[-WINDOW:], x[-WINDOW:], y[-WINDOW:], percentile(rolling_betas(x, y)) if with_history else NAN)


def _pairs(
    bars: Bars, benchmark: Bars | None, yields: tuple[SessionArray, FloatArray]
) -> tuple[SessionArray, FloatArray, FloatArray]:
    """Return on each common date but the first the yield's change (points) and the return (%) since the date before."""
    mine, theirs = common_rows(bars, bars if benchmark is None else benchmark)
    sessions, (dates, levels) = bars.sessions[mine], yields
    at = np.searchsorted(dates, sessions)
    both = np.flatnonzero(at < len(dates))
    both = both[dates[at[both]] == sessions[both]]
    x = np.diff(levels[at[both]])
    y = _returns_pct(bars.adj_close[mine[both]])
    if benchmark is not None:
        y = y - _returns_pct(benchmark.adj_close[theirs[both]])
    return sessions[both][1:], x, y


def _returns_pct(price: FloatArray) -> FloatArray:
    returns: FloatArray = 100.0 * (price[1:] / price[:-1] - 1.0)
    return returns


def _fit(days: SessionArray, x: FloatArray, y: FloatArray, rank: float) -> RateBeta | None:
    """Return least squares with intercept and Newey–West errors; None where `x` did not move.

    The slope's row of the sandwich is that of the demeaned regressor: the sum of its scores over the sum of squares.
    """
    if (x == x[0]).all():
        return None
    n = len(x)
    lag = int(4 * (n / 100) ** (2 / 9))
    x, y = x - x.mean(), y - y.mean()
    sum_xx, sum_yy = float((x * x).sum()), float((y * y).sum())
    beta = float((x * y).sum()) / sum_xx
    error = y - beta * x
    score = x * error
    spread = float((score * score).sum())
    for back in range(1, lag + 1):
        spread += 2 * (1 - back / (lag + 1)) * float((score[back:] * score[:-back]).sum())
    half = NORMAL_95 * max(spread, 0.0) ** 0.5 / sum_xx
    r_squared = 1.0 - float((error * error).sum()) / sum_yy if sum_yy > 0 else NAN
    return RateBeta(beta, beta - half, beta + half, r_squared, n, lag, rank, days[0].item(), days[-1].item())
