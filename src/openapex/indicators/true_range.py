"""True range: the span of a bar including the gap from the last close."""

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step


@step
def true_range_start() -> float:
    """Return the state before the first bar: the last close, unknown."""
    return NAN


@step
def true_range_step(state: float, high: float, low: float, close: float) -> tuple[float, float]:
    """Take one bar, return its true range."""
    if (high + low + close) * 0.0 != 0.0:  # NaN or infinite
        return NAN, NAN
    top = state if state > high else high
    bottom = state if state < low else low
    return close, top - bottom if state == state else NAN


TRUE_RANGE = Indicator(
    name="true_range",
    inputs=("high", "low", "close"),
    outputs=("true_range",),
    params={},
    start=true_range_start,
    step=true_range_step,
    warm_up=lambda: 1,
    scale=(1,),
)


def true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return the true range of every bar.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of price: the higher of high and last close less the lower of low and last close.  The first bar
        is NaN (warm-up).

    Raises
    ------
    BadInput
        If the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity makes its own bar and the next one NaN.

    References
    ----------
    Wilder, J. W. (1978), *New Concepts in Technical Trading Systems*.

    Examples
    --------
    >>> import numpy as np
    >>> true_range(np.array([10.0, 12.0]), np.array([9.0, 11.5]), np.array([9.5, 11.75]))
    array([nan, 2.5])
    """
    return interpreted(TRUE_RANGE, (high, low, close))[0]
