"""Relative Strength Index (Wilder)."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step
from openapex.indicators.wilder import WilderState, wilder_start, wilder_step

RsiState: TypeAlias = tuple[float, WilderState, WilderState]
"""Last close, mean gain, mean loss."""


@step
def rsi_start(window: int) -> RsiState:
    """Return the state before the first bar."""
    return NAN, wilder_start(window), wilder_start(window)


@step
def rsi_step(state: RsiState, close: float, window: int) -> tuple[RsiState, float]:
    """Take one close, return the share of mean gain in mean movement, 0 to 100."""
    last, up, down = state
    change = close - last
    if change * 0.0 != 0.0:  # first bar, NaN or infinite
        return (close, (0, 0.0), (0, 0.0)), NAN
    up, gain = wilder_step(up, change if change > 0.0 else 0.0, window)
    down, loss = wilder_step(down, -change if change < 0.0 else 0.0, window)
    total = gain + loss
    return (close, up, down), 50.0 if total == 0.0 else 100.0 * (gain / total)  # never above 100


RSI = Indicator(
    name="rsi",
    inputs=("close",),
    outputs=("rsi",),
    params={"window": 14},
    start=rsi_start,
    step=rsi_step,
    warm_up=lambda window: window,
    scale=(0,),
)


def rsi(close: FloatArray, window: int = 14) -> FloatArray:
    """Return Wilder's Relative Strength Index.

    The share of average gain in average movement, both smoothed with ``1 / window`` and seeded with the plain
    mean of the first `window` changes.

    Parameters
    ----------
    close : array of float, shape (n_bars,)
        Closing prices, oldest first, adjusted for splits.
    window : int, default 14
        Number of bars, at least 1.

    Returns
    -------
    array of float, shape (n_bars,)
        Index points, 0 to 100.  The first `window` bars are NaN (warm-up); a market that did not move scores 50.

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it: NaN there and for `window` bars.
    Flat series: 50 here, 0 in TA-Lib.

    References
    ----------
    Wilder, J. W. (1978), *New Concepts in Technical Trading Systems*.

    Examples
    --------
    >>> import numpy as np
    >>> rsi(np.array([10.0, 11.0, 10.5, 11.5]), window=2)
    array([        nan,         nan, 66.66666667, 85.71428571])
    """
    return interpreted(RSI, (close,), {"window": window})[0]
