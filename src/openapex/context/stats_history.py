"""Key numbers of every symbol of a universe on every bar: what `panel_stats` says of the last one, bar by bar."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np
import polars as pl

from openapex.bars import Bars, FloatArray, IntArray
from openapex.context.causal import NAN
from openapex.context.relative import WINDOW, relative_returns


def stats_history(bars: Bars, names: Collection[str], benchmark: Bars | None) -> dict[str, FloatArray]:
    """Return key numbers on every bar, by name.

    Parameters
    ----------
    bars : Bars
        The universe.
    names : collection of str
        Which of `STATS`.
    benchmark : Bars or None
        What `relative_20_pct` is measured against; None leaves it NaN.

    Returns
    -------
    dict of str to array of float, shape (n_bars,)
        NaN is unknown, equal to `panel_stats` on bars that end there.
    """
    return {name: _relative(bars, benchmark) if name == "relative_20_pct" else _MADE[name](bars) for name in names}


def _moved(bars: Bars, n: int) -> FloatArray:
    """Return the total return over `n` bars in percent."""
    out = np.full(len(bars), NAN)
    total = bars.adj_close
    rows = np.flatnonzero(np.arange(len(bars)) - n >= np.repeat(bars.offsets[:-1], np.diff(bars.offsets)))
    out[rows] = 100 * (total[rows] / total[rows - n] - 1)
    return out


def _mean(column: FloatArray, offsets: IntArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values of a symbol, each window summed on its own."""
    out = np.full(len(column), NAN)
    for first, end in _edges(offsets):
        if end - first >= window:
            windows = np.lib.stride_tricks.sliding_window_view(column[first:end], window)
            out[first + window - 1 : end] = windows.mean(axis=1)
    return out


def _turnover(bars: Bars) -> FloatArray:
    return _mean(bars.volume * bars.close, bars.offsets, 20)


def _distance(bars: Bars, window: int) -> FloatArray:
    out: FloatArray = 100 * (bars.close / _mean(bars.close, bars.offsets, window) - 1)
    return out


def _below_high(bars: Bars) -> FloatArray:
    """Return the close against the highest high of 52 weeks, NaN with less than 52 weeks of history."""
    days, at = np.unique(bars.sessions, return_inverse=True)
    ago = pl.Series(days).dt.offset_by("-1y").to_numpy().astype("datetime64[D]")[at]
    out = np.full(len(bars), NAN)
    for first, end in _edges(bars.offsets):
        starts = np.searchsorted(bars.sessions[first:end], ago[first:end], side="right")
        rows = np.flatnonzero(starts > 0)
        if len(rows):
            highest = _highest(bars.high[first:end], starts[rows], rows)
            out[first + rows] = 100 * (bars.close[first + rows] / highest - 1)
    return out


def _highest(column: FloatArray, starts: IntArray, ends: IntArray) -> FloatArray:
    """Return the maxima of ``column[start:end + 1]``: of two overlapping windows whose lengths are powers of two."""
    levels = [column]
    longest = int((ends - starts).max()) + 1
    while 2 ** len(levels) <= longest:
        half = 2 ** (len(levels) - 1)
        levels.append(np.maximum(levels[-1][:-half], levels[-1][half:]))
    power = np.frexp(ends - starts + 1)[1] - 1
    out = np.empty(len(starts))
    for level in np.unique(power).tolist():
        chosen = power == level
        of_level = levels[level]
        out[chosen] = np.maximum(of_level[starts[chosen]], of_level[ends[chosen] + 1 - 2**level])
    return out


def _relative(bars: Bars, benchmark: Bars | None) -> FloatArray:
    out = np.full(len(bars), NAN)
    if benchmark is None:
        return out
    for symbol, (first, end) in zip(bars.symbols, _edges(bars.offsets), strict=True):
        days, values = relative_returns(bars.one(symbol), benchmark)
        out[first + np.searchsorted(bars.sessions[first:end], days)] = values
    return out


def _edges(offsets: IntArray) -> list[tuple[int, int]]:
    return list(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True))


_MADE: Mapping[str, Callable[[Bars], FloatArray]] = {
    "change_pct": partial(_moved, n=1),
    "ret_20_pct": partial(_moved, n=WINDOW),
    "average_dollar_volume_20": _turnover,
    "distance_sma_50_pct": partial(_distance, window=50),
    "distance_sma_200_pct": partial(_distance, window=200),
    "below_52w_high_pct": _below_high,
}
STATS = (*_MADE, "relative_20_pct")
"""The names that `stats_history` knows."""
