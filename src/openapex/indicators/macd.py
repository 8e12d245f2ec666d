"""Moving Average Convergence Divergence."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.ema import EmaState, ema_start, ema_step
from openapex.indicators.step import NAN, Indicator, interpreted, step

MacdState: TypeAlias = tuple[EmaState, EmaState, EmaState]
"""Fast mean, slow mean, mean of their difference."""
MacdValue: TypeAlias = tuple[float, float, float]


@step
def macd_start(fast: int, slow: int, signal: int) -> MacdState:
    """Return the state before the first bar."""
    return ema_start(fast), ema_start(slow), ema_start(signal)


@step
def macd_step(state: MacdState, close: float, fast: int, slow: int, signal: int) -> tuple[MacdState, MacdValue]:
    """Take one close, return (macd, signal, histogram); both means have their first value on the same bar."""
    quick, calm, smooth = state
    calm, slow_mean = ema_step(calm, close, slow)
    fast_mean = NAN
    if not 0 < calm[0] <= slow - fast:  # 0: a gap, which must restart the fast mean too
        quick, fast_mean = ema_step(quick, close, fast)
    line = fast_mean - slow_mean
    smooth, trigger = ema_step(smooth, line, signal)
    if trigger != trigger:
        return (quick, calm, smooth), (NAN, NAN, NAN)
    return (quick, calm, smooth), (line, trigger, line - trigger)


MACD = Indicator(
    name="macd",
    inputs=("close",),
    outputs=("macd", "signal", "histogram"),
    params={"fast": 12, "slow": 26, "signal": 9},
    start=macd_start,
    step=macd_step,
    warm_up=lambda fast, slow, signal: max(fast, slow) + signal - 2,
    scale=(1, 1, 1),
)


def macd(
    close: FloatArray, fast: int = 12, slow: int = 26, signal: int = 9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Moving Average Convergence Divergence: line, signal and histogram.

    Parameters
    ----------
    close : array of float, shape (n_bars,)
        Closing prices, oldest first, adjusted for splits.
    fast, slow : int, default 12 and 26
        Windows of the two exponential means whose difference is the line, in bars, at least 1.
    signal : int, default 9
        Window of the exponential mean of the line, in bars, at least 1.

    Returns
    -------
    macd, signal, histogram : array of float, shape (n_bars,)
        In the unit of price; histogram is ``macd - signal``.  The first ``slow + signal - 2`` bars of all three are
        NaN (warm-up).

    Raises
    ------
    BadInput
        If a window is below 1.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts all three means.  As in TA-Lib the fast mean
    is seeded with the `fast` closes that end on bar ``slow - 1``, where the slow one has its seed.

    References
    ----------
    Appel, G. (2005), *Technical Analysis: Power Tools for Active Investors*.

    Examples
    --------
    >>> import numpy as np
    >>> line, trigger, histogram = macd(np.array([1.0, 2.0, 4.0, 8.0, 16.0]), fast=2, slow=3, signal=2)
    >>> histogram.round(4)
    array([   nan,    nan,    nan, 0.25  , 0.4259])
    """
    line, trigger, histogram = interpreted(MACD, (close,), {"fast": fast, "slow": slow, "signal": signal})
    return line, trigger, histogram
