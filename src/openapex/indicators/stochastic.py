"""Stochastic oscillator (Lane), slow."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.rolling import (
    RollingState,
    rolling_high_start,
    rolling_high_step,
    rolling_low_start,
    rolling_low_step,
)
from openapex.indicators.sma import SmaState, sma_start, sma_step
from openapex.indicators.step import NAN, Indicator, interpreted, step

StochasticState: TypeAlias = tuple[RollingState, RollingState, SmaState, SmaState]
"""Highest high, lowest low, mean of raw %K, mean of slow %K."""


@step
def stochastic_start(window: int, k_window: int, d_window: int) -> StochasticState:
    """Return the state before the first bar."""
    return rolling_high_start(window), rolling_low_start(window), sma_start(k_window), sma_start(d_window)


@step
def stochastic_step(
    state: StochasticState, high: float, low: float, close: float, window: int, k_window: int, d_window: int
) -> tuple[StochasticState, tuple[float, float]]:
    """Take one bar, return slow (%K, %D)."""
    highs, lows, k_state, d_state = state
    if (high + low + close) * 0.0 != 0.0:  # NaN or infinite: all parts restart together
        high = low = close = NAN
    highs, top = rolling_high_step(highs, high, window)
    lows, bottom = rolling_low_step(lows, low, window)
    raw = 50.0 if top == bottom else 100.0 * ((close - bottom) / (top - bottom))
    k_state, k = sma_step(k_state, raw, k_window)
    d_state, d = sma_step(d_state, k, d_window)
    if d != d:
        k = NAN
    return (highs, lows, k_state, d_state), (k, d)


STOCHASTIC = Indicator(
    name="stochastic",
    inputs=("high", "low", "close"),
    outputs=("k", "d"),
    params={"window": 14, "k_window": 3, "d_window": 3},
    start=stochastic_start,
    step=stochastic_step,
    warm_up=lambda window, k_window, d_window: window + k_window + d_window - 3,
    scale=(0, 0),
)


def stochastic(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14, k_window: int = 3, d_window: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Return the slow stochastic oscillator, %K and %D.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.
    window : int, default 14
        Bars of the range in which the close is placed, at least 1.
    k_window, d_window : int, default 3
        Bars of the simple means that smooth %K, and %K to %D, at least 1.

    Returns
    -------
    k, d : array of float, shape (n_bars,)
        0 (close on the lowest low) to 100 (on the highest high).  The first ``window + k_window + d_window - 3`` bars
        of both are NaN (warm-up).  A window without any range counts as 50.

    Raises
    ------
    BadInput
        If a window is below 1 or the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity in any of the three restarts it.  No range: 50 here,
    0 in TA-Lib.

    References
    ----------
    Lane, G. C. (1984), "Lane's Stochastics", *Technical Analysis of Stocks & Commodities* 2.

    Examples
    --------
    >>> import numpy as np
    >>> close = np.array([1.0, 2.0, 3.0, 2.5])
    >>> k, d = stochastic(close + 0.5, close - 0.5, close, window=2, k_window=1, d_window=2)
    >>> k
    array([ nan,  nan, 75. , 33.33333333])
    >>> d
    array([ nan,  nan, 75. , 54.16666667])
    """
    k, d = interpreted(STOCHASTIC, (high, low, close), {"window": window, "k_window": k_window, "d_window": d_window})
    return k, d
