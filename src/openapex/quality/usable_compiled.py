"""The row rules of `openapex.quality.usable_arrays` as two compiled passes; imported only there, since it needs Numba.

They mark rows; what a marked row means is decided by the same functions as without a compiler.  One thread is enough
(13 ns a row) and spares the threads that other code may hold.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from openapex.bars import BoolArray, FloatArray, IntArray
from openapex.quality.breaks import LN_SUSPECT
from openapex.quality.habit import LEAST, LN_TINY, WINDOW
from openapex.quality.rows import ROUNDING

Pass = TypeVar("Pass", bound=Callable[..., Any])

RISE = float(np.exp(LN_SUSPECT)) * (1 - 1e-9)
"""A close this many times the last one may be suspicious; a hair less, so that none is missed."""
TINY = 2.0 * (1 + 1e-6) / float(np.exp(LN_TINY))
"""A volume at most this share of the mean before it may be tiny: a median is at most twice a mean (Markov)."""


def _compiled(function: Pass) -> Pass:
    """Compile, with a cache on disk where one can be written."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(function, cache=True, **options)  # type: ignore[no-any-return]
    except (RuntimeError, OSError):  # "no locator available"
        return numba.njit(function, **options)  # type: ignore[no-any-return]


@_compiled
def mark_rows(
    prices: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    days: IntArray,
    offsets: IntArray,
    closed: BoolArray,
    span: tuple[int, int],
    keep: BoolArray,
    jumps: BoolArray,
) -> None:
    """Write where no rule of `openapex.quality.rows` refuses a row, and where a kept close may be a break of scale.

    `prices` are open, high, low, close; `span` is the day that `closed` begins with and the last day that is no future.
    """
    opening, high, low, close = prices
    first_day, today = span
    for symbol in range(len(offsets) - 1):
        was_complete = False
        last, before = -1, -1  # the last good row, and the last one of an earlier day
        for t in range(offsets[symbol], offsets[symbol + 1]):
            o, h, l, c = opening[t], high[t], low[t], close[t]  # noqa: E741
            jumps[t] = False
            at = days[t] - first_day
            is_good = days[t] <= today and not (0 <= at < len(closed) and closed[at])
            if (o + h + l + c) * 0.0 == 0.0 or (
                o * 0.0 == 0.0 and h * 0.0 == 0.0 and l * 0.0 == 0.0 and c * 0.0 == 0.0
            ):
                was_complete = True
            else:
                has_infinity = abs(o) == np.inf or abs(h) == np.inf or abs(l) == np.inf or abs(c) == np.inf
                is_good &= not (has_infinity or was_complete or c != c)
            is_good &= not (o <= 0.0 or h <= 0.0 or l <= 0.0 or c <= 0.0)
            ceiling, floor = h * (1 + ROUNDING), l * (1 - ROUNDING)
            is_good &= not (o > ceiling or c > ceiling or o < floor or c < floor or h < floor)
            keep[t] = is_good
            if is_good:
                if last >= 0 and days[last] == days[t]:
                    keep[last] = False
                else:
                    before = last
                last = t
                ratio = c / close[before] if before >= 0 else 1.0
                jumps[t] = ratio > RISE or ratio * RISE < 1.0


@_compiled
def clean(volume: FloatArray, adjusted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both columns with NaN where no bar can have that value."""
    volume, adjusted = volume.copy(), adjusted.copy()
    for t in range(len(volume)):
        if not 0.0 <= volume[t] < np.inf:
            volume[t] = np.nan
        if not 0.0 < adjusted[t] < np.inf:
            adjusted[t] = np.nan
    return volume, adjusted


@_compiled
def _is_most_above(volume: FloatArray, rows: IntArray, level: float) -> bool:
    """Tell whether the median of the known volumes can lie above a level."""
    n_above, n_known = 0, 0
    for row in rows:
        if volume[row] > 0.0:
            n_known += 1
            if volume[row] > level:
                n_above += 1
    return 2 * n_above >= n_known


@_compiled
def _total(volume: FloatArray, rows: IntArray) -> float:
    total = 0.0
    for row in rows:
        if volume[row] > 0.0:
            total += volume[row]
    return total


@_compiled
def mark_volumes(
    prices: tuple[FloatArray, FloatArray, FloatArray],
    volume: FloatArray,
    rows: IntArray,
    offsets: IntArray,
    silent: BoolArray,
    thin: BoolArray,
) -> None:
    """Write where a volume of zero contradicts the price, and where a volume may be far below those before it.

    `prices` are high, low, close; `rows` are those looked at, and `offsets` count them.
    """
    high, low, close = prices
    for symbol in range(len(offsets) - 1):
        first = offsets[symbol]
        total, n_known, last = 0.0, 0, np.nan
        for t in range(first, offsets[symbol + 1]):
            row = rows[t]
            v, c = volume[row], close[row]
            silent[t] = v == 0.0 and (high[row] > low[row] or (t > first and c != last))
            is_thin = v > 0.0 and n_known >= LEAST and v * n_known < TINY * total
            thin[t] = is_thin and _is_most_above(volume, rows[max(first, t - WINDOW) : t], 99.0 * v)
            last = c
            if v > 0.0:
                total += v
                n_known += 1
            if t - first >= WINDOW:
                old = volume[rows[t - WINDOW]]
                if old > 0.0:
                    total -= old
                    n_known -= 1
                if (t - first) % WINDOW == 0 or old > 1e6 * total:  # summed anew, so that rounding cannot pile up
                    total = _total(volume, rows[t - WINDOW + 1 : t + 1])
