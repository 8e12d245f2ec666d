"""Exponential moving average."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step

EmaState: TypeAlias = tuple[int, float]
"""Values seen (up to `window`), and their sum; from then on the mean."""


@step
def ema_start(window: int) -> EmaState:
    """Return the state before the first bar."""
    return 0, 0.0


@step
def ema_step(state: EmaState, x: float, window: int) -> tuple[EmaState, float]:
    """Take one value, return the exponential mean with weight ``2 / (window + 1)``."""
    seen, mean = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (0, 0.0), NAN
    if seen == window:
        mean += (x - mean) * (2.0 / (window + 1.0))
        return (seen, mean), mean
    seen += 1
    mean += x
    if seen < window:
        return (seen, mean), NAN
    mean /= window
    return (seen, mean), mean


EMA = Indicator(
    name="ema",
    inputs=("close",),
    outputs=("ema",),
    params={"window": 20},
    start=ema_start,
    step=ema_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)


def ema(values: FloatArray, window: int = 20) -> FloatArray:
    """Return the exponential moving average, seeded with the simple mean of the first `window` values.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first; as a level of price: closes adjusted for splits.
    window : int, default 20
        Number of bars, at least 1; the weight of the newest is ``2 / (window + 1)``.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of `values`.  The first ``window - 1`` bars are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it: NaN there and for ``window - 1`` bars.

    References
    ----------
    Appel, G. (2005), *Technical Analysis: Power Tools for Active Investors*.  Seed as in TA-Lib.

    Examples
    --------
    >>> import numpy as np
    >>> ema(np.array([1.0, 2.0, 3.0, 5.0]), window=3)
    array([nan, nan, 2. , 3.5])
    """
    return interpreted(EMA, (values,), {"window": window})[0]
