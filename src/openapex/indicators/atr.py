"""Average True Range (Wilder)."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import Indicator, interpreted, step
from openapex.indicators.true_range import true_range_start, true_range_step
from openapex.indicators.wilder import WilderState, wilder_start, wilder_step

AtrState: TypeAlias = tuple[float, WilderState]
"""Last close, mean true range."""


@step
def atr_start(window: int) -> AtrState:
    """Return the state before the first bar."""
    return true_range_start(), wilder_start(window)


@step
def atr_step(state: AtrState, high: float, low: float, close: float, window: int) -> tuple[AtrState, float]:
    """Take one bar, return the smoothed true range."""
    last, smooth = state
    last, span = true_range_step(last, high, low, close)
    smooth, value = wilder_step(smooth, span, window)
    return (last, smooth), value


ATR = Indicator(
    name="atr",
    inputs=("high", "low", "close"),
    outputs=("atr",),
    params={"window": 14},
    start=atr_start,
    step=atr_step,
    warm_up=lambda window: window,
    scale=(1,),
)


def atr(high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14) -> FloatArray:
    """Return the Average True Range.

    Wilder's smoothing of the true range, seeded with the plain mean of its first `window` values.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.
    window : int, default 14
        Number of bars, at least 1.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of price.  The first `window` bars are NaN (warm-up): the first bar has no true range.

    Raises
    ------
    BadInput
        If `window` < 1 or the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity in any of the three restarts it: NaN there and for
    `window` bars.

    References
    ----------
    Wilder, J. W. (1978), *New Concepts in Technical Trading Systems*.

    Examples
    --------
    >>> import numpy as np
    >>> high, low = np.array([10.0, 12.0, 12.0, 13.0]), np.array([9.0, 11.0, 10.0, 12.0])
    >>> atr(high, low, close=(high + low) / 2, window=2)
    array([  nan,   nan, 2.25 , 2.125])
    """
    return interpreted(ATR, (high, low, close), {"window": window})[0]
