"""Relative strength: one symbol against another, in total return, on the sessions they have in common.

A row without a usable `adj_close` on either side is no common session.  Every number is known at the close of the last
common session and is the same, bit for bit, whatever came later.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from openapex.bars import Bars, FloatArray, IntArray, SessionArray
from openapex.context.causal import NAN, percentile, trailing_mean_and_std
from openapex.errors import BadInput

WINDOW = 20
"""Sessions of the relative return and of the slope."""
RATIO_WINDOW = 252
"""Sessions in which the ratio's percentile, high and low are looked for."""
FLAT_PCT = 1e-6
"""A σ of relative returns below this is rounding, not movement: the z-score is unknown."""


@dataclass(frozen=True, slots=True)
class Relative:
    """How one symbol stands against another on their last common session; the keys are defined in docs/context.md.

    NaN is unknown; without a common session everything is.  `n_sessions` counts the common sessions.  A ratio that ties
    with the highest (lowest) of the window is a high (low).
    """

    symbol: str
    benchmark: str
    session: date | None = None
    n_sessions: int = 0
    ratio: float = NAN
    price_ratio: float = NAN
    relative_20_pct: float = NAN
    relative_20_percentile: float = NAN
    z_score: float = NAN
    slope_pct: float = NAN
    ratio_percentile: float = NAN
    is_high_252: bool | None = None
    is_low_252: bool | None = None


def name_of(bars: Bars) -> str:
    """Return the symbol of one symbol's bars, "" for bars without rows.

    Raises
    ------
    BadInput
        If there are several symbols.
    """
    if len(bars.symbols) > 1:
        raise BadInput(f"bars hold {len(bars.symbols)} symbols, must be one: call one(symbol) first")
    return bars.symbols[0] if bars.symbols else ""


def common_rows(a: Bars, b: Bars) -> tuple[IntArray, IntArray]:
    """Return the rows of `a` and of `b` that share a session on which both total-return prices are known.

    Returns
    -------
    tuple of array of int64, shape (n_common,)
        Rows of `a` and of `b`, oldest first.

    Raises
    ------
    BadInput
        If either holds several symbols.
    """
    for bars in (a, b):
        name_of(bars)  # refuses several symbols
    in_a, in_b = (np.flatnonzero(np.isfinite(x.adj_close) & (x.adj_close > 0)) for x in (a, b))
    if not len(in_a) or not len(in_b):
        return in_a[:0], in_b[:0]
    of_a, of_b = a.sessions[in_a], b.sessions[in_b]
    at = np.minimum(np.searchsorted(of_b, of_a), len(of_b) - 1)
    both = of_b[at] == of_a
    return in_a[both], in_b[at[both]]


def ratios(a: Bars, b: Bars) -> tuple[SessionArray, FloatArray]:
    """Return the common sessions and the total-return ratio of `a` to `b`, 100 on the first of them."""
    rows_a, rows_b = common_rows(a, b)
    return a.sessions[rows_a], _ratio(a.adj_close[rows_a], b.adj_close[rows_b])


def relative_returns(a: Bars, b: Bars, window: int = WINDOW) -> tuple[SessionArray, FloatArray]:
    """Return the total return of `a` minus that of `b` over the last `window` common sessions.

    Parameters
    ----------
    a, b : Bars
        One symbol each.
    window : int, default 20
        Common sessions, at least 1.

    Returns
    -------
    tuple of array of datetime64[D] and array of float, shape (n_common,)
        Common sessions; percentage points, NaN on the first `window`.

    Raises
    ------
    BadInput
        If `window` is below 1, or either holds several symbols.
    """
    if window < 1:
        raise BadInput(f"window is {window}, must be at least 1")
    rows_a, rows_b = common_rows(a, b)
    return a.sessions[rows_a], _relative(a.adj_close[rows_a], b.adj_close[rows_b], window)


def relative_strength(a: Bars, b: Bars) -> Relative:
    """Return how `a` stands against `b` on their last common session.

    Parameters
    ----------
    a, b : Bars
        One symbol each; `b` is the benchmark.

    Returns
    -------
    Relative
        Everything unknown where there is no common session.

    Raises
    ------
    BadInput
        If either holds several symbols.
    """
    rows_a, rows_b = common_rows(a, b)
    symbol, benchmark = name_of(a), name_of(b)
    if not len(rows_a):
        return Relative(symbol, benchmark)
    of_a, of_b = a.adj_close[rows_a], b.adj_close[rows_b]
    ratio, moved = _ratio(of_a, of_b), _relative(of_a, of_b, WINDOW)
    mean, sigma = trailing_mean_and_std(moved)
    recent = ratio[-RATIO_WINDOW:]
    is_long = len(recent) == RATIO_WINDOW
    return Relative(
        symbol=symbol,
        benchmark=benchmark,
        session=a.sessions[rows_a[-1]].item(),
        n_sessions=len(rows_a),
        ratio=float(ratio[-1]),
        price_ratio=_quotient(float(a.close[rows_a[-1]]), float(b.close[rows_b[-1]])),
        relative_20_pct=float(moved[-1]),
        relative_20_percentile=percentile(moved),
        z_score=float((moved[-1] - mean[-1]) / sigma[-1]) if sigma[-1] > FLAT_PCT else NAN,
        slope_pct=_slope(100.0 * np.log(ratio[-WINDOW:])),
        ratio_percentile=percentile(recent, RATIO_WINDOW),
        is_high_252=bool(ratio[-1] == recent.max()) if is_long else None,
        is_low_252=bool(ratio[-1] == recent.min()) if is_long else None,
    )


def _ratio(of_a: FloatArray, of_b: FloatArray) -> FloatArray:
    if not len(of_a):
        return np.empty(0)
    ratio: FloatArray = 100.0 * (of_a / of_a[0]) / (of_b / of_b[0])
    return ratio


def _relative(of_a: FloatArray, of_b: FloatArray, window: int) -> FloatArray:
    out = np.full(len(of_a), NAN)
    out[window:] = 100.0 * (of_a[window:] / of_a[:-window] - of_b[window:] / of_b[:-window])
    return out


def _quotient(above: float, below: float) -> float:
    return above / below if below > 0 else NAN


def _slope(y: FloatArray) -> float:
    """Return the least-squares slope a row of `WINDOW` values, NaN if there are fewer."""
    if len(y) < WINDOW:
        return NAN
    time = np.arange(WINDOW) - (WINDOW - 1) / 2
    return float((time * (y - y[0])).sum() / (time * time).sum())
