"""On-Balance Volume (Granville)."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step

ObvState: TypeAlias = tuple[float, float]
"""Last close, balance so far."""


@step
def obv_start() -> ObvState:
    """Return the state before the first bar."""
    return NAN, 0.0


@step
def obv_step(state: ObvState, close: float, volume: float) -> tuple[ObvState, float]:
    """Take one close and volume, return the balance: plus the volume of rising bars, minus that of falling ones."""
    last, balance = state
    if (close + volume) * 0.0 != 0.0:  # NaN or infinite
        return (NAN, 0.0), NAN
    sign = 0.0 if close == last else 1.0  # the first bar (no last close) counts as rising
    balance += volume * (-1.0 if close < last else sign)  # a product, not a branch: closes are hard to predict
    return (close, balance), balance


OBV = Indicator(
    name="obv",
    inputs=("close", "volume"),
    outputs=("obv",),
    params={},
    start=obv_start,
    step=obv_step,
    warm_up=lambda: 0,
    scale=(0,),
)


def obv(close: FloatArray, volume: FloatArray) -> FloatArray:
    """Return On-Balance Volume.

    Parameters
    ----------
    close : array of float, shape (n_bars,)
        Closing prices, oldest first, adjusted for splits.
    volume : array of float, shape (n_bars,)
        Shares, adjusted for splits.

    Returns
    -------
    array of float, shape (n_bars,)
        Shares.  No warm-up: it starts with the first volume, so only its changes mean something.

    Raises
    ------
    BadInput
        If the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity makes its bar NaN and the balance starts anew after
    it.  Sums are float64: they do not wrap, and beyond 2**53 shares they round.

    References
    ----------
    Granville, J. E. (1963), *Granville's New Key to Stock Market Profits*.

    Examples
    --------
    >>> import numpy as np
    >>> obv(np.array([10.0, 11.0, 11.0, 9.0]), np.array([5.0, 3.0, 4.0, 2.0]))
    array([5., 8., 8., 6.])
    """
    return interpreted(OBV, (close, volume))[0]
