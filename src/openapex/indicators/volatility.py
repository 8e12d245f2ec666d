"""Standard deviation over a window, and realised volatility."""

from math import log, sqrt
from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, Ring, interpreted, ring, step

StdState: TypeAlias = tuple[Ring, Ring, int, int, float, float, float, float]
"""Suffix sums and suffix sums of squares, place in the block, 1 once a block is full, first value of the block, sum and
sum of squares about it, last value before the block."""
VolatilityState: TypeAlias = tuple[float, StdState]

SESSIONS_PER_YEAR = 252.0


@step
def std_start(window: int) -> StdState:
    """Return the state before the first bar."""
    return ring(window), ring(window), 0, 0, 0.0, 0.0, 0.0, 0.0


@step
def mean_std_step(state: StdState, x: float, window: int) -> tuple[StdState, tuple[float, float]]:
    """Take one value, return mean and population standard deviation of the last `window`.

    Blocks as in `sma_step`.  Squares are taken about a value that is itself in the window, so the cancellation is
    bounded by ``window + 1`` roundings whatever the level of the series, and equal values give exactly 0.
    """
    tail, squares, at, full, pivot, head, head2, last = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (tail, squares, 0, 0, 0.0, 0.0, 0.0, 0.0), (NAN, NAN)
    if at == 0:
        pivot = x
        head = 0.0
        head2 = 0.0
    tail[at] = x
    off = x - pivot
    head += off
    head2 += off * off
    at += 1
    if at == window:
        mean_std = _mean_std(pivot, head, head2, window)
        total = 0.0
        total2 = 0.0
        for i in range(window - 1, -1, -1):
            off = tail[i] - x
            total += off
            total2 += off * off
            tail[i] = total
            squares[i] = total2
        return (tail, squares, 0, 1, pivot, head, head2, x), mean_std
    if full == 0:
        return (tail, squares, at, full, pivot, head, head2, last), (NAN, NAN)
    shift = last - pivot
    older = tail[at]
    moved = (window - at) * shift
    total = head + (older + moved)
    total2 = head2 + (squares[at] + shift * (2.0 * older + moved))
    return (tail, squares, at, full, pivot, head, head2, last), _mean_std(pivot, total, total2, window)


@step
def _mean_std(pivot: float, total: float, total2: float, window: int) -> tuple[float, float]:
    off = total / window
    variance = total2 / window - off * off
    return pivot + off, sqrt(variance) if variance > 0.0 else 0.0


@step
def std_step(state: StdState, x: float, window: int) -> tuple[StdState, float]:
    """Take one value, return the population standard deviation of the last `window`."""
    state, mean_std = mean_std_step(state, x, window)
    return state, mean_std[1]


STD = Indicator(
    name="std",
    inputs=("close",),
    outputs=("std",),
    params={"window": 20},
    start=std_start,
    step=std_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)


def std(values: FloatArray, window: int = 20) -> FloatArray:
    """Return the rolling population standard deviation.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first.
    window : int, default 20
        Number of bars, at least 1.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of `values`, 0 or more; exactly 0 when all values are equal.  The first ``window - 1`` bars are NaN
        (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it.  Divisor `window` (population), as in
    Bollinger's bands and TA-Lib; `realised_volatility` uses ``window - 1``.

    References
    ----------
    Chan, T. F., Golub, G. H., LeVeque, R. J. (1983), "Algorithms for computing the sample variance", section 3 (shifted
    data).

    Examples
    --------
    >>> import numpy as np
    >>> std(np.array([1.0, 3.0, 3.0, 7.0]), window=2)
    array([nan, 1., 0., 2.])
    """
    return interpreted(STD, (values,), {"window": window})[0]


@step
def realised_volatility_start(window: int) -> VolatilityState:
    """Return the state before the first bar."""
    return NAN, std_start(window)


@step
def realised_volatility_step(state: VolatilityState, price: float, window: int) -> tuple[VolatilityState, float]:
    """Take one price, return the annualised sample standard deviation of the last `window` log returns, in percent."""
    last, spread = state
    change = NAN
    if price * 0.0 != 0.0 or price <= 0.0:  # NaN, infinite, or no price at all
        price = NAN
    elif last == last:
        change = log(price / last)
    spread, deviation = std_step(spread, change, window)
    return (price, spread), deviation * sqrt(SESSIONS_PER_YEAR * window / (window - 1.0)) * 100.0


REALISED_VOLATILITY = Indicator(
    name="realised_volatility",
    inputs=("adj_close",),
    outputs=("realised_volatility",),
    params={"window": 20},
    start=realised_volatility_start,
    step=realised_volatility_step,
    warm_up=lambda window: window,
    scale=(0,),
    least={"window": 2},
)


def realised_volatility(adj_close: FloatArray, window: int = 20) -> FloatArray:
    """Return the realised volatility of daily log returns.

    Parameters
    ----------
    adj_close : array of float, shape (n_bars,)
        Total-return prices, oldest first.
    window : int, default 20
        Number of returns, at least 2.

    Returns
    -------
    array of float, shape (n_bars,)
        Percent a year (20 = 20 %), 252 sessions to the year, divisor ``window - 1``.  The first `window` bars are NaN
        (warm-up); prices that did not move give exactly 0.

    Raises
    ------
    BadInput
        If `window` < 2.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN, infinity or a price of 0 or less restarts it: NaN there and for
    `window` bars.

    References
    ----------
    Hull, J. C., *Options, Futures, and Other Derivatives*, "Estimating volatility from historical data".

    Examples
    --------
    >>> import numpy as np
    >>> realised_volatility(np.array([100.0, 101.0, 100.0, 102.0]), window=2).round(4)
    array([    nan,     nan, 22.3384, 33.3976])
    """
    return interpreted(REALISED_VOLATILITY, (adj_close,), {"window": window})[0]
