"""Key numbers of every symbol of a universe on its last bar: the twin of `key_stats`, equal number by number."""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.bars import Bars, FloatArray, IntArray
from openapex.context.causal import NAN
from openapex.context.relative import WINDOW, relative_returns

MOST_SESSIONS = 380
"""A year never has more, also where every day is one."""


def panel_stats(bars: Bars, atr: FloatArray, benchmark: Bars | None) -> dict[str, FloatArray]:
    """Return close, change_pct, atr_pct, distances to means, returns, distance to the 52-week high and turnover.

    Parameters
    ----------
    bars : Bars
        The universe; every symbol has at least one bar.
    atr : array of float, shape (n_symbols,)
        ATR(14) on each symbol's last bar.
    benchmark : Bars or None
        What `relative_20_pct` is measured against; None leaves it NaN.

    Returns
    -------
    dict of str to array of float, shape (n_symbols,)
        NaN is unknown, as in `openapex.context.key_stats`.
    """
    last = bars.offsets[1:] - 1
    close, total = bars.close, bars.adj_close
    stats = {
        "close": close[last],
        "change_pct": 100 * (total[last] / _back(total, bars.offsets, 1) - 1),
        "atr_pct": 100 * atr / close[last],
        "ret_20_pct": 100 * (total[last] / _back(total, bars.offsets, WINDOW) - 1),
        "relative_20_pct": _relative(bars, benchmark),
        "below_52w_high_pct": _below_high(bars),
        "average_dollar_volume_20": _turnover(bars, 20),
    }
    for window in (50, 200):
        mean = _tail_rows(close, bars.offsets, window).mean(axis=1)
        stats[f"distance_sma_{window}_pct"] = 100 * (close[last] / mean - 1)
    return stats


def _back(column: FloatArray, offsets: IntArray, n: int) -> FloatArray:
    """Return the value `n` bars before each symbol's last, NaN where there is none."""
    at = offsets[1:] - 1 - n
    return np.where(at >= offsets[:-1], column[np.maximum(at, 0)], NAN)


def _tail_rows(column: FloatArray, offsets: IntArray, window: int) -> npt.NDArray[np.float64]:
    """Return each symbol's last `window` values as a row, NaN throughout where it has fewer."""
    first = offsets[1:] - window
    rows = column[np.maximum(first, 0)[:, None] + np.arange(window)[None, :]] if len(column) >= window else None
    if rows is None:
        return np.full((len(first), window), NAN)
    rows[first < offsets[:-1]] = NAN
    return rows


def _turnover(bars: Bars, window: int) -> FloatArray:
    """Return the mean of volume times close over each symbol's last bars."""
    both = _tail_rows(bars.volume, bars.offsets, window) * _tail_rows(bars.close, bars.offsets, window)
    return np.asarray(both.mean(axis=1))


def _below_high(bars: Bars) -> FloatArray:
    """Return the close against the highest high of the last 52 weeks, NaN with less than 52 weeks of history."""
    last = bars.offsets[1:] - 1
    days = bars.sessions[last]
    years = {day: np.datetime64(_year_before(day), "D") for day in np.unique(days)}
    ago = np.array([years[day] for day in days], dtype="datetime64[D]")
    rows = last[:, None] - np.arange(MOST_SESSIONS)[None, :]
    is_own = rows >= bars.offsets[:-1, None]
    rows = np.maximum(rows, 0)
    is_within = is_own & (bars.sessions[rows] > ago[:, None])
    highest = np.where(is_within, bars.high[rows], -np.inf).max(axis=1)
    reaches_back = (is_own & ~is_within).any(axis=1)
    return np.where(reaches_back, 100 * (bars.close[last] / highest - 1), NAN)


def _year_before(day: np.datetime64) -> date:
    before: date = pl.Series([day.astype("datetime64[D]").item()]).dt.offset_by("-1y").item()
    return before


def _relative(bars: Bars, benchmark: Bars | None) -> FloatArray:
    """Return the 20-session lead over the benchmark, as `relative_returns` gives it on each symbol's last bar."""
    out = np.full(len(bars.symbols), NAN)
    if benchmark is None:
        return out
    first = bars.offsets[1:] - WINDOW - 1
    whole = np.flatnonzero(first >= bars.offsets[:-1])
    rows = first[whole][:, None] + np.arange(WINDOW + 1)[None, :]
    at = np.searchsorted(benchmark.sessions, bars.sessions[rows])
    at = np.minimum(at, len(benchmark) - 1)
    own, theirs = bars.adj_close[rows], benchmark.adj_close[at]
    known = np.isfinite(own) & (own > 0) & np.isfinite(theirs) & (theirs > 0)
    is_plain = (benchmark.sessions[at] == bars.sessions[rows]).all(axis=1) & known.all(axis=1)
    # without a gap on either side the last 21 rows are the last 21 common ones, if the benchmark has none between
    is_plain &= at[:, -1] - at[:, 0] == WINDOW
    made = 100.0 * (own[:, -1] / own[:, 0] - theirs[:, -1] / theirs[:, 0])
    out[whole[is_plain]] = made[is_plain]
    for i in set(range(len(bars.symbols))) - set(whole[is_plain].tolist()):
        days, values = relative_returns(bars.one(bars.symbols[i]), benchmark)
        out[i] = values[-1] if len(values) and days[-1] == bars.sessions[bars.offsets[i + 1] - 1] else NAN
    return out


def ranks(column: FloatArray) -> FloatArray:
    """Return the share of the known values that is lower, ties half, in percent; NaN stays NaN.

    Examples
    --------
    >>> ranks(np.array([1.0, 3.0, NAN, 2.0])).tolist()
    [16.666666666666668, 83.33333333333333, nan, 50.0]
    """
    out = np.full(len(column), NAN)
    known = ~np.isnan(column)
    values = np.sort(column[known])
    low = np.searchsorted(values, column[known], side="left")
    high = np.searchsorted(values, column[known], side="right")
    out[known] = 100.0 * (low + 0.5 * (high - low)) / max(len(values), 1)
    return out
