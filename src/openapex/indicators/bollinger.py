"""Bollinger Bands, %b and bandwidth."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step
from openapex.indicators.volatility import StdState, mean_std_step, std_start

BollingerValue: TypeAlias = tuple[float, float, float, float, float]


@step
def bollinger_start(window: int, width: float) -> StdState:
    """Return the state before the first bar."""
    return std_start(window)


@step
def bollinger_step(state: StdState, close: float, window: int, width: float) -> tuple[StdState, BollingerValue]:
    """Take one close, return (middle, upper, lower, percent_b, bandwidth)."""
    state, (middle, deviation) = mean_std_step(state, close, window)
    reach = width * deviation
    upper = middle + reach
    lower = middle - reach
    percent_b = 0.5 if reach == 0.0 else 0.5 + (close - middle) / (2.0 * reach)
    bandwidth = NAN if middle == 0.0 else 2.0 * reach / middle
    return state, (middle, upper, lower, percent_b, bandwidth)


BOLLINGER = Indicator(
    name="bollinger",
    inputs=("close",),
    outputs=("middle", "upper", "lower", "percent_b", "bandwidth"),
    params={"window": 20, "width": 2.0},
    start=bollinger_start,
    step=bollinger_step,
    warm_up=lambda window, width: window - 1,
    scale=(1, 1, 1, 0, 0),
)


def bollinger(
    close: FloatArray, window: int = 20, width: float = 2.0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return Bollinger Bands with %b and bandwidth.

    Parameters
    ----------
    close : array of float, shape (n_bars,)
        Closing prices, oldest first, adjusted for splits.
    window : int, default 20
        Number of bars, at least 1.
    width : float, default 2.0
        Distance of the bands from the mean in (population) standard deviations, more than 0.

    Returns
    -------
    middle, upper, lower : array of float, shape (n_bars,)
        The mean and the bands, in the unit of price.
    percent_b : array of float, shape (n_bars,)
        Where the close stands: 0 on the lower band, 1 on the upper one; 0.5 when the bands have no width.
    bandwidth : array of float, shape (n_bars,)
        ``(upper - lower) / middle``, a ratio.  The first ``window - 1`` bars of all five are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1 or `width` is not above 0.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it.  Equal closes give bands of exactly no
    width.

    References
    ----------
    Bollinger, J. (2001), *Bollinger on Bollinger Bands*.

    Examples
    --------
    >>> import numpy as np
    >>> middle, upper, lower, percent_b, bandwidth = bollinger(np.array([1.0, 3.0, 7.0]), window=2, width=2.0)
    >>> upper
    array([nan,  4.,  9.])
    >>> percent_b
    array([ nan, 0.75, 0.75])
    """
    middle, upper, lower, percent_b, bandwidth = interpreted(BOLLINGER, (close,), {"window": window, "width": width})
    return middle, upper, lower, percent_b, bandwidth
